import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domainFault, isAscii, isWithin, parseMailbox } from '#domain/address.ts';

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
    ['a <b> <c@example.com>', 'a <b>', 'c', 'example.com'],
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
    ['Shop <shop@example.com', 'local part'],
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
