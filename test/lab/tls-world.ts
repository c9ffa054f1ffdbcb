/** Makes the receivers, the policy hosts and the zones of tls-cases.ts, and Postfix as a sender beside the product. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Authority } from '../support/authority.ts';
import type { FakeMxOptions } from '../support/fake-mx.ts';
import { type DnsRecord, hosts, ipv4Prefix } from './hosts.ts';
import type { Lab } from './lab.ts';
import type { PolicyHosts, PolicySite } from './policy-host.ts';
import {
  domainOf,
  type Face,
  faces,
  hostOf,
  type PolicyFault,
  type Sts,
  type Tlsa,
  type TlsCase,
} from './tls-case.ts';

type Certificate = { key: string; cert: string };

const addressOf = (face: Face) => `${ipv4Prefix}${101 + faces.indexOf(face)}`;
const policyAddress = `${ipv4Prefix}120`;
/** The faces that are no Postfix: it cannot misbehave so, and knows no REQUIRETLS before 3.11. */
const scripted: Partial<Record<Face, Omit<FakeMxOptions, 'tls'> & { fault?: string }>> = {
  injects: { fault: 'inject-tls' },
  requiretls: { extensions: ['PIPELINING', 'REQUIRETLS'] },
};

export class TlsWorld {
  readonly authority = new Authority();
  readonly foreign = new Authority();
  readonly #lab: Lab;
  readonly #cases: readonly TlsCase[];
  readonly #certificates: Record<Face, Certificate>;
  readonly #dir: string;
  #commands: string[] = [];

