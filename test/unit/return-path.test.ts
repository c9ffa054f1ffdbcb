import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMessageId } from '#domain/message/ids.ts';
import {
  equalBytes,
  formatReturnPath,
  macBytes,
  parseReturnPath,
  signedBytes,
} from '#domain/message/return-path.ts';

const secret = randomBytes(32);
const macOf = (bytes: Uint8Array) => createHmac('sha256', secret).update(bytes).digest();
const tokenOf = (messageId: string, n: number) =>
  formatReturnPath(messageId, n, macOf(signedBytes(messageId, n)));

/** The delivery a local part speaks for, its HMAC verified. */
function verify(localPart: string): { messageId: string; n: number } | null {
  const token = parseReturnPath(localPart);
  if (!token || !equalBytes(macOf(token.signed).subarray(0, macBytes), token.mac)) return null;
  return { messageId: token.messageId, n: token.n };
}

const delivery = fc.record({
  messageId: fc
    .tuple(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
    .map(([ms, random]) => newMessageId(ms, random, 0)),
  n: fc.integer({ min: 0, max: 255 }),
});

describe('a return path', () => {
  it('tells its delivery again, in any case of its letters', () => {
    fc.assert(
      fc.property(delivery, fc.infiniteStream(fc.boolean()), ({ messageId, n }, upper) => {
        const text = tokenOf(messageId, n);
        const mixed = [...text].map((c) => (upper.next().value ? c.toUpperCase() : c)).join('');
        expect(verify(text)).toEqual({ messageId, n });
        expect(verify(mixed)).toEqual({ messageId, n });
      }),
    );
  });

  it('fits into the 64 octets of a local part (RFC 5321 §4.5.3.1.1) and needs no quoting', () => {
    fc.assert(
      fc.property(delivery, ({ messageId, n }) => {
        expect(tokenOf(messageId, n)).toMatch(/^b-[a-z2-7]{44}$/);
        expect(tokenOf(messageId, n).length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('does not verify when any one character is another', () => {
    const token = tokenOf(newMessageId(Date.UTC(2026, 10, 16), randomBytes(10), 0), 3);
    for (let i = 0; i < token.length; i++) {
      for (const char of 'abcdefghijklmnopqrstuvwxyz234567-0189_=.@') {
        if (char === token[i]) continue;
        expect(verify(token.slice(0, i) + char + token.slice(i + 1))).toBeNull();
      }
    }
  });

  it('does not verify when any one bit of what it says is another', () => {
    const messageId = newMessageId(Date.UTC(2026, 10, 16), randomBytes(10), 0);
    const signed = signedBytes(messageId, 3);
    const mac = macOf(signed).subarray(0, macBytes);
    for (let bit = 0; bit < signed.length * 8; bit++) {
      const flipped = Uint8Array.from(signed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(equalBytes(macOf(flipped).subarray(0, macBytes), mac)).toBe(false);
    }
    for (let bit = 0; bit < mac.length * 8; bit++) {
      const flipped = Uint8Array.from(mac);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(formatReturnPath(messageId, 3, flipped))).toBeNull();
    }
  });

  it("does not verify with another delivery's HMAC", () => {
    fc.assert(
      fc.property(delivery, delivery, (a, b) => {
        fc.pre(a.messageId !== b.messageId || a.n !== b.n);
        expect(verify(formatReturnPath(a.messageId, a.n, macOf(signedBytes(b.messageId, b.n))))).toBeNull();
      }),
    );
  });

  it('has one spelling: other unused last bits are no token (RFC 4648 §3.5)', () => {
    fc.assert(
      fc.property(delivery, ({ messageId, n }) => {
        const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
        const token = tokenOf(messageId, n);
        const last = alphabet.indexOf(token.at(-1) ?? '');
        for (let unused = 1; unused < 16; unused++) {
          expect(parseReturnPath(token.slice(0, -1) + alphabet[last ^ unused])).toBeNull();
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is not read out of anything that is longer, shorter or of another form', () => {
    const token = tokenOf(newMessageId(1, randomBytes(10), 0), 0);
    for (const text of [
      '',
      'b-',
      token.slice(1),
      token.slice(0, -1),
      `${token}a`,
      ` ${token}`,
      `${token}\n`,
    ]) {
      expect(parseReturnPath(text)).toBeNull();
    }
  });

  it('is never thrown at by any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseReturnPath(text)));
    fc.assert(
      fc.property(fc.stringMatching(/^b-[a-z2-7]{44}$/), (text) => {
        expect(verify(text)).toBeNull();
      }),
    );
  });
});

describe('the comparison of bytes', () => {
  it('is true for equal bytes and for nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true);
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(equalBytes(a, Uint8Array.from([...a, 0]))).toBe(false);
      }),
    );
  });
});
