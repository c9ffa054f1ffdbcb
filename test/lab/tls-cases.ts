/**
 * What receivers ask of TLS and how they are, with what is to become of a message: by the product, by Postfix 3.7
 * (`smtp_tls_security_level = dane`; MTA-STS as its policy servers translate it, `secure match=…`), and by what mox
 * documents (packages mtasts, mtastsdb, smtpclient and queue/direct.go). Everything else is derived from this table.
 */
import type { Ending, Face, PolicyFault, Sts, Tlsa, TlsCase } from './tls-case.ts';

type More = Partial<Omit<TlsCase, 'label' | 'what' | 'face' | 'ours' | 'postfix' | 'mox'>>;
type Ends = [ours: Ending, postfix: Ending | null, mox: string];
const row = (label: string, what: string, face: Face, [ours, postfix, mox]: Ends, more: More): TlsCase => ({
  signed: false,
  ...more,
  label,
  what,
  face,
  ours,
  postfix,
  mox,
});

const enforce: Sts = { mode: 'enforce' };
const bySts = { sts: enforce, source: 'mta-sts' as const };
const ee = (of: Tlsa['of'], selector: 0 | 1 = 1, matching: 0 | 1 | 2 = 1): Tlsa => ({
  usage: 3,
  selector,
  matching,
  of,
});
const ta = (of: Tlsa['of'], selector: 0 | 1 = 0): Tlsa => ({ usage: 2, selector, matching: 1, of });
const byDane = (...tlsa: Tlsa[]) => ({ signed: true, tlsa, source: 'dane' as const });
const badPolicy = (fault: PolicyFault) => ({ sts: { ...enforce, fault }, source: null });

const all: Ends = ['verified', 'verified', 'delivered, verified'];
const allWait: Ends = ['deferred', 'deferred', 'deferred'];
const unasked: Ends = ['encrypted', 'encrypted', 'delivered, not verified'];

const mtaSts: TlsCase[] = [
  row('st-good', 'enforce, as it should be', 'good', all, bySts),
  row('st-wild', 'enforce, the MX by its wildcard', 'good', all, {
    ...bySts,
    sts: { ...enforce, mx: ['*.DOMAIN'] },
  }),
  row(
    'st-deep',
    'enforce, a wildcard two labels up',
    'good',
    // Postfix's `.sts.test` is any number of labels (smtp_tls_policy_maps, "match").
    ['deferred', 'verified', 'deferred: one label only'],
    { sts: { ...enforce, mx: ['*.sts.test'] }, why: /none of the hosts/ },
  ),
  row('st-mx', 'enforce, an MX that it does not name', 'good', allWait, {
    sts: { ...enforce, mx: ['other.example'] },
    why: /none of the hosts/,
  }),
  row('st-expired', 'enforce, a certificate that is over', 'expired', allWait, {
    ...bySts,
    why: /not valid now/,
  }),
  row('st-self', 'enforce, a self-signed certificate', 'self', allWait, { ...bySts, why: /not trusted/ }),
  row('st-foreign', 'enforce, an authority of nobody', 'stranger', allWait, { ...bySts, why: /not trusted/ }),
  row('st-other', 'enforce, a certificate for another name', 'other', allWait, {
    ...bySts,
    why: /is not for mx/,
  }),
  row('st-plain', 'enforce, no STARTTLS', 'none', allWait, { ...bySts, why: /offers no STARTTLS/ }),
  row('st-broken', 'enforce, a handshake that fails', 'broken', allWait, {
    ...bySts,
    why: /handshake failed/,
  }),
  row('st-454', 'enforce, STARTTLS refused', 'refuses', allWait, { ...bySts, why: /454/ }),
  row('st-test-name', 'testing, a certificate for another name', 'other', unasked, {
    sts: { mode: 'testing' },
    source: 'mta-sts',
    why: /is not for mx/,
  }),
  row('st-test-mx', 'testing, an MX that it does not name', 'good', unasked, {
    sts: { mode: 'testing', mx: ['other.example'] },
    source: 'mta-sts',
    why: /none of the hosts/,
  }),
  row('st-test-plain', 'testing, no STARTTLS', 'none', ['clear', 'clear', 'delivered in clear'], {
    sts: { mode: 'testing' },
    source: null,
  }),
  row('st-none', 'none, any certificate', 'self', unasked, { sts: { mode: 'none' }, source: null }),
  row('st-down', 'a policy host that is down', 'self', unasked, badPolicy('down')),
  row('st-silent', 'a policy host that never answers', 'self', unasked, badPolicy('silent')),
  row(
    'st-site-name',
    'a policy host with a certificate for another name',
    'self',
    unasked,
    badPolicy('wrong name'),
  ),
  row('st-site-over', 'a policy host with a certificate that is over', 'self', unasked, badPolicy('expired')),
  row(
    'st-site-self',
    'a policy host with a self-signed certificate',
    'self',
    unasked,
    badPolicy('self-signed'),
  ),
  row('st-404', 'a policy that is not there (404)', 'self', unasked, badPolicy('404')),
  row('st-redirect', 'a policy by redirect', 'self', unasked, badPolicy('redirect')),
  row('st-large', 'a policy of more than 64 KiB', 'self', unasked, badPolicy('too large')),
  row(
    'st-html',
    'a policy that is text/html',
    'self',
    // RFC 8461 §3.2: "the media type returned MUST be text/plain"; mox looks at no media type.
    ['encrypted', 'encrypted', 'deferred: the policy counts'],
    badPolicy('not text'),
  ),
  row('st-version', 'a policy without a version', 'self', unasked, badPolicy('no version')),
  row('st-id', 'a record with an id that is none', 'self', unasked, {
    sts: { ...enforce, texts: ['v=STSv1; id=not_one!;'] },
    source: null,
  }),
  row('st-twice', 'two records', 'self', unasked, {
    sts: { ...enforce, texts: ['v=STSv1; id=1;', 'v=STSv1; id=2;'] },
    source: null,
  }),
];

