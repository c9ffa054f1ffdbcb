import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smtpReplySchema } from '#domain/delivery/outcome.ts';
import { formatReply, maxReplyText, parseReplyLine, parseSmtpReply } from '#domain/failure/smtp-reply.ts';

describe('parseSmtpReply', () => {
  const good: [string, ReturnType<typeof parseSmtpReply>][] = [
    ['250 2.0.0 Ok', { code: 250, status: '2.0.0', text: 'Ok' }],
    ['250', { code: 250, status: null, text: '' }],
    ['250 ', { code: 250, status: null, text: '' }],
    ['354 Go ahead\r\n', { code: 354, status: null, text: 'Go ahead' }],
    ['550 5.1.1', { code: 550, status: '5.1.1', text: '' }],
    ['550-5.1.1 No such\r\n550 5.1.1 user', { code: 550, status: '5.1.1', text: 'No such user' }],
    ['550-5.1.1 No such\n550 user', { code: 550, status: '5.1.1', text: 'No such user' }],
    ['550-5.1.1\r\n550-\r\n550 5.1.1 x', { code: 550, status: '5.1.1', text: 'x' }],
    ['421 4.7.28 rate limited', { code: 421, status: '4.7.28', text: 'rate limited' }],
    // The class of the status contradicts the code.
    ['450 5.1.1 Odd', { code: 450, status: null, text: '5.1.1 Odd' }],
    // Not of RFC 3463's form.
    ['550 5.1 x', { code: 550, status: null, text: '5.1 x' }],
    ['550 5.01.1 x', { code: 550, status: null, text: '5.01.1 x' }],
    ['550 5.1.1234 x', { code: 550, status: null, text: '5.1.1234 x' }],
    ['550 5.1.1.1 x', { code: 550, status: null, text: '5.1.1.1 x' }],
    ['550 192.0.2.1 is listed', { code: 550, status: null, text: '192.0.2.1 is listed' }],
    ['550 a\tb\u0007c\u202ed', { code: 550, status: null, text: 'a b c d' }],
  ];
  it.each(good)('reads %j', (raw, reply) => {
    expect(parseSmtpReply(raw)).toEqual(reply);
  });

  const bad = [
    '',
    'hello',
    '25 x',
    '2500 x',
    '150 x',
    '650 x',
    ' 250 x',
    '250_x',
    '250-unfinished',
    '250-a\r\n550 b',
    '250 a\r\n250 b',
    '250-a\r\n\r\n250 b',
  ];
  it.each(bad)('takes %j for no reply', (raw) => {
    expect(parseSmtpReply(raw)).toBeNull();
  });

  it('keeps no more text than the schema allows', () => {
    const reply = parseSmtpReply(`550 ${'x'.repeat(10_000)}`);
    expect(reply?.text).toHaveLength(maxReplyText);
  });

  it('never throws, and what it gives is always a valid reply', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 200, max: 599 }),
        (text, code) => {
          parseSmtpReply(text);
          const reply = parseSmtpReply(`${code} ${text.replace(/[\r\n]/g, '')}`);
          expect(smtpReplySchema.safeParse(reply).success).toBe(true);
          expect(reply?.text).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        },
      ),
    );
  });

  it('round trips through formatReply', () => {
    const word = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9:;,-]{0,12}$/);
    fc.assert(
      fc.property(
        fc.constantFrom(2, 4, 5),
        fc.integer({ min: 0, max: 59 }),
        fc.option(fc.tuple(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 999 }))),
        fc.array(word, { maxLength: 6 }),
        (digit, rest, status, words) => {
          const reply = {
            code: digit * 100 + rest,
            status: status ? `${digit}.${status[0]}.${status[1]}` : null,
            text: words.join(' '),
          };
          expect(parseSmtpReply(formatReply(reply))).toEqual(reply);
        },
      ),
    );
  });
});

describe('parseReplyLine', () => {
  it('tells a line that is followed by another from the last one', () => {
    expect(parseReplyLine('250-SIZE 100')).toEqual({ code: 250, last: false, text: 'SIZE 100' });
    expect(parseReplyLine('250 HELP')).toEqual({ code: 250, last: true, text: 'HELP' });
    expect(parseReplyLine('220')).toEqual({ code: 220, last: true, text: '' });
  });
});
