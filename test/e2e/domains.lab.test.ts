/**
 * A customer's domain in the mail lab, from nothing to all right and back: Knot serves the zones, the product asks
 * through its own endpoint, and sending is refused and allowed accordingly. The tests follow one another.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeCertificate } from '../lab/certificates.ts';
import type { DnsRecord } from '../lab/hosts.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { Api } from '../support/api.ts';
import { makeNodeToken } from '../support/node-token.ts';
import { repository, Standalone, standaloneArguments } from '../support/standalone.ts';

const record = z.looseObject({
  kind: z.string(),
  type: z.enum(['TXT', 'CNAME', 'MX']),
  name: z.string(),
  value: z.string(),
  status: z.string().nullable(),
  fix: z.string().nullable(),
});
const domainFacts = z.looseObject({
  id: z.uuid(),
  domain: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
  return_path_host: z.string().nullable(),
  records: z.array(record),
});
const slowDown = z.looseObject({ limit_type: z.literal('minute'), retry_after_seconds: z.number().max(60) });
type DomainFacts = z.infer<typeof domainFacts>;
const findings = z.object({
  ok: z.boolean(),
  findings: z.array(
    z.object({ check: z.string(), status: z.string(), observed: z.string(), fix: z.string().nullable() }),
  ),
});

const name = 'proving.test';
const service = 'pennypost.test';

describeInLab('a domain among real name servers', (lab) => {
  let product: Standalone;
  let api: Api;
  let dataDir: string;
  let domain: DomainFacts;

  beforeAll(async () => {
    const { sender, mx1 } = lab.hosts;
    await lab.dns.put(service, [
      { name: 'bounces', type: 'MX', value: `10 ${sender.fqdn}.` },
      { name: 'bounces', type: 'TXT', value: `v=spf1 include:_spf.${service} -all` },
      { name: '_spf', type: 'TXT', value: `v=spf1 ip4:${sender.ipv4} ip6:${sender.ipv6} -all` },
      { name: 'reports', type: 'MX', value: `10 ${sender.fqdn}.` },
      { name: '*._report._dmarc.reports', type: 'TXT', value: 'v=DMARC1' },
      { name: 'mx', type: 'A', value: sender.ipv4 ?? '' },
    ]);
    await lab.dns.set('others.test', [
      ...Array.from(
        { length: 10 },
        (_, i): DnsRecord => ({ name: `i${i}`, type: 'TXT', value: 'v=spf1 -all' }),
      ),
      { name: 'provider', type: 'TXT', value: `v=spf1 ip4:${mx1.ipv4} -all` },
    ]);
    dataDir = join(lab.handle.dir, 'product-of-domains');
    await mkdir(dataDir);
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, ['--deliver']), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: sender.fqdn,
        // the lab's IPv6 addresses are local ones
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
        NODE_EXTRA_CA_CERTS: lab.caFile,
      },
    });
    product = await Standalone.of(child, dataDir);
    const { port } = await lab.forward('sender', Number(new URL(product.facts.apiUrl).port));
    api = new Api(`http://127.0.0.1:${port}`, product.facts.liveKey);
    domain = await create(name);
  }, 180_000);

  afterAll(async () => {
    expect(await product?.terminate()).toBe(0);
  }, 60_000);

  async function create(wanted: string): Promise<DomainFacts> {
    const { status, answer } = await api.call('POST', '/v1/domains', { domain: wanted });
    expect(status, JSON.stringify(answer)).toBe(201);
    await warmingOff(wanted);
    return domainFacts.parse(answer);
  }

  /** A domain on its first day may send one message a minute, which is not what is looked at here. */
  async function warmingOff(which: string): Promise<void> {
    const operator = new Api(api.url, product.facts.operatorToken);
    const path = `/admin/v1/accounts/1/domains/${which}/warming`;
    expect((await operator.call('PUT', path, { state: 'off' })).status).toBe(200);
  }

  /** Verifies a domain; it may be asked some times a minute only, so it waits when it is told to. */
  async function verify(which = domain): Promise<DomainFacts> {
    for (;;) {
      const { status, answer } = await api.call('POST', `/v1/domains/${which.id}/verify`);
      if (status !== 429) return domainFacts.parse(answer);
      await setTimeout(slowDown.parse(answer).retry_after_seconds * 1000);
    }
  }

  /** The records of the kinds named, as the zone of the domain has them. */
  function zoneOf(which: DomainFacts, kinds: string[]): DnsRecord[] {
    return which.records
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ type, name: owner, value }) => ({
        name: owner === which.domain ? '@' : owner.slice(0, -which.domain.length - 1),
        type,
        value: type === 'TXT' ? value : `${value}.`,
      }));
  }

  const checkOf = (kind: string, of: DomainFacts) => of.records.find((one) => one.kind === kind);
  const message = (from: string, subject: string) => ({
    from,
    to: 'user-domains@example.net',
    subject,
    text_body: 'Good day',
  });

  /** What a sender hears by HTTP and by SMTP while the domain may not send. */
  async function refused(why: string, which = domain): Promise<void> {
    const from = `shop@${which.domain}`;
    const { status, answer } = await api.call('POST', '/v1/send', message(from, 'refused'));
    expect([status, answer]).toEqual([
      403,
      expect.objectContaining({ detail: expect.stringContaining(why) }),
    ]);
    const { ok, reply } = await submit(from, 'refused');
    expect(ok).toBe(false);
    expect(reply).toMatch(/^550 5\.7\.1 /);
    expect(reply).toContain(why);
  }

  function submit(from: string, subject: string) {
    const { smtp, liveKey } = product.facts;
    const args = ['--auth', 'PLAIN', '--auth-user', smtp.username, '--auth-password', liveKey];
    const to = 'user-domains@example.net';
    return swaks(lab, { server: smtp.host, port: smtp.port, tls: true, from, to, subject, args });
  }

  const ways = ['ownership', 'spf', 'dkim'];

  describe('on its way to all right', () => {
    it('has nothing: no such zone', async () => {
      const after = await verify();
      expect(after.status).toBe('pending');
      for (const kind of [...ways, 'return_path', 'dmarc']) {
        expect(checkOf(kind, after)).toMatchObject({ kind, status: 'missing' });
      }
      await refused('its ownership is not verified (missing)');
    });

    it('has wrong values', async () => {
      await lab.dns.set(name, [
        { name: '_pennypost', type: 'TXT', value: 'pennypost-verification=someone-else' },
        { name: '@', type: 'TXT', value: 'v=spf1 include:provider.others.test -all' },
        { name: 'pp-bounces', type: 'CNAME', value: 'mx1.lab.test.' },
        { name: '_dmarc', type: 'TXT', value: 'v=DMARC1; p=perhaps' },
      ]);
      const after = await verify();
      for (const kind of ['ownership', 'spf', 'return_path', 'dmarc']) {
        expect(checkOf(kind, after)).toMatchObject({ kind, status: 'wrong' });
      }
      expect(checkOf('spf', after)?.fix).toContain(
        `v=spf1 include:_spf.${service} include:provider.others.test -all`,
      );
      await refused('its ownership is not verified (wrong)');
    });

    it('has a part of them', async () => {
      await lab.dns.set(name, zoneOf(domain, ['ownership', 'spf']));
      const after = await verify();
      expect(checkOf('spf', after)?.status).toBe('ok');
      expect(after.reason).toBe('its DKIM key is not verified (missing).');
      await refused('its DKIM key is not verified (missing)');
    });

    it('has two SPF records', async () => {
      const second: DnsRecord = { name: '@', type: 'TXT', value: 'v=spf1 include:provider.others.test ?all' };
      await lab.dns.set(name, [...zoneOf(domain, ways), second]);
      const after = await verify();
      expect(checkOf('spf', after)).toMatchObject({ status: 'multiple' });
      await refused('its SPF is not verified (multiple)');
    });

    it('has an SPF record that needs eleven lookups', async () => {
      const includes = Array.from({ length: 10 }, (_, i) => `include:i${i}.others.test`).join(' ');
      const value = `v=spf1 include:_spf.${service} ${includes} ~all`;
      await lab.dns.set(name, [...zoneOf(domain, ['ownership', 'dkim']), { name: '@', type: 'TXT', value }]);
      const after = await verify();
      expect(checkOf('spf', after)).toMatchObject({ status: 'wrong' });
      expect(checkOf('spf', after)?.fix).toContain('11 DNS lookups');
      await refused('its SPF is not verified (wrong)');
    });

    it('has another key at the selector', async () => {
      const [own] = zoneOf(domain, ['dkim']);
      if (!own) throw new Error('no DKIM record');
      const value = own.value.replace(/p=MIIB.{20}/, 'p=MIIBAAAAAAAAAAAAAAAAAAAA');
      await lab.dns.set(name, [...zoneOf(domain, ['ownership', 'spf']), { ...own, value }]);
      const after = await verify();
      expect(checkOf('dkim', after)).toMatchObject({ status: 'wrong' });
      expect(checkOf('dkim', after)?.fix).toContain('another key');
      await refused('its DKIM key is not verified (wrong)');
    });
  });

  describe('when all is right', () => {
    it('sends, and independent verifiers agree', async () => {
      await lab.dns.set(name, zoneOf(domain, [...ways, 'dkim_ed25519', 'return_path', 'dmarc']));
      const after = await verify();
      expect(after).toMatchObject({
        status: 'verified',
        reason: null,
        return_path_host: `pp-bounces.${name}`,
      });
      await api.send(message(`shop@${name}`, 'all right'));
      const mail = await lab.mailbox('mx1').waitFor({ subject: 'all right' });
      expect(mail.mailFrom).toMatch(new RegExp(`@pp-bounces\\.${name}$`));
      const verdict = await lab.verifiers.verify(mail);
      expect(verdict).toMatchObject({ spf: { result: 'pass' }, spfAligned: true, dkimAligned: true });
      expect(verdict.dkimpy.map(({ selector, pass }) => [selector, pass]).sort()).toEqual([
        ['pennypost', true],
        ['pennypost-ed', true],
      ]);
      expect((await submit(`shop@${name}`, 'all right by SMTP')).ok).toBe(true);
    });

    it('is enough with the CNAME and one DKIM TXT, and an unpublished Ed25519 key does not sign', async () => {
      const other = await create('two.test');
      await lab.dns.set('two.test', zoneOf(other, ['dkim', 'return_path']));
      expect(await verify(other)).toMatchObject({ status: 'verified' });
      await api.send(message('shop@two.test', 'two records'));
      const verdict = await lab.verifiers.verify(
        await lab.mailbox('mx1').waitFor({ subject: 'two records' }),
      );
      expect(verdict).toMatchObject({ spf: { result: 'pass' }, spfAligned: true, dkimAligned: true });
      expect(verdict.dkimpy.map(({ selector }) => selector)).toEqual(['pennypost']);
    });

    it('takes its key from the parent domain as well', async () => {
      const sub = await create('mta.parent.test');
      const [own] = zoneOf(sub, ['dkim']);
      await lab.dns.set('parent.test', [
        ...zoneOf(sub, ['return_path']).map((one) => ({ ...one, name: `${one.name}.mta` })),
        ...(own ? [own] : []),
      ]);
      expect(await verify(sub)).toMatchObject({ status: 'verified', signing_domain: 'parent.test' });
      await api.send(message('shop@mta.parent.test', 'by the parent'));
      const verdict = await lab.verifiers.verify(
        await lab.mailbox('mx1').waitFor({ subject: 'by the parent' }),
      );
      expect(verdict.dkimpy).toEqual([expect.objectContaining({ domain: 'parent.test', pass: true })]);
    });

    it('goes on sending when a record is removed, for the days that it may take to put it back', async () => {
      await lab.dns.set(name, zoneOf(domain, ['ownership', 'spf']));
      const after = await verify();
      expect(checkOf('dkim', after)).toMatchObject({ status: 'missing' });
      expect(after).toMatchObject({ status: 'verified', return_path_host: null });
      await api.send(message(`shop@${name}`, 'a record removed'));
      const mail = await lab.mailbox('mx1').waitFor({ subject: 'a record removed' });
      expect(mail.mailFrom).toMatch(new RegExp(`@bounces\\.${service}$`));
    });

    it('goes on sending when its name server fails', async () => {
      const root = await lab.dns.records('.');
      await lab.dns.remove(name);
      await lab.dns.add('.', [{ name, type: 'NS', value: 'gone.lab.test.' }]);
      expect(await lab.dns.status(name, 'TXT')).toBe('SERVFAIL');
      const after = await verify();
      for (const kind of ways) expect(checkOf(kind, after)).toMatchObject({ kind, status: 'lookup_failed' });
      expect(after.status).toBe('verified');
      await api.send(message(`shop@${name}`, 'server failing'));
      await lab.dns.set('.', root);
      await lab.dns.set(name, zoneOf(domain, ways));
      expect(await verify()).toMatchObject({ status: 'verified' });
    });
  });

  it('never becomes verified by a name server that fails', async () => {
    const lame = await create('servfail.test');
    const after = await verify(lame);
    expect(after.status).toBe('pending');
    for (const kind of ways) expect(checkOf(kind, after)).toMatchObject({ kind, status: 'lookup_failed' });
    await refused('its ownership is not verified (lookup_failed)', lame);
  });

  describe('the doctor', () => {
    let environment: Record<string, string>;
    beforeAll(async () => {
      const { fqdn } = lab.hosts.sender;
      const { key, cert } = await makeCertificate(lab.handle.dir, fqdn, 'lab-ca');
      await lab.dns.set('dnsbl.test', []);
      environment = {
        PENNYPOST_EDGE_URL: product.facts.apiUrl,
        PENNYPOST_NODE_TOKEN: await makeNodeToken(api.url, product.facts.operatorToken, fqdn),
        PENNYPOST_HOST_NAME: fqdn,
        PENNYPOST_TLS_CERT_FILE: cert,
        PENNYPOST_TLS_KEY_FILE: key,
      };
    });

    async function examine() {
      const args = [
        join(repository, 'smtp-node/operator/doctor.ts'),
        ...[
          '--json',
          '--mx-domain',
          'example.net',
          '--dnsbl',
          'dnsbl.test',
          '--absent-name',
          'no-such-domain.test',
        ],
        ...['--broken-dnssec-name', 'servfail.test', '--good-dnssec-name', 'dns.lab.test'],
      ];
      const { code, stdout } = await lab.run('sender', process.execPath, args, {
        env: environment,
        mayFail: true,
      });
      const told = findings.parse(JSON.parse(stdout));
      return { code, ok: told.ok, notWell: told.findings.filter(({ status }) => status !== 'ok') };
    }

    it('finds nothing when all is right', async () => {
      expect(await examine()).toEqual({ code: 0, ok: true, notWell: [] });
    });

    it('finds a missing PTR, a listing, a wrong _spf and a closed port', async () => {
      const { ipv4 = '', fqdn } = lab.hosts.sender;
      await lab.dns.replace('0.18.198.in-addr.arpa', '10', 'PTR', []);
      await lab.dns.set('dnsbl.test', [
        { name: '10.0.18.198', type: 'A', value: '127.0.0.2' },
        { name: '10.0.18.198', type: 'TXT', value: 'listed for a test' },
      ]);
      await lab.dns.replace(service, '_spf', 'TXT', ['v=spf1 ip4:192.0.2.1 -all']);
      await lab.dns.replace('example.net', '@', 'MX', ['10 down.lab.test.']);
      const { code, ok, notWell } = await examine();
      await lab.dns.replace('0.18.198.in-addr.arpa', '10', 'PTR', [`${fqdn}.`]);
      await lab.dns.replace('example.net', '@', 'MX', ['10 mx1.lab.test.']);
      expect([code, ok]).toEqual([1, false]);
      expect(notWell.map(({ check, status }) => [check, status])).toEqual([
        ['port-25-ipv4', 'failed'],
        ['port-25-ipv6', 'warning'],
        [`ptr ${ipv4}`, 'failed'],
        [`spf _spf.${service}`, 'failed'],
        [`spf bounces.${service}`, 'failed'],
        [`blocklist dnsbl.test ${ipv4}`, 'failed'],
      ]);
      expect(notWell.every(({ fix }) => fix !== null)).toBe(true);
    });
  });
});
