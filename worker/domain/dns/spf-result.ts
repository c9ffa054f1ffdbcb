import { type Lookup, provesAbsence, recordsOf } from './dns.ts';
import { type Address, isIn, parseAddress } from './public-address.ts';
import type { SpfResultOf } from './service-dns.ts';
import { isSpf, mostSpfLookups, parseSpf, type SpfDirective } from './spf.ts';

const results = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' } as const;

/**
 * What SPF says of an address (RFC 7208 §2.6), for records of `ip4`, `ip6`, `include`, `redirect` and `all`, of which
 * those of a service domain are made. Null: another term decides, which only a node can judge.
 */
export function plainSpfResultOf(lookup: Lookup): SpfResultOf {
  return async (domain, text) => {
    const address = parseAddress(text);
    return address && (await resultOf({ lookup, address, lookups: 0 }, domain));
  };
}

interface Judged {
  lookup: Lookup;
  address: Address;
  lookups: number;
}

async function resultOf(judged: Judged, domain: string): Promise<string | null> {
  const answer = await judged.lookup(domain, 'TXT');
  if ('failure' in answer && !provesAbsence(answer)) return 'temperror';
  const [only, ...more] = recordsOf(answer).filter(isSpf);
  if (only === undefined) return 'none';
  const record = more.length > 0 ? null : parseSpf(only);
  if (record === null || typeof record === 'string') return 'permerror';
  for (const directive of record.directives) {
    const match = await matches(judged, directive);
    if (match === true) return results[directive.qualifier];
    if (match !== false) return match;
  }
  return record.redirect === null ? 'neutral' : await follow(judged, record.redirect);
}

/** True, false, or the result that an include ends everything with. */
async function matches(judged: Judged, { mechanism, value }: SpfDirective): Promise<boolean | string | null> {
  switch (mechanism) {
    case 'all':
      return true;
    case 'ip4':
    case 'ip6':
      return isIn(judged.address, networkOf(value ?? '', mechanism));
    case 'include': {
      const result = await follow(judged, value ?? '');
      if (result === 'pass') return true;
      // RFC 7208 §5.2: an include without a record is a permanent error.
      if (result === 'none') return 'permerror';
      return result === null || result.endsWith('error') ? result : false;
    }
    case 'a':
    case 'mx':
    case 'ptr':
    case 'exists':
      return null;
  }
}

async function follow(judged: Judged, domain: string): Promise<string | null> {
  judged.lookups += 1;
  if (judged.lookups > mostSpfLookups) return 'permerror';
  return domain.includes('%') ? null : await resultOf(judged, domain);
}

function networkOf(value: string, mechanism: 'ip4' | 'ip6'): string {
  return value.includes('/') ? value : `${value}/${mechanism === 'ip4' ? 32 : 128}`;
}
