import { deleteCookie, setCookie } from 'hono/cookie';
import { raw } from 'hono/html';
import { renderSVG } from 'uqr';
import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { html, themeCookie, themes } from '../../pages/answer.tsx';
import { Card, Columns, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Copy, Field, Head, Note, Post, State, Time } from '../../pages/parts.tsx';
import { passkeysOf, sessionsOf, type Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { authCall } from './auth.ts';
import { PasskeyCard, YourPasskeys } from './passkey-parts.tsx';
import { NewPasswordField } from './sign-in.tsx';

/** The viewer's own sign-in: password, second factor, passkeys, sessions. */
export const profilePages = new Board();

interface Shown {
  fault: string;
  twoFactor: { uri: string; codes: string[] };
}

export async function profilePage(
  c: Call,
  viewer: Viewer,
  shown: Partial<Shown> = {},
  status: 200 | 400 | 403 | 409 | 429 = 200,
) {
  const [passkeys, sessions] = await Promise.all([
    passkeysOf(c.get('store'), viewer.user.id),
    sessionsOf(c.get('store'), viewer.user.id, Date.now()),
  ]);
  return html(
    c,
    <Page title="Your sign-in" viewer={viewer} url={c.req.url}>
      <Head title="Your sign-in" lead={`${viewer.user.name}, ${viewer.user.email}`} />
      {shown.fault && <Note tone="bad">{shown.fault}</Note>}
      <div class="grid">
        <Card id="password-head" title="Password">
          <Fields action="/profile/password" submit="Change" plain>
            <Field label="Current password" name="current" type="password" autocomplete="current-password" />
            <NewPasswordField name="new-password" />
          </Fields>
        </Card>
        <TwoFactor viewer={viewer} shown={shown.twoFactor} />
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
    status,
  );
}

function TwoFactor({ viewer, shown }: { viewer: Viewer; shown: Shown['twoFactor'] | undefined }) {
  const on = viewer.user.twoFactor;
  if (shown) {
    return (
      <Card id="totp" title="Set up your authenticator app">
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
        <Fields action="/profile/two-factor/confirm" submit="Switch on">
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

profilePages.page('/profile', (c, viewer) => profilePage(c, viewer));

profilePages.action('/profile/password', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/change-password', {
    currentPassword: form.all('current')[0] ?? '',
    newPassword: form.all('new-password')[0] ?? '',
    revokeOtherSessions: true,
  });
  if (ok) return c.redirect('/profile?done=password-changed-here', 303);
  const fault =
    'The password is not changed: the current one is wrong, or the new one has less than ten characters.';
  return await profilePage(c, viewer, { fault }, 400);
});

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
  if (!ok || !made.success) return await profilePage(c, viewer, { fault: 'The password is not right.' }, 400);
  return await profilePage(c, viewer, {
    twoFactor: { uri: made.data.totpURI, codes: made.data.backupCodes },
  });
});

profilePages.action('/profile/two-factor/confirm', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/verify-totp', {
    code: form.text('code').replaceAll(' ', ''),
  });
  if (ok) return c.redirect('/profile?done=two-factor-on', 303);
  const fault = 'The code is not right. Begin again, and type the newest code.';
  return await profilePage(c, viewer, { fault }, 400);
});

profilePages.action('/profile/two-factor/off', async (c, viewer, form) => {
  const { ok } = await authCall(c, 'POST', '/two-factor/disable', {
    password: form.all('password')[0] ?? '',
  });
  if (ok) return c.redirect('/profile?done=two-factor-off', 303);
  return await profilePage(c, viewer, { fault: 'The password is not right.' }, 400);
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
