import { activateKeys, type Domain, updateDomain } from './domains.ts';
import type { Store } from './store.ts';
import { setWarming } from './warming.ts';

/** What the operator's word makes of a domain: it is not looked at by schedule. */
export function vouched(nowMs: number) {
  return {
    status: 'verified',
    verifiedBy: 'operator',
    statusReason: null,
    verifiedAtMs: nowMs,
    nextCheckMs: null,
  } as const;
}

/**
 * Lets a domain send on the operator's word, with all of its keys and without warming; null when it is gone.
 * @throws AlreadyThere when another account has it verified
 */
export async function vouchFor(store: Store, domainId: number, nowMs: number): Promise<Domain | null> {
  const domain = await updateDomain(store, domainId, vouched(nowMs));
  if (!domain) return null;
  // A certificate for its link host is asked for at the next tick.
  if (domain.linkLabel !== null) await updateDomain(store, domainId, { nextCheckMs: nowMs });
  await activateKeys(store, domainId);
  await setWarming(store, domainId, 'warmed', nowMs);
  return domain;
}
