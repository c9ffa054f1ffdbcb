import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMessageId } from '#domain/message/ids.ts';
import { parseReturnPath } from '#domain/message/return-path.ts';
import { readAddress } from '../../worker/inbound/address.ts';
import { returnPathSigner, verifyReturnPath } from '../../worker/tokens/return-path.ts';

const keyOf = (byte: number) => new Uint8Array(32).fill(byte);
const [newest, older, other] = [keyOf(1), keyOf(2), keyOf(3)];
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

async function localPartOf(messageId: string, n: number, key = newest): Promise<string> {
  const signer = await returnPathSigner([key]);
  return (await signer.addressOf(messageId, n, 'bounces.example')).split('@')[0] ?? '';
}

const anId = fc
  .uint8Array({ minLength: 10, maxLength: 10 })
  .map((random) => newMessageId(1_790_000_000_000, random, 0));
const aMessageId = newMessageId(1_790_000_000_000, keyOf(7).subarray(0, 10), 0);

describe('an address with a token', () => {
  it('gives back its delivery, in any case of letters, within 64 octets', async () => {
    await fc.assert(
      fc.asyncProperty(anId, fc.integer({ min: 0, max: 255 }), async (messageId, n) => {
        const localPart = await localPartOf(messageId, n);
        expect(localPart.length).toBeLessThanOrEqual(64);
        expect(await verifyReturnPath(localPart.toUpperCase(), [newest])).toMatchObject({ messageId, n });
      }),
      { numRuns: 200 },
    );
  });

  it('is good with each of two keys, and with no other', async () => {
    for (const key of [newest, older]) {
      const localPart = await localPartOf(aMessageId, 3, key);
      expect(await verifyReturnPath(localPart, [newest, older])).toMatchObject({
        messageId: aMessageId,
        n: 3,
      });
    }
    expect(await verifyReturnPath(await localPartOf(aMessageId, 3, other), [newest, older])).toBeNull();
  });

  it('is good no more when any one of its 220 bits is flipped', async () => {
    const localPart = await localPartOf(aMessageId, 0);
    const token = localPart.slice(2);
    const flipped: string[] = [];
    for (let at = 0; at < token.length; at++) {
      for (let bit = 0; bit < 5; bit++) {
        const letter = alphabet[alphabet.indexOf(token.charAt(at)) ^ (1 << bit)];
        flipped.push(`b-${token.slice(0, at)}${letter}${token.slice(at + 1)}`);
      }
    }
    expect(flipped).toHaveLength(220);
    for (const text of flipped) expect(await verifyReturnPath(text, [newest]), text).toBeNull();
    expect(await verifyReturnPath(localPart, [newest])).not.toBeNull();
  });

  it('has one spelling: what can be read is written the same again', async () => {
    const valid = await localPartOf(aMessageId, 0);
    const last = [...alphabet].map((letter) => valid.slice(0, -1) + letter);
    expect(last.filter((text) => parseReturnPath(text) !== null)).toEqual(
      last.filter((text) => 'aq'.includes(text.at(-1) ?? '')),
    );
  });

  it('is never made up by chance, and nothing makes the reader throw', async () => {
    const anyText = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...alphabet), { minLength: 44, maxLength: 44 }).map((l) => `b-${l.join('')}`),
    );
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        expect(await verifyReturnPath(text, [newest, older])).toBeNull();
        const { kind } = await readAddress(text, { serviceDomain: 'x.example', returnPathKeys: [newest] });
        expect(['forged', 'unknown']).toContain(kind);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an address without a domain', () => {
  it.each([
    ['postmaster', 'feedback'],
    ['PostMaster', 'feedback'],
    ['abuse', 'unknown'],
    ['', 'unknown'],
  ])('%j is taken only where RFC 5321 §4.5.1 has it: %s', async (address, kind) => {
    const of = { serviceDomain: 'x.example', returnPathKeys: [newest] };
    expect(await readAddress(address, of)).toEqual({ kind });
  });
});
