/**
 * Every host and every domain of the lab, as data. A new host is one entry of `hosts`; a new
 * destination is one entry of `domains`. Everything else (namespaces, addresses, forward and reverse
 * zones, certificates, Postfix instances) is derived from these two tables.
 */

export const recordTypes = [
  'A',
  'AAAA',
  'CNAME',
  'DS',
  'MX',
  'NS',
  'PTR',
  'TXT',
  'TLSA',
  'SRV',
  'CAA',
] as const;
export type RecordType = (typeof recordTypes)[number];

/** One record of a zone. `name` is relative to the zone (`@` is the zone itself); names in `value` are absolute. */
export interface DnsRecord {
  name: string;
  type: RecordType;
  value: string;
  ttlSeconds?: number;
}

/** What a Postfix server of the lab shows of TLS: see certificates.ts. */
export type TlsFace = 'lab-ca' | 'expired' | 'handshake-fails' | 'none';

export interface PostfixSettings {
  /** Domains whose mail is delivered into this host's mailbox; also the faults of recipients.ts apply to them. */
  mailFor?: readonly string[];
  /** Domains accepted for any recipient and handed on to the host named; what the next host refuses comes back as a DSN. */
  relayTo?: Readonly<Record<string, string>>;
  tls: TlsFace;
  /** Real greylisting by postgrey, with this delay. */
  greylistSeconds?: number;
  /** OpenDKIM and OpenDMARC before it: mail that fails the DMARC policy of its author's domain is refused (see dmarc.ts). */
  enforcesDmarc?: boolean;
  /** Words that are left out of the EHLO reply (Postfix `smtpd_discard_ehlo_keywords`). */
  withoutEhlo?: readonly string[];
  /** Further main.cf lines. */
  settings?: Readonly<Record<string, string>>;
  /** Further services of master.cf. */
  services?: readonly string[];
}

export interface EximSettings {
  /** Domains accepted for any recipient and handed on to the host named. */
  relayTo: Readonly<Record<string, string>>;
  /** How long a message of these domains is tried before it is returned, and after which its sender is warned. */
  lifetimeSeconds: number;
  warnAfterSeconds: number;
}

export interface Host {
  /** The fully qualified name; the forward and the reverse zone follow from it. */
  fqdn: string;
  ipv4?: string;
  ipv6?: string;
  postfix?: PostfixSettings;
  /** Left out where Exim is not (see exim.ts). */
  exim?: EximSettings;
}

/** RFC 2544's benchmark range and a ULA prefix: neither is routed anywhere. */
export const ipv4Prefix = '198.18.0.';
export const ipv6Prefix = 'fd98:18::';
/** An address that swallows every packet: a connection to it only ends by the client's own timeout. */
export const blackHole = `${ipv4Prefix}99`;

const at = (last: number) => ({ ipv4: `${ipv4Prefix}${last}`, ipv6: `${ipv6Prefix}${last}` });

