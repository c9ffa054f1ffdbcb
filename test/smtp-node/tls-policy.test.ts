import { createHash, X509Certificate } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { MTASTSPolicyResult } from 'mailauth/lib/mta-sts.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Courier } from '../../smtp-node/outbound/courier.ts';
import { StsPolicies } from '../../smtp-node/tls-policy/mta-sts.ts';
import { tlsPoliciesOf } from '../../smtp-node/tls-policy/policy.ts';
import type { SecureAnswer, SecureResolver } from '../../smtp-node/tls-policy/secure-resolver.ts';
import { Authority } from '../support/authority.ts';
import { courierTo, failureOf, send } from '../support/courier.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';

const authority = new Authority();
const stranger = new Authority();
const faces = {
  trusted: authority.issue('mx.test'),
  otherName: authority.issue('other.test'),
  domainName: authority.issue('example.test'),
  expired: authority.issue('mx.test', 0),
  untrusted: stranger.issue('mx.test'),
} as const;

const before = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([...before, authority.cert]));
afterAll(() => setDefaultCACertificates(before));

let mx: FakeMx;
let courier: Courier;
afterEach(async () => {
  await courier.close();
  await mx.close();
});

type Dns = Partial<Record<'MX' | 'A' | 'AAAA' | 'TLSA', SecureAnswer>>;
const records = (answers: unknown[], secure = true): SecureAnswer => ({
  kind: 'records',
  secure,
  answers: answers as never,
});
const none = (secure = true): SecureAnswer => ({ kind: 'none', secure, answers: [] });
const bogus: SecureAnswer = { kind: 'failed', text: 'DNS says SERVFAIL' };
const signed: Dns = { MX: records([]), A: records([]) };

/** A resolver that answers by type, whatever the name. */
const resolverOf = (dns: Dns): SecureResolver => ({ ask: async (_name, type) => dns[type] ?? none() });

interface Tlsa {
  usage: number;
  of: string;
  selector?: number;
  matchingType?: number;
}
function tlsa(...entries: Tlsa[]): SecureAnswer {
  return records(
    entries.map(({ usage, of, selector = 1, matchingType = 1 }) => {
      const certificate = new X509Certificate(of);
      const whole =
        selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
      const data =
        matchingType === 0
          ? whole
          : createHash(matchingType === 1 ? 'sha256' : 'sha512')
              .update(whole)
              .digest();
      return {
        type: 'TLSA',
        name: '_25._tcp.mx.test',
        data: { usage, selector, matchingType, certificate: data },
      };
    }),
  );
}

interface Sts {
  mode: 'enforce' | 'testing' | 'none';
  mx?: string[];
}
async function meet(
  face: FakeMxOptions,
  { dns = {}, sts }: { dns?: Dns; sts?: Sts | undefined },
): Promise<void> {
  mx = await startFakeMx(face);
  const policy = sts
    ? {
        id: '1',
        mx: ['mx.test'],
        maxAge: 86_400,
        expires: new Date(Date.now() + 86_400_000).toISOString(),
        ...sts,
      }
    : { id: false as const, mode: 'none' as const };
  const answer: MTASTSPolicyResult = { policy, status: sts ? 'found' : 'not_found' };
  const policies = new StsPolicies({
    lookUp: async () => answer,
    file: null,
    now: Date.now,
    onFault: () => undefined,
  });
  courier = courierTo(mx, {
    tlsPolicies: tlsPoliciesOf({ sts: policies, resolver: resolverOf(dns), port: 25 }),
  });
}

const ca = authority.cert;
const enforce: Sts = { mode: 'enforce' };
const leaf = (face: keyof typeof faces) => faces[face].cert;

