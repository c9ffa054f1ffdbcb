import { describe, expect, it } from 'vitest';
import { diagnoseDelegatedKeys, type PublishedKey } from '#domain/dns/delegated-check.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const target = (n: number) => `s${n}.7-0123456789abcdef.dkim.mail.test`;
const key = (n: number, signs: boolean): PublishedKey => ({
  domain: 'shop.example',
  target: target(n),
  algorithm: 'rsa-sha256',
  publicKey: `KEY${n}`,
  signs,
});
const keys = [key(1, true), key(2, false)];
const record = (n: number, of = n): DnsTable => ({ [target(n)]: { TXT: [`v=DKIM1; k=rsa; p=KEY${of}`] } });
const both = { ...record(1), ...record(2) };

describe('key records of domains that delegate DKIM', () => {
  const told = (dns: DnsTable, byHand = true) =>
    diagnoseDelegatedKeys(keys, { lookup: lookupIn(dns), byHand });

  it('are not spoken of where no domain delegates', async () => {
    expect(await diagnoseDelegatedKeys([], { lookup: lookupIn({}), byHand: true })).toEqual([]);
  });

  it.each([
    ['are there', both, 'ok', '2 looked at', null],
    [
      'lack the one that signs',
      record(2),
      'failed',
      `1 of 2 key records of domains that delegate DKIM are missing or wrong, such as ${target(1)}`,
      `Publish TXT ${target(1)}: v=DKIM1; k=rsa; p=KEY1`,
    ],
    ['lack the one that stands by', record(1), 'warning', 'is to sign its mail (shop.example)', target(2)],
    ['lack both: the one that signs is told', {}, 'failed', `2 of 2`, `Publish TXT ${target(1)}`],
    ['have another key', { ...both, ...record(1, 2) }, 'failed', target(1), 'p=KEY1'],
    [
      'are there twice',
      { ...both, [target(1)]: { TXT: ['v=DKIM1; k=rsa; p=KEY1', 'v=DKIM1; k=rsa; p=KEY1'] } },
      'failed',
      target(1),
      'p=KEY1',
    ],
    ['are not answered for', { ...both, [target(2)]: 'timeout' }, 'unknown', '1 of 2', 'servers of the zone'],
  ] as const)('%s', async (_, dns, status, observed, fix) => {
    const [found] = await told(dns as DnsTable);
    expect(found).toMatchObject({
      check: 'delegated-dkim',
      status,
      observed: expect.stringContaining(observed),
    });
    if (fix === null) expect(found?.fix).toBeNull();
    else expect(found?.fix).toContain(fix);
  });

  it('that the Worker publishes need the permission of its token', async () => {
    expect((await told({}, false))[0]?.fix).toContain('DNS_TOKEN the permission Zone > DNS > Edit');
  });
});
