import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { type Call, parsed } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { roleAbout } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Field, Fields } from '../../pages/forms.tsx';

import { Door } from '../../pages/layout.tsx';
import { findUser, proveAddress, type Role, type Viewer } from '../../store/auth.ts';
import {
  acceptInvitation,
  cancelInvitation,
  findInvitation,
  type Invitation,
  invite,
} from '../../store/invitations.ts';
import { sendSystemMail } from '../../system-mail/send.ts';
import { invitationMail } from '../../system-mail/texts.ts';
import { sha256Hex } from '../../tokens/secret.ts';
import { Board, viewerOf } from '../board.tsx';
import { createUser, givePassword, invitationDays } from './auth.ts';
import { MailedCode } from './mailed-code.tsx';
import { mailerOf } from './mailer.ts';
import { enter, person } from './set-up.tsx';
import { NewPasswordField } from './sign-in.tsx';

/**
 * Invitations. The secret of one stands in its mail, behind the # of the link: nobody but its reader has it, not even who
 * invites. `/invitation/open` exchanges it for a cookie, so that a sign-in may come in between.
 */
export const invitationPages = new Board();

const path = '/invitation';
const cookie = 'pennypost.invitation';
const cookieSeconds = 3600;

/** Invites an address and mails it the secret. @throws Problem when no mail can be sent; false: it is a member's */
export async function mailInvitation(
  c: Call,
  viewer: Viewer,
  of: { email: string; role: Role },
): Promise<boolean> {
  const secret = newInvitationSecret();
  const nowMs = Date.now();
  const store = c.get('store');
  const id = crypto.randomUUID();
  const { organizationId } = viewer.account;
  const made = await invite(store, {
    ...of,
    id,
    organizationId,
    inviterId: viewer.user.id,
    secretHash: await sha256Hex(secret),
    expiresAtMs: nowMs + invitationDays * 86_400_000,
    nowMs,
  });
  if (!made) return false;
  const mail = invitationMail({
    url: `${publicOrigin(c)}${path}/open#${secret}`,
    inviter: viewer.user.name,
    account: viewer.account.accountName,
    role: of.role,
  });
  try {
    await sendSystemMail(mailerOf(c), of.email, mail);
  } catch (error) {
    await cancelInvitation(store, organizationId, id); // nobody has its secret
    throw error;
  }
  return true;
}

/** 256 bits, base64url. */
function newInvitationSecret(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The invitation whose secret the browser has shown, and the hash of it. */
async function shown(c: Call): Promise<{ invitation: Invitation; secretHash: string } | null> {
  const secret = getCookie(c, cookie);
  if (secret === undefined) return null;
  const secretHash = await sha256Hex(secret);
  const invitation = await findInvitation(c.get('store'), secretHash, Date.now());
  return invitation && { invitation, secretHash };
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

invitationPages.open('get', `${path}/open`, (c) =>
  html(
    c,
    <Door title="Invitation" url={c.req.url}>
      <h1>Your invitation</h1>
      <Fields action={`${path}/open`} submit="Open it" goOn>
        <MailedCode />
      </Fields>
    </Door>,
  ),
);

invitationPages.open('post', `${path}/open`, async (c, form) => {
  const secret = form.text('token');
  if (!(await findInvitation(c.get('store'), await sha256Hex(secret), Date.now())))
    return html(c, <Gone url={c.req.url} />, 404);
  setCookie(c, cookie, secret, {
    path,
    httpOnly: true,
    sameSite: 'Lax',
    secure: publicOrigin(c).startsWith('https:'),
    maxAge: cookieSeconds,
  });
  return c.redirect(path, 303);
});

invitationPages.open('get', path, async (c) => {
  const found = await shown(c);
  if (!found) return html(c, <Gone url={c.req.url} />, 404);
  const { invitation } = found;
  const viewer = await viewerOf(c).catch(() => null);
  const known = await findUser(c.get('store'), invitation.email);
  const mine = viewer?.user.email === invitation.email;
  return html(
    c,
    <Door title="Invitation" url={c.req.url}>
      <h1>{invitation.accountName}</h1>
      <p>
        {invitation.inviter} invites {invitation.email} as <strong>{invitation.role}</strong>:{' '}
        {roleAbout[invitation.role]}.
      </p>
      {known?.verified && !mine ? (
        <p>
          <a class="button primary" href={`/sign-in?next=${encodeURIComponent(path)}`}>
            Sign in as {invitation.email}
          </a>
        </p>
      ) : (
        <Fields action={path} submit="Join">
          {!known && <Field label="Your name" name="name" autocomplete="name" />}
          {!known?.verified && <NewPasswordField label="Password" />}
        </Fields>
      )}
    </Door>,
  );
});

invitationPages.open('post', path, async (c, form) => {
  const store = c.get('store');
  const found = await shown(c);
  if (!found) return html(c, <Gone url={c.req.url} />, 404);
  const { invitation, secretHash } = found;
  const join = async (userId: string) => {
    deleteCookie(c, cookie, { path });
    return await acceptInvitation(store, { secretHash, userId, nowMs: Date.now() });
  };
  const known = await findUser(store, invitation.email);
  if (known?.verified) {
    const viewer = await viewerOf(c).catch(() => null);
    if (viewer?.user.id !== known.id) return c.redirect(path, 303); // which asks to sign in as the invited person
    if (!(await join(known.id))) return html(c, <Gone url={c.req.url} />, 404);
    return c.redirect('/?done=welcome', 303);
  }
  const email = invitation.email;
  const name = known ? 'known' : form.text('name');
  const joining = parsed(person, { name, email, password: form.all('password')[0] ?? '' });
  // The secret came by mail to this address and is nowhere else: whoever has it has read the mail.
  const { password } = joining;
  let userId: string;
  if (known) {
    userId = known.id;
    await proveAddress(store, userId);
    await givePassword(c, userId, password);
  } else userId = await createUser(c, { ...joining, verified: true });
  await join(userId);
  return await enter(c, { email, password });
});
