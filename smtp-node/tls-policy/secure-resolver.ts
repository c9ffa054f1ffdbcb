import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import * as dnsPacket from 'dns-packet';

/**
 * DNS answers with what a validating resolver says of them (RFC 4035 §3.2.3: the AD bit), which `node:dns` does not
 * tell. Only a resolver whose answers cannot be forged on the way is asked: one on this machine, one that the operator
 * trusts, or one over HTTPS (RFC 8484).
 */
export interface SecureResolver {
  /** Never rejects. Names without their last dot. */
  ask(name: string, type: SecureType): Promise<SecureAnswer>;
}

export type SecureType = 'A' | 'AAAA' | 'MX' | 'TLSA';

export type SecureAnswer =
  /** `secure`: signed, and the signatures are right; for no records, that there are none. */
  | { kind: 'records' | 'none'; secure: boolean; answers: readonly dnsPacket.Answer[] }
  /** No answer, or one that does not validate (SERVFAIL). */
  | { kind: 'failed'; text: string };

export interface ServerAddress {
  host: string;
  port: number;
}

/** Whom to ask: servers by UDP and TCP, or a URL over HTTPS. */
export type SecureSource = { servers: readonly ServerAddress[] } | { url: string };

export interface SecureResolverOptions {
  source: SecureSource;
  /** Longest wait for one server. Default 3 s. */
  timeoutMs?: number;
  now: () => number;
}

/** Docker's own resolver is on loopback and passes on what it hears. */
const notOfThisMachine = /^127\.0\.0\.11$/;

/**
 * Who may be asked, by what the configuration says: `auto` (resolvers of the system that run on this machine),
 * `trust` (the resolvers in use, wherever they are), `off`, or a URL.
 * @param servers those of the configuration; empty: the system's
 * @returns null when nobody can be trusted: there is no DANE then
 */
export function secureSourceOf(
  setting: 'auto' | 'trust' | 'off' | string,
  servers: readonly string[],
): SecureSource | null {
  if (setting === 'off') return null;
  if (setting.startsWith('https://')) return { url: setting };
  const all = (servers.length > 0 ? servers : getServers()).map(addressOf);
  const trusted =
    setting === 'trust'
      ? all
      : all.filter(({ host }) => (/^127\./.test(host) || host === '::1') && !notOfThisMachine.test(host));
  return trusted.length > 0 ? { servers: trusted } : null;
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function addressOf(text: string): ServerAddress {
  const [, bracketed, port6] = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? [];
  if (bracketed !== undefined) return { host: bracketed, port: Number(port6 ?? 53) };
  const [, host, port] = /^([^:]*):(\d+)$/.exec(text) ?? [];
  return host === undefined ? { host: text, port: 53 } : { host, port: Number(port) };
}

const mostKept = 20_000;
const shortestMs = 5_000;
const longestMs = 3_600_000;

export function createSecureResolver(options: SecureResolverOptions): SecureResolver {
  const kept = new Map<string, { answer: Promise<SecureAnswer>; untilMs: number }>();
  return {
    ask(name, type) {
      const key = `${type} ${name.toLowerCase()}`;
      const known = kept.get(key);
      if (known && known.untilMs > options.now()) return known.answer;
      const answer = ask(name, type, options);
      const entry = { answer, untilMs: options.now() + shortestMs };
      kept.delete(key);
      const [oldest] = kept.keys();
      if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
      kept.set(key, entry);
      void answer.then((given) => {
        if (given.kind === 'failed') kept.delete(key);
        else entry.untilMs = options.now() + ttlMsOf(given.answers);
      });
      return answer;
    },
  };
}

function ttlMsOf(answers: readonly dnsPacket.Answer[]): number {
  const ttls = answers.flatMap((answer) => ('ttl' in answer && answer.ttl !== undefined ? [answer.ttl] : []));
  const seconds = ttls.length > 0 ? Math.min(...ttls) : 60;
  return Math.min(longestMs, Math.max(shortestMs, seconds * 1000));
}

async function ask(name: string, type: SecureType, options: SecureResolverOptions): Promise<SecureAnswer> {
  const { source, timeoutMs = 3_000 } = options;
  const faults: string[] = [];
  const ways =
    'url' in source
      ? [(query: Query) => overHttps(source.url, query, timeoutMs)]
      : source.servers.map((server) => (query: Query) => overUdp(server, query, timeoutMs));
  for (const way of [...ways, ...ways]) {
    try {
      return read(await way(queryFor(name, type)), name, type);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { kind: 'failed', text: `DNS did not answer for ${name} ${type}: ${faults.at(-1) ?? 'no server'}` };
}

interface Query {
  packet: dnsPacket.Packet;
  id: number;
}

function queryFor(name: string, type: SecureType): Query {
  const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  const packet: dnsPacket.Packet = {
    type: 'query',
    id,
    // RFC 6840 §5.7: AD in a question asks for AD in the answer.
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ name, type }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as never],
  };
  return { packet, id };
}

function read(packet: dnsPacket.DecodedPacket, name: string, type: SecureType): SecureAnswer {
  const [question] = packet.questions ?? [];
  if (question?.name.toLowerCase() !== name.toLowerCase() || question.type !== type) {
    throw new Error('the answer is to another question');
  }
  const { rcode } = packet as { rcode?: string };
  const secure = packet.flag_ad === true;
  const answers = packet.answers ?? [];
  if (rcode === 'NXDOMAIN') return { kind: 'none', secure, answers: [] };
  // A validating resolver says SERVFAIL of what does not validate (RFC 4035 §5.5).
  if (rcode !== 'NOERROR')
    return { kind: 'failed', text: `DNS says ${rcode ?? 'nothing'} for ${name} ${type}` };
  const found = answers.some((answer) => answer.type === type);
  return { kind: found ? 'records' : 'none', secure, answers };
}

async function overUdp(
  server: ServerAddress,
  query: Query,
  timeoutMs: number,
): Promise<dnsPacket.DecodedPacket> {
  const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(server.port, server.host);
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    socket.send(dnsPacket.encode(query.packet));
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const [bytes] = (await once(socket, 'message', { signal: deadline })) as [Buffer];
      const packet = dnsPacket.decode(bytes);
      if (packet.id !== query.id) continue;
      return packet.flag_tc ? await overTcp(server, query, timeoutMs) : packet;
    }
  } finally {
    socket.close();
  }
}

async function overTcp(
  server: ServerAddress,
  query: Query,
  timeoutMs: number,
): Promise<dnsPacket.DecodedPacket> {
  const socket = connect(server);
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    await once(socket, 'connect', { signal: deadline });
    socket.write(dnsPacket.streamEncode(query.packet));
    let received = Buffer.alloc(0);
    for (;;) {
      const [chunk] = (await once(socket, 'data', { signal: deadline })) as [Buffer];
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) continue;
      const packet = dnsPacket.streamDecode(received) as dnsPacket.DecodedPacket;
      if (packet.id !== query.id) throw new Error('the answer is to another question');
      return packet;
    }
  } finally {
    socket.destroy();
  }
}

async function overHttps(url: string, query: Query, timeoutMs: number): Promise<dnsPacket.DecodedPacket> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/dns-message', Accept: 'application/dns-message' },
    // RFC 8484 §4.1: with id 0 answers can be cached on the way.
    body: Uint8Array.from(dnsPacket.encode({ ...query.packet, id: 0 })),
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  });
  if (!answer.ok) throw new Error(`${new URL(url).host} answers ${answer.status}`);
  const bytes = await answer.bytes();
  if (bytes.length > 65_535) throw new Error('the answer is too long');
  return dnsPacket.decode(Buffer.from(bytes));
}
