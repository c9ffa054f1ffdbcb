import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { type Call, parsed } from '../../http/app.ts';
import { noted } from '../../identity/audit.ts';
import { may, roleAbout } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head, State, Time } from '../../pages/parts.tsx';
import { findAccount } from '../../store/accounts.ts';
import { countTry, type Member, peopleOf, type Role, roles, type Viewer } from '../../store/auth.ts';
import { metadataDays } from '../../store/home-tables.ts';
import { cancelInvitation } from '../../store/invitations.ts';
import { Board } from '../board.tsx';
import { authCall, invitationDays } from '../sign-in/auth.ts';
import { mailInvitation } from '../sign-in/invitation.tsx';
import { MailOfAccount } from './account-settings.tsx';

/** People of the account, what holds for its mail, what is kept for how long. */
export const settingsPages = new Board();

settingsPages.page('/settings', async (c, viewer) => {
  const store = c.get('store');
  const [{ members, invitations }, account] = await Promise.all([
    peopleOf(store, viewer.account.organizationId, Date.now()),
    findAccount(store, viewer.account.accountId),
  ]);
  const owner = may(viewer, 'owner');
  return html(
    c,
    <Page title="Settings" viewer={viewer} url={c.req.url}>
      <Head title="Settings" />
      <Card id="people" title={<>People of {viewer.account.accountName}</>} flush>
        <table class="cards">
          <Columns names={['Name', 'Role', 'Second factor', 'Since']} actions />
          <tbody>
            {members.map((member) => (
              <MemberRow member={member} viewer={viewer} />
            ))}
            {invitations.map((invitation) => (
              <tr>
                <td class="break">
                  {invitation.email} <State tone="wait">invited</State>
                </td>
                <td data-label="Role">{invitation.role}</td>
                <td />
                <td class="small" data-label="The invitation is good">
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
      </Card>
      {owner && (
        <Card id="invite" title="Invite somebody">
          <Fields action="/settings/invitations" submit="Invite">
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
          </Fields>
        </Card>
      )}
      {owner && (
        <p>
          <a href="/audit">Audit log: who did what in this account</a>
        </p>
      )}
      {account && <MailOfAccount settings={account} viewer={viewer} />}
      <Card id="kept" title="What is kept">
        <dl class="facts">
          <dt>Content of messages</dt>
          <dd>{account?.contentDays} days after they were first due</dd>
          <dt>What happened to them</dt>
          <dd>{metadataDays} days</dd>
          <dt>Suppressions</dt>
          <dd>until they expire or are removed</dd>
        </dl>
      </Card>
    </Page>,
  );
});

function MemberRow({ member, viewer }: { member: Member; viewer: Viewer }) {
  const own = member.userId === viewer.user.id;
  return (
    <tr>
      <td class="break">
        {member.name} {own && <span class="tag">you</span>}
        <p class="small quiet">{member.email}</p>
      </td>
      <td data-label="Role">{member.role}</td>
      <td data-label="Second factor">
        {member.twoFactor ? <State tone="good">on</State> : <span class="quiet">off</span>}
      </td>
      <td class="nowrap" data-label="Since">
        <Time ms={member.joinedAtMs} />
      </td>
      <td>
        {may(viewer, 'owner') && !own && (
          <div class="row">
            <Fields action={`/settings/members/${member.id}/role`} submit="Change" inline>
              <Select
                label={<span class="visually-hidden">Role of {member.name}</span>}
                name="role"
                id={`role-${member.id}`}
                value={member.role}
                options={roles.map((role) => ({ value: role, text: role }))}
              />
            </Fields>
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

/** An account may invite so many people, and so many more wait for an answer at most. */
const invited = z.object({ email: z.email('That is not a mail address.').max(320) });
const invitationLimits = { anHour: 10, pending: 100 };

settingsPages.action('/settings/invitations', async (c, viewer, form) => {
  const store = c.get('store');
  const nowMs = Date.now();
  const role = roles.find((one) => one === form.text('role')) ?? 'viewer';
  const { email } = parsed(invited, { email: form.text('email').toLowerCase() });
  const { organizationId } = viewer.account;
  const { invitations } = await peopleOf(store, organizationId, nowMs);
  const of = { max: invitationLimits.anHour, windowMs: 3_600_000, nowMs };
  if (
    invitations.length >= invitationLimits.pending ||
    !(await countTry(store, `invite:${organizationId}`, of))
  )
    throw new Problem(
      'rate_limit_exceeded',
      `${invitationLimits.anHour} invitations an hour, and ${invitationLimits.pending} that wait, are as many as there may be. Try again later.`,
    );
  noted(c, { email, role });
  if (await mailInvitation(c, viewer, { email, role }))
    return c.redirect('/settings?done=invited#people', 303);
  const detail = `${email} is a member already.`;
  throw new Problem('conflict', detail, { errors: [{ pointer: '/email', detail }] });
});

settingsPages.action('/settings/invitations/:id/cancel', async (c, viewer) => {
  const { organizationId } = viewer.account;
  const { invitations } = await peopleOf(c.get('store'), organizationId, Date.now());
  const invitation = invitations.find(({ id }) => id === c.req.param('id'));
  if (!invitation) throw new Problem('not_found', 'There is no such invitation in this account.');
  await cancelInvitation(c.get('store'), organizationId, invitation.id);
  noted(c, { email: invitation.email });
  return c.redirect('/settings?done=invitation-canceled#people', 303);
});

async function memberOf(c: Call, viewer: Viewer): Promise<Member> {
  const { members } = await peopleOf(c.get('store'), viewer.account.organizationId, Date.now());
  const member = members.find(({ id }) => id === c.req.param('id'));
  if (!member) throw new Problem('not_found', 'There is no such member in this account.');
  noted(c, { email: member.email });
  return member;
}

settingsPages.action('/settings/members/:id/role', async (c, viewer, form) => {
  const member = await memberOf(c, viewer);
  const role: Role | undefined = roles.find((one) => one === form.text('role'));
  if (!role) {
    const detail = `Choose one of the roles ${roles.join(', ')}.`;
    throw new Problem('invalid_body', detail, { errors: [{ pointer: '/role', detail }] });
  }
  const { ok, body } = await authCall(c, 'POST', '/organization/update-member-role', {
    memberId: member.id,
    role,
    organizationId: viewer.account.organizationId,
  });
  if (!ok) throw new Problem('conflict', String(body.message ?? 'The role could not be changed.'));
  noted(c, { role });
  return c.redirect('/settings?done=member-changed#people', 303);
});

settingsPages.action('/settings/members/:id/remove', async (c, viewer) => {
  const member = await memberOf(c, viewer);
  const { ok, body } = await authCall(c, 'POST', '/organization/remove-member', {
    memberIdOrEmail: member.id,
    organizationId: viewer.account.organizationId,
  });
  if (!ok) throw new Problem('conflict', String(body.message ?? 'The member could not be removed.'));
  return c.redirect('/settings?done=member-removed#people', 303);
});
