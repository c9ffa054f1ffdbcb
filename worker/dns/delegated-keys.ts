import { delegatedNames, isSpent } from '#domain/dns/delegated-dkim.ts';
import { dkimFault, formatDkimRecord } from '#domain/dns/dkim-record.ts';
import { type Lookup, recordsOf } from '#domain/dns/dns.ts';
import { signs } from '#domain/dns/record-check.ts';
import type { Env } from '../env.ts';
import { generateDelegatedKeys } from '../store/dkim-keys.ts';
import { type KnownDomain, putKeys, readDomain } from '../store/domains.ts';
import { errorText, type Store } from '../store/store.ts';
import { publishTxt } from './publish-txt.ts';
import { type ZoneAccess, zoneOf } from './zone-api.ts';

/** What keys of delegated selectors are made and published with. */
export interface Delegation {
  encryptionKeys: Env['encryptionKeys'];
  /** Null: the operator publishes them by hand. */
  zone: ZoneAccess | null;
}

export function delegationOf(env: Env): Delegation {
  return { encryptionKeys: env.encryptionKeys, zone: zoneOf(env) };
}

/**
 * Takes care of the keys of a domain that delegates DKIM: makes those that are not there, and a new one in the place of what
 * has signed its last mail a while ago, and publishes those whose record is not there. A record that cannot be published is tried at the next look.
 */
export async function tendDelegatedKeys(of: Tending, known: KnownDomain): Promise<KnownDomain> {
  const { dkimDelegated, type } = known.domain;
  const current = dkimDelegated && signs(type) ? await renewed(of, known) : known;
  const { zone } = of.delegation;
  if (zone === null) return current;
  await Promise.all(
    current.keys.map(async (key) => {
      if (!key.target || key.status === 'retired') return;
      const there = recordsOf(await of.lookup(key.target, 'TXT'));
      if (there.length === 1 && there.every((text) => dkimFault(text, key) === null)) return;
      await publishTxt(zone, key.target, formatDkimRecord(key)).catch((error: unknown) => {
        const msg = 'the record of a delegated DKIM key was not published';
        const { id: domainId } = known.domain;
        console.error(JSON.stringify({ level: 'error', msg, domainId, error: errorText(error) }));
      });
    }),
  );
  return current;
}

interface Tending {
  store: Store;
  lookup: Lookup;
  serviceDomain: string;
  nowMs: number;
  delegation: Delegation;
}

async function renewed(
  { store, serviceDomain, nowMs, delegation }: Tending,
  known: KnownDomain,
): Promise<KnownDomain> {
  const { domain, keys } = known;
  const names = (delegatedNames(domain, serviceDomain) ?? []).filter(({ selector }) => {
    const key = keys.find((one) => one.selector === selector);
    return key === undefined || isSpent(key, nowMs);
  });
  if (names.length === 0) return known;
  const owner = { accountId: domain.accountId, domain: domain.name };
  const made = await generateDelegatedKeys(delegation.encryptionKeys, {
    ...owner,
    names,
    known: keys,
    nowMs,
  });
  await putKeys(store, domain.id, made);
  return (await readDomain(store, domain.id)) ?? known;
}
