import { describe, expect, it } from 'vitest';
import { mayAnswer } from '#domain/inbound/answer-right.ts';
import { noVerdicts, type Verdicts } from '#domain/inbound/verdicts.ts';

const owner = 'bob@mail.private.test';
const signed = (domain: string, result: 'pass' | 'fail' = 'pass'): Partial<Verdicts> => ({
  dkim: {
    result,
    signatures: [{ result, domain, selector: 's', algorithm: 'rsa-sha256', aligned: true }],
  },
});
const spf = (domain: string, result: 'pass' | 'softfail' = 'pass'): Partial<Verdicts> => ({
  spf: { result, domain },
});
const dmarc = (domain: string): Partial<Verdicts> => ({
  dmarc: { ...noVerdicts.dmarc, result: 'pass', domain },
});
const stranger = 'eve@mail.private.test';

describe('who may answer from an alias', () => {
  it.each<[string, string, string, Partial<Verdicts>, boolean]>([
    ['the owner, by SPF', owner, owner, spf('mail.private.test'), true],
    ['the owner under another name, by SPF', owner, 'bob@other.test', spf('mail.private.test'), true],
    ['the owner, by DKIM', owner, owner, signed('mail.private.test'), true],
    ['the owner, by DKIM of the domain above', owner, owner, signed('private.test'), true],
    ['the owner, by DMARC', owner, owner, dmarc('mail.private.test'), true],
    ['the owner in another case', owner.toUpperCase(), owner, spf('MAIL.private.test'), true],
    ['nobody without a verdict', owner, owner, {}, false],
    ['nobody with SPF of another domain', owner, owner, spf('evil.test'), false],
    ['nobody with SPF that does not pass', owner, owner, spf('mail.private.test', 'softfail'), false],
    ['nobody with a broken signature', owner, owner, signed('mail.private.test', 'fail'), false],
    ['nobody with a signature of another domain', owner, owner, signed('te-private.test'), false],
    [
      'nobody who sends a mail of the same provider again',
      owner,
      stranger,
      signed('mail.private.test'),
      false,
    ],
    ['nobody who sends one with DMARC again', owner, stranger, dmarc('mail.private.test'), false],
    ['nobody else, proven or not', stranger, stranger, spf('mail.private.test'), false],
    ['nobody with a null sender', '', owner, spf(''), false],
  ])('%s', (_, envelopeFrom, author, verdicts, expected) => {
    expect(mayAnswer(envelopeFrom, author, [owner], { ...noVerdicts, ...verdicts })).toBe(expected);
  });
});
