import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domainFault, domainInName, isAscii, isWithin, parseMailbox } from '#domain/message/address.ts';

const local = (length: number) => 'a'.repeat(length);

describe('a mailbox that is good', () => {
  it.each([
    ['user@example.com', '', 'user', 'example.com'],
    ['  user@example.com  ', '', 'user', 'example.com'],
    ['User.Name+tag@EXAMPLE.Com', '', 'User.Name+tag', 'example.com'],
    ["o'brien!#$%&*/=?^_`{|}~-@example.com", '', "o'brien!#$%&*/=?^_`{|}~-", 'example.com'],
    ['"john doe"@example.com', '', '"john doe"', 'example.com'],
    ['"a\\"b@c"@example.com', '', '"a\\"b@c"', 'example.com'],
    ['Shop <shop@example.com>', 'Shop', 'shop', 'example.com'],
    ['<shop@example.com>', '', 'shop', 'example.com'],
    ['"Shop, Inc." <shop@example.com>', 'Shop, Inc.', 'shop', 'example.com'],
    ['"The \\"Shop\\"" <shop@example.com>', 'The "Shop"', 'shop', 'example.com'],
    ['Jörg <jörg@bücher.example>', 'Jörg', 'jörg', 'bücher.example'],
    ['用户@例子.广告', '', '用户', '例子.广告'],
    ['Dr. J. Shop <shop@example.com>', 'Dr. J. Shop', 'shop', 'example.com'],
    ['"The"  Shop <shop@example.com>', 'The Shop', 'shop', 'example.com'],
    ['shop@example.com (the, "shop)', 'the, "shop', 'shop', 'example.com'],
    ['Shop (b@other.example (nested)) <shop@example.com> (end)', 'Shop', 'shop', 'example.com'],
    ['(The shop) <shop@example.com>', 'The shop', 'shop', 'example.com'],
    ['"Shop (EU)" <shop@example.com>', 'Shop (EU)', 'shop', 'example.com'],
    ['"b@other.example" <shop@example.com>', 'b@other.example', 'shop', 'example.com'],
    ['=?utf-8?q?J=C3=B6rg?= <shop@example.com>', '=?utf-8?q?J=C3=B6rg?=', 'shop', 'example.com'],
    ['"a>b"@example.com', '', '"a>b"', 'example.com'],
    ['x@xn--bcher-kva.example', '', 'x', 'xn--bcher-kva.example'],
    [`${local(64)}@example.com`, '', local(64), 'example.com'],
  ])('%j', (text, name, localPart, domain) => {
    expect(parseMailbox(text)).toEqual({ name, address: `${localPart}@${domain}`, localPart, domain });
  });
});

