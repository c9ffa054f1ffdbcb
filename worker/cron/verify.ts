import { dohLookup } from '../dns/doh.ts';
import { verifyDomain } from '../dns/verify-domain.ts';
import type { Env } from '../env.ts';
import { takeDueDomains } from '../store/domains.ts';
import type { Store } from '../store/store.ts';
import { tellLoss } from '../system-mail/tell-owners.ts';

/** Domains looked at in one tick: each costs up to some forty subrequests, of which an invocation has a thousand. */
const mostDomains = 20;
const atOnce = 5;
const retryMs = 15 * 60_000;

/** Looks again at the records of domains that are due; one that fails is tried again later. */
export async function verifyDue(store: Store, env: Env, nowMs: number): Promise<void> {
  const ids = await takeDueDomains(store, { nowMs, untilMs: nowMs + retryMs, max: mostDomains });
  const lookup = dohLookup(env.dohUrl, { timeoutMs: 3_000 });
  const verifying = { store, lookup, serviceDomain: env.serviceDomain, nowMs, onLost: tellLoss(store, env) };
  while (ids.length > 0) {
    await Promise.all(
      ids.splice(0, atOnce).map(async (domainId) => {
        try {
          await verifyDomain(verifying, domainId);
        } catch (error) {
          console.error(
            JSON.stringify({ level: 'error', msg: `verifying failed: ${String(error)}`, domainId }),
          );
        }
      }),
    );
  }
}
