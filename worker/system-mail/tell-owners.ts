import { firstHome } from '#domain/message/home.ts';
import type { LostDomain } from '../dns/verify-domain.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { ownersOf } from '../store/auth.ts';
import type { Store } from '../store/store.ts';
import { mailerOf, sendSystemMail } from './send.ts';
import { domainLostMail, type SystemMail } from './texts.ts';

/**
 * Mails the owners of an account about something that has happened to it, from a room that has no request: cron, a
 * sender of webhooks. What they are told of is written down already and stays so: that it could not be mailed is
 * logged, never thrown.
 */
export async function tellOwners(store: Store, env: Env, accountId: number, mail: SystemMail): Promise<void> {
  const notTold = (who: string) => (error: unknown) => {
    const msg = `${who} not told: ${mail.subject}`;
    console.warn(JSON.stringify({ level: 'warn', msg, accountId, error: String(error) }));
  };
  try {
    const owners = await ownersOf(store, accountId);
    if (owners.length === 0) return;
    // One whom mail does not reach (a suppressed address) keeps it from none of the others.
    for (const owner of owners) {
      await sendSystemMail(mailerOf(store, env), owner, mail).catch(notTold('an owner was'));
    }
    // Should it fail, the node's own poll and the sweep find the mail.
    await hubOf(env.bindings.HUB)
      .wake([firstHome])
      .catch(() => undefined);
  } catch (error) {
    notTold('the owners were')(error);
  }
}

/** Tells the owners of a domain that it is not verified any more. */
export function tellLoss(store: Store, env: Env): (lost: LostDomain) => Promise<void> {
  return ({ accountId, name, reason, rows }) =>
    tellOwners(store, env, accountId, domainLostMail(name, reason, rows));
}
