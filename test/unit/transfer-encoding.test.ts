import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, unbase64 } from '#domain/base64.ts';
import { decodeQuoted, encodeBase64, encodeQuoted, octetsText } from '#domain/inbound/transfer-encoding.ts';

const octets = fc.uint8Array({ maxLength: 400 }).map(octetsText);
const withLineEnds = fc
  .array(fc.oneof(octets, fc.constantFrom('\r\n', ' ', '\t', '=', ' \r\n', '\r', '\n')))
  .map((all) => all.join(''));

describe('transfer encodings', () => {
  it('give back what was encoded, whatever it is', () => {
    fc.assert(
      fc.property(withLineEnds, (text) => {
        expect(decodeQuoted(encodeQuoted(text))).toBe(text);
        expect(octetsText(unbase64(encodeBase64(text)))).toBe(text);
      }),
    );
  });
  it('make lines of 76 characters at most, of ASCII, without blanks at their ends', () => {
    fc.assert(
      fc.property(withLineEnds, (text) => {
        const lines = [encodeQuoted(text), encodeBase64(text)].flatMap((all) => all.split('\r\n'));
        for (const line of lines) expect(line).toMatch(/^(?:[\t -~]{0,75}[!-~])?$/);
      }),
    );
  });
  it('are those of others', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
    expect(decodeQuoted('a=3d=\r\nb=4=\r\n1 = \t\n=zz=4')).toBe('a=bA =zz=4');
  });
  it('take megabytes of the worst', () => {
    const most = 2_000_000;
    for (const text of ['=41', '=\r\n', '=', '\u00ff', ' ', '\r\n', 'a']) {
      const all = text.repeat(most / text.length);
      expect(decodeQuoted(encodeQuoted(all)).length).toBe(all.length);
      expect(decodeQuoted(all).length).toBeLessThanOrEqual(most);
    }
  });
});
