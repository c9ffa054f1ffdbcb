import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { type Call, parsed } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Field, Fields } from '../../pages/forms.tsx';

import { Door } from '../../pages/layout.tsx';
import { systemSender } from '../../system-mail/send.ts';
import { Board, viewerOf } from '../board.tsx';
import { authCall, challengedUser, linkMinutes, proveByToken } from './auth.ts';
import { MailedCode } from './mailed-code.tsx';
import { PasskeySignIn } from './passkey-parts.tsx';
import { signedIn } from './signed-in.ts';
import { isFirstUse, mayAskForMail, mayTrySignIn, wrongGuessMs } from './tries.ts';

/** Sign-in by password, by mailed link and with a second factor; a forgotten password. */
export const signInPages = new Board();

const email = z.email('That is not a mail address.').max(320);

/** Where to go after sign-in: a path of ours, never another site. */
export function nextOf(text: string): string {
  return /^\/(?![/\\])[^\s\\]{0,500}$/.test(text) ? text : '/';
}

signInPages.open('get', '/sign-in', async (c) => {
  if (await viewerOf(c)) return c.redirect('/', 303);
  const next = nextAsked(c);
  return html(
    c,
    <Door title="Sign in" url={c.req.url}>
      <h1>Sign in</h1>
      <Fields action="/sign-in" submit="Sign in">
        <input type="hidden" name="next" value={next} />
        <Field label="E-mail" name="email" type="email" autocomplete="username webauthn" />
        <Field label="Password" name="password" type="password" autocomplete="current-password" />
      </Fields>
      <PasskeySignIn next={next} />
      <p class="row small">
        <a href="/sign-in/link">Mail me a sign-in link</a>
        <a href="/sign-in/forgotten">I forgot my password</a>
      </p>
    </Door>,
  );
});

/** Where the address, or the form that was refused, wants to go next. */
function nextAsked(c: Call): string {
  return nextOf(c.get('refused')?.typed.text('next') ?? c.req.query('next') ?? '');
}

signInPages.open('post', '/sign-in', async (c, form) => {
  const next = nextOf(form.text('next'));
  const address = form.text('email').toLowerCase();
  const slow = 'Too many tries. Wait a few minutes, or have a sign-in link mailed.';
  const soonest = scheduler.wait(wrongGuessMs);
  if (!(await mayTrySignIn(c, address))) throw new Problem('rate_limit_exceeded', slow);
  const answer = await authCall(c, 'POST', '/sign-in/email', {
    email: address,
    password: form.all('password')[0] ?? '',
  });
  const { ok, body } = answer;
  if (!ok) {
    await soonest;
    const fault = 'E-mail and password do not belong together.';
    throw new Problem('unauthorized', fault, { errors: [{ pointer: '/password', detail: fault }] });
  }
  if (body.twoFactorRedirect === true)
    return c.redirect(`/sign-in/code?next=${encodeURIComponent(next)}`, 303);
  await signedIn(c, answer, 'password');
  return c.redirect(next, 303);
});

signInPages.open('get', '/sign-in/code', (c) =>
  html(
    c,
    <Door title="Second step" url={c.req.url}>
      <h1>Second step</h1>
      <Fields action="/sign-in/code" submit="Go on">
        <input type="hidden" name="next" value={nextAsked(c)} />
        <Field
          label="Code"
          name="code"
          inputmode="numeric"
          autocomplete="one-time-code"
          hint="Six digits from your authenticator app, or one of your recovery codes."
        />
      </Fields>
    </Door>,
  ),
);

signInPages.open('post', '/sign-in/code', async (c, form) => {
  const code = form.text('code').replaceAll(' ', '');
  const next = nextOf(form.text('next'));
  const isTotp = /^\d{6}$/.test(code);
  const userId = isTotp ? await challengedUser(c) : null;
  const wrong = (detail: string) =>
    new Problem('unauthorized', detail, { errors: [{ pointer: '/code', detail }] });
  if (userId !== null && !(await isFirstUse(c, userId, code)))
    throw wrong('This code was used before. Wait for the next one.');
  const route = isTotp ? '/two-factor/verify-totp' : '/two-factor/verify-backup-code';
  const answer = await authCall(c, 'POST', route, { code });
  const { ok, status } = answer;
  if (ok) {
    await signedIn(c, answer, 'password and second factor');
    return c.redirect(next, 303);
  }
  if (status === 429) throw new Problem('rate_limit_exceeded', 'Too many tries. Wait a minute.');
  throw wrong('The code is not right, or too much time went by. Type the newest one, or sign in again.');
});