/** What a host is like, what is asked of it, and how the message goes: encrypted, in clear, or not at all. */
type Case = [
  what: string,
  face: FakeMxOptions,
  asked: { dns?: Dns; sts?: Sts },
  outcome: 'tls' | 'clear' | 'deferred',
  fault?: RegExp,
];
const cases: Case[] = [
  ['nobody asks, a certificate that is trusted', { tls: faces.trusted }, {}, 'tls'],
  ['nobody asks, any certificate', { tls: faces.untrusted }, {}, 'tls'],
  ['nobody asks, no STARTTLS', {}, {}, 'clear'],
  ['MTA-STS enforced, as it should be', { tls: faces.trusted }, { sts: enforce }, 'tls'],
  ['MTA-STS enforced, no STARTTLS', {}, { sts: enforce }, 'deferred', /offers no STARTTLS; MTA-STS/],
  [
    'MTA-STS enforced, a certificate for another name',
    { tls: faces.otherName },
    { sts: enforce },
    'deferred',
    /not for mx\.test/,
  ],
  [
    'MTA-STS enforced, a certificate that is over',
    { tls: faces.expired },
    { sts: enforce },
    'deferred',
    /not valid now/,
  ],
  [
    'MTA-STS enforced, a certificate of nobody',
    { tls: faces.untrusted },
    { sts: enforce },
    'deferred',
    /not trusted/,
  ],
  [
    'MTA-STS enforced, an MX that it does not name',
    { tls: faces.trusted },
    { sts: { ...enforce, mx: ['a.test'] } },
    'deferred',
    /none of the hosts/,
  ],
  [
    'MTA-STS enforced, an MX by its wildcard',
    { tls: faces.trusted },
    { sts: { ...enforce, mx: ['*.test'] } },
    'tls',
  ],
  [
    'MTA-STS enforced, a wildcard of more labels',
    { tls: faces.trusted },
    { sts: { ...enforce, mx: ['*.mx.test'] } },
    'deferred',
    /none of the hosts/,
  ],
  [
    'MTA-STS enforced, a handshake that fails',
    { tls: faces.trusted, onConnection: () => 'bad-tls' },
    { sts: enforce },
    'deferred',
    /TLS handshake failed/,
  ],
  [
    'MTA-STS enforced, STARTTLS refused',
    { tls: faces.trusted, onConnection: () => 'refuse-tls' },
    { sts: enforce },
    'deferred',
    /STARTTLS/,
  ],
  ['MTA-STS testing, no STARTTLS', {}, { sts: { mode: 'testing' } }, 'clear'],
  [
    'MTA-STS testing, a certificate for another name',
    { tls: faces.otherName },
    { sts: { mode: 'testing' } },
    'tls',
  ],
  [
    'MTA-STS testing, an MX that it does not name',
    { tls: faces.trusted },
    { sts: { mode: 'testing', mx: ['a.test'] } },
    'tls',
  ],
  ['MTA-STS none', {}, { sts: { mode: 'none' } }, 'clear'],
  [
    'DANE-EE, the key of a certificate',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) } },
    'tls',
  ],
  [
    'DANE-EE, name and time do not matter',
    { tls: faces.expired },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('expired') }) } },
    'tls',
  ],
  [
    'DANE-EE, the whole certificate, SHA-512',
    { tls: faces.otherName },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('otherName'), selector: 0, matchingType: 2 }) } },
    'tls',
  ],
  [
    'DANE-EE, the key itself',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted'), matchingType: 0 }) } },
    'tls',
  ],
  [
    'DANE-EE, another key',
    { tls: faces.trusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) } },
    'deferred',
    /none of those that DNS names.*DANE/,
  ],
  [
    'DANE-EE, the old key and the new one',
    { tls: faces.trusted },
    {
      dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }, { usage: 3, of: leaf('trusted') }) },
    },
    'tls',
  ],
  [
    'DANE-TA, an authority that issued it',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: stranger.cert, selector: 0 }) } },
    'tls',
  ],
  [
    'DANE-TA, an authority that did not',
    { tls: faces.trusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: stranger.cert, selector: 0 }) } },
    'deferred',
    /none of those/,
  ],
  [
    'DANE-TA, an authority sent along that did not issue it',
    { tls: { ...faces.trusted, cert: leaf('trusted') + stranger.cert } },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: stranger.cert, selector: 0 }) } },
    'deferred',
    /none of those/,
  ],
  [
    'DANE-TA, for another name',
    { tls: faces.otherName },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: ca, selector: 0 }) } },
    'deferred',
    /not for mx\.test/,
  ],
  [
    'DANE-TA, for the recipient domain',
    { tls: faces.domainName },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: ca, selector: 0 }) } },
    'tls',
  ],
  [
    'DANE-TA, a certificate that is over',
    { tls: faces.expired },
    { dns: { ...signed, TLSA: tlsa({ usage: 2, of: ca, selector: 0 }) } },
    'deferred',
    /not valid now/,
  ],
  [
    'DANE, no STARTTLS',
    {},
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('trusted') }) } },
    'deferred',
    /offers no STARTTLS/,
  ],
  [
    'DANE, a handshake that fails',
    { tls: true, onConnection: () => 'bad-tls' },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('trusted') }) } },
    'deferred',
    /handshake/,
  ],
  [
    'DANE, only usages that SMTP does not know: any certificate',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 1, of: leaf('trusted') }) } },
    'tls',
  ],
  [
    'DANE, only usages that SMTP does not know, no STARTTLS',
    {},
    { dns: { ...signed, TLSA: tlsa({ usage: 0, of: ca }) } },
    'deferred',
    /offers no STARTTLS/,
  ],
  [
    'DANE, an MX that is not signed',
    {},
    { dns: { MX: records([], false), A: records([]), TLSA: tlsa({ usage: 3, of: leaf('trusted') }) } },
    'clear',
  ],
  [
    'DANE, an address that is not signed',
    {},
    { dns: { MX: records([]), A: records([], false), TLSA: tlsa({ usage: 3, of: leaf('trusted') }) } },
    'clear',
  ],
  [
    'DANE, TLSA that is not signed',
    {},
    {
      dns: { ...signed, TLSA: { ...tlsa({ usage: 3, of: leaf('trusted') }), secure: false } as SecureAnswer },
    },
    'clear',
  ],
  ['DANE, no TLSA', {}, { dns: signed }, 'clear'],
  [
    'DANE, an MX that does not validate',
    { tls: faces.trusted },
    { dns: { MX: bogus } },
    'deferred',
    /cannot be known/,
  ],
  [
    'DANE, an address that does not validate',
    { tls: faces.trusted },
    { dns: { MX: records([]), A: bogus } },
    'deferred',
    /cannot be known/,
  ],
  [
    'DANE, TLSA that does not validate',
    { tls: faces.trusted },
    { dns: { ...signed, TLSA: bogus } },
    'deferred',
    /cannot be known/,
  ],
  [
    'DANE goes before MTA-STS that would be met',
    { tls: faces.trusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) }, sts: enforce },
    'deferred',
    /DANE/,
  ],
  [
    'DANE goes before MTA-STS that would not be met',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) }, sts: enforce },
    'tls',
  ],
  [
    'MTA-STS where DANE has nothing that can be used',
    { tls: faces.untrusted },
    { dns: { ...signed, TLSA: tlsa({ usage: 1, of: leaf('trusted') }) }, sts: enforce },
    'deferred',
    /not trusted .*; MTA-STS/,
  ],
];

