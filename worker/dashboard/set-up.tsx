import { z } from 'zod';
import { formatSetupCode, normalSetupCode, setupCodeText } from '#domain/setup-code.ts';
import type { Call } from '../api/app.ts';
import { equalSecrets } from '../intake/secret.ts';
import { createAccount, listAccounts } from '../store/accounts.ts';
import {
  acceptInvitation,
  addMember,
  countTry,
  ensureOrganization,
  findInvitation,
  findUser,
  hasUsers,
  makeOperator,
} from '../store/auth.ts';
import { hmac } from '../system-mail/own-key.ts';
import { authCall, createUser } from './auth.ts';
import { Fields } from './blocks.tsx';
import { Board, html, viewerOf } from './board.tsx';
import { Door } from './layout.tsx';
import { Field, Note } from './parts.tsx';
import { NewPasswordField } from './sign-in.tsx';
import { roleAbout } from './viewer.ts';

/** How people come in: the owner by the first set-up, everybody else by an invitation. */
export const setUpPages = new Board();

const person = z.object({
  name: z.string().min(1, 'Tell your name.').max(200),
  email: z.email('That is not a mail address.').max(320),
  password: z.string().min(10, 'The password must have at least ten characters.').max(128),
});

function SetUp({
  url,
  fault,
  values = {},
}: {
  url: string;
  fault?: string;
  values?: Record<string, string>;
}) {
  return (
    <Door title="Set up" url={url}>
      <h1>Set up Pennypost</h1>
      <p>You become the operator of this installation and the owner of its first account.</p>
      {fault && <Note tone="bad">{fault}</Note>}
      <Fields action="/set-up" submit="Set up">
        <Field
          label="Set-up code"
          name="code"
          autocomplete="off"
          placeholder="XXXX-XXXX-XXXX"
          value={values.code}
          hint="The console printed it at start, and so does npm run deploy."
        />
        <Field label="Your name" name="name" autocomplete="name" value={values.name} />
        <Field label="E-mail" name="email" type="email" autocomplete="username" value={values.email} />
        <NewPasswordField label="Password" />
        <Field
          label="Account"
          name="account"
          value={values.account}
          required={false}
          hint="Name of your company or product. Left empty, the account that is there already is taken over."
        />
      </Fields>
    </Door>
  );
}

setUpPages.open('get', '/set-up', async (c) => {
  if (await hasUsers(c.get('store'))) return c.redirect('/sign-in', 303);
  return html(c, <SetUp url={c.req.url} values={{ code: c.req.query('code') ?? '' }} />);
});

setUpPages.open('post', '/set-up', async (c, form) => {
  const store = c.get('store');
  const nowMs = Date.now();
  if (await hasUsers(store)) return c.redirect('/sign-in', 303);
  const values = {
    code: form.text('code'),
    name: form.text('name'),
    email: form.text('email').toLowerCase(),
    account: form.text('account'),
  };
  const again = (fault: string, status: 400 | 403 | 429) =>
    html(c, <SetUp url={c.req.url} fault={fault} values={values} />, status);
  if (!(await countTry(store, 'set-up', { max: 20, windowMs: 15 * 60_000, nowMs })))
    return again('Too many tries. Wait a quarter of an hour.', 429);
  const code = formatSetupCode(await hmac(c.get('env').authSecret, setupCodeText));
  if (!(await equalSecrets(normalSetupCode(values.code), normalSetupCode(code))))
    return again('The set-up code is not right. Look at what the console printed.', 403);
  const parsed = person.safeParse({ ...values, password: form.all('password')[0] ?? '' });
  if (!parsed.success) return again(parsed.error.issues[0]?.message ?? 'Something is missing.', 400);

  const present = (await listAccounts(store))[0];
  const account =
    values.account === '' && present
      ? present
      : await createAccount(store, values.account === '' ? parsed.data.name : values.account, nowMs);
  const userId = await createUser(c, parsed.data);
  await makeOperator(store, userId);
  await addMember(store, {
    organizationId: await ensureOrganization(store, account, nowMs),
    userId,
    role: 'owner',
    nowMs,
  });
  return await enter(c, parsed.data);
});

/** Signs in who has just been made. */
async function enter(c: Call, of: { email: string; password: string }): Promise<Response> {
  const { ok } = await authCall(c, 'POST', '/sign-in/email', { email: of.email, password: of.password });
  return c.redirect(ok ? '/?done=welcome' : '/sign-in', 303);
}

function Gone({ url }: { url: string }) {
  return (
    <Door title="Invitation" url={url}>
      <h1>This invitation is over</h1>
      <p>It was used, withdrawn or is too old. Ask who invited you for a new one.</p>
      <p>
        <a href="/sign-in">To sign-in</a>
      </p>
    </Door>
  );
}

setUpPages.open('get', '/invitations/:id', (c) => showInvitation(c));

async function showInvitation(c: Call, fault?: string, values: { name?: string } = {}): Promise<Response> {
  const invitation = await findInvitation(c.get('store'), c.req.param('id') ?? '', Date.now());
  if (!invitation) return html(c, <Gone url={c.req.url} />, 404);
  const viewer = await viewerOf(c).catch(() => null);
  const known = await findUser(c.get('store'), invitation.email);
  const mine = viewer?.user.email === invitation.email;
  const path = `/invitations/${encodeURIComponent(invitation.id)}`;
  return html(
    c,
    <Door title="Invitation" url={c.req.url}>
      <h1>{invitation.accountName}</h1>
      <p>
        {invitation.inviter} invites {invitation.email} as <strong>{invitation.role}</strong>:{' '}
        {roleAbout[invitation.role]}.
      </p>
      {fault && <Note tone="bad">{fault}</Note>}
      {known && !mine ? (
        <p>
          <a class="button primary" href={`/sign-in?next=${encodeURIComponent(path)}`}>
            Sign in as {invitation.email}
          </a>
        </p>
      ) : (
        <Fields action={path} submit="Join">
          {!known && (
            <>
              <Field label="Your name" name="name" autocomplete="name" value={values.name} />
              <NewPasswordField label="Password" />
            </>
          )}
        </Fields>
      )}
    </Door>,
    fault ? 400 : 200,
  );
}

setUpPages.open('post', '/invitations/:id', async (c, form) => {
  const store = c.get('store');
  const nowMs = Date.now();
  const invitation = await findInvitation(store, c.req.param('id') ?? '', nowMs);
  if (!invitation) return html(c, <Gone url={c.req.url} />, 404);
  if (await findUser(store, invitation.email)) {
    // better-auth lets only the invited person accept.
    const { ok } = await authCall(c, 'POST', '/organization/accept-invitation', {
      invitationId: invitation.id,
    });
    return ok
      ? c.redirect('/?done=welcome', 303)
      : await showInvitation(c, 'Sign in as the invited person first.');
  }
  const parsed = person.safeParse({
    name: form.text('name'),
    email: invitation.email,
    password: form.all('password')[0] ?? '',
  });
  if (!parsed.success)
    return await showInvitation(c, parsed.error.issues[0]?.message ?? 'Something is missing.', {
      name: form.text('name'),
    });
  // The invitation's id came by mail to this address, so whoever has it may make its user.
  const userId = await createUser(c, parsed.data);
  await acceptInvitation(store, { id: invitation.id, userId, nowMs });
  return await enter(c, parsed.data);
});
