import { spf } from 'mailauth/lib/spf/index.js';
import { describe, expect, it } from 'vitest';
import { plainSpfResultOf } from '#domain/dns/spf-result.ts';
import { resolverOf } from '../../smtp-node/operator/doctor/spf.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const world: DnsTable = {
  'own.test': { TXT: ['v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all', 'unrelated'] },
  'nets.test': { TXT: ['v=spf1 ip4:192.0.2.0/25 ip6:2001:db8::/32 ~all'] },
  'exception.test': { TXT: ['v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all'] },
  'including.test': { TXT: ['v=spf1 include:own.test ?all'] },
  'nowhere.test': { TXT: ['v=spf1 include:absent.test -all'] },
  'open.test': { TXT: ['v=spf1 ip4:198.51.100.1'] },
  'moved.test': { TXT: ['v=spf1 redirect=own.test'] },
  'twice.test': { TXT: ['v=spf1 -all', 'v=spf1 +all'] },
  'broken.test': { TXT: ['v=spf1 ip4:300.1.1.1 -all'] },
  'ring.test': { TXT: ['v=spf1 include:ring.test -all'] },
};
const lookup = lookupIn(world);

describe('the result of a plain SPF record', () => {
  const addresses = ['192.0.2.1', '192.0.2.200', '2001:db8::1', '2001:db8:1::9', '203.0.113.1'];
  const asked = [...Object.keys(world), 'absent.test'].flatMap((domain) =>
    addresses.map((address) => [domain, address] as const),
  );

  it.each(asked)('of %s for %s is the one of mailauth', async (domain, ip) => {
    const { status } = await spf({
      ip,
      helo: 'helo.test',
      sender: `a@${domain}`,
      resolver: resolverOf(lookup),
      strict: true,
    });
    expect(await plainSpfResultOf(lookup)(domain, ip)).toBe(status.result);
  });

  it.each(['a', 'mx', 'ptr', 'exists:x.test', 'include:%{i}.test', 'include:own-a.test'])(
    'is not told when "%s" decides it',
    async (term) => {
      const table = { 'it.test': { TXT: [`v=spf1 ${term} -all`] }, 'own-a.test': { TXT: ['v=spf1 a -all'] } };
      expect(await plainSpfResultOf(lookupIn(table))('it.test', '192.0.2.1')).toBeNull();
      const behind = { 'it.test': { TXT: [`v=spf1 ip4:192.0.2.1 ${term} -all`] } };
      expect(await plainSpfResultOf(lookupIn(behind))('it.test', '192.0.2.1')).toBe('pass');
    },
  );

  it('is a temporary error when DNS is away', async () => {
    expect(await plainSpfResultOf(lookupIn({ 'it.test': 'timeout' }))('it.test', '192.0.2.1')).toBe(
      'temperror',
    );
  });
});
