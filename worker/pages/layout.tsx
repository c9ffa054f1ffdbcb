import type { PropsWithChildren } from 'hono/jsx';
import type { Viewer } from '../store/auth.ts';
import { assetUrl, type StyleName } from './assets.ts';
import { Note } from './parts.tsx';

/** The pages that the navigation names; the first letters of a path say which one is open. */
const places = [
  { href: '/', text: 'Overview' },
  { href: '/messages', text: 'Messages' },
  { href: '/received', text: 'Received' },
  { href: '/aliases', text: 'Aliases' },
  { href: '/events', text: 'Events' },
  { href: '/requests', text: 'Requests' },
  { href: '/domains', text: 'Domains' },
  { href: '/templates', text: 'Templates' },
  { href: '/sending', text: 'SMTP & API' },
  { href: '/webhooks', text: 'Webhooks' },
  { href: '/suppressions', text: 'Suppressions' },
  { href: '/statistics', text: 'Statistics' },
  { href: '/settings', text: 'Settings' },
  { href: '/docs', text: 'Documentation' },
];

/** Said once after something was done, by the code in `?done=`. */
const done: Record<string, string> = {
  'signed-out': 'You are signed out.',
  'key-revoked': 'The key is revoked; nobody can send with it any more.',
  canceled: 'Cancelled: what no node had taken yet will not be sent.',
  'nothing-to-cancel': 'Nothing was left to cancel.',
  resent: 'Sent again, as the new message below.',
  sent: 'Accepted. Below you can watch it travel.',
  invited: 'The invitation is on its way.',
  'invitation-canceled': 'The invitation is withdrawn.',
  'member-changed': 'The role is changed.',
  'member-removed': 'The member is removed.',
  'mail-changed': 'Saved. It is for messages from now on.',
  'session-ended': 'The session is ended.',
  'mail-asked':
    'If this address belongs to somebody here, a mail is on its way. Look at the spam folder too.',
  'address-proven':
    'Your address is proven. Every earlier way in has ended: sign out and choose “I forgot my password” for a new password.',
  'password-changed': 'The password is changed. Sign in with it.',
  'password-changed-here': 'The password is changed; your other sessions are ended.',
  'passkey-added': 'The passkey is added: you can sign in with it from now on.',
  'passkey-removed': 'The passkey is removed here. Delete it in your browser or key too.',
  'two-factor-on': 'Two-factor sign-in is on.',
  'two-factor-off': 'Two-factor sign-in is off.',
  rotated: 'New keys are made. Publish their records; they sign once they are found.',
  'key-imported': 'The key is taken. It signs once its record is found; until then the keys before go on.',
  retired: 'The key is retired; it signs no more.',
  'domain-removed': 'The domain is removed.',
  vouched: 'You vouch for it: mail can be sent from it.',
  'domain-added': 'The domain is added. Publish its records next.',
  'suppression-added': 'The address is suppressed: nothing is sent to it any more.',
  'suppression-removed': 'The address is free: it can be mailed again.',
  'reading-undone': 'The suppression is taken back: the address can be mailed again.',
  'nothing-to-undo': 'This mail holds no address back; nothing was changed.',
  'webhook-removed': 'The endpoint is removed.',
  'told-again': 'Its endpoints are told again.',
  'route-added': 'The route is added; it holds from now on.',
  'route-removed': 'The route is removed.',
  'rule-added': 'The rule is added; it holds from now on.',
  'rule-removed': 'The rule is removed.',
  'alias-added': 'The alias is made; it sends on to whom has agreed.',
  'alias-changed': 'The alias is changed.',
  'alias-removed': 'The alias is removed: mail to it is refused.',
  'template-added': 'The template is there, as a draft. Publish it when it is ready.',
  'template-saved': 'Saved as the draft; what is published goes on being sent.',
  'template-published': 'Published: it is sent from now on.',
  'template-restored': 'The newest version says now what that one said. Publish it when it is ready.',
  'template-removed': 'The template is removed.',
  'destinations-asked': 'Those who have not agreed yet are asked once more.',
  replayed: 'Posted again; the new try is below in a moment.',
  'account-made': 'The account is made. Invite its owner next.',
  'system-mail': 'Sign-in links and invitations come from there now.',
  'account-suspended': 'The account is suspended: it neither submits nor is delivered for.',
  'account-resumed': 'The account is active again.',
  welcome: 'Welcome. The next step is below.',
};

export function Document({
  title,
  styles = ['style.css'],
  children,
}: PropsWithChildren<{ title: string; styles?: readonly StyleName[] }>) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="same-origin" />
        <title>{`${title} · Pennypost`}</title>
        <link rel="icon" href={assetUrl('icon.svg')} type="image/svg+xml" />
        {styles.map((name) => (
          <link rel="stylesheet" href={assetUrl(name)} />
        ))}
        <script src={assetUrl('script.js')} defer />
      </head>
      <body>
        {children}
        <div id="said" class="visually-hidden" aria-live="polite" />
      </body>
    </html>
  );
}