const table = {
  /** Unbound (what resolv.conf names) in front of Knot (authoritative for every zone and the root). */
  dns: { fqdn: 'dns.lab.test', ...at(53) },
  /** Where the product runs. */
  sender: { fqdn: 'out.pennypost.test', ...at(10) },
  mx1: {
    fqdn: 'mx1.lab.test',
    ...at(25),
    postfix: {
      mailFor: [
        'example.net',
        'fallback.test',
        'blackhole.test',
        'danglingmx.test',
        'nomx.test',
        'relayed.test',
        'postfixbounce.test',
        'eximbounce.test',
        'xn--bcher-kva.test',
      ],
      tls: 'lab-ca',
    },
  },
  mx6: {
    fqdn: 'mx6.lab.test',
    ipv6: `${ipv6Prefix}26`,
    postfix: { mailFor: ['v6only.test'], tls: 'lab-ca' },
  },
  grey: {
    fqdn: 'grey.lab.test',
    ...at(27),
    postfix: { mailFor: ['grey.test'], tls: 'lab-ca', greylistSeconds: 5 },
  },
  expired: {
    fqdn: 'expired.lab.test',
    ...at(28),
    postfix: { mailFor: ['tlsexpired.test'], tls: 'expired' },
  },
  broken: {
    fqdn: 'broken.lab.test',
    ...at(29),
    postfix: { mailFor: ['tlsbroken.test'], tls: 'handshake-fails' },
  },
  /** An old server: no STARTTLS and no extension but SIZE and ENHANCEDSTATUSCODES. */
  plain: {
    fqdn: 'plain.lab.test',
    ...at(30),
    postfix: {
      mailFor: ['plain.test'],
      tls: 'none',
      withoutEhlo: ['smtputf8', '8bitmime', 'pipelining', 'chunking', 'dsn', 'etrn', 'vrfy'],
      settings: { smtputf8_enable: 'no', message_size_limit: '1048576' },
    },
  },
  /** Takes one connection of a client at a time: the second is answered with 421 4.7.0. */
  limited: {
    fqdn: 'limited.lab.test',
    ...at(31),
    postfix: {
      mailFor: ['limited.test'],
      tls: 'lab-ca',
      settings: { smtpd_client_connection_count_limit: '1' },
    },
  },
  /** Accepts every recipient of relayed.test and hands the mail to mx1: refusals become DSNs. */
  relay: {
    fqdn: 'relay.lab.test',
    ...at(32),
    // Loops are left to the next host to see.
    postfix: { relayTo: { 'relayed.test': 'mx1' }, tls: 'lab-ca', settings: { hopcount_limit: '100' } },
  },
  /** Accepts everything, hands it to mx1, warns early and gives up soon: every failure comes as a DSN. */
  bouncer: {
    fqdn: 'bouncer.lab.test',
    ...at(33),
    postfix: {
      relayTo: { 'postfixbounce.test': 'mx1' },
      tls: 'lab-ca',
      settings: {
        delay_warning_time: '2s',
        maximal_queue_lifetime: '15s',
        bounce_queue_lifetime: '15s',
        // It is the next host that scripts faults, not this one.
        smtpd_recipient_restrictions: 'reject_unauth_destination',
        smtpd_end_of_data_restrictions: '',
      },
    },
  },
  /** The same by Exim. */
  exim: {
    fqdn: 'exim.lab.test',
    ...at(34),
    exim: { relayTo: { 'eximbounce.test': 'mx1' }, warnAfterSeconds: 2, lifetimeSeconds: 15 },
  },
  /** Refuses what fails DMARC, as OpenDMARC judges it. */
  dmarc: {
    fqdn: 'dmarc.lab.test',
    ...at(35),
    postfix: { mailFor: ['dmarc.test'], tls: 'lab-ca', enforcesDmarc: true },
  },
  /** Receivers of every kind of TLS, each at an address of its own: started by the test that wants them. */
  faces: { fqdn: 'faces.lab.test', ...at(36) },
  /** Postfix as a sender, started by the test that wants it. */
  rival: { fqdn: 'rival.lab.test', ...at(37) },
  /** Takes mail of those who sign in and brings it to wherever DNS says: started by the test that wants it (see smarthost.ts). */
  smarthost: { fqdn: 'smarthost.lab.test', ...at(38) },
  /** Up, but nothing listens: connections are refused. */
  down: { fqdn: 'down.lab.test', ...at(40) },
} as const satisfies Record<string, Host>;

export type HostName = keyof typeof table;
export const hosts: Record<HostName, Host> = table;
export const isHostName = (name: string): name is HostName => Object.hasOwn(table, name);
export const hostNames = Object.keys(table).filter(isHostName);

const mx = (preference: number, host: HostName): DnsRecord => ({
  name: '@',
  type: 'MX',
  value: `${preference} ${hosts[host].fqdn}.`,
});

/** Destinations. A test may replace any of them, or add its own, by `lab.dns.set`. */
export const domains: Record<string, DnsRecord[]> = {
  'example.net': [mx(10, 'mx1')],
  /** `bücher.test` (RFC 5890). */
  'xn--bcher-kva.test': [mx(10, 'mx1')],
  /** The preferred host refuses connections. */
  'fallback.test': [mx(10, 'down'), mx(20, 'mx1')],
  /** The preferred host never answers. */
  'blackhole.test': [
    { name: '@', type: 'MX', value: '10 hole.blackhole.test.' },
    mx(20, 'mx1'),
    { name: 'hole', type: 'A', value: blackHole },
  ],
  /** The preferred MX names a host that does not exist. */
  'danglingmx.test': [{ name: '@', type: 'MX', value: '10 gone.danglingmx.test.' }, mx(20, 'mx1')],
  'alldown.test': [mx(10, 'down')],
  'grey.test': [mx(10, 'grey')],
  /** RFC 7505. */
  'nullmx.test': [{ name: '@', type: 'MX', value: '0 .' }],
  /** RFC 5321 §5.1: no MX, so the address is the implicit MX. */
  'nomx.test': [{ name: '@', type: 'A', value: hosts.mx1.ipv4 ?? '' }],
  /** Exists, and takes no mail at all. */
  'nothing.test': [],
  'v6only.test': [mx(10, 'mx6')],
  'tlsexpired.test': [mx(10, 'expired')],
  'tlsbroken.test': [mx(10, 'broken')],
  'plain.test': [mx(10, 'plain')],
  'limited.test': [mx(10, 'limited')],
  'relayed.test': [mx(10, 'relay')],
  'postfixbounce.test': [mx(10, 'bouncer')],
  'eximbounce.test': [mx(10, 'exim')],
  'dmarc.test': [mx(10, 'dmarc')],
};

/** Delegated by the root to a server that does not exist: every question ends in SERVFAIL. */
export const lameDomains: string[] = ['servfail.test'];

/** Signed by Knot, with their keys as trust anchors of Unbound (RFC 4035 §4.4). */
export const signedZones: string[] = ['sec.test'];
