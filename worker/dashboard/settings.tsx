import { raw } from 'hono/html';
import { renderSVG } from 'uqr';
import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../api/app.ts';
import { type Member, peopleOf, type Role, roles, sessionsOf } from '../store/auth.ts';
import { bodyDays, metadataDays } from '../store/home-tables.ts';
import { authCall, invitationDays } from './auth.ts';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { Code, Copy, Field, Head, Note, Post, Select, State, Time } from './parts.tsx';
import { NewPasswordField } from './sign-in.tsx';
import { may, roleAbout, type Viewer } from './viewer.ts';

/** People of the account, the viewer's own sign-in, what is kept for how long. */
export const settingsPages = new Board();

interface Shown {
  fault: string;
  inviteFault: string;
  twoFactor: { uri: string; codes: string[] };
}

async function settingsPage(c: Call, viewer: Viewer, shown: Partial<Shown> = {}, status: 200 | 400 = 200) {
  const store = c.get('store');
  const nowMs = Date.now();
  const [{ members, invitations }, sessions] = await Promise.all([
    peopleOf(store, viewer.account.organizationId, nowMs),
    sessionsOf(store, viewer.user.id, nowMs),
  ]);
  const owner = may(viewer, 'owner');
  return html(
    c,
    <Page title="Settings" viewer={viewer} url={c.req.url}>
      <Head title="Settings" />
      <section class="card flush" aria-labelledby="people">
        <div class="card-head">
          <h2 id="people">People of {viewer.account.accountName}</h2>
        </div>
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Second factor</th>
              <th scope="col">Since</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {members.map((member) => (
              <MemberRow member={member} viewer={viewer} />
            ))}
            {invitations.map((invitation) => (
              <tr>
                <td class="break">
                  {invitation.email} <State tone="wait">invited</State>
                </td>
                <td>{invitation.role}</td>
                <td />
                <td class="small">
                  until <Time ms={invitation.expiresAtMs} />
                </td>
                <td>
                  {owner && (
                    <Post
                      action={`/settings/invitations/${invitation.id}/cancel`}
                      label="Withdraw"
                      tone="danger"
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {owner && (
        <section class="card" aria-labelledby="invite">
          <h2 id="invite">Invite somebody</h2>
          {shown.inviteFault && <Note tone="bad">{shown.inviteFault}</Note>}
          <form method="post" action="/settings/invitations" class="fields">
            <Field
              label="E-mail"
              name="email"
              type="email"
              autocomplete="off"
              hint={`They get a link that is good for ${invitationDays} days.`}
            />
            <Select
              label="Role"
              name="role"
              value="developer"
              options={roles.map((role) => ({ value: role, text: `${role}: ${roleAbout[role]}` }))}
            />
            <button type="submit" class="primary">
              Invite
            </button>
          </form>
        </section>
      )}
      <h2>You: {viewer.user.email}</h2>
      {shown.fault && <Note tone="bad">{shown.fault}</Note>}
      <div class="grid">
        <section class="card" aria-labelledby="password-head">
          <h3 id="password-head">Password</h3>
          <form method="post" action="/settings/password" class="fields">
            <Field label="Current password" name="current" type="password" autocomplete="current-password" />
            <NewPasswordField name="new-password" />
            <button type="submit">Change</button>
          </form>
        </section>
        <TwoFactor viewer={viewer} shown={shown.twoFactor} />
      </div>
      <section class="card flush" aria-labelledby="sessions">
        <div class="card-head">
          <h2 id="sessions">Your sessions</h2>
        </div>
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Browser</th>
              <th scope="col">Address</th>
              <th scope="col">Since</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sessions.map((session) => (
              <tr>
                <td class="break">
                  {browserOf(session.userAgent)}{' '}
                  {session.id === viewer.sessionId && <State tone="good">this one</State>}
                </td>
                <td class="mono">{session.ipAddress || '–'}</td>
                <td>
                  <Time ms={session.createdAtMs} />
                </td>
                <td>
                  {session.id !== viewer.sessionId && (
                    <Post action={`/settings/sessions/${session.id}/end`} label="End" tone="danger" />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section class="card" aria-labelledby="kept">
        <h2 id="kept">What is kept</h2>
        <dl class="facts">
          <dt>Content of messages</dt>
          <dd>{bodyDays} days after they were first due</dd>
          <dt>What happened to them</dt>
          <dd>{metadataDays} days</dd>
          <dt>Suppressions</dt>
          <dd>until they expire or are removed</dd>
        </dl>
      </section>
    </Page>,
    status,
  );
}

function MemberRow({ member, viewer }: { member: Member; viewer: Viewer }) {
  const own = member.userId === viewer.user.id;
  return (
    <tr>
      <td class="break">
        {member.name} {own && <span class="tag">you</span>}
        <p class="small quiet">{member.email}</p>
      </td>
      <td>{member.role}</td>
      <td>{member.twoFactor ? <State tone="good">on</State> : <span class="quiet">off</span>}</td>
      <td class="nowrap">
        <Time ms={member.joinedAtMs} />
      </td>
      <td>
        {may(viewer, 'owner') && !own && (
          <div class="row">
            <form method="post" action={`/settings/members/${member.id}/role`} class="row">
              <label class="visually-hidden" for={`role-${member.id}`}>
                Role of {member.name}
              </label>
              <select id={`role-${member.id}`} name="role">
                {roles.map((role) => (
                  <option value={role} selected={role === member.role}>
                    {role}
                  </option>
                ))}
              </select>
              <button type="submit" class="small">
                Change
              </button>
            </form>
            <Post
              action={`/settings/members/${member.id}/remove`}
              label="Remove"
              sure={`${member.name} loses this account at once. Keys stay; revoke those that they know.`}
              tone="danger"
            />
          </div>
        )}
      </td>
    </tr>
  );
}

function TwoFactor({ viewer, shown }: { viewer: Viewer; shown: Shown['twoFactor'] | undefined }) {
  if (shown) {
    return (
      <section class="card" aria-labelledby="totp">
        <h3 id="totp">Set up your authenticator app</h3>
        <p>1. Scan this with the app.</p>
        <div class="qr">{raw(renderSVG(shown.uri, { border: 1 }))}</div>
        <details>
          <summary>It cannot be scanned</summary>
          <div class="with-copy">
            <code id="totp-uri" class="break">
              {shown.uri}
            </code>
            <Copy of="totp-uri" what="the address for the app" />
          </div>
        </details>
        <p>
          2. Keep these recovery codes; each opens the door once when the app is lost. They are shown this
          once.
        </p>
        <Code id="recovery" what="Recovery codes" text={shown.codes.join('\n')} />
        <form method="post" action="/settings/two-factor/confirm" class="fields">
          <Field
            label="3. The code that the app shows now"
            name="code"
            inputmode="numeric"
            autocomplete="one-time-code"
          />
          <button type="submit" class="primary">
            Switch on
          </button>
        </form>
      </section>
    );
  }
  return (
    <section class="card" aria-labelledby="totp">
      <h3 id="totp" class="row">
        Two-factor sign-in{' '}
        <State tone={viewer.user.twoFactor ? 'good' : 'quiet'}>{viewer.user.twoFactor ? 'on' : 'off'}</State>
      </h3>
      <p class="quiet">A code of an authenticator app, asked for after the password.</p>
      <form
        method="post"
        action={viewer.user.twoFactor ? '/settings/two-factor/off' : '/settings/two-factor'}
        class="fields"
      >
        <Field label="Password" name="password" type="password" autocomplete="current-password" />
        <button type="submit" class={viewer.user.twoFactor ? 'danger' : ''}>
          {viewer.user.twoFactor ? 'Switch off' : 'Set up'}
        </button>
      </form>
    </section>
  );
}

/** A browser's name as people know it. */
function browserOf(userAgent: string): string {
  const found = /(Edg|OPR|Firefox|Chrome|Safari)\/(\d+)/.exec(userAgent.replace(/HeadlessChrome/, 'Chrome'));
  const system = /(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(userAgent)?.[1];
  if (!found) return userAgent.slice(0, 60) || 'unknown';
  return `${{ Edg: 'Edge', OPR: 'Opera' }[found[1] ?? ''] ?? found[1]} ${found[2]}${system ? `, ${system}` : ''}`;
}

settingsPages.page('/settings', (c, viewer) => settingsPage(c, viewer));

settingsPages.action('/settings/invitations', 'owner', async (c, viewer, form) => {
  const role = roles.find((one) => one === form.text('role'));
  const { ok, body } = await authCall(c, 'POST', '/organization/invite-member', {
    email: form.text('email').toLowerCase(),
    role: role ?? 'viewer',
    organizationId: viewer.account.organizationId,
    resend: true,
  });
  if (ok) return c.redirect('/settings?done=invited#people', 303);
  const inviteFault = typeof body.message === 'string' ? body.message : 'The invitation could not be sent.';
  return await settingsPage(c, viewer, { inviteFault }, 400);
});

settingsPages.action('/settings/invitations/:id/cancel', 'owner', async (c, viewer) => {
  const { invitations } = await peopleOf(c.get('store'), viewer.account.organizationId, Date.now());
  const invitation = invitations.find(({ id }) => id === c.req.param('id'));
  if (!invitation) throw new Problem('not_found', 'There is no such invitation in this account.');
  await authCall(c, 'POST', '/organization/cancel-invitation', { invitationId: invitation.id });
  return c.redirect('/settings?done=invitation-canceled#people', 303);
});

async function memberOf(c: Call, viewer: Viewer): Promise<Member> {
  const { members } = await peopleOf(c.get('store'), viewer.account.organizationId, Date.now());
  const member = members.find(({ id }) => id === c.req.param('id'));
  if (!member) throw new Problem('not_found', 'There is no such member in this account.');
  return member;
}

settingsPages.action('/settings/members/:id/role', 'owner', async (c, viewer, form) => {
  const member = await memberOf(c, viewer);
  const role: Role | undefined = roles.find((one) => one === form.text('role'));
  if (!role) throw new Problem('invalid_body', `Choose one of the roles ${roles.join(', ')}.`);
  const { ok, body } = await authCall(c, 'POST', '/organization/update-member-role', {
    memberId: member.id,
    role,
    organizationId: viewer.account.organizationId,
  });
  if (!ok) throw new Problem('conflict', String(body.message ?? 'The role could not be changed.'));
  return c.redirect('/settings?done=member-changed#people', 303);
});

settingsPages.action('/settings/members/:id/remove', 'owner', async (c, viewer) => {
  const member = await memberOf(c, viewer);
  const { ok, body } = await authCall(c, 'POST', '/organization/remove-member', {
    memberIdOrEmail: member.id,
    organizationId: viewer.account.organizationId,
  });
  if (!ok) throw new Problem('conflict', String(body.message ?? 'The member could not be removed.'));
  return c.redirect('/settings?done=member-removed#people', 303);
});

settingsPages.action('/settings/password', 'viewer', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/change-password', {
    currentPassword: form.all('current')[0] ?? '',
    newPassword: form.all('new-password')[0] ?? '',
    revokeOtherSessions: true,
  });
  if (ok) return c.redirect('/settings?done=password-changed-here', 303);
  const fault =
    'The password is not changed: the current one is wrong, or the new one has less than ten characters.';
  return await settingsPage(c, viewer, { fault }, 400);
});

settingsPages.action('/settings/sessions/:id/end', 'viewer', async (c, viewer) => {
  const sessions = await sessionsOf(c.get('store'), viewer.user.id, Date.now());
  const session = sessions.find(({ id }) => id === c.req.param('id'));
  if (!session) throw new Problem('not_found', 'You have no such session.');
  await authCall(c, 'POST', '/revoke-session', { token: session.token });
  return c.redirect('/settings?done=session-ended#sessions', 303);
});

settingsPages.action('/settings/two-factor', 'viewer', async (c, viewer, form) => {
  const { ok, body } = await authCall(c, 'POST', '/two-factor/enable', {
    password: form.all('password')[0] ?? '',
  });
  const made = z.object({ totpURI: z.string(), backupCodes: z.array(z.string()) }).safeParse(body);
  if (!ok || !made.success)
    return await settingsPage(c, viewer, { fault: 'The password is not right.' }, 400);
  return await settingsPage(c, viewer, {
    twoFactor: { uri: made.data.totpURI, codes: made.data.backupCodes },
  });
});

settingsPages.action('/settings/two-factor/confirm', 'viewer', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/verify-totp', {
    code: form.text('code').replaceAll(' ', ''),
  });
  if (ok) return c.redirect('/settings?done=two-factor-on', 303);
  const fault = 'The code is not right. Begin again, and type the newest code.';
  return await settingsPage(c, viewer, { fault }, 400);
});

settingsPages.action('/settings/two-factor/off', 'viewer', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/disable', {
    password: form.all('password')[0] ?? '',
  });
  if (ok) return c.redirect('/settings?done=two-factor-off', 303);
  return await settingsPage(c, viewer, { fault: 'The password is not right.' }, 400);
});
