import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberOfUuid, uuidOfNumber } from '#domain/number-id.ts';

describe('a number as a UUID', () => {
  it('is of version 8, and tells the number again', () => {
    expect(uuidOfNumber('domain', 4711)).toBe('00000001-0000-8000-8000-000000001267');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 }), (number) => {
        const uuid = uuidOfNumber('suppression', number);
        expect(numberOfUuid('suppression', uuid.toUpperCase())).toBe(number);
        expect(numberOfUuid('domain', uuid)).toBeNull();
      }),
    );
  });

  it('is no other text', () => {
    for (const text of ['', '4711', '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a', `0x${'0'.repeat(34)}`])
      expect(numberOfUuid('domain', text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => numberOfUuid('domain', text) === null));
  });
});