function mailForm(
  path: string,
  { title, about, button }: { title: string; about: string; button: string },
  send: (c: Call, to: string) => Promise<unknown>,
) {
  signInPages
    .open('get', path, (c) =>
      html(
        c,
        <Door title={title} url={c.req.url}>
          <h1>{title}</h1>
          {c.req.query('done') !== mailAsked && (
            <Fields action={path} submit={button}>
              <Field label="E-mail" name="email" type="email" autocomplete="username" hint={about} />
            </Fields>
          )}
          <p class="small">
            <a href="/sign-in">Back to sign-in</a>
          </p>
        </Door>,
      ),
    )
    .open('post', path, async (c, form) => {
      const sender = await systemSender({ store: c.get('store'), env: c.get('env') });
      if ('fault' in sender)
        throw new Problem(
          'unavailable',
          `${sender.fault} Sign in with your password or a passkey, or ask the operator.`,
        );
      const { email: address } = parsed(z.object({ email }), { email: form.text('email').toLowerCase() });
      // The answer is the same whether somebody has this address or not, and so is the time that it takes: the mail is
      // made beside it.
      if (await mayAskForMail(c, path, address)) c.executionCtx.waitUntil(send(c, address).catch(notSent));
      return c.redirect(`${path}?done=${mailAsked}`, 303);
    });
}

/** What the page says of a mail that was asked for. */
const mailAsked = 'mail-asked';

function notSent(error: unknown): void {
  console.error(
    JSON.stringify({ level: 'error', msg: 'a mail to sign in was not sent', error: String(error) }),
  );
}

mailForm(
  '/sign-in/link',
  {
    title: 'Sign-in link',
    about: `The link works once, for ${linkMinutes} minutes. With two-factor sign-in, use your password or a passkey instead.`,
    button: 'Mail me a link',
  },
  (c, address) => authCall(c, 'POST', '/sign-in/magic-link', { email: address }),
);

mailForm(
  '/sign-in/forgotten',
  {
    title: 'Forgotten password',
    about: 'You get a link with which you choose a new password.',
    button: 'Mail me a link',
  },
  (c, address) => authCall(c, 'POST', '/request-password-reset', { email: address }),
);

// A page with a button: mail scanners open links, and must not use this one up.
signInPages.open('get', '/sign-in/open', (c) =>
  html(
    c,
    <Door title="Sign in" url={c.req.url}>
      <h1>Sign in</h1>
      <Fields action="/sign-in/open" submit="Sign in now">
        <MailedCode />
      </Fields>
      <p class="small">
        <a href="/sign-in">Back to sign-in</a>
      </p>
    </Door>,
  ),
);

signInPages.open('post', '/sign-in/open', async (c, form) => {
  const token = form.text('token');
  const first = await proveByToken(c, 'link', token);
  const answer = await authCall(c, 'GET', `/magic-link/verify?token=${encodeURIComponent(token)}`);
  if (answer.ok) {
    await signedIn(c, answer, 'mailed link');
    return c.redirect(first ? '/?done=address-proven' : '/', 303);
  }
  const detail = 'This link was used before or is too old. Have a new one mailed.';
  throw new Problem('unauthorized', detail, { errors: [{ pointer: '/token', detail }] });
});

export function NewPasswordField({ name = 'password', label = 'New password' }) {
  return (
    <Field
      label={label}
      name={name}
      type="password"
      autocomplete="new-password"
      minlength={10}
      hint="At least ten characters; a sentence is good."
    />
  );
}

signInPages.open('get', '/sign-in/reset', (c) =>
  html(
    c,
    <Door title="New password" url={c.req.url}>
      <h1>New password</h1>
      <Fields action="/sign-in/reset" submit="Change the password">
        <MailedCode />
        <NewPasswordField />
      </Fields>
    </Door>,
  ),
);

signInPages.open('post', '/sign-in/reset', async (c, form) => {
  const token = form.text('token');
  await proveByToken(c, 'reset', token);
  const { ok, body } = await authCall(c, 'POST', '/reset-password', {
    token,
    newPassword: form.all('password')[0] ?? '',
  });
  if (ok) return c.redirect('/sign-in?done=password-changed', 303);
  const [pointer, detail] =
    body.code === 'INVALID_TOKEN'
      ? ['/token', 'This link was used before or is too old. Ask for a new one.']
      : ['/password', 'The password must have 10 to 128 characters.'];
  throw new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
});

signInPages.open('post', '/sign-out', async (c) => {
  await authCall(c, 'POST', '/sign-out', {});
  return c.redirect('/sign-in?done=signed-out', 303);
});

// Goes to another account of the viewer; better-auth refuses one that they do not belong to.
signInPages.open('post', '/account', async (c, form) => {
  const { ok } = await authCall(c, 'POST', '/organization/set-active', {
    organizationId: form.text('organization'),
  });
  return c.redirect(ok ? '/' : '/sign-in', 303);
});
