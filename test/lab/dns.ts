/**
 * The name service of the lab: Unbound resolves (so that CNAMEs across zones, timeouts and SERVFAIL are
 * as in the world) without keeping anything, and Knot is authoritative for the root and every zone. Knot signs some
 * zones, and Unbound validates them (RFC 4035).
 */
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type DnsRecord, hosts, ipv6Prefix, recordTypes, signedZones } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';
import { until } from './until.ts';
import { firstZones, zoneText } from './zones.ts';

const KNOT_PORT = 5300;

const zoneState = z.object({
  serial: z.number(),
  records: z.array(
    z.object({
      name: z.string(),
      type: z.enum(recordTypes),
      value: z.string(),
      ttlSeconds: z.number().optional(),
    }),
  ),
});
const allZones = z.record(z.string(), zoneState);
type AllZones = z.infer<typeof allZones>;

export class Dns {
  readonly #namespaces: Namespaces;
  readonly #dir: string;

  constructor(namespaces: Namespaces, labDir: string) {
    this.#namespaces = namespaces;
    this.#dir = join(labDir, 'dns');
  }

  async start(): Promise<void> {
    await mkdir(join(this.#dir, 'zones'), { recursive: true });
    await mkdir(join(this.#dir, 'db'), { recursive: true });
    const zones: AllZones = {};
    for (const [zone, records] of firstZones()) zones[zone] = { serial: 1, records };
    await this.#write(zones);
    await writeFile(join(this.#dir, 'unbound.conf'), this.#unboundConf());
    this.#daemon('knotd', ['-c', this.#knotConf]);
    // Unbound would remember a server that was not there yet.
    await this.#untilServed('.', 1);
    await writeFile(this.#anchorFile, await this.#trustAnchors());
    this.#daemon('unbound', ['-d', '-p', '-c', join(this.#dir, 'unbound.conf')]);
    await until('the name service to answer', 10_000, async () =>
      (await this.resolve('dns.lab.test', 'A')).includes(hosts.dns.ipv4 ?? ''),
    );
  }

  /** Replaces all records of a zone (but SOA and NS), making the zone if need be. Seen by every host on return. */
  async set(zone: string, records: DnsRecord[]): Promise<void> {
    await this.#change(zone, () => records);
  }

  /** Adds records to a zone, making the zone if need be. */
  async add(zone: string, records: DnsRecord[]): Promise<void> {
    await this.#change(zone, (before) => [...before, ...records]);
  }

  /** Replaces the records of one name (and type, if given) of a zone; with no records it removes them. */
  async replace(zone: string, name: string, type: DnsRecord['type'], values: string[]): Promise<void> {
    await this.#change(zone, (before) => [
      ...before.filter((record) => record.name !== name || record.type !== type),
      ...values.map((value) => ({ name, type, value })),
    ]);
  }

  /** Puts records in the place of those that have the same names and types; others stay. */
  async put(zone: string, records: DnsRecord[]): Promise<void> {
    const same = (a: DnsRecord) => (b: DnsRecord) => a.name === b.name && a.type === b.type;
    await this.#change(zone, (before) => [...before.filter((old) => !records.some(same(old))), ...records]);
  }

  /** Takes a zone away: its names become NXDOMAIN. */
  async remove(zone: string): Promise<void> {
    const zones = await this.#read();
    delete zones[zone];
    await this.#write(zones);
    await this.#knotc(['reload']);
    await this.#untilServed(zone, undefined);
  }

  /** The records that a zone has now, without SOA and NS. */
  async records(zone: string): Promise<DnsRecord[]> {
    return (await this.#read())[zone]?.records ?? [];
  }

  /** What the hosts see: the short answers to a question, asked of the resolver. */
  async resolve(name: string, type: string): Promise<string[]> {
    const { stdout } = await this.#dig([`@${hosts.dns.ipv4}`, '+short', name, type]);
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  }

  /** The response code to a question: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, or `undefined` without an answer. */
  async status(name: string, type: string): Promise<string | undefined> {
    const { stdout } = await this.#dig([`@${hosts.dns.ipv4}`, '+time=10', name, type]);
    return /status: ([A-Z]+)/.exec(stdout)?.[1];
  }

  async #change(zone: string, edit: (before: DnsRecord[]) => DnsRecord[]): Promise<void> {
    const zones = await this.#read();
    const before = zones[zone];
    const serial = (before?.serial ?? 0) + 1;
    zones[zone] = { serial, records: edit(before?.records ?? []) };
    await this.#write(zones);
    await this.#knotc(before ? ['-b', 'zone-reload', fqdn(zone)] : ['reload']);
    await this.#untilServed(zone, serial);
  }

  async #untilServed(zone: string, serial: number | undefined): Promise<void> {
    await until(`zone ${zone} to be served`, 10_000, async () => {
      const { stdout } = await this.#dig([
        '@127.0.0.1',
        '-p',
        `${KNOT_PORT}`,
        '+norecurse',
        fqdn(zone),
        'SOA',
      ]);
      if (serial === undefined) return /status: NXDOMAIN/.test(stdout);
      const served = Number(/SOA\s+\S+ \S+ (\d+) /.exec(stdout)?.[1] ?? -1);
      // Knot counts on where it signs.
      return signedZones.includes(zone) ? served >= serial : served === serial;
    });
  }

  /** The keys of the signed zones, as a master file. */
  async #trustAnchors(): Promise<string> {
    const keys = signedZones.map(async (zone) => {
      const ask = [
        '@127.0.0.1',
        '-p',
        `${KNOT_PORT}`,
        '+norecurse',
        '+noall',
        '+answer',
        fqdn(zone),
        'DNSKEY',
      ];
      return await until(`the keys of ${zone}`, 10_000, async () => (await this.#dig(ask)).stdout.trim());
    });
    return `${(await Promise.all(keys)).join('\n')}\n`;
  }

  #dig(args: string[]) {
    return this.#namespaces.run('dns', 'dig', ['+time=2', '+tries=1', ...args], { mayFail: true });
  }

  async #knotc(args: string[]): Promise<void> {
    await this.#namespaces.run('dns', 'knotc', ['-c', this.#knotConf, ...args]);
  }

  #daemon(command: string, args: string[]): void {
    const log = openSync(join(this.#dir, `${command}.log`), 'a');
    this.#namespaces.spawn('dns', command, args, { detached: true, stdio: ['ignore', log, log] }).unref();
  }

  get #stateFile(): string {
    return join(this.#dir, 'zones.json');
  }

  get #anchorFile(): string {
    return join(this.#dir, 'trust-anchors');
  }

  get #knotConf(): string {
    return join(this.#dir, 'knot.conf');
  }

  async #read(): Promise<AllZones> {
    if (!existsSync(this.#stateFile)) throw new Error('the lab is not up: no zones');
    return allZones.parse(JSON.parse(await readFile(this.#stateFile, 'utf8')));
  }

  async #write(zones: AllZones): Promise<void> {
    for (const [zone, { serial, records }] of Object.entries(zones)) {
      await writeFile(this.#zoneFile(zone), zoneText(zone, serial, records));
    }
    await writeFile(this.#knotConf, this.#knotConfText(Object.keys(zones)));
    await writeFile(`${this.#stateFile}.new`, JSON.stringify(zones, null, 1));
    await rename(`${this.#stateFile}.new`, this.#stateFile);
  }

  #zoneFile(zone: string): string {
    return join(this.#dir, 'zones', zone === '.' ? 'root.zone' : `${zone}.zone`);
  }

  #knotConfText(zones: string[]): string {
    return `
server:
  rundir: ${this.#dir}
  listen: 127.0.0.1@${KNOT_PORT}
  udp-workers: 1
  tcp-workers: 2
  background-workers: 1
database:
  storage: ${this.#dir}/db
log:
  - target: stderr
    any: info
template:
  - id: default
    zonefile-load: whole
    journal-content: none
    semantic-checks: false
zone:
${zones.map((zone) => this.#knotZone(zone)).join('')}`;
  }

  #knotZone(zone: string): string {
    const signing = signedZones.includes(zone) ? '    dnssec-signing: on\n    zonefile-sync: -1\n' : '';
    return `  - domain: ${fqdn(zone)}\n    file: ${this.#zoneFile(zone)}\n${signing}`;
  }

  #unboundConf(): string {
    return `
server:
  interface: ${hosts.dns.ipv4}
  interface: ${hosts.dns.ipv6}
  interface: 127.0.0.1
  access-control: 198.18.0.0/24 allow
  access-control: ${ipv6Prefix}/64 allow
  username: ""
  chroot: ""
  directory: ${this.#dir}
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor-file: ${this.#anchorFile}
  do-not-query-localhost: no
  # The tests change zones as they go: nothing may be remembered.
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  infra-host-ttl: 0
  # Names of the lab that Unbound would otherwise answer by itself.
  local-zone: "test." nodefault
  local-zone: "18.198.in-addr.arpa." nodefault
  local-zone: "d.f.ip6.arpa." nodefault
  insecure-lan-zones: yes
  unblock-lan-zones: yes
remote-control:
  control-enable: no
${['.', ...signedZones].map(stub).join('')}`;
  }
}

/** Where Unbound asks for a zone; for DS records it would follow the NS of a parent otherwise, which is Unbound itself. */
const stub = (zone: string) => `stub-zone:\n  name: "${zone}"\n  stub-addr: 127.0.0.1@${KNOT_PORT}\n`;
const fqdn = (zone: string) => (zone === '.' ? '.' : `${zone}.`);
