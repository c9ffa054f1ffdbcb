import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Diagnosis, reversed } from '#domain/dns/diagnosis.ts';
import { parseConfig } from '../../smtp-node/config.ts';
import type { Patient } from '../../smtp-node/operator/doctor/diagnosis.ts';
import { examine, greet } from '../../smtp-node/operator/doctor.ts';
import { selfSigned } from '../../smtp-node/submission/self-signed.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

const host = 'out1.mail.test';
const now = Date.UTC(2026, 10, 21, 12);
const day = 86_400_000;

const world: DnsTable = {
  'gmail.test': { MX: ['10 mx.gmail.test', '5 first.gmail.test'] },
  'first.gmail.test': { A: ['203.0.113.9'], AAAA: ['2001:db8:9::1'] },
  [host]: { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
  '1.2.0.192.in-addr.arpa': { PTR: [host] },
  [`${reversed('2001:db8::1')}.ip6.arpa`]: { PTR: [host] },
  '_spf.mail.test': { TXT: ['v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all'] },
  'bounces.mail.test': { TXT: ['v=spf1 include:_spf.mail.test -all'], MX: ['10 mx.mail.test'] },
  'mx.mail.test': { A: ['192.0.2.1'] },
  'reports.mail.test': { MX: ['10 mx.mail.test'] },
  'example.com._report._dmarc.reports.mail.test': { TXT: ['v=DMARC1'] },
  'bad.dnssec.test': 'servfail',
  'good.dnssec.test': { A: ['203.0.113.3'] },
};

interface Setup {
  dns?: DnsTable;
  env?: Record<string, string>;
  sendingAddresses?: Patient['sendingAddresses'];
  edge?: { status: number; timeMs?: number } | 'away';
  greeting?: (address: string) => string | Error;
  certificate?: string;
  local?: string[];
  databaseBytes?: number;
  atMs?: number;
}

/** A node at which all is well, but for what is said. */
function patient(of: Setup): Patient {
  const certificate = of.certificate ?? selfSigned(host, now).cert;
  const atMs = of.atMs ?? now;
  return {
    config: parseConfig({
      PENNYPOST_EDGE_URL: 'https://edge.test',
      PENNYPOST_NODE_TOKEN: 'test-node-token-0123456789',
      PENNYPOST_HOST_NAME: host,
      PENNYPOST_TLS_CERT_FILE: '/cert.pem',
      PENNYPOST_TLS_KEY_FILE: '/key.pem',
      ...of.env,
    }),
    sendingAddresses: of.sendingAddresses ?? [],
    serviceDomain: 'mail.test',
    probes: {
      mxDomain: 'gmail.test',
      outboundPort: 25,
      absentName: 'absent.test',
      brokenDnssecName: 'bad.dnssec.test',
      goodDnssecName: 'good.dnssec.test',
      dnsbls: ['dnsbl.test'],
    },
    lookup: lookupIn({ ...world, ...of.dns }),
    fetch: async (input) => {
      const edge = of.edge ?? { status: 404 };
      if (edge === 'away') throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
      const { pathname } = new URL(String(input));
      if (pathname === '/node/v1/installation' && edge.status === 404)
        return Response.json({ databaseSize: { bytes: of.databaseBytes ?? 1e9, bytesADay: 1e8 } });
      if (pathname !== '/healthz') return new Response(null, { status: edge.status });
      const time = new Date(edge.timeMs ?? atMs).toISOString();
      return Response.json({ status: 'ok', service_domain: 'mail.test', time });
    },
    greet: async ({ host: address }) => {
      const line = of.greeting?.(address) ?? '220 welcome';
      return line instanceof Error ? { error: line.message } : { line, localAddress: '192.0.2.1' };
    },
    localAddresses: of.local ?? ['127.0.0.1', '192.0.2.1', '2001:db8:0:0::1'],
    readFile: async () => certificate,
    nowMs: () => atMs,
  };
}

const notWell = async (of: Setup) =>
  (await examine(patient(of)))
    .filter(({ status }) => status !== 'ok')
    .map(({ check, status }) => [check, status]);
const find = async (of: Setup, check: string): Promise<Diagnosis> => {
  const all = await examine(patient(of));
  const found = all.find((one) => one.check === check);
  if (!found) throw new Error(`${check} is not among ${all.map((one) => one.check).join(', ')}`);
  return found;
};

describe('the doctor', () => {
  it('finds nothing at a node at which all is well', async () => {
    expect(await notWell({})).toEqual([]);
    expect((await examine(patient({}))).map(({ check }) => check)).toEqual([
      'resolver-honest',
      'resolver-dnssec',
      'edge',
      'clock',
      'database-size',
      'port-25-ipv4',
      'port-25-ipv6',
      'helo-name',
      'host-addresses',
      'ptr 192.0.2.1',
      'ptr 2001:db8::1',
      'spf _spf.mail.test',
      'spf bounces.mail.test',
      'bounces-mx',
      'email-routing',
      'mx',
      'reports',
      'link-hosts',
      'certificate',
      'blocklist dnsbl.test 192.0.2.1',
      'blocklist dnsbl.test 2001:db8::1',
    ]);
  });

  it('says what keeps reports about domains away', async () => {
    const permission = 'example.com._report._dmarc.reports.mail.test';
    const without = await find({ dns: { 'reports.mail.test': {} } }, 'reports');
    expect([without.status, without.fix]).toEqual([
      'warning',
      `Publish MX records at reports.mail.test that name your nodes: 10 ${host}`,
    ]);
    const silent = await find({ dns: { [permission]: { TXT: ['v=spf1 -all'] } } }, 'reports');
    expect([silent.status, silent.fix]).toEqual([
      'warning',
      'Publish the TXT record *._report._dmarc.reports.mail.test: v=DMARC1',
    ]);
    expect((await find({ dns: { 'reports.mail.test': 'servfail' } }, 'reports')).status).toBe('unknown');
  });

  it('says whether Email Routing brings mail for bounces to the Worker', async () => {
    const told = async (MX: string[]) =>
      (await examine(patient({ dns: { 'bounces.mail.test': { MX } } }))).find(
        ({ check }) => check === 'email-routing',
      )?.observed;
    expect(await told(['10 mx.mail.test'])).toMatch(/^Email Routing is not used/);
    expect(await told(['10 route1.mx.cloudflare.net'])).toMatch(/^Email Routing is used/);
  });

  it('says whether domains may have hosts of their own for links', async () => {
    const told = async (AAAA: string[]) =>
      (await examine(patient({ dns: { 'links.mail.test': { AAAA } } }))).find(
        ({ check }) => check === 'link-hosts',
      );
    expect(await told([])).toMatchObject({ status: 'ok', observed: expect.stringContaining('--link-hosts') });
    expect((await told(['100::']))?.observed).toMatch(/^links\.mail\.test is 100::/);
  });

  const faults: [string, Setup, string, Diagnosis['status'], string][] = [
    [
      'a closed port 25',
      { greeting: (a) => (a.includes(':') ? '220 x' : new Error('ETIMEDOUT')) },
      'port-25-ipv4',
      'failed',
      'open outbound port 25',
    ],
    [
      'no IPv6',
      { greeting: (a) => (a.includes(':') ? new Error('ENETUNREACH') : '220 x') },
      'port-25-ipv6',
      'warning',
      'IPV4_ONLY',
    ],
    ['an intercepted port 25', { greeting: () => '554 no' }, 'port-25-ipv4', 'warning', 'intercept'],
    ['a host name without address', { dns: { [host]: {} } }, 'host-addresses', 'failed', 'Publish A'],
    [
      'an address of another machine',
      { local: ['10.0.0.5', '2001:db8::1'] },
      'host-addresses',
      'warning',
      'NAT',
    ],
    [
      'mail from another address',
      { env: { PENNYPOST_OUTBOUND_ADDRESSES: '192.0.2.77' } },
      'host-addresses',
      'failed',
      'outbound addresses',
    ],
    [
      'a sending address that its name does not have',
      { sendingAddresses: [{ name: host, ipv4: '192.0.2.78' }] },
      'host-addresses',
      'failed',
      'outbound addresses',
    ],
    [
      'a sending address without PTR',
      {
        sendingAddresses: [{ name: 'out2.mail.test', ipv4: '192.0.2.2' }],
        dns: { 'out2.mail.test': { A: ['192.0.2.2'] }, '2.2.0.192.in-addr.arpa': {} },
      },
      'ptr 192.0.2.2',
      'failed',
      'set to out2.mail.test',
    ],
    ['no PTR', { dns: { '1.2.0.192.in-addr.arpa': {} } }, 'ptr 192.0.2.1', 'failed', `set to ${host}`],
    [
      'a PTR that leads elsewhere',
      { dns: { '1.2.0.192.in-addr.arpa': { PTR: ['x.test'] } } },
      'ptr 192.0.2.1',
      'failed',
      `set to ${host}`,
    ],
    [
      'a PTR of another name that is confirmed',
      { dns: { '1.2.0.192.in-addr.arpa': { PTR: ['x.test'] }, 'x.test': { A: ['192.0.2.1'] } } },
      'ptr 192.0.2.1',
      'warning',
      `set to ${host}`,
    ],
    [
      'a private host name',
      { env: { PENNYPOST_HOST_NAME: 'node.local' } },
      'helo-name',
      'failed',
      'PENNYPOST_HOST_NAME',
    ],
    [
      'no _spf',
      { dns: { '_spf.mail.test': {} } },
      'spf _spf.mail.test',
      'failed',
      'v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all',
    ],
    [
      '_spf without the node',
      { dns: { '_spf.mail.test': { TXT: ['v=spf1 ip4:192.0.2.2 -all'] } } },
      'spf _spf.mail.test',
      'failed',
      'Add 192.0.2.1',
    ],
    [
      'bounces without SPF',
      { dns: { 'bounces.mail.test': { MX: ['10 mx.mail.test'] } } },
      'spf bounces.mail.test',
      'failed',
      'v=spf1 include:_spf.mail.test -all',
    ],
    [
      'bounces without MX',
      { dns: { 'bounces.mail.test': { TXT: ['v=spf1 include:_spf.mail.test -all'] } } },
      'bounces-mx',
      'failed',
      `10 ${host}`,
    ],
    ['bounces at a dead host', { dns: { 'mx.mail.test': {} } }, 'bounces-mx', 'failed', `10 ${host}`],
    [
      'bounces at other nodes',
      { dns: { 'mx.mail.test': { A: ['192.0.2.50'] } } },
      'bounces-mx',
      'warning',
      'other nodes',
    ],
    [
      'bounces by Email Routing',
      {
        dns: {
          'bounces.mail.test': {
            TXT: ['v=spf1 include:_spf.mail.test -all'],
            MX: ['10 route1.mx.cloudflare.net.', '20 route2.mx.cloudflare.net'],
          },
        },
      },
      'bounces-mx',
      'warning',
      `10 ${host}`,
    ],
    ['no mx', { dns: { 'mx.mail.test': {} } }, 'mx', 'warning', 'Publish A'],
    ['a database that is nearly full', { databaseBytes: 7.2e9 }, 'database-size', 'warning', 'Send less'],
    ['a database that is full', { databaseBytes: 9.5e9 }, 'database-size', 'failed', 'Send less'],
    ['an edge that does not tell', { edge: { status: 500 } }, 'database-size', 'unknown', 'update it'],
    ['an edge that is away', { edge: 'away' }, 'edge', 'failed', 'PENNYPOST_EDGE_URL'],
    ['a wrong token', { edge: { status: 401 } }, 'edge', 'failed', 'PENNYPOST_NODE_TOKEN'],
    ['a broken edge', { edge: { status: 500 } }, 'edge', 'failed', 'wrangler tail'],
    ['a clock that is late', { edge: { status: 404, timeMs: now + 120_000 } }, 'clock', 'failed', 'NTP'],
    ['a clock that is early', { edge: { status: 404, timeMs: now - 30_000 } }, 'clock', 'warning', 'NTP'],
    [
      'a resolver that lies',
      { dns: { 'absent.test': { A: ['203.0.113.200'] } } },
      'resolver-honest',
      'failed',
      'PENNYPOST_DNS_SERVERS',
    ],
    [
      'a resolver that refuses',
      { dns: { 'absent.test': 'refused' } },
      'resolver-honest',
      'failed',
      'PENNYPOST_DNS_SERVERS',
    ],
    [
      'a resolver that does not validate',
      { dns: { 'bad.dnssec.test': { A: ['203.0.113.4'] } } },
      'resolver-dnssec',
      'warning',
      'validating',
    ],
    [
      'a resolver that does not resolve',
      { dns: { 'good.dnssec.test': 'timeout' } },
      'resolver-dnssec',
      'failed',
      'PENNYPOST_DNS_SERVERS',
    ],
    [
      'no certificate',
      { env: { PENNYPOST_TLS_CERT_FILE: '', PENNYPOST_TLS_KEY_FILE: '' } },
      'certificate',
      'warning',
      'certbot',
    ],
    ['an unreadable certificate', { certificate: 'no PEM' }, 'certificate', 'failed', 'certbot'],
    [
      'a certificate of another name',
      { certificate: selfSigned('x.test', now).cert },
      'certificate',
      'failed',
      'certbot',
    ],
    ['an expired certificate', { atMs: now + 20 * 365 * day }, 'certificate', 'failed', 'Renew'],
    ['a certificate of the future', { atMs: now - 365 * day }, 'certificate', 'failed', 'clock'],
    [
      'a listed address',
      { dns: { '1.2.0.192.dnsbl.test': { A: ['127.0.0.2'], TXT: ['see https://x'] } } },
      'blocklist dnsbl.test 192.0.2.1',
      'failed',
      'Find the cause',
    ],
    [
      'a list that refuses',
      { dns: { '1.2.0.192.dnsbl.test': { A: ['127.255.255.254'] } } },
      'blocklist dnsbl.test 192.0.2.1',
      'unknown',
      'resolver',
    ],
    [
      'a list that is away',
      { dns: { '1.2.0.192.dnsbl.test': 'timeout' } },
      'blocklist dnsbl.test 192.0.2.1',
      'unknown',
      'later',
    ],
    [
      'a list that a liar answers',
      { dns: { '1.2.0.192.dnsbl.test': { A: ['203.0.113.200'] } } },
      'blocklist dnsbl.test 192.0.2.1',
      'unknown',
      'lie',
    ],
  ];
  it.each(faults)('finds %s', async (_, of, check, status, fix) => {
    const found = await find(of, check);
    expect(found).toMatchObject({ status, fix: expect.stringContaining(fix) });
  });

  it('warns when a certificate is about to expire', async () => {
    const { cert } = selfSigned(host, now);
    const endsMs = new X509Certificate(cert).validToDate.getTime();
    const found = await find({ certificate: cert, atMs: endsMs - 5 * day }, 'certificate');
    expect(found).toMatchObject({ status: 'warning', observed: expect.stringContaining('5 days') });
  });

  it('goes on when one thing cannot be looked at', async () => {
    const found = await examine({ ...patient({}), greet: () => Promise.reject(new Error('boom')) });
    expect(found.filter(({ status }) => status !== 'ok')).toEqual([
      expect.objectContaining({
        check: 'port-25',
        status: 'failed',
        observed: expect.stringContaining('boom'),
      }),
    ]);
  });
});

describe('a greeting', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function portOf(says: string | null): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (says === null) socket.destroy();
      else socket.write(says);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }
  const at = (port: number) => greet({ host: '127.0.0.1', port, localAddress: undefined });

  it('is the first line, with the address that we came from', async () => {
    const port = await portOf('220-hello\r\n220 there\r\n');
    expect(await at(port)).toEqual({ line: '220-hello', localAddress: '127.0.0.1' });
  });

  it('that does not come is an error', async () => {
    expect(await at(await portOf(null))).toMatchObject({ error: expect.any(String) });
    expect(await at(1)).toMatchObject({ error: expect.stringContaining('ECONNREFUSED') });
  });
});