/** The name, which leads to the overview. */
export function Brand() {
  return (
    <a class="brand" href="/">
      <Name />
    </a>
  );
}

function Name() {
  return (
    <>
      <img src={assetUrl('icon.svg')} alt="" width="28" height="28" />
      Pennypost
    </>
  );
}

function Menu({ viewer, path, label }: { viewer: Viewer; path: string; label: string }) {
  const current = (href: string) =>
    (href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`)) ? 'page' : undefined;
  return (
    <nav class="nav" aria-label={label}>
      {places.map(({ href, text }) => (
        <a href={href} aria-current={current(href)}>
          {text}
        </a>
      ))}
      {viewer.user.operator && (
        <>
          <p>Operator</p>
          <a href="/operator" aria-current={current('/operator')}>
            Installation
          </a>
        </>
      )}
    </nav>
  );
}

function Foot({ viewer, path }: { viewer: Viewer; path: string }) {
  const others = viewer.memberships.filter((m) => m.accountId !== viewer.account.accountId);
  return (
    <div class="foot">
      <p>
        {viewer.account.accountName} · {viewer.account.role}
        <br />
        {viewer.user.email}
      </p>
      <div class="nav">
        <a href="/profile" aria-current={path === '/profile' ? 'page' : undefined}>
          Your sign-in
        </a>
        {others.map((membership) => (
          <form method="post" action="/account">
            <input type="hidden" name="organization" value={membership.organizationId} />
            <button type="submit">Go to {membership.accountName}</button>
          </form>
        ))}
        <form method="post" action="/profile/theme" class="themes" aria-label="Colours">
          <button type="submit" name="theme" value="device">
            Auto
          </button>
          <button type="submit" name="theme" value="light">
            Light
          </button>
          <button type="submit" name="theme" value="dark">
            Dark
          </button>
        </form>
        <form method="post" action="/sign-out">
          <button type="submit">Sign out</button>
        </form>
      </div>
    </div>
  );
}

/** A page of the dashboard. */
export function Page({
  title,
  viewer,
  url,
  children,
}: PropsWithChildren<{ title: string; viewer: Viewer; url: string }>) {
  const { pathname, searchParams } = new URL(url);
  const said = done[searchParams.get('done') ?? ''];
  return (
    <Document title={title}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <div class="frame">
        <header class="side">
          <Brand />
          <Menu viewer={viewer} path={pathname} label="Main" />
          <Foot viewer={viewer} path={pathname} />
        </header>
        <header class="bar">
          <details>
            <summary>
              <span class="brand">
                <Name />
              </span>
              <span>Menu</span>
            </summary>
            <div class="menu">
              <Menu viewer={viewer} path={pathname} label="Menu" />
              <Foot viewer={viewer} path={pathname} />
            </div>
          </details>
        </header>
        <main id="main" tabindex={-1}>
          {said && <Note tone="good">{said}</Note>}
          {viewer.account.accountStatus === 'suspended' && (
            <Note tone="bad">This account is suspended: nothing is accepted or sent. Ask the operator.</Note>
          )}
          {children}
        </main>
      </div>
    </Document>
  );
}

/**
 * A page for those who are not signed in: one card.
 * @param forRecipients it is for people who got mail, whom nothing leads to the dashboard
 */
export function Door({
  title,
  url,
  forRecipients = false,
  children,
}: PropsWithChildren<{ title: string; url: string; forRecipients?: boolean }>) {
  const said = done[new URL(url).searchParams.get('done') ?? ''];
  return (
    <Document title={title}>
      <div class="door">
        <main id="main" tabindex={-1}>
          {forRecipients ? (
            <span class="brand">
              <Name />
            </span>
          ) : (
            <Brand />
          )}
          {said && <Note tone="good">{said}</Note>}
          <div class="card">{children}</div>
        </main>
      </div>
    </Document>
  );
}

/** What went wrong, and what to do. */
export function ErrorPage({
  title,
  text,
  viewer,
  url,
  forRecipients,
}: {
  title: string;
  text: string;
  viewer: Viewer | null;
  url: string;
  forRecipients: boolean;
}) {
  const body = (
    <>
      <h1>{title}</h1>
      <p>{text}</p>
      {!forRecipients && (
        <p>
          <a href="/">To the overview</a>
        </p>
      )}
    </>
  );
  return viewer ? (
    <Page title={title} viewer={viewer} url={url}>
      {body}
    </Page>
  ) : (
    <Door title={title} url={url} forRecipients={forRecipients}>
      {body}
    </Door>
  );
}
