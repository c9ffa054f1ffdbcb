import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptedEventId,
  formatUuid,
  isUuidV7,
  newMessageId,
  timeOfId,
  uuidToBytes,
  uuidV7,
} from '#domain/message/ids.ts';

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

describe('a UUID version 7', () => {
  it('has the form of RFC 9562 and holds its time', () => {
    fc.assert(
      fc.property(time, random, (ms, bytes) => {
        const id = uuidV7(ms, bytes);
        expect(isUuidV7(id)).toBe(true);
        expect(timeOfId(id)).toBe(ms);
      }),
    );
  });

  it('orders as text by its time', () => {
    fc.assert(
      fc.property(time, time, random, random, (a, b, x, y) => {
        fc.pre(a < b);
        expect(uuidV7(a, x) < uuidV7(b, y)).toBe(true);
      }),
    );
  });

  it('keeps all random bits apart from version and variant', () => {
    const id = uuidToBytes(uuidV7(0, new Uint8Array(10).fill(255)));
    expect([...id.subarray(6)]).toEqual([0x7f, 255, 0xbf, 255, 255, 255, 255, 255, 255, 255]);
  });

  it('goes through bytes and back unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect([...uuidToBytes(formatUuid(bytes))]).toEqual([...bytes]);
      }),
    );
  });

  it.each([
    ['', false],
    ['0190a6c4-7b1e-7abc-8def-0123456789ab', true],
    ['0190A6C4-7B1E-7ABC-8DEF-0123456789AB', false],
    ['0190a6c4-7b1e-4abc-8def-0123456789ab', false],
    ['0190a6c4-7b1e-7abc-cdef-0123456789ab', false],
    ['0190a6c47b1e7abc8def0123456789ab', false],
    ["0190a6c4-7b1e-7abc-8def-0123456789ab'", false],
    ['0190a6c4-7b1e-7abc-8def-0123456789ab\n', false],
  ])('%j is recognised: %s', (text, good) => {
    expect(isUuidV7(text)).toBe(good);
  });
});

describe('a message id', () => {
  it('carries its shard in byte 14 and leaves byte 15 to events', () => {
    const id = uuidToBytes(newMessageId(1, randomBytes(10), 7));
    expect(id[14]).toBe(7);
    expect(id[15]).toBe(0);
  });

  it('gives each recipient an accepted event of its own, never the message id itself', () => {
    const id = newMessageId(Date.UTC(2026, 10, 16), randomBytes(10), 0);
    const events = Array.from({ length: 50 }, (_, n) => acceptedEventId(id, n));
    expect(new Set([id, ...events]).size).toBe(51);
    for (const event of events) expect(isUuidV7(event)).toBe(true);
  });

  it('leaves the caller its random bytes as they were', () => {
    const bytes = new Uint8Array(10).fill(9);
    newMessageId(1, bytes, 3);
    expect([...bytes]).toEqual(Array(10).fill(9));
  });
});