  constructor(lab: Lab, cases: readonly TlsCase[]) {
    this.#lab = lab;
    this.#cases = cases;
    this.#dir = join(lab.handle.dir, 'faces-tls');
    const names = [...new Set(cases.map(hostOf))];
    const good = this.authority.issue(names);
    this.#certificates = {
      good,
      nexthop: this.authority.issue([...new Set(cases.map(domainOf))]),
      other: this.authority.issue('other.example'),
      expired: this.authority.issue(names, 0),
      self: Authority.selfSigned(...names),
      stranger: this.foreign.issue(names),
      none: good,
      broken: good,
      refuses: good,
      injects: good,
      requiretls: good,
    };
  }

  get authorityFile(): string {
    return join(this.#dir, 'authority.pem');
  }

  /** All that the hosts with scripted faces were told, in the last message that they took. */
  get commands(): readonly string[] {
    return this.#commands;
  }

  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    await writeFile(this.authorityFile, this.authority.cert);
    const addresses = [...faces.map(addressOf), policyAddress].map(
      (address) => `addr add ${address}/24 dev eth0\n`,
    );
    await this.#lab.run('faces', 'ip', ['-batch', '-'], { input: addresses.join('') });
    await this.publish();
    await Promise.all([
      this.#startReceivers(),
      this.#startScripted(),
      this.#startPolicies(),
      this.#startRival(),
    ]);
  }

  /** @param changed in place of what the table says of these domains */
  async publish(changed: readonly TlsCase[] = []): Promise<void> {
    const now = this.#cases.map((one) => changed.find(({ label }) => label === one.label) ?? one);
    const zones = new Map<string, DnsRecord[]>(
      ['sts.test', 'ins.sec.test', 'bog.sec.test'].map((zone) => [zone, []]),
    );
    const signed: DnsRecord[] = [
      { name: 'ins', type: 'NS', value: `${hosts.dns.fqdn}.` },
      { name: 'bog', type: 'NS', value: `${hosts.dns.fqdn}.` },
      // Of a key that the zone does not have.
      { name: 'bog', type: 'DS', value: `12345 13 2 ${'ab'.repeat(32)}` },
    ];
    zones.set('sec.test', signed);
    for (const record of now.flatMap((one) => this.#recordsOf(one))) {
      const zone = [...zones.keys()]
        .sort((a, b) => b.length - a.length)
        .find((name) => record.name.endsWith(`.${name}`));
      if (!zone) throw new Error(`no zone for ${record.name}`);
      zones.get(zone)?.push({ ...record, name: record.name.slice(0, -zone.length - 1) });
    }
    for (const [zone, records] of zones) await this.#lab.dns.set(zone, records);
    const sites = Object.fromEntries(now.flatMap((one) => (one.sts ? [this.#siteOf(one, one.sts)] : [])));
    const config: PolicyHosts = { address: policyAddress, sites };
    await writeFile(join(this.#dir, 'policies.json'), JSON.stringify(config));
  }

  /** Records with their full names. */
  #recordsOf(one: TlsCase): DnsRecord[] {
    const [domain, host] = [domainOf(one), hostOf(one)];
    const target = one.dns === 'alias' ? `target.${host}` : host;
    const tlsa = (one.tlsa ?? []).map((spec) => this.#tlsaOf(spec));
    const { sts } = one;
    return [
      { name: domain, type: 'MX', value: `10 ${host}.` },
      { name: target, type: 'A', value: addressOf(one.face) },
      ...(target === host ? [] : [{ name: host, type: 'CNAME' as const, value: `${target}.` }]),
      ...tlsa.map((value) => ({ name: `_25._tcp.${target}`, type: 'TLSA' as const, value })),
      ...(one.dns === 'TLSA fails'
        ? [{ name: `_tcp.${host}`, type: 'NS' as const, value: 'gone.lab.test.' }]
        : []),
      ...(sts?.texts ?? (sts ? ['v=STSv1; id=1;'] : [])).map((value) => ({
        name: `_mta-sts.${domain}`,
        type: 'TXT' as const,
        value,
      })),
      ...(sts
        ? [
            {
              name: `mta-sts.${domain}`,
              type: 'A' as const,
              value: sts.fault === 'down' ? (hosts.down.ipv4 ?? '') : policyAddress,
            },
          ]
        : []),
    ];
  }

  #tlsaOf({ usage, selector, matching, of }: Tlsa): string {
    const authorities = { authority: this.authority.cert, 'foreign authority': this.foreign.cert };
    const pem =
      of in authorities ? authorities[of as keyof typeof authorities] : this.#certificates[of as Face].cert;
    const { raw, publicKey } = new X509Certificate(pem);
    const whole = selector === 0 ? raw : publicKey.export({ type: 'spki', format: 'der' });
    const data =
      matching === 0
        ? whole
        : createHash(matching === 1 ? 'sha256' : 'sha512')
            .update(whole)
            .digest();
    return `${usage} ${selector} ${matching} ${data.toString('hex')}`;
  }

  #siteOf(one: TlsCase, { mode, mx = ['MX'], fault }: Sts): [name: string, site: PolicySite] {
    const name = `mta-sts.${domainOf(one)}`;
    const patterns = mx.map((pattern) => pattern.replace('MX', hostOf(one)).replace('DOMAIN', domainOf(one)));
    const body = [
      'version: STSv1',
      `mode: ${mode}`,
      ...patterns.map((each) => `mx: ${each}`),
      'max_age: 604800',
      '',
    ];
    const site = {
      ...this.#certificateOfSite(name, fault),
      status: 200,
      headers: { 'Content-Type': 'text/plain' },
      body: body.join('\r\n'),
    };
    return [name, { ...site, ...answers(site.body, `https://mta-sts.st-good.sts.test`)[fault ?? 'down'] }];
  }

  #certificateOfSite(name: string, fault: PolicyFault | undefined): Certificate {
    if (fault === 'wrong name') return this.#certificates.other;
    if (fault === 'self-signed') return Authority.selfSigned(name);
    return this.authority.issue(name, fault === 'expired' ? 0 : 10);
  }

  async #startReceivers(): Promise<void> {
    const services: string[] = [];
    for (const face of faces) {
      if (scripted[face]) continue;
      const files = { key: join(this.#dir, `${face}.key`), cert: join(this.#dir, `${face}.pem`) };
      await writeFile(files.key, this.#certificates[face].key, { mode: 0o600 });
      await writeFile(files.cert, this.#certificates[face].cert);
      const options = {
        smtpd_tls_chain_files: `${files.key}, ${files.cert}`,
        smtpd_tls_security_level: face === 'none' ? 'none' : 'may',
        ...(face === 'broken' ? { smtpd_tls_protocols: '>=TLSv1, <=TLSv1' } : {}),
        // With settings that it cannot read a server offers STARTTLS and then says 454.
        ...(face === 'refuses' ? { smtpd_tls_protocols: 'none such' } : {}),
      };
      const given = Object.entries(options).map(([name, value]) => `\n  -o { ${name} = ${value} }`);
      services.push(`${addressOf(face)}:smtp inet n - n - - smtpd${given.join('')}`);
    }
    await this.#lab.startPostfix('faces', {
      mailFor: this.#cases.map(domainOf),
      tls: 'none',
      settings: {
        inet_interfaces: hosts.faces.ipv4 ?? '',
        inet_protocols: 'ipv4',
        smtpd_tls_received_header: 'yes',
      },
      services,
    });
  }

  async #startScripted(): Promise<void> {
    for (const face of faces) {
      const options = scripted[face];
      if (!options) continue;
      const whole = { ...options, address: addressOf(face), port: 25, tls: this.#certificates[face] };
      await this.#program('scripted-mx.ts', JSON.stringify(whole), (line) => {
        if (face === 'requiretls') this.#commands = JSON.parse(line) as string[];
      });
    }
  }

  async #startPolicies(): Promise<void> {
    await this.#program('policy-host.ts', join(this.#dir, 'policies.json'));
  }

  /** Starts a program of this folder in the host of the faces; resolves when it has printed its first line. */
  async #program(
    name: string,
    argument: string,
    onLine: (line: string) => void = () => undefined,
  ): Promise<void> {
    const file = new URL(name, import.meta.url).pathname;
    const child = this.#lab.spawn('faces', process.execPath, [file, argument], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.unref();
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) onLine(line);
    });
    if (child.stdout) await once(child.stdout, 'data');
  }

  /** Postfix that asks of receivers what they ask for: DANE itself, MTA-STS as a policy server would tell it. */
  async #startRival(): Promise<void> {
    const file = join(this.#dir, 'rival-policies');
    const enforced = this.#cases.filter(({ sts }) => sts?.mode === 'enforce' && !sts.fault && !sts.texts);
    const lines = enforced.map((one) => {
      const { mx = ['MX'] } = one.sts ?? {};
      const names = mx.map((each) =>
        each.replace('MX', hostOf(one)).replace('DOMAIN', domainOf(one)).replace(/^\*/, ''),
      );
      // A policy server of the kind of postfix-mta-sts-resolver leaves a domain to DANE where it has usable TLSA.
      const isDane = one.tlsa?.some(({ usage }) => usage > 1);
      return isDane ? '' : `${domainOf(one)} secure match=${names.join(':')} servername=hostname\n`;
    });
    await writeFile(file, lines.join(''));
    await this.#lab.startPostfix('rival', {
      tls: 'none',
      settings: {
        mynetworks: '127.0.0.0/8',
        relay_domains: '',
        smtpd_relay_restrictions: 'permit_mynetworks, reject',
        smtpd_recipient_restrictions: 'permit_mynetworks, reject',
        smtp_dns_support_level: 'dnssec',
        smtp_tls_security_level: 'dane',
        smtp_tls_CAfile: this.authorityFile,
        smtp_tls_policy_maps: `texthash:${file}`,
        smtp_tls_loglevel: '1',
        smtp_tls_protocols: '>=TLSv1.2',
        default_destination_concurrency_limit: '50',
      },
    });
  }
}

function answers(body: string, elsewhere: string): Partial<Record<PolicyFault, Partial<PolicySite>>> {
  return {
    silent: { status: 0 },
    '404': { status: 404 },
    redirect: { status: 302, headers: { Location: `${elsewhere}/.well-known/mta-sts.txt` } },
    'too large': { body: `${body}${'note: much to say\r\n'.repeat(4_000)}` },
    'not text': { headers: { 'Content-Type': 'text/html' } },
    'no version': { body: body.replace(/^version.*\r\n/, '') },
  };
}
