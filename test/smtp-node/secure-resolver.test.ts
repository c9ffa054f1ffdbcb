import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import * as dnsPacket from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { createSecureResolver, secureSourceOf } from '../../smtp-node/tls-policy/secure-resolver.ts';

let udp: Socket;
let tcp: Server | null = null;
afterEach(() => {
  udp.close();
  tcp?.close();
  tcp = null;
});

interface Script {
  flags?: number;
  answers?: unknown[];
  /** Sends this first, as somebody would who guesses. */
  forged?: boolean;
  silent?: boolean;
}
async function serve(scripts: Script[]): Promise<{ port: number; asked: dnsPacket.DecodedPacket[] }> {
  const asked: dnsPacket.DecodedPacket[] = [];
  const answerTo = (query: dnsPacket.DecodedPacket, { flags = 0, answers = [] }: Script, id = query.id) =>
    ({ type: 'response', id, flags, questions: query.questions, answers }) as dnsPacket.Packet;
  udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    const query = dnsPacket.decode(bytes);
    const script = scripts[Math.min(asked.length, scripts.length - 1)] ?? {};
    asked.push(query);
    if (script.silent) return;
    if (script.forged)
      udp.send(
        dnsPacket.encode(answerTo(query, { flags: ad }, (query.id ?? 0) ^ 1)),
        from.port,
        from.address,
      );
    udp.send(dnsPacket.encode(answerTo(query, script)), from.port, from.address);
  });
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  tcp = createServer((socket) => {
    socket.once('data', (bytes) => {
      const query = dnsPacket.streamDecode(bytes) as dnsPacket.DecodedPacket;
      const whole = dnsPacket.streamEncode(answerTo(query, { flags: ad, answers: [a] }));
      // In two pieces, as the network may have it.
      socket.write(whole.subarray(0, 5));
      setTimeout(() => socket.write(whole.subarray(5)), 20);
    });
  });
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  return { port, asked };
}

const ad = dnsPacket.AUTHENTIC_DATA;
const a = { type: 'A', name: 'mx.test', ttl: 60, data: '192.0.2.1' };
const resolverAt = (port: number, now = Date.now) =>
  createSecureResolver({ source: { servers: [{ host: '127.0.0.1', port }] }, timeoutMs: 300, now });

describe('an answer of a validating resolver', () => {
  it.each([
    ['is secure when it says so', { flags: ad, answers: [a] }, { kind: 'records', secure: true }],
    ['is not when it does not', { answers: [a] }, { kind: 'records', secure: false }],
    ['may be that there is nothing', { flags: ad }, { kind: 'none', secure: true }],
    ['may be that there is no such name', { flags: ad | 3 }, { kind: 'none', secure: true }],
    [
      'that does not validate is a failure',
      { flags: 2 },
      { kind: 'failed', text: 'DNS says SERVFAIL for mx.test A' },
    ],
    [
      'is told from one that somebody guessed',
      { forged: true, answers: [a] },
      { kind: 'records', secure: false },
    ],
    [
      'comes over TCP when it is long',
      { flags: dnsPacket.TRUNCATED_RESPONSE },
      { kind: 'records', secure: true },
    ],
  ] as [string, Script, object][])('%s', async (_, script, expected) => {
    const { port, asked } = await serve([script]);
    expect(await resolverAt(port).ask('mx.test', 'A')).toMatchObject(expected);
    expect(asked[0]?.flag_ad).toBe(true);
  });

  it('is asked for again when none comes, and that none came is said', async () => {
    const second = await serve([{ silent: true }, { flags: ad, answers: [a] }]);
    expect(await resolverAt(second.port).ask('mx.test', 'A')).toMatchObject({ kind: 'records' });
    udp.close();
    tcp?.close();
    const never = await serve([{ silent: true }]);
    expect(await resolverAt(never.port).ask('mx.test', 'A')).toMatchObject({ kind: 'failed' });
    expect(never.asked).toHaveLength(2);
  });

  it('is kept for as long as it says', async () => {
    let nowMs = 0;
    const { port, asked } = await serve([{ flags: ad, answers: [a] }]);
    const resolver = resolverAt(port, () => nowMs);
    for (const ms of [0, 59_000, 61_000]) {
      nowMs = ms;
      await resolver.ask('mx.test', 'A');
    }
    expect(asked).toHaveLength(2);
  });
});

describe('whose word is taken', () => {
  it.each([
    ['auto', ['192.0.2.53'], null],
    ['auto', ['127.0.0.53', '192.0.2.53'], { servers: [{ host: '127.0.0.53', port: 53 }] }],
    ['auto', ['[::1]:5353'], { servers: [{ host: '::1', port: 5353 }] }],
    ['auto', ['127.0.0.11'], null],
    [
      'trust',
      ['192.0.2.53:5300', '2001:db8::1'],
      {
        servers: [
          { host: '192.0.2.53', port: 5300 },
          { host: '2001:db8::1', port: 53 },
        ],
      },
    ],
    ['https://dns.example/dns-query', [], { url: 'https://dns.example/dns-query' }],
    ['off', ['127.0.0.1'], null],
  ] as const)('%s, with %j', async (setting, servers, source) => {
    await serve([]);
    expect(secureSourceOf(setting, servers)).toEqual(source);
  });
});
