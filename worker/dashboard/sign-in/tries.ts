import { getCookie, setCookie } from 'hono/cookie';
import { hexOf } from '#domain/hex.ts';
import type { Call } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { addressOf, sourceOf, withinLimit } from '../../identity/source.ts';
import { countTries, countTry, findUser } from '../../store/auth.ts';
import { sendSystemMail } from '../../system-mail/send.ts';
import { signInTriesMail } from '../../system-mail/texts.ts';
import { hmac } from '../../tokens/hmac.ts';
import { equalSecrets } from '../../tokens/secret.ts';
import { mailerOf } from './mailer.ts';

/**
 * How often somebody may try to sign in. Tries are counted by mail address and source together, so that nobody locks out
 * another; tries of all sources for one address have a limit as well, which guessing from many places meets, and which
 * devices that the person has signed in with pass. The person is told by mail.
 *
 * Each guess has us hash it, which must take long. So strangers' guesses are limited as well by source, whatever the
 * addresses, and in all (wrangler.toml, GUESSES_LIMIT and ALL_GUESSES_LIMIT). An address that nobody has is hashed and
 * counted alike. Who is kept out by what strangers do comes in by a known device, a passkey or a mailed link.
 */
const limits = {
  windowMs: 15 * 60_000,
  /** Of one device that is known. */
  device: 20,
  /** Of all others together. One source has at most 75 of them (wrangler.toml, TRIES_LIMIT). */
  strangers: 100,
  /** So many tries of strangers are told of, once a day. */
  told: 20,
  /** Mails that one device that is known may ask for, one source of all others, and all others together. */
  mails: { device: 5, source: 3, strangers: 10 },
};

/** A wrong guess is answered so long after it came: the time that a look-up takes would tell whom there is. */
export const wrongGuessMs = 500;

const cookie = 'pennypost.device';
const cookieDays = 365;

/** Counts a try to sign in as an address; false when it is one too many. */
export async function mayTrySignIn(c: Call, address: string): Promise<boolean> {
  const store = c.get('store');
  const of = { windowMs: limits.windowMs, nowMs: Date.now() };
  const device = await knownDevice(c, address);
  if (device !== null)
    return await countTry(store, `sign-in device:${device}`, { ...of, max: limits.device });
  if (!(await withinTries(c, address)) || !(await withinLimit(c, 'guesses'))) return false;
  const { count } = await countTries(store, `sign-in:${address.slice(0, 320)}`, of);
  // It is sent beside the answer, which takes as long for an address that nobody has.
  if (count === limits.told) c.executionCtx.waitUntil(tell(c, address));
  return count <= limits.strangers && (await withinLimit(c, 'allGuesses'));
}

/** Counts a mail that is asked for by a page; false when it is one too many. */
export async function mayAskForMail(c: Call, what: string, address: string): Promise<boolean> {
  const of = { windowMs: limits.windowMs, nowMs: Date.now() };
  const device = await knownDevice(c, address);
  const { mails } = limits;
  const may = (key: string, max: number) => countTry(c.get('store'), `${what} ${key}`, { ...of, max });
  if (device !== null) return await may(`device:${device}`, mails.device);
  // What is beyond a source's own share takes nothing away from others.
  return (
    (await may(`source:${sourceOf(c)} ${address}`, mails.source)) &&
    (await may(`address:${address}`, mails.strangers))
  );
}

/**
 * Whether a code of an authenticator app is shown for the first time: one is good for a minute or so, and once
 * (RFC 6238 §5.2). Whoever looks over somebody's shoulder, or sits in between, has no use for it.
 */
export async function isFirstUse(c: Call, userId: string, code: string): Promise<boolean> {
  return await countTry(c.get('store'), `code:${userId} ${code}`, {
    max: 1,
    windowMs: codeMs,
    nowMs: Date.now(),
  });
}
/** A code of 30 seconds is taken in the one before and the one after too (RFC 6238 §5.2), and clocks differ. */
const codeMs = 120_000;

/** Of one source as one address (wrangler.toml, TRIES_LIMIT): counted by the platform, so that it costs no row. */
async function withinTries(c: Call, address: string): Promise<boolean> {
  const { TRIES_LIMIT } = c.get('env').bindings;
  const { success } = await TRIES_LIMIT.limit({ key: `sign-in ${sourceOf(c)} ${address.slice(0, 320)}` });
  return success;
}

async function tell(c: Call, address: string): Promise<void> {
  const store = c.get('store');
  try {
    if (!(await findUser(store, address))) return;
    const of = { max: 1, windowMs: 86_400_000, nowMs: Date.now() };
    if (!(await countTry(store, `told of tries:${address}`, of))) return;
    await sendSystemMail(mailerOf(c), address, signInTriesMail(limits.told, addressOf(c)));
  } catch (error) {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'not told of tries to sign in', error: String(error) }),
    );
  }
}

/** Lets the browser be known as one that this person has signed in with. */
export async function rememberDevice(c: Call, address: string): Promise<void> {
  const id = crypto.randomUUID();
  setCookie(c, cookie, `${id}.${await sign(c, id, address)}`, {
    path: '/sign-in',
    httpOnly: true,
    sameSite: 'Lax',
    secure: publicOrigin(c).startsWith('https:'),
    maxAge: cookieDays * 86_400,
  });
}

/** The id of the device when it is known for this address. */
async function knownDevice(c: Call, address: string): Promise<string | null> {
  const [id = '', mac = ''] = (getCookie(c, cookie) ?? '').split('.');
  if (id === '' || mac === '') return null;
  return (await equalSecrets(mac, await sign(c, id, address))) ? id.slice(0, 64) : null;
}

async function sign(c: Call, id: string, address: string): Promise<string> {
  return hexOf(await hmac(c.get('env').authSecret, `device ${id} of ${address}`));
}
