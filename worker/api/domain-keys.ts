import { generationOf } from '#domain/dns/dkim-selector.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { generateDkimKeys } from '../store/dkim-keys.ts';
import { type Domain, type KnownDomain, retireKey } from '../store/domains.ts';

/** The next pair of keys of a domain that has these. */
export async function newKeys(
  c: Call,
  { accountId, name, dkimSelector }: Pick<Domain, 'accountId' | 'name' | 'dkimSelector'>,
  known: readonly { selector: string; createdAtMs: number }[],
  nowMs: number,
) {
  const { encryptionKeys } = c.get('env');
  const of = { accountId, domain: name, stem: dkimSelector, known, status: 'pending', nowMs } as const;
  return await generateDkimKeys(encryptionKeys, of);
}

/** Retires keys that were made under the name before and never signed. */
export async function retireUnused(c: Call, { domain, keys }: KnownDomain): Promise<void> {
  for (const { selector, status } of keys)
    if (status === 'pending' && generationOf(domain.dkimSelector, selector) !== null)
      await retireKey(c.get('store'), domain.id, selector, Date.now());
}

/** Of a domain that delegates DKIM from now on, or no more; what signs goes on until a key of the other kind does. */
export async function retireWaiting(c: Call, { domain, keys }: KnownDomain): Promise<void> {
  for (const { selector, status, target } of keys)
    if (status === 'pending' && (target !== null) === domain.dkimDelegated)
      await retireKey(c.get('store'), domain.id, selector, Date.now());
}

/** @throws Problem for other selectors of a domain that delegates them */
export function refuseDelegation(
  before: Domain,
  after: Pick<Domain, 'dkimSelector' | 'dkimDelegated'>,
): void {
  const { name } = before;
  if (before.dkimDelegated && after.dkimSelector !== before.dkimSelector)
    throw new Problem(
      'conflict',
      `${name} delegates DKIM, whose selectors stay; set "dkim_delegated" to false first.`,
    );
}
