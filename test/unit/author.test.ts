import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAuthor } from '#domain/message/author.ts';

const anyText = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom('a', 'b.c', '@', '.', ',', ' ', '<', '>', '"', '(', ')', '\\', ':', ';', '[', 'x y'),
    )
    .map((parts) => parts.join('')),
);

describe('the author in a From field', () => {
  it.each([
    ['a@example.com', 'a@example.com'],
    ['Shop <a@example.com>', 'a@example.com'],
    ['"Shop, Inc." <a@example.com>', 'a@example.com'],
    ['"b@other.example" <a@example.com>', 'a@example.com'],
    ['b@other.example <a@example.com>', 'a@example.com'],
    ['a@example.com (the, shop)', 'a@example.com'],
    ['Shop (b@other.example (nested)) <a@example.com>', 'a@example.com'],
    ['"quo\\"te" <a@example.com>', 'a@example.com'],
    ['=?utf-8?q?J=C3=B6rg?= <a@example.com>', 'a@example.com'],
    ['John Q. Public <a@example.com>', 'a@example.com'],
    ['Shop < a@example.com >', 'a@example.com'],
    ['"john doe"@example.com', '"john doe"@example.com'],
    ['Shop <"a,b"@example.com>', '"a,b"@example.com'],
  ])('of %j is %s, and it stays as it came', (text, address) =>
    expect(readAuthor(text)).toEqual({ address, rewritten: null }),
  );

  it.each([
    ['Shop <a@example.com>,', 'a@example.com', 'Shop <a@example.com>'],
    [', ,Shop <a@example.com> , ', 'a@example.com', 'Shop <a@example.com>'],
    ['a@example.com,', 'a@example.com', 'a@example.com'],
    ['(one) , a@example.com (two),', 'a@example.com', 'a@example.com (two)'],
    ['Shop <@relay.example,@other.example:a@example.com>', 'a@example.com', 'Shop <a@example.com>'],
    ['Shop <a @ example . com>', 'a@example.com', 'Shop <a@example.com>'],
    ['a (the shop) @ example.com', 'a@example.com', 'a@example.com (the shop)'],
    ['"Shop, Inc." <a@example.com> (x),', 'a@example.com', '"Shop, Inc." <a@example.com> (x)'],
  ])('of %j, obsolete (RFC 5322 §4.4), is %s and is written clean', (text, address, rewritten) => {
    expect(readAuthor(text)).toEqual({ address, rewritten });
    expect(readAuthor(rewritten)).toEqual({ address, rewritten: null });
  });

  it.each([
    '',
    ',',
    'Shop',
    '<>',
    'a@example.com, b@example.com',
    'Shop <a@example.com>, b@example.com',
    'a@example.com b@example.com',
    'Shop a@example.com',
    'Group: a@example.com, b@example.com;',
    'Group: a@example.com;',
    '"unclosed <a@example.com>',
    '(unclosed a@example.com',
    '<a@example.com> <b@example.com>',
    '<a@example.com> <b@example.com> x',
    '<a@exa mple.com>',
    '<@relay.example a@example.com>',
    'a@b@example.com',
  ])('of %j is none', (text) => expect(readAuthor(text)).toBeNull());

  it('never throws; what is rewritten is read the same and needs no further rewriting', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const author = readAuthor(text);
        if (author === null) return;
        expect(author.address.split('@').length).toBeGreaterThan(1);
        if (author.rewritten === null) return;
        expect(readAuthor(author.rewritten)).toEqual({ address: author.address, rewritten: null });
      }),
      { numRuns: 5000 },
    );
  });
});
