import { passkey } from '@better-auth/passkey';
import { APIError } from 'better-auth/api';
import { betterAuth } from 'better-auth/minimal';
import { createAccessControl } from 'better-auth/plugins/access';
import { magicLink } from 'better-auth/plugins/magic-link';
import { organization } from 'better-auth/plugins/organization';
import { defaultStatements } from 'better-auth/plugins/organization/access';
import { twoFactor } from 'better-auth/plugins/two-factor';
import { getCookie } from 'hono/cookie';
import { z } from 'zod';
import type { Call } from '../../http/app.ts';
import { ownCookies } from '../../http/own-cookies.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { addressOf } from '../../identity/source.ts';
import {
  authDatabase,
  countTries,
  findMailedToken,
  findUser,
  notePasskeyUse,
  proveAddress,
} from '../../store/auth.ts';
import { sendSystemMail } from '../../system-mail/send.ts';
import { resetMail, signInMail } from '../../system-mail/texts.ts';
import { sha256Hex } from '../../tokens/secret.ts';
import { mailerOf } from './mailer.ts';

/**
 * Sign-in, sessions and members, by better-auth. Its own HTTP interface is not served: pages call it inside of the
 * Worker (`authCall`), where it checks origin and rate limits as if the browser had.
 */
const path = '/auth';
const ac = createAccessControl(defaultStatements);
const roles = {
  owner: ac.newRole({
    organization: ['update'],
    member: ['create', 'update', 'delete'],
    invitation: ['create', 'cancel'],
  }),
  developer: ac.newRole({}),
  viewer: ac.newRole({}),
};

export const invitationDays = 7;
export const linkMinutes = 10;

function newAuth(c: Call) {
  const env = c.get('env');
  const store = c.get('store');
  const origin = publicOrigin(c);
  const { hostname } = new URL(origin);
  return betterAuth({
    appName: 'Pennypost',
    baseURL: origin,
    basePath: path,
    secret: env.authSecret,
    trustedOrigins: [origin],
    database: authDatabase(store),
    telemetry: { enabled: false },
    logger: { level: 'error' },
    user: {
      additionalFields: { operator: { type: 'boolean', required: false, input: false, defaultValue: false } },
    },
    // What is mailed is kept as its hash: whoever reads the database cannot sign in with it.
    verification: {
      storeIdentifier: { default: 'plain', overrides: { [resetPrefix]: { hash: sha256Hex } } },
    },
    session: { expiresIn: 14 * 86_400, updateAge: 86_400 },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true, // people come by the first set-up or by an invitation
      minPasswordLength: 10,
      resetPasswordTokenExpiresIn: 3600,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: async ({ user, token }) =>
        sendSystemMail(mailerOf(c), user.email, resetMail(`${origin}/sign-in/reset#${token}`)),
    },
    rateLimit: {
      enabled: true,
      // Its own storage in the database removes what is older than the longest window that it knows, and so the counts
      // of ours that last longer. This one needs a single statement, and leaves removing to cron.
      customStorage: {
        consume: async (key, { window, max }) => {
          const nowMs = Date.now();
          const tries = await countTries(store, `auth ${key}`, { windowMs: window * 1000, nowMs });
          const allowed = tries.count <= max;
          return { allowed, retryAfter: allowed ? null : Math.ceil((tries.endsMs - nowMs) / 1000) };
        },
      },
      window: 60,
      max: 60,
      customRules: {
        // Counted before, by address and source (`tries.ts`).
        '/sign-in/email': false,
        '/sign-in/magic-link': false,
        '/request-password-reset': false,
        '/reset-password': false, // its tokens cannot be guessed
        '/two-factor/*': { window: 60, max: 10 },
        // By source alone, at no cost in rows: the sign-in page asks by itself, for the autofill.
        '/passkey/generate-authenticate-options': false,
        '/passkey/generate-*': { window: 60, max: 30 },
        '/passkey/*': { window: 60, max: 10 },
      },
    },
    advanced: {
      cookiePrefix: 'pennypost',
      useSecureCookies: origin.startsWith('https:'),
      defaultCookieAttributes: { sameSite: 'lax', httpOnly: true, path: '/' },
      ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] },
    },
    plugins: [
      magicLink({
        disableSignUp: true,
        expiresIn: linkMinutes * 60,
        storeToken: { type: 'custom-hasher', hash: sha256Hex },
        sendMagicLink: async ({ email, token }) => {
          // A link proves the mailbox only, so it is no way around a second factor; and a stranger gets no mail.
          const user = await findUser(store, email.toLowerCase());
          if (user && !user.twoFactor)
            await sendSystemMail(mailerOf(c), email, signInMail(`${origin}/sign-in/open#${token}`));
        },
      }),
      twoFactor({ issuer: 'Pennypost', allowPasswordless: false }),
      passkey({
        rpID: hostname,
        rpName: 'Pennypost',
        origin,
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        registration: {
          afterVerification: async ({ verification }) => needVerifiedUser(verification.registrationInfo),
        },
        authentication: {
          afterVerification: async ({ verification, clientData }) => {
            needVerifiedUser(verification.authenticationInfo);
            await notePasskeyUse(store, clientData.id, Date.now());
          },
        },
      }),
      organization({
        ac,
        roles,
        creatorRole: 'owner',
        allowUserToCreateOrganization: false,
        schema: { organization: { additionalFields: { accountId: { type: 'number', required: true } } } },
      }),
    ],
  });
}

