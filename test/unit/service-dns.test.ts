import { describe, expect, it } from 'vitest';
import { diagnoseSpf } from '#domain/dns/service-dns.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const found = async (dns: DnsTable, hostNames: string[]) =>
  await diagnoseSpf(
    { serviceDomain: 'svc.example', hostNames, nodes: 'a node that was seen', lookup: lookupIn(dns) },
    async () => 'pass',
  );

describe('SPF of the service domain', () => {
  it('is not told to be -all alone where no address of a node is known', async () => {
    for (const hostNames of [[], ['out.svc.example']]) {
      const diagnoses = await found({}, hostNames);
      expect(JSON.stringify(diagnoses)).not.toContain('v=spf1 -all');
      expect(diagnoses[0]).toMatchObject({ check: 'spf _spf.svc.example', status: 'unknown' });
    }
  });

  it('is told with the addresses once they are known, and is not ok for want of them', async () => {
    const host = { 'out.svc.example': { A: ['198.51.100.7'] } };
    const [own] = await found(host, ['out.svc.example']);
    expect(own).toMatchObject({ status: 'failed', fix: expect.stringContaining('ip4:198.51.100.7') });
    const records = {
      '_spf.svc.example': { TXT: ['v=spf1 ip4:198.51.100.7 -all'] },
      'bounces.svc.example': { TXT: ['v=spf1 include:_spf.svc.example -all'] },
    };
    expect((await found(records, [])).map(({ status }) => status)).toEqual(['unknown', 'unknown']);
    expect((await found({ ...records, ...host }, ['out.svc.example'])).map(({ status }) => status)).toEqual([
      'ok',
      'ok',
    ]);
  });
});
