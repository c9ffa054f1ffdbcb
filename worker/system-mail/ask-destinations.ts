import { base32 } from '#domain/base32.ts';
import { aliasLimits } from '#domain/inbound/alias.ts';
import { firstHome } from '#domain/message/home.ts';
import { Problem } from '#domain/problem.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import {
  type Asking,
  type Destination,
  forgetAsked,
  noteAsked,
  readDestinations,
} from '../store/destinations.ts';
import type { Store } from '../store/store.ts';
import { originOf } from '../tokens/mail-links.ts';
import { sha256Hex } from '../tokens/secret.ts';
import { mailerOf, sendSystemMail } from './send.ts';
import { destinationMail } from './texts.ts';

/** Where the link leads by which an address agrees to get mail. */
export const destinationPath = '/destination/';

/** Who asks, and where this Worker is reached. */
export interface Asker {
  accountId: number;
  accountName: string;
  origin: string;
}

/**
 * Asks the owners of addresses whether mail may be sent on to them, by a mail with a link that is good once: those that
 * the account has not named before, or, `again`, those that wait.
 * @returns all of the addresses as they are now
 * @throws Problem when the account has asked too many today, or no mail can be sent
 */
export async function askDestinations(
  store: Store,
  env: Env,
  asker: Asker,
  addresses: readonly string[],
  { again, nowMs }: { again: boolean; nowMs: number },
): Promise<Destination[]> {
  const { accountId } = asker;
  const known = await readDestinations(store, accountId, addresses);
  const waits = (address: string) => {
    const one = known.find((destination) => destination.address === address);
    return !one || (again && one.state === 'pending');
  };
  const wanted = addresses.filter(waits);
  if (wanted.length === 0) return known;
  const secrets = wanted.map(() => base32(crypto.getRandomValues(new Uint8Array(20))));
  const asked: Asking[] = await Promise.all(
    wanted.map(async (address, i) => ({ address, secretHash: await sha256Hex(secrets[i] ?? '') })),
  );
  const noted = await noteAsked(store, accountId, asked, nowMs);
  if (noted.size === 0) throw tooMany(again);
  for (const [i, one] of asked.entries()) {
    if (!noted.has(one.address)) continue;
    const url = `${env.publicUrl || originOf(asker.origin)}${destinationPath}${secrets[i]}`;
    try {
      await sendSystemMail(mailerOf(store, env), one.address, destinationMail(asker.accountName, url));
    } catch (error) {
      // Nobody was written to, so nobody waits for an answer.
      for (const rest of asked.slice(i)) await forgetAsked(store, accountId, rest);
      throw error;
    }
  }
  await hubOf(env.bindings.HUB)
    .wake([firstHome])
    .catch(() => undefined);
  return await readDestinations(store, accountId, addresses);
}

function tooMany(again: boolean): Problem {
  const detail = again
    ? `An address is asked once a day, and at most ${aliasLimits.newADay} of an account are; try again tomorrow.`
    : `At most ${aliasLimits.newADay} new addresses of an account are asked in a day, so that nobody is bothered through us; try again tomorrow.`;
  return new Problem('rate_limit_exceeded', detail, {
    members: { limit_type: 'daily', limit: aliasLimits.newADay },
    headers: { 'Retry-After': '86400' },
  });
}