describe('a message to a host', () => {
  it.each(cases)('%s', async (_, face, asked, outcome, fault) => {
    await meet(face, asked);
    // Twice: what fails is not sent in clear at a later attempt either.
    for (const attempt of [1, 2]) {
      const ended = await send(courier, { attempt });
      if (outcome === 'deferred') {
        expect(ended.type).toBe('deferred');
        expect(failureOf(ended).text).toMatch(fault ?? /never/);
        continue;
      }
      expect(ended.type).toBe('delivered');
      expect(ended.session.tls !== null).toBe(outcome === 'tls');
    }
    expect(mx.messages.map(({ encrypted }) => encrypted)).toEqual(
      outcome === 'deferred' ? [] : Array(2).fill(outcome === 'tls'),
    );
  });

  const wishes: [
    what: string,
    face: FakeMxOptions,
    asked: { dns?: Dns; sts?: Sts },
    tls: 'required' | 'optional',
    type: string,
  ][] = [
    ['that requires TLS, a certificate that is trusted', { tls: faces.trusted }, {}, 'required', 'delivered'],
    ['that requires TLS, a certificate of nobody', { tls: faces.untrusted }, {}, 'required', 'deferred'],
    ['that requires TLS, no STARTTLS', {}, {}, 'required', 'deferred'],
    [
      'that requires TLS, a key that DNS names',
      { tls: faces.untrusted },
      { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) } },
      'required',
      'delivered',
    ],
    [
      'that requires TLS, DANE of any certificate',
      { tls: faces.untrusted },
      { dns: { ...signed, TLSA: tlsa({ usage: 1, of: leaf('untrusted') }) } },
      'required',
      'deferred',
    ],
    [
      'that requires TLS, MTA-STS that is only tested',
      { tls: faces.untrusted },
      { sts: { mode: 'testing' } },
      'required',
      'deferred',
    ],
    ['that needs none, MTA-STS enforced', {}, { sts: enforce }, 'optional', 'delivered'],
    [
      'that needs none, DANE of another key',
      { tls: faces.trusted },
      { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('untrusted') }) } },
      'optional',
      'delivered',
    ],
  ];
  it.each(wishes)('%s', async (_, face, asked, tls, type) => {
    await meet(face, asked);
    expect((await send(courier, { tls, attempt: 2 })).type).toBe(type);
  });

  it('that requires TLS says so to a host that knows what that is', async () => {
    await meet({ tls: faces.trusted, extensions: ['PIPELINING', 'REQUIRETLS'] }, {});
    await send(courier, { tls: 'required' });
    await send(courier);
    expect(mx.messages.map(({ mailParameters }) => mailParameters.includes('REQUIRETLS'))).toEqual([
      true,
      false,
    ]);
  });

  it('submitted with REQUIRETLS goes to no other host, and bounces when none is found a second time', async () => {
    await meet({ tls: faces.trusted, extensions: ['PIPELINING'] }, {});
    const delivery = { tls: 'required', requiretls: true } as const;
    expect(await send(courier, delivery)).toMatchObject({
      type: 'deferred',
      failure: { status: '4.7.30', class: 'tls', text: expect.stringContaining('does not offer REQUIRETLS') },
    });
    expect(await send(courier, { ...delivery, attempt: 2 })).toMatchObject({
      type: 'bounced',
      failure: { status: '5.7.30' },
    });
    expect(mx.messages).toEqual([]);
  });

  it('submitted with REQUIRETLS says so to a host that offers it', async () => {
    await meet({ tls: faces.trusted, extensions: ['REQUIRETLS'] }, {});
    expect((await send(courier, { tls: 'required', requiretls: true })).type).toBe('delivered');
    expect(mx.messages[0]?.mailParameters).toContain('REQUIRETLS');
  });

  it('says that a certificate is verified that DNS names, whoever issued it', async () => {
    await meet({ tls: faces.expired }, { dns: { ...signed, TLSA: tlsa({ usage: 3, of: leaf('expired') }) } });
    const { tls } = (await send(courier)).session;
    expect(tls).toMatchObject({ verdict: 'verified', policy: { source: 'dane', mode: 'enforce' } });
    expect(tls).not.toHaveProperty('reason');
  });

  it('says that a certificate is not verified where DNS asks for any', async () => {
    await meet(
      { tls: faces.untrusted },
      { dns: { ...signed, TLSA: tlsa({ usage: 1, of: leaf('untrusted') }) } },
    );
    const { tls } = (await send(courier)).session;
    expect(tls).toMatchObject({
      verdict: 'unverified',
      reason: expect.any(String),
      policy: { source: 'dane' },
    });
  });

  it('says what was asked, by whom, and of which certificate', async () => {
    await meet({ tls: faces.trusted }, { sts: enforce });
    expect((await send(courier)).session.tls).toMatchObject({
      verdict: 'verified',
      issuer: 'Authority',
      expires: expect.stringMatching(/^20\d\d-/),
      policy: { source: 'mta-sts', mode: 'enforce' },
    });
  });

  it('says what a policy that is only tested would have refused', async () => {
    await meet({ tls: faces.otherName }, { sts: { mode: 'testing' } });
    expect((await send(courier)).session.tls?.policy).toEqual({
      source: 'mta-sts',
      mode: 'testing',
      fault: 'its certificate is not for mx.test',
    });
  });
});
