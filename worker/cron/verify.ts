import type { Lookup } from '#domain/dns/dns.ts';
import { delegationOf } from '../dns/delegated-keys.ts';
import { dohLookup } from '../dns/doh.ts';
import { linkTendingOf } from '../dns/link-hosts.ts';
import { verifyDomain } from '../dns/verify-domain.ts';
import type { Env } from '../env.ts';
import { takeDueDomains } from '../store/domains.ts';
import type { Store } from '../store/store.ts';
import { tellLoss } from '../system-mail/tell-owners.ts';
import { targetGuard } from '../webhook/guard.ts';

/** Domains looked at in one tick, which makes 14,400 a day. */
const mostDomains = 10;
const atOnce = 2;
/** No further domain is begun after so many questions; one costs up to some forty, and twelve as a rule. */
const mostLookups = 120;
/** Nor after so many statements: of a domain that is lost every owner is told. */
const mostStatements = 60;
const retryMs = 15 * 60_000;

/** Looks again at the records of domains that are due, a bounded number; one that fails is tried again later. */
export async function verifyDue(store: Store, env: Env, nowMs: number): Promise<void> {
  const ask = dohLookup(env.dohUrl, { timeoutMs: 3_000 });
  let lookups = 0;
  const lookup: Lookup = (name, type) => {
    lookups += 1;
    return ask(name, type);
  };
  const { serviceDomain } = env;
  const delegation = delegationOf(env);
  const links = linkTendingOf(env, targetGuard(env));
  const onLost = tellLoss(store, env);
  const verifying = { store, lookup, serviceDomain, nowMs, delegation, links, onLost };
  const most = store.cost.statements + mostStatements;
  for (let looked = 0; looked < mostDomains; looked += atOnce) {
    if (lookups >= mostLookups || store.cost.statements >= most) break;
    const ids = await takeDueDomains(store, { nowMs, untilMs: nowMs + retryMs, max: atOnce });
    await Promise.all(
      ids.map(async (domainId) => {
        try {
          await verifyDomain(verifying, domainId);
        } catch (error) {
          console.error(
            JSON.stringify({ level: 'error', msg: `verifying failed: ${String(error)}`, domainId }),
          );
        }
      }),
    );
    if (ids.length < atOnce) break;
  }
}
