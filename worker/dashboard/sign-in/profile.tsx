import { deleteCookie, setCookie } from 'hono/cookie';
import { raw } from 'hono/html';
import { renderSVG } from 'uqr';
import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { html, themeCookie, themes } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Copy, Head, State, Time } from '../../pages/parts.tsx';
import { passkeysOf, sessionsOf } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { seal, shownOnce, thenShow, unseal } from '../once.ts';
import { authCall } from './auth.ts';
import { PasskeyCard, YourPasskeys } from './passkey-parts.tsx';
import { NewPasswordField } from './sign-in.tsx';

/** The viewer's own sign-in: password, second factor, passkeys, sessions. */
export const profilePages = new Board();

const path = '/profile';
/** A second factor that is being set up: what the app scans, and the recovery codes. */
const setUpSchema = z.object({ uri: z.string(), codes: z.array(z.string()) });

profilePages.page(path, async (c, viewer) => {
  const sealed = c.get('refused')?.typed.text('set-up') ?? '';
  const setUp =
    (await shownOnce(c, viewer, setUpSchema)) ??
    (sealed === '' ? null : await unseal(c, viewer, { path, sealed, schema: setUpSchema }));
  const [passkeys, sessions] = await Promise.all([
    passkeysOf(c.get('store'), viewer.user.id),
    sessionsOf(c.get('store'), viewer.user.id, Date.now()),
  ]);
  return html(
    c,
    <Page title="Your sign-in" viewer={viewer} url={c.req.url}>
      <Head title="Your sign-in" lead={`${viewer.user.name}, ${viewer.user.email}`} />
      <div class="grid">
        <Card id="password-head" title="Password">
          <Fields action="/profile/password" submit="Change" plain>
            <Field label="Current password" name="current" type="password" autocomplete="current-password" />
            <NewPasswordField name="new-password" />
          </Fields>
        </Card>
        {setUp ? (
          <SetUpTwoFactor {...setUp} sealed={await seal(c, viewer, path, setUp)} />
        ) : (
          <TwoFactor on={viewer.user.twoFactor} />
        )}
      </div>
      <PasskeyCard count={passkeys.length} />
      {passkeys.length > 0 && <YourPasskeys passkeys={passkeys} />}
      <Card id="sessions" title="Your sessions" flush>
        <table class="cards">
          <Columns names={['Browser', 'Address', 'Since']} actions />
          <tbody>
            {sessions.map((session) => (
              <tr>
                <td class="break">
                  {browserOf(session.userAgent)}{' '}
                  {session.id === viewer.sessionId && <State tone="good">this one</State>}
                </td>
                <td class="mono" data-label="Address">
                  {session.ipAddress || '–'}
                </td>
                <td data-label="Since">
                  <Time ms={session.createdAtMs} />
                </td>
                <td>
                  {session.id !== viewer.sessionId && (
                    <Post action={`/profile/sessions/${session.id}/end`} label="End" tone="danger" />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
    </Page>,
  );
});

/** `sealed`: all of it, for the form, which shows it again after a code that is not right. */
function SetUpTwoFactor({ uri, codes, sealed }: z.output<typeof setUpSchema> & { sealed: string }) {
  return (
    <Card id="totp" title="Set up your authenticator app">
      <p>1. Scan this with the app.</p>
      <div class="qr">{raw(renderSVG(uri, { border: 1 }))}</div>
      <details>
        <summary>It cannot be scanned</summary>
        <div class="with-copy">
          <code id="totp-uri" class="break">
            {uri}
          </code>
          <Copy of="totp-uri" what="the address for the app" />
        </div>
      </details>
      <p>
        2. Keep these recovery codes; each opens the door once when the app is lost. They are shown this once.
      </p>
      <Code id="recovery" what="Recovery codes" text={codes.join('\n')} />
      <Fields action="/profile/two-factor/confirm" submit="Switch on">
        <input type="hidden" name="set-up" value={sealed} />
        <Field
          label="3. The code that the app shows now"
          name="code"
          inputmode="numeric"
          autocomplete="one-time-code"
        />
      </Fields>
    </Card>
  );
}

function TwoFactor({ on }: { on: boolean }) {
  return (
    <Card
      id="totp"
      title="Two-factor sign-in"
      aside={<State tone={on ? 'good' : 'quiet'}>{on ? 'on' : 'off'}</State>}
    >
      <p class="quiet">A code of an authenticator app, asked for after the password.</p>
      <Fields
        action={on ? '/profile/two-factor/off' : '/profile/two-factor'}
        submit={on ? 'Switch off' : 'Set up'}
        plain
        danger={on}
      >
        <Field label="Password" name="password" type="password" autocomplete="current-password" />
      </Fields>
    </Card>
  );
}

/** A browser's name as people know it. */
function browserOf(userAgent: string): string {
  const found = /(Edg|OPR|Firefox|Chrome|Safari)\/(\d+)/.exec(userAgent.replace(/HeadlessChrome/, 'Chrome'));
  const system = /(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(userAgent)?.[1];
  if (!found) return userAgent.slice(0, 60) || 'unknown';
  return `${{ Edg: 'Edge', OPR: 'Opera' }[found[1] ?? ''] ?? found[1]} ${found[2]}${system ? `, ${system}` : ''}`;
}

profilePages.action('/profile/password', async (c, _viewer, form) => {
  const { ok, body } = await authCall(c, 'POST', '/change-password', {
    currentPassword: form.all('current')[0] ?? '',
    newPassword: form.all('new-password')[0] ?? '',
    revokeOtherSessions: true,
  });
  if (ok) return c.redirect('/profile?done=password-changed-here', 303);
  throw String(body.code).startsWith('PASSWORD_TOO_')
    ? wrongField('/new-password', 'The password must have 10 to 128 characters.')
    : wrongField('/current', notRight);
});

const notRight = 'The password is not right.';

function wrongField(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
}

profilePages.action('/profile/sessions/:id/end', async (c, viewer) => {
  const sessions = await sessionsOf(c.get('store'), viewer.user.id, Date.now());
  const session = sessions.find(({ id }) => id === c.req.param('id'));
  if (!session) throw new Problem('not_found', 'You have no such session.');
  await authCall(c, 'POST', '/revoke-session', { token: session.token });
  return c.redirect('/profile?done=session-ended#sessions', 303);
});

profilePages.action('/profile/two-factor', async (c, viewer, form) => {
  const { ok, body } = await authCall(c, 'POST', '/two-factor/enable', {
    password: form.all('password')[0] ?? '',
  });
  const made = z.object({ totpURI: z.string(), backupCodes: z.array(z.string()) }).safeParse(body);
  if (!ok || !made.success) throw wrongField('/password', notRight);
  return await thenShow(c, viewer, `${path}#totp`, { uri: made.data.totpURI, codes: made.data.backupCodes });
});

profilePages.action('/profile/two-factor/confirm', async (c, _viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/verify-totp', {
    code: form.text('code').replaceAll(' ', ''),
  });
  if (ok) return c.redirect('/profile?done=two-factor-on', 303);
  throw wrongField('/code', 'The code is not right. Type the newest one.');
});

profilePages.action('/profile/two-factor/off', async (c, _viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/disable', {
    password: form.all('password')[0] ?? '',
  });
  if (ok) return c.redirect('/profile?done=two-factor-off', 303);
  throw wrongField('/password', notRight);
});

profilePages.action('/profile/theme', (c, _viewer, form) => {
  const theme = themes.find((one) => one === form.text('theme'));
  if (theme)
    setCookie(c, themeCookie, theme, { path: '/', sameSite: 'Lax', httpOnly: true, maxAge: 365 * 86_400 });
  else deleteCookie(c, themeCookie, { path: '/' });
  return c.redirect(pageBefore(c), 303);
});

/** The page that the form was on: a path of this host, never another place. */
function pageBefore(c: Call): string {
  const referer = c.req.header('Referer') ?? '';
  if (!URL.canParse(referer)) return '/';
  const { origin, pathname, search } = new URL(referer);
  return origin === publicOrigin(c) && !pathname.startsWith('//') ? pathname + search : '/';
}
