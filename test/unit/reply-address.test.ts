import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideAnswer, hourOf, type KnownReply } from '#domain/inbound/alias.ts';
import { parseReplyAddress, replyLocalPart, replyToken } from '#domain/inbound/reply-address.ts';
import { aliasMark, replyTokenOf } from '../../worker/tokens/reply-address.ts';

const keys = [new Uint8Array(32).fill(1)];

describe('a reply address', () => {
  it('is read as it was written, in any case', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 47 }),
        fc.uint8Array({ minLength: 10, maxLength: 32 }),
        (id, mac) => {
          const token = replyToken(id, mac);
          const local = replyLocalPart(token);
          expect(local.length).toBeLessThanOrEqual(64);
          expect(parseReplyAddress(local)).toEqual({ aliasId: id, token });
          expect(parseReplyAddress(local.toUpperCase())).toEqual({ aliasId: id, token });
        },
      ),
    );
  });
  it('is nothing else', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseReplyAddress(text)));
    const token = replyToken(1, new Uint8Array(10));
    for (const other of [
      'reply',
      'reply+',
      `reply+${token}a`,
      `reply-${token}`,
      token,
      `reply+${token.slice(0, -1)}b`,
    ]) {
      expect(parseReplyAddress(other)).toBeNull();
    }
  });
  it('stands for one who wrote to one alias, whatever the case of the address', async () => {
    const token = await replyTokenOf(keys, 7, 'Ann@customer.test');
    expect(await replyTokenOf(keys, 7, 'ann@CUSTOMER.test')).toBe(token);
    expect(await replyTokenOf(keys, 8, 'ann@customer.test')).not.toBe(token);
    expect(await replyTokenOf(keys, 7, 'bob@customer.test')).not.toBe(token);
    expect(await replyTokenOf([new Uint8Array(32)], 7, 'ann@customer.test')).not.toBe(token);
  });
  it('is not of the same bytes as the mark of what has passed the alias', async () => {
    expect(await aliasMark(keys, 7)).toMatch(/^[a-z2-7]{16}$/);
    expect(await aliasMark(keys, 7)).not.toBe(await aliasMark(keys, 8));
  });
});

describe('an answer', () => {
  const target = { state: 'verified', createdAtMs: 0, suppressed: false } as const;
  const reply = (alias: Partial<KnownReply['alias']> = {}, more: Partial<KnownReply> = {}): KnownReply => ({
    ...{ address: 'reply+x@alias.test', to: 'ann@customer.test', suppressed: false },
    alias: {
      ...{
        id: 7,
        address: 'shop@alias.test',
        active: true,
        masked: true,
        endpoints: [],
        hour: 0,
        hourUsed: 0,
      },
      targets: [
        { ...target, address: 'bob@home.test' },
        { ...target, address: 'new@home.test', state: 'pending' },
      ],
      ...alias,
    },
    ruled: [{ ...target, address: 'team@home.test' }],
    ...more,
  });
  it('is for those who have agreed, and hides all', () => {
    expect(decideAnswer(reply(), 0)).toEqual({
      ...{
        action: 'answer',
        address: 'reply+x@alias.test',
        alias: 7,
        from: 'shop@alias.test',
        to: 'ann@customer.test',
      },
      owners: ['bob@home.test', 'team@home.test'],
      hidden: ['bob@home.test', 'new@home.test', 'team@home.test'],
      by: 'alias shop@alias.test, answered to ann@customer.test',
    });
    expect(decideAnswer(reply({ masked: false }), 0).action).toBe('answer');
  });
  it.each([
    ['the alias is switched off', reply({ active: false }), '550 5.1.1'],
    ['the alias gets too much', reply({ hour: hourOf(0), hourUsed: 300 }), '450 4.2.1'],
    ['whom it is for is suppressed', reply({}, { suppressed: true }), '550 5.1.1'],
  ])('is refused where %s', (_, of, expected) => {
    expect(decideAnswer(of, 0)).toMatchObject({ action: 'refuse', reply: expected });
  });
});