const dane: TlsCase[] = [
  row('da-311', '3 1 1 of a self-signed certificate', 'self', all, byDane(ee('self'))),
  row('da-301', '3 0 1', 'self', all, byDane(ee('self', 0))),
  row('da-312', '3 1 2', 'self', all, byDane(ee('self', 1, 2))),
  row('da-300', '3 0 0, the whole certificate', 'self', all, byDane(ee('self', 0, 0))),
  row('da-over', '3 1 1 of a certificate that is over', 'expired', all, byDane(ee('expired'))),
  row('da-name', '3 1 1 of a certificate for another name', 'other', all, byDane(ee('other'))),
  row('da-two', '3 1 1, the next key and this one', 'self', all, byDane(ee('stranger'), ee('self'))),
  row('da-miss', '3 1 1 of another key', 'good', allWait, {
    ...byDane(ee('self')),
    why: /none of those that DNS/,
  }),
  row('da-201', '2 0 1 of the authority', 'good', all, byDane(ta('authority'))),
  row('da-211', '2 1 1 of an authority of nobody', 'stranger', all, byDane(ta('foreign authority', 1))),
  row('da-next', '2 0 1, a certificate for the recipient domain', 'nexthop', all, byDane(ta('authority'))),
  row('da-ta-name', '2 0 1, a certificate for another name', 'other', allWait, {
    ...byDane(ta('authority')),
    why: /is not for mx/,
  }),
  row('da-ta-over', '2 0 1, a certificate that is over', 'expired', allWait, {
    ...byDane(ta('authority')),
    why: /not valid now/,
  }),
  row('da-ta-miss', '2 0 1 of an authority that did not issue it', 'good', allWait, {
    ...byDane(ta('foreign authority')),
    why: /none of those that DNS/,
  }),
  row('da-pkix', '1 1 1 and 0 0 1 only, which SMTP does not know', 'self', unasked, {
    ...byDane({ ...ee('good'), usage: 1 }, { ...ta('authority'), usage: 0 }),
  }),
  row('da-pkix-plain', '1 1 1 only, no STARTTLS', 'none', allWait, {
    ...byDane({ ...ee('good'), usage: 1 }),
    why: /offers no STARTTLS/,
  }),
  row('da-plain', '3 1 1, no STARTTLS', 'none', allWait, {
    ...byDane(ee('good')),
    why: /offers no STARTTLS/,
  }),
  row('da-broken', '3 1 1, a handshake that fails', 'broken', allWait, {
    ...byDane(ee('broken')),
    why: /handshake failed/,
  }),
  row('da-alias', '3 1 1 at the name that the MX is an alias of', 'self', all, {
    ...byDane(ee('self')),
    dns: 'alias',
  }),
  row('da-no', 'a signed zone without TLSA, no STARTTLS', 'none', ['clear', 'clear', 'delivered in clear'], {
    signed: true,
    source: null,
  }),
  row('da-insecure', 'a host below an insecure delegation, 3 1 1 of another key', 'self', unasked, {
    ...byDane(ee('good')),
    dns: 'insecure host',
    source: null,
  }),
  row(
    'da-mx',
    'an MX that is not signed, 3 1 1 of another key',
    'self',
    // RFC 7672 §2.2.1 leaves it open; Postfix has smtp_tls_dane_insecure_mx_policy, which is `dane` here.
    ['encrypted', 'deferred', 'delivered, not verified'],
    { ...byDane(ee('good')), dns: 'insecure MX', source: null },
  ),
  row('da-bogus', 'a domain whose signatures are wrong', 'good', allWait, {
    signed: true,
    dns: 'bogus domain',
    why: /DNS did not answer/,
  }),
  row('da-bogus-mx', 'a host whose signatures are wrong', 'good', allWait, {
    signed: true,
    dns: 'bogus host',
    why: /DNS did not answer|no MX host of/,
  }),
  row('da-fails', 'TLSA that ends in SERVFAIL', 'good', allWait, {
    signed: true,
    dns: 'TLSA fails',
    why: /cannot be known/,
  }),
];

