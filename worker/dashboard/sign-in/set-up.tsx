import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { formatSetupCode, normalSetupCode, setupCodeText } from '#domain/setup-code.ts';
import { type Call, parsed } from '../../http/app.ts';
import { sourceOf } from '../../identity/source.ts';
import { sandboxOf } from '../../intake/sandbox.ts';
import { html } from '../../pages/answer.tsx';
import { Field, Fields } from '../../pages/forms.tsx';

import { Door } from '../../pages/layout.tsx';
import { createAccount, listAccounts } from '../../store/accounts.ts';
import { addMember, countTry, ensureOrganization, hasUsers, makeOperator } from '../../store/auth.ts';
import { hmac } from '../../tokens/hmac.ts';
import { equalSecrets } from '../../tokens/secret.ts';
import { Board } from '../board.tsx';
import { authCall, createUser } from './auth.ts';
import { NewPasswordField } from './sign-in.tsx';
import { signedIn } from './signed-in.ts';

/** The first set-up: how the owner comes in. Everybody else is invited (`invitation.tsx`). */
export const setUpPages = new Board();

export const person = z.object({
  name: z.string().min(1, 'Tell your name.').max(200),
  email: z.email('That is not a mail address.').max(320),
  password: z.string().min(10, 'The password must have at least ten characters.').max(128),
});

setUpPages.open('get', '/set-up', async (c) => {
  if (await hasUsers(c.get('store'))) return c.redirect('/sign-in', 303);
  return html(
    c,
    <Door title="Set up" url={c.req.url}>
      <h1>Set up Pennypost</h1>
      <p>You become the operator of this installation and the owner of its first account.</p>
      <Fields action="/set-up" submit="Set up">
        <Field
          label="Set-up code"
          name="code"
          autocomplete="off"
          placeholder="XXXX-XXXX-XXXX"
          hint="The console printed it at start, and so does npm run deploy."
        />
        <Field label="Your name" name="name" autocomplete="name" />
        <Field label="E-mail" name="email" type="email" autocomplete="username" />
        <NewPasswordField label="Password" />
        <Field
          label="Account"
          name="account"
          required={false}
          hint="Name of your company or product. Left empty, the account that is there already is taken over."
        />
      </Fields>
    </Door>,
  );
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
  // By source: nobody keeps the operator out by typing wrong codes elsewhere.
  if (!(await countTry(store, `set-up:${sourceOf(c)}`, { max: 20, windowMs: 15 * 60_000, nowMs })))
    throw new Problem('rate_limit_exceeded', 'Too many tries. Wait a quarter of an hour.');
  const code = formatSetupCode(await hmac(c.get('env').authSecret, setupCodeText));
  if (!(await equalSecrets(normalSetupCode(values.code), normalSetupCode(code)))) {
    const detail = 'The set-up code is not right. Look at what the console printed.';
    throw new Problem('missing_scope', detail, { errors: [{ pointer: '/code', detail }] });
  }
  const owner = parsed(person, { ...values, password: form.all('password')[0] ?? '' });

  const present = (await listAccounts(store, 0, 1)).accounts[0];
  const account =
    values.account === '' && present
      ? present
      : await createAccount(store, { name: values.account === '' ? owner.name : values.account }, nowMs);
  // No mail was read yet: the address is the operator's word.
  const userId = await createUser(c, { ...owner, verified: false });
  await makeOperator(store, userId);
  await addMember(store, {
    organizationId: await ensureOrganization(store, account, nowMs),
    userId,
    role: 'owner',
    nowMs,
  });
  // Its key is published with the other records of the service domain, which comes next (npm run deploy -- --dns).
  await sandboxOf(store, c.get('env')).prepare(nowMs);
  return await enter(c, owner);
});

/** Signs in who has just got a password. */
export async function enter(c: Call, of: { email: string; password: string }): Promise<Response> {
  const answer = await authCall(c, 'POST', '/sign-in/email', { email: of.email, password: of.password });
  const { ok } = answer;
  if (ok) await signedIn(c, answer, 'password');
  return c.redirect(ok ? '/?done=welcome' : '/sign-in', 303);
}
