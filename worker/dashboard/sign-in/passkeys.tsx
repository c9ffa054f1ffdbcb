import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody } from '../../http/app.ts';
import { mostPasskeys, passkeysOf } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { type AuthAnswer, authCall } from './auth.ts';
import { longestPasskeyName } from './passkey-parts.tsx';
import { nextOf } from './sign-in.tsx';
import { signedIn } from './signed-in.ts';

/**
 * Passkeys (WebAuthn): signing in with one, and the viewer's own. A page's script asks for options, has the browser
 * answer them, and posts the answer as the field `response` of an ordinary form.
 */
export const passkeyPages = new Board();

/** An authenticator's answer has some kilobytes; an attestation with its certificates some more. */
const longestResponse = 32 * 1024;

const base64url = z.base64url('must be base64url (RFC 4648 §5)').min(1);
const credential = {
  id: base64url,
  rawId: base64url,
  type: z.literal('public-key'),
  clientExtensionResults: z.object({}).default({}),
};

/** WebAuthn §5.1: RegistrationResponseJSON, as far as it is read. */
const registration = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z
      .array(z.string().regex(/^[a-z-]{1,20}$/))
      .max(10)
      .optional(),
  }),
});

/** WebAuthn §5.1: AuthenticationResponseJSON, as far as it is read. */
const authentication = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.nullish().transform((handle) => handle ?? undefined),
  }),
});

/** The field `response` of a form; throws a problem that names what does not fit. */
function responseOf<T extends z.ZodType>(text: string, schema: T): z.output<T> {
  if (text.length > longestResponse)
    throw new Problem('too_large', `response: at most ${longestResponse} characters.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Problem('invalid_body', 'response: must be the JSON that an authenticator answered.');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalidBody(parsed.error.issues, 'response/');
  return parsed.data;
}

/** Options for the page's script; a refusal says what to do, as `detail`. */
function options(c: Call, { ok, status, body }: AuthAnswer, refused: string): Response {
  if (ok) return c.json(body);
  if (status === 429) return c.json({ detail: slow }, 429);
  return c.json({ detail: refused }, 403);
}

const slow = 'Too many tries. Wait a minute.';

passkeyPages.open('post', '/sign-in/passkey/options', async (c) => {
  const answer = await authCall(c, 'GET', '/passkey/generate-authenticate-options');
  // The plugin only prefers a verified user, and refuses one who is not when it is too late.
  const body = { ...answer.body, userVerification: 'required' };
  return options(c, { ...answer, body }, 'No passkey can be used now. Sign in another way.');
});

passkeyPages.open('post', '/sign-in/passkey', async (c, form) => {
  const next = nextOf(form.text('next'));
  const response = responseOf(form.text('response'), authentication);
  const answer = await authCall(c, 'POST', '/passkey/verify-authentication', { response });
  const { ok, status } = answer;
  if (ok) {
    await signedIn(c, answer, 'passkey');
    return c.redirect(next, 303);
  }
  if (status === 429) throw new Problem('rate_limit_exceeded', slow);
  throw new Problem(
    'unauthorized',
    'The passkey was not taken: it is not known here any more, or too much time went by. Try again, or use your password.',
  );
});

const stale = 'You signed in too long ago to add a passkey. Sign out and in again, then add it.';

passkeyPages.action('/profile/passkeys/options', async (c) =>
  options(c, await authCall(c, 'GET', '/passkey/generate-register-options'), stale),
);

passkeyPages.action('/profile/passkeys', async (c, viewer, form) => {
  const name = form.text('name');
  if (name === '' || name.length > longestPasskeyName) {
    const detail = `1 to ${longestPasskeyName} characters, by which you know the passkey again`;
    throw new Problem('invalid_body', detail, { errors: [{ pointer: '/name', detail }] });
  }
  const response = responseOf(form.text('response'), registration);
  const there = await passkeysOf(c.get('store'), viewer.user.id);
  if (there.length >= mostPasskeys)
    throw new Problem(
      'conflict',
      `You have ${mostPasskeys} passkeys, as many as one may have. Remove one first.`,
    );
  const { ok, status, body } = await authCall(c, 'POST', '/passkey/verify-registration', { name, response });
  if (ok) return c.redirect('/profile?done=passkey-added', 303);
  if (status === 429) throw new Problem('rate_limit_exceeded', slow);
  if (body.code === 'SESSION_NOT_FRESH') throw new Problem('missing_scope', stale);
  throw new Problem(
    'invalid_body',
    'The passkey is not added: it did not ask who you are, it is known here already, or too much time went by. Try again.',
  );
});

passkeyPages.action('/profile/passkeys/:id/remove', async (c, viewer) => {
  const there = await passkeysOf(c.get('store'), viewer.user.id);
  const passkey = there.find(({ id }) => id === c.req.param('id'));
  if (!passkey) throw new Problem('not_found', 'You have no such passkey.');
  const { ok } = await authCall(c, 'POST', '/passkey/delete-passkey', { id: passkey.id });
  if (ok) return c.redirect('/profile?done=passkey-removed', 303);
  throw new Problem('rate_limit_exceeded', `The passkey is not removed. ${slow}`);
});