describe('a mailbox that is refused, with a reason', () => {
  it.each([
    ['', 'is empty'],
    ['   ', 'is empty'],
    ['user', 'has no "@"'],
    ['@example.com', 'has nothing before the "@"'],
    ['user@', 'has nothing after the "@"'],
    ['user@localhost', 'without a dot'],
    ['user@example..com', 'not valid'],
    ['user@.example.com', 'not valid'],
    ['user@example.com.', 'not valid'],
    ['user@-a.example', 'not valid'],
    ['user@a-.example', 'not valid'],
    ['user@a_b.example', 'not valid'],
    ['user@192.0.2.1', 'not valid'],
    ['user@[192.0.2.1]', 'without a dot|not valid'],
    ['user@[IPv6:2001:db8::1]', 'without a dot|not valid'],
    [`user@${local(64)}.example`, 'not valid'],
    [`user@${`${local(60)}.`.repeat(4)}example.com`, '253 octets'],
    [`${local(64)}@${`${local(62)}.`.repeat(3)}abc`, '254 octets'],
    [`${local(65)}@example.com`, '64 octets'],
    [`${'ä'.repeat(33)}@example.com`, '64 octets'],
    ['.user@example.com', 'local part'],
    ['user.@example.com', 'local part'],
    ['us..er@example.com', 'local part'],
    ['us er@example.com', 'local part'],
    ['us,er@example.com', 'local part'],
    ['"unclosed@example.com', 'local part'],
    ['a@b@example.com', 'local part'],
    ['@relay.example:user@example.com', 'local part'],
    ['Group: user@example.com;', 'local part|not valid'],
    ['user@example.com, other@example.com', 'local part'],
    ['user@example.com>', 'without a "<"'],
    ['Shop <>', 'no "@"'],
    ['Shop <shop@example.com', 'without a ">"'],
    ['<ceo@victim.test> <a@example.com>', 'one mailbox alone'],
    ['ceo@victim.test <a@example.com>', 'quotation marks'],
    ['a <b> <c@example.com>', 'one mailbox alone'],
    ['Shop, Inc. <shop@example.com>', 'quotation marks'],
    ['Group: Shop <shop@example.com>', 'quotation marks'],
    ['Group: <shop@example.com>;', 'one mailbox alone'],
    ['Shop <shop@example.com>, b@example.com', 'one mailbox alone'],
    ['Shop <@relay.example:shop@example.com>', 'local part'],
    ['"unclosed <shop@example.com>', 'without a "<"'],
    ['"unclosed <shop@example.com', 'local part'],
    ['(unclosed shop@example.com', 'without its pair'],
    ['shop) <shop@example.com>', 'quotation marks'],
    ['a(c)b@example.com', 'local part'],
    ['shop@example.com b@example.com', 'local part'],
    ['user@example.com\r\nBcc: x@example.com', 'control character'],
    ['Na\0me <user@example.com>', 'control character'],
    ['user@example.com\n', 'control character'],
    ['tab\t<user@example.com>', 'control character'],
  ])('%j', (text, reason) => {
    const parsed = parseMailbox(text);
    expect(typeof parsed).toBe('string');
    expect(parsed).toMatch(new RegExp(reason.replace(/[.*+?^${}()[\]\\"<]/g, '\\$&')));
  });
});

describe('what nobody sees in an address', () => {
  it.each([
    ['you@example.net\u200b', 'you@example.net'],
    ['\ufeffyou@example.net', 'you@example.net'],
    ['\u00a0\u2028you@example.net\u3000', 'you@example.net'],
    ['Shop <\u200byou@example.net\u00a0>', 'you@example.net'],
    ['\u202dyou@example.net\u202c', 'you@example.net'],
  ])('is left out at the ends, as spaces are: %j', (text, address) => {
    expect(parseMailbox(text)).toMatchObject({ address });
  });

  it.each([
    ['y\u200bou@example.net', 'U+200B ZERO WIDTH SPACE in its local part'],
    ['you@exam\u00adple.net', 'U+00AD SOFT HYPHEN in its domain'],
    ['you\u202e@ten.elpmaxe', 'U+202E RIGHT-TO-LEFT OVERRIDE in its local part'],
    ['you@example\u00a0.net', 'U+00A0 NO-BREAK SPACE in its domain'],
    ['you@\u2066example.net', 'U+2066 LEFT-TO-RIGHT ISOLATE in its domain'],
    ['"a\u2003b"@example.net', 'U+2003 in its local part'],
    ['you@ex\ufe0fample.net', 'U+FE0F in its domain'],
    ['you\u{e0041}@example.net', 'U+E0041 in its local part'],
  ])('is named elsewhere: %j', (text, detail) => {
    expect(parseMailbox(text)).toContain(detail);
  });
});

describe('a domain that is not ASCII', () => {
  it.each([
    'faß.example',
    'l·l.example',
    'נעמי.example',
    'نامه\u200cای.example',
    '日本語・テスト.example',
    'ab--c.example',
  ])('is taken when IDNA2008 has it: %j', (domain) => {
    expect(domainFault(domain)).toBeNull();
  });

  it.each([
    ['☃.example', '"☃"'],
    ['i❤.example', '"❤"'],
    ['xn--i-7iq.example', '"❤"'],
    ['ｅxample.example', '"ｅ"'],
    ['ﬁsh.example', '"ﬁ"'],
    ['a\u0640b.example', '"\u0640"'],
    ['xn--a.example', 'not valid'],
    ['xn--0.example', 'not valid'],
    ['\u0301a.example', 'not valid'],
    ['אa.example', 'not valid'],
    ['a\u200db.example', 'not valid'],
  ])('is refused otherwise: %j', (domain, detail) => {
    expect(domainFault(domain)).toContain(detail);
  });
});

const atom = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}$/);
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const goodAddress = fc
  .tuple(
    fc.array(atom, { minLength: 1, maxLength: 3 }),
    fc.array(label, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('com', 'example', 'de'),
  )
  .map(([atoms, labels, top]) => ({ localPart: atoms.join('.'), domain: [...labels, top].join('.') }));

describe('reading mailboxes', () => {
  it('never throws and never lets a control character through', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('a', '.', '@', '<', '>', '"', '\\', ',', ' ', '\r', '\n', '\0', 'ä'))
        .map((chars) => chars.join('')),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        const parsed = parseMailbox(text);
        if (typeof parsed === 'string') expect(parsed).not.toBe('');
        else expect(parsed.address + parsed.name).not.toMatch(/[\0-\x1f\x7f]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps an address as it is, alone and behind a name', () => {
    fc.assert(
      fc.property(
        goodAddress,
        fc.stringMatching(/^[A-Za-z0-9 .,@<>'()-]{0,20}$/),
        ({ localPart, domain }, name) => {
          const address = `${localPart}@${domain}`;
          expect(parseMailbox(address)).toEqual({ name: '', address, localPart, domain });
          expect(parseMailbox(`"${name}" <${address}>`)).toEqual({ name, address, localPart, domain });
        },
      ),
    );
  });

  it('reads what it gave again and gives the same', () => {
    fc.assert(
      fc.property(goodAddress, fc.boolean(), ({ localPart, domain }, upper) => {
        const first = parseMailbox(`${localPart}@${upper ? domain.toUpperCase() : domain}`);
        if (typeof first === 'string') throw new Error(first);
        expect(parseMailbox(first.address)).toEqual(first);
      }),
    );
  });
});

describe('a display name', () => {
  it.each([
    'ceo@victim.test',
    'CEO@Victim.Test',
    ' <ceo@victim.test> ',
    '"ceo@victim.test"',
    '=?utf-8?B?Y2VvQHZpY3RpbS50ZXN0?=',
    '=?utf-8?Q?ceo=40victim?= =?utf-8?Q?=2Etest?=',
    '=?us-ascii?Q?ceo@victim.test?=',
    'ceo\uff20victim\uff0etest',
    'c\u200beo@vic\u00adtim.test',
    'ceo @ victim . test',
    "'ceo@victim.test'",
    '\u202aceo@victim.test\u202c',
  ])('%j is an address of victim.test', (name) => expect(domainInName(name)).toBe('victim.test'));

  it.each(['', 'Shop', 'Shop @ Home', 'ceo@victim.test via Shop', '@shop', 'a@b', 'a@b@c.test', '...@...'])(
    '%j is none',
    (name) => expect(domainInName(name)).toBeNull(),
  );
});

describe('a domain name', () => {
  it.each(['example.com', 'a.b.c.d', 'xn--bcher-kva.example', '1a.example', 'a-b.example', 'bücher.example'])(
    '%s is fine',
    (domain) => expect(domainFault(domain)).toBeNull(),
  );
  it.each(['', 'com', 'Example.com', 'a..b', 'a.b.', '.a.b', '-a.b', 'a-.b', 'a b.c', 'a/b.c', '10.0.0.1'])(
    '%j is not',
    (domain) => expect(domainFault(domain)).not.toBeNull(),
  );
});

describe('small questions', () => {
  it('ASCII ends at 127', () => {
    expect(isAscii('\0 ~\x7f')).toBe(true);
    expect(isAscii('\x80')).toBe(false);
    expect(isAscii('日')).toBe(false);
  });

  it('a domain is within itself and its parents, and within nothing that only ends alike', () => {
    expect(isWithin('example.com', 'example.com')).toBe(true);
    expect(isWithin('a.example.com', 'example.com')).toBe(true);
    expect(isWithin('badexample.com', 'example.com')).toBe(false);
    expect(isWithin('example.com', 'a.example.com')).toBe(false);
  });
});
