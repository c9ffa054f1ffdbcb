import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressFault,
  formatAddress,
  globalIpv6,
  hostFault,
  isLoopbackHost,
  parseAddress,
  parseHostAddress,
  refusedIpv4,
  refusedIpv6,
} from '#domain/dns/public-address.ts';

const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
const ipv4Number = fc.integer({ min: 0, max: 0xffffffff });

/** A part of an IPv4 address as some URL writes it. */
const spelled = (part: number) =>
  fc.constantFrom(String(part), `0x${part.toString(16)}`, `0X${part.toString(16)}`, `0${part.toString(8)}`);

/** All spellings of an IPv4 address: one to four parts, in three bases each. */
const spellings = (value: number) =>
  fc.constantFrom(1, 2, 3, 4).chain((count) => {
    const heads = [24, 16, 8].slice(0, count - 1).map((shift) => (value >>> shift) & 255);
    const last = count === 1 ? value : value % 2 ** (8 * (5 - count));
    return fc.tuple(...[...heads, last].map(spelled)).map((parts) => parts.join('.'));
  });

const blockList = (rows: readonly { prefix: string }[], family: 'ipv4' | 'ipv6') => {
  const list = new BlockList();
  for (const { prefix } of rows) {
    const [network = '', length] = prefix.split('/');
    list.addSubnet(network, Number(length), family);
  }
  return list;
};

