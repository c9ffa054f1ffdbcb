import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldField, hasShortLines, tooLongField } from '#domain/message/fold.ts';

const word = fc.stringMatching(/^[!-~]{1,120}$/);
const blank = fc.constantFrom(' ', '  ', '\t', ' \t ');
const value = fc
  .tuple(word, fc.array(fc.tuple(blank, word), { maxLength: 40 }))
  .map(([first, rest]) => first + rest.map((pair) => pair.join('')).join(''));

describe('a folded field', () => {
  it('unfolds to what it was, and has lines of 78 characters where words allow it', () => {
    fc.assert(
      fc.property(value, (text) => {
        const folded = foldField('X-Field', text);
        expect(folded.replaceAll('\r\n', '')).toBe(`X-Field: ${text}`);
        for (const line of folded.split('\r\n').slice(0, -1)) {
          expect(line.trim()).not.toBe('');
          if (line.length > 78) expect(line.replace(/^X-Field:/, '').trim()).not.toMatch(/[ \t]/);
        }
      }),
    );
  });

  it.each([
    ['', 'X:\r\n'],
    ['a ', 'X: a \r\n'],
    [' a', 'X: a\r\n'],
    ['   ', 'X:   \r\n'],
  ])('with the value %j is %j', (text, folded) => expect(foldField('X', text)).toBe(folded));

  it('is found when a line of it is over 998 octets', () => {
    expect(tooLongField(`A: b\r\nX: ${'x'.repeat(995)}\r\n`)).toBeNull();
    expect(tooLongField(`A: b\r\nX: y\r\n ${'x'.repeat(998)}\r\nB: c\r\n`)).toBe('X');
    expect(hasShortLines(`a\r\n${'x'.repeat(998)}\r\n`)).toBe(true);
    expect(hasShortLines(`a\r\n${'x'.repeat(999)}`)).toBe(false);
  });
});