const both: TlsCase[] = [
  row('bo-dane', 'DANE that is met, MTA-STS that is not', 'self', all, {
    ...byDane(ee('self')),
    sts: enforce,
  }),
  row('bo-sts', 'DANE that is not met, MTA-STS that is', 'good', allWait, {
    ...byDane(ee('self')),
    sts: enforce,
    why: /DANE asks/,
  }),
  row(
    'bo-pkix',
    'DANE of unknown usages only, MTA-STS that is not met',
    'self',
    ['deferred', 'deferred', 'deferred'],
    { ...byDane({ ...ee('good'), usage: 1 }), sts: enforce, why: /MTA-STS asks/ },
  ),
];

const nobody: TlsCase[] = [
  row('no-self', 'nothing asked, a self-signed certificate', 'self', unasked, { source: null }),
  row('no-plain', 'nothing asked, no STARTTLS', 'none', ['clear', 'clear', 'delivered in clear'], {
    source: null,
  }),
  row(
    'no-broken',
    'nothing asked, a handshake that fails',
    'broken',
    ['deferred, then clear', 'deferred, then clear', 'delivered in clear at once'],
    { why: /handshake failed/ },
  ),
  row(
    'no-454',
    'nothing asked, STARTTLS refused',
    'refuses',
    ['deferred, then clear', 'clear', 'delivered in clear at once'],
    { why: /454/ },
  ),
  row(
    'no-inject',
    'nothing asked, clear text after the 220 to STARTTLS',
    'injects',
    // Postfix throws the text away and goes on.
    ['deferred', 'encrypted', 'not documented'],
    { why: /unencrypted text after STARTTLS/ },
  ),
];

const wishes: TlsCase[] = [
  row(
    'wi-good',
    'require_tls, a certificate that is trusted',
    'good',
    ['verified', null, 'bounced: no policy'],
    {
      wish: 'require_tls',
      source: 'require_tls',
    },
  ),
  row('wi-self', 'require_tls, a self-signed certificate', 'self', ['deferred', null, 'bounced: no policy'], {
    wish: 'require_tls',
    why: /not trusted.*the message itself asks/,
  }),
  row('wi-plain', 'require_tls, no STARTTLS', 'none', ['deferred', null, 'bounced: no policy'], {
    wish: 'require_tls',
    why: /offers no STARTTLS/,
  }),
  row(
    'wi-broken',
    'require_tls, a handshake that fails',
    'broken',
    ['deferred', null, 'bounced: no policy'],
    {
      wish: 'require_tls',
      why: /handshake failed/,
    },
  ),
  row(
    'wi-dane',
    'require_tls, 3 1 1 of a self-signed certificate',
    'self',
    ['verified', null, 'bounced: no REQUIRETLS'],
    {
      ...byDane(ee('self')),
      wish: 'require_tls',
    },
  ),
  row(
    'wi-test',
    'require_tls, MTA-STS testing, another name',
    'other',
    ['deferred', null, 'bounced: no policy'],
    {
      sts: { mode: 'testing' },
      wish: 'require_tls',
      why: /is not for mx/,
    },
  ),
  row(
    'wi-onward',
    'REQUIRETLS, a host that offers it',
    'requiretls',
    ['verified', null, 'bounced: no policy'],
    {
      wish: 'REQUIRETLS',
      source: 'require_tls',
    },
  ),
  row(
    'wi-stops',
    'REQUIRETLS, a host that does not offer it',
    'good',
    ['deferred, then bounced', null, 'bounced: 5.7.30'],
    { wish: 'REQUIRETLS', why: /does not offer REQUIRETLS/ },
  ),
  row(
    'wi-no-sts',
    'TLS-Required: No, MTA-STS enforced, no STARTTLS',
    'none',
    ['clear', null, 'delivered in clear'],
    {
      sts: enforce,
      wish: 'TLS-Required: No',
      source: null,
    },
  ),
  row(
    'wi-no-dane',
    'TLS-Required: No, 3 1 1 of another key',
    'good',
    ['encrypted', null, 'delivered, not verified'],
    {
      ...byDane(ee('self')),
      wish: 'TLS-Required: No',
      source: null,
    },
  ),
];

export const tlsCases: readonly TlsCase[] = [...mtaSts, ...dane, ...both, ...nobody, ...wishes];
