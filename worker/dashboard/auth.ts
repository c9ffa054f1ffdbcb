import { passkey } from '@better-auth/passkey';
import { APIError } from 'better-auth/api';
import { betterAuth } from 'better-auth/minimal';
import { createAccessControl } from 'better-auth/plugins/access';
import { magicLink } from 'better-auth/plugins/magic-link';
import { organization } from 'better-auth/plugins/organization';
import { defaultStatements } from 'better-auth/plugins/organization/access';
import { twoFactor } from 'better-auth/plugins/two-factor';
import type { Call } from '../api/app.ts';
import { authDatabase, findUser, notePasskeyUse } from '../store/auth.ts';
import { sendSystemMail } from '../system-mail/send.ts';
import { invitationMail, resetMail, signInMail } from '../system-mail/texts.ts';
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
  const { origin, hostname } = new URL(c.req.url);
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
    session: { expiresIn: 14 * 86_400, updateAge: 86_400 },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true, // people come by the first set-up or by an invitation
      minPasswordLength: 10,
      resetPasswordTokenExpiresIn: 3600,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: async ({ user, token }) =>
        sendSystemMail(mailerOf(c), user.email, resetMail(`${origin}/sign-in/reset/${token}`)),
    },
    rateLimit: {
      enabled: true,
      storage: 'database',
      window: 60,
      max: 60,
      customRules: {
        '/sign-in/email': { window: 60, max: 10 },
        '/sign-in/magic-link': { window: 300, max: 5 },
        '/request-password-reset': { window: 300, max: 5 },
        '/two-factor/*': { window: 60, max: 10 },
        '/passkey/generate-*': { window: 60, max: 30 }, // the sign-in page asks by itself, for the autofill
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
        storeToken: 'hashed',
        sendMagicLink: async ({ email, token }) => {
          // A link proves the mailbox only, so it is no way around a second factor; and a stranger gets no mail.
          const user = await findUser(store, email.toLowerCase());
          if (user && !user.twoFactor)
            await sendSystemMail(mailerOf(c), email, signInMail(`${origin}/sign-in/link/${token}`));
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
        invitationExpiresIn: invitationDays * 86_400,
        cancelPendingInvitationsOnReInvite: true,
        schema: { organization: { additionalFields: { accountId: { type: 'number', required: true } } } },
        sendInvitationEmail: async ({ id, email, inviter, organization: of, role }) =>
          sendSystemMail(
            mailerOf(c),
            email,
            invitationMail({
              url: `${origin}/invitations/${id}`,
              inviter: inviter.user.name,
              account: of.name,
              role,
            }),
          ),
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
  const { origin } = new URL(c.req.url);
  const headers = new Headers({
    origin,
    'cf-connecting-ip': c.req.header('CF-Connecting-IP') ?? '127.0.0.1',
  });
  for (const name of ['cookie', 'user-agent']) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
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

/** Makes a user who has proven the mail address, with a password; the sign-in follows. */
export async function createUser(
  c: Call,
  of: { name: string; email: string; password: string },
): Promise<string> {
  const context = await authOf(c).$context;
  const user = await context.internalAdapter.createUser(
    { name: of.name, email: of.email.toLowerCase(), emailVerified: true },
    { method: 'invitation' },
  );
  await context.internalAdapter.linkAccount({
    userId: user.id,
    providerId: 'credential',
    accountId: user.id,
    password: await context.password.hash(of.password),
  });
  return user.id;
}