describe('IPv4', () => {
  it('reads every spelling as a URL parser does', () => {
    fc.assert(
      fc.property(
        ipv4Number.chain((value) => fc.tuple(fc.constant(value), spellings(value))),
        ([value, spelling]) => {
          expect(new URL(`http://${spelling}/`).hostname).toBe(dotted(value));
          const address = parseHostAddress(spelling);
          expect(address).toEqual({ bits: 32, value: BigInt(value) });
          expect(hostFault(`${spelling}.`)).toBe(hostFault(dotted(value)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes and refuses the same hosts that end in a number', () => {
    const part = fc.oneof(
      fc.integer({ min: 0, max: 300 }).map(String),
      fc.constantFrom('0x', '0xff', '0xfg', '08', '010', '4294967295', '4294967296', '', 'a'),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const host = parts.join('.');
        const url = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : null;
        const address = parseHostAddress(host);
        if (address === 'invalid') expect(url).toBeNull();
        else if (address !== null) expect(url).toBe(formatAddress(address));
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses exactly the special ranges', () => {
    const list = blockList(refusedIpv4, 'ipv4');
    const edges = refusedIpv4.flatMap(({ prefix }) => {
      const [network = '', length] = prefix.split('/');
      const first = Number(parseAddress(network)?.value);
      const size = 2 ** (32 - Number(length));
      return [first, first + size - 1, first - 1, first + size].filter((v) => v >= 0 && v <= 0xffffffff);
    });
    fc.assert(
      fc.property(fc.oneof(ipv4Number, fc.constantFrom(...edges)), (value) => {
        expect(addressFault({ bits: 32, value: BigInt(value) }) !== null).toBe(list.check(dotted(value)));
      }),
      { numRuns: 5000 },
    );
  });

  it.each(['8.8.8.8', '1.1.1.1', '93.184.215.14', '172.15.255.255', '172.32.0.1', '100.128.0.1'])(
    'lets %s pass',
    (host) => expect(hostFault(host)).toBeNull(),
  );

  it.each([
    '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '0', '10.0.0.1', '192.168.1.1', '172.31.255.255',
    '169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192', '255.255.255.255', '224.0.0.1',
  ])('refuses %s', (host) => expect(hostFault(host)).toMatch(/is/)); // biome-ignore format: one line reads better
});

describe('IPv6', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });

  it('reads what a URL parser reads', () => {
    const text = fc.oneof(
      groups.map((g) => g.map((n) => n.toString(16)).join(':')),
      fc
        .tuple(fc.array(group, { maxLength: 4 }), fc.array(group, { maxLength: 4 }))
        .map(
          ([a, b]) => `${a.map((n) => n.toString(16)).join(':')}::${b.map((n) => n.toString(16)).join(':')}`,
        ),
      fc
        .tuple(fc.array(group, { maxLength: 5 }), ipv4Number)
        .map(([a, v]) => `${a.map((n) => n.toString(16)).join(':')}::${dotted(v)}`),
      fc.stringMatching(/^[0-9a-f:.]{1,20}$/),
    );
    fc.assert(
      fc.property(text, (address) => {
        const read = parseHostAddress(`[${address}]`);
        const valid = URL.canParse(`http://[${address}]/`);
        expect(read !== 'invalid').toBe(valid);
        if (read !== null && read !== 'invalid') {
          const host = new URL(`http://[${address}]/`).hostname;
          expect(new URL(`http://[${formatAddress(read)}]/`).hostname).toBe(host);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('lets pass only global unicast outside of the special ranges', () => {
    const global = blockList([{ prefix: globalIpv6 }], 'ipv6');
    const refused = blockList(refusedIpv6, 'ipv6');
    const starts = fc.constantFrom(
      0,
      0x64,
      0x100,
      0x1fff,
      0x2000,
      0x2001,
      0x2002,
      0x2003,
      0x3fff,
      0x4000,
      0xfc00,
      0xfe80,
      0xff02,
    );
    fc.assert(
      fc.property(
        groups,
        starts,
        fc.constantFrom(0, 1, 0x1ff, 0x200, 0xdb8, 0xfff, 0x1000),
        (g, first, second) => {
          const text = [first, second, ...g.slice(2)].map((n) => n.toString(16)).join(':');
          const address = parseAddress(text);
          if (!address) throw new Error(`${text} must be read`);
          const good = global.check(text, 'ipv6') && !refused.check(text, 'ipv6');
          expect(addressFault(address) === null).toBe(good);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses every form that carries an IPv4 address, whatever the address', () => {
    fc.assert(
      fc.property(ipv4Number, (value) => {
        const v4 = dotted(value);
        const hex = `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
        for (const text of [
          `::ffff:${v4}`,
          `::${v4}`,
          `64:ff9b::${v4}`,
          `2002:${hex}::1`,
          `2001:0:${hex}::1`,
        ]) {
          expect(hostFault(`[${text}]`)).toMatch(/ is /);
        }
      }),
    );
  });

  it.each([
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    'ff02::1',
    '2001:db8::1',
    'fec0::1',
  ])('refuses %s', (address) => expect(hostFault(`[${address}]`)).toMatch(/ is /));
  it.each(['2606:4700:4700::1111', '2a00:1450:4001:800::200e', '2001:4860:4860::8888'])(
    'lets %s pass',
    (address) => expect(hostFault(`[${address}]`)).toBeNull(),
  );
});

describe('names', () => {
  it.each([
    'localhost', 'LOCALHOST.', 'a.localhost', 'printer.local', 'metadata.google.internal', 'x.home.arpa', 'intranet',
    'nas.lan', 'a..example.com', '',
  ])('refuses %j', (host) => expect(hostFault(host)).not.toBeNull()); // biome-ignore format: one line reads better
  it.each(['example.com', 'hooks.example.co.uk.', 'localhost.example.com', 'xn--bcher-kva.example'])(
    'leaves %s to its addresses',
    (host) => expect(hostFault(host)).toBeNull(),
  );
  it('knows the loopback host', () => {
    for (const host of ['localhost', 'a.localhost', '127.9.9.9', '127.1', '[::1]'])
      expect(isLoopbackHost(host)).toBe(true);
    for (const host of ['10.0.0.1', '[::]', '[::2]', 'localhost.example.com', '0'])
      expect(isLoopbackHost(host)).toBe(false);
  });
  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (host) => {
        hostFault(host);
        isLoopbackHost(host);
        parseAddress(host);
      }),
    );
  });
});