/** A passkey stands for two factors, so its authenticator must have asked for a PIN or a finger (WebAuthn §6.1). */
function needVerifiedUser(info: { userVerified: boolean } | undefined): void {
  if (!info?.userVerified) throw new APIError('UNAUTHORIZED', { message: 'The user was not verified.' });
}

export type Auth = ReturnType<typeof newAuth>;

/** better-auth for this request; opening it reads nothing. */
export function authOf(c: Call): Auth {
  return newAuth(c);
}

/** The answer of better-auth to a call inside of the Worker. */
export interface AuthAnswer {
  ok: boolean;
  status: number;
  body: Record<string, unknown>;
}

/**
 * Calls better-auth with the browser's cookies, origin and address; the cookies that it sets go to the browser.
 * A refusal is a value.
 */
export async function authCall(
  c: Call,
  method: 'GET' | 'POST',
  route: string,
  body: Record<string, unknown> | null = null,
): Promise<AuthAnswer> {
  const origin = publicOrigin(c);
  const headers = new Headers({
    origin,
    'cf-connecting-ip': addressOf(c) || '127.0.0.1',
  });
  const sent = { cookie: ownCookies(c.req.header('Cookie') ?? ''), 'user-agent': c.req.header('User-Agent') };
  for (const [name, value] of Object.entries(sent)) if (value) headers.set(name, value);
  if (body !== null) headers.set('content-type', 'application/json');
  const response = await authOf(c).handler(
    new Request(`${origin}${path}${route}`, {
      method,
      headers,
      redirect: 'manual',
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    }),
  );
  passCookies(c, response.headers);
  const text = await response.text();
  return {
    ok: response.ok,
    status: response.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** Gives the browser the cookies that better-auth has set. */
export function passCookies(c: Call, from: Headers): void {
  for (const cookie of from.getSetCookie()) c.header('Set-Cookie', cookie, { append: true });
}

/** Makes a user with a password; the sign-in follows. @param of.verified they have read a mail to their address */
export async function createUser(
  c: Call,
  of: { name: string; email: string; password: string; verified: boolean },
): Promise<string> {
  const context = await authOf(c).$context;
  const user = await context.internalAdapter.createUser(
    { name: of.name, email: of.email.toLowerCase(), emailVerified: of.verified },
    { method: 'invitation' },
  );
  await givePassword(c, user.id, of.password);
  return user.id;
}

/** Gives a password to a user who has none. */
export async function givePassword(c: Call, userId: string, password: string): Promise<void> {
  const context = await authOf(c).$context;
  await context.internalAdapter.linkAccount({
    userId,
    providerId: 'credential',
    accountId: userId,
    password: await context.password.hash(password),
  });
}

const resetPrefix = 'reset-password:';

/**
 * Whose mail a token came by proves that they have read it: see `proveAddress`. True when that was the first time.
 * A token that is no good proves nothing, and better-auth refuses it next.
 */
export async function proveByToken(c: Call, kind: 'link' | 'reset', token: string): Promise<boolean> {
  const store = c.get('store');
  const identifier = await sha256Hex(kind === 'link' ? token : resetPrefix + token);
  const value = await findMailedToken(store, identifier, Date.now());
  if (value === null) return false;
  const { email } = kind === 'link' ? linkValue.parse(JSON.parse(value)) : { email: null };
  const userId = email === null ? value : (await findUser(store, email))?.id;
  return userId !== undefined && (await proveAddress(store, userId));
}

/** Who has shown the right password and is to show a code next; null: nobody. */
export async function challengedUser(c: Call): Promise<string | null> {
  if (!(c.req.header('Cookie') ?? '').includes('two_factor=')) return null;
  const { name } = (await authOf(c).$context).createAuthCookie('two_factor');
  const challenge = (getCookie(c, name) ?? '').replace(/\.[^.]*$/, ''); // its signature is better-auth's to look at
  return challenge === '' ? null : await findMailedToken(c.get('store'), challenge, Date.now());
}

/** What better-auth keeps under the token of a sign-in link. */
const linkValue = z.object({ email: z.string() });
