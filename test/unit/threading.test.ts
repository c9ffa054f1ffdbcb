import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAutomatic } from '#domain/inbound/automatic.ts';
import { threadClues } from '#domain/inbound/threading.ts';

const fields = (...pairs: [string, string][]) => pairs.map(([name, value]) => ({ name, value }));

describe('which sent message a mail answers', () => {
  it('is told by the token of a reply address, whatever its case', () => {
    expect(threadClues(['support@example.com', 'Reply+ABC234@example.com'], []).replyTokens).toEqual([
      'abc234',
    ]);
  });
  it('is told by In-Reply-To, then by References from the newest', () => {
    const headers = fields(
      ['references', '<1@a.test> <2@a.test>\t<3@a.test>'],
      ['In-Reply-To', 'Your message of Monday <3@a.test>'],
    );
    expect(threadClues([], headers).messageIds).toEqual(['<3@a.test>', '<2@a.test>', '<1@a.test>']);
  });
  it('is told by nothing else', () => {
    const headers = fields(
      ['Message-ID', '<1@a.test>'],
      ['In-Reply-To', 'no brackets'],
      ['References', '< x >'],
    );
    expect(threadClues(['reply+@a.test', 'xreply+a@a.test', 'reply@a.test'], headers)).toEqual({
      replyTokens: [],
      messageIds: [],
    });
  });
  it('reads at most 50 Message-IDs', () => {
    const value = Array.from({ length: 5000 }, (_, i) => `<${i}@a.test>`).join(' ');
    const { messageIds } = threadClues([], fields(['References', value]));
    expect(messageIds).toHaveLength(50);
    expect(messageIds[0]).toBe('<4999@a.test>');
  });
  it('never throws, and names only what stands there', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (recipients, values) => {
        const headers = values.map((value) => ({ name: 'References', value }));
        for (const id of threadClues(recipients, headers).messageIds) {
          expect(values.some((value) => value.includes(id))).toBe(true);
        }
      }),
    );
  });
});

describe('an automatic mail', () => {
  it.each<[string, [string, string]]>([
    ['Auto-Submitted', ['Auto-Submitted', 'auto-generated']],
    ['List-Id', ['List-Id', '<news.example.org>']],
    ['List-Unsubscribe', ['LIST-UNSUBSCRIBE', '<mailto:off@example.org>']],
    ['Precedence: bulk', ['Precedence', 'bulk']],
    ['Precedence: list', ['precedence', 'list']],
    ['a report', ['Content-Type', 'multipart/report; report-type=delivery-status']],
  ])('is known by %s', (_, field) => {
    expect(isAutomatic(fields(field), 'a@example.org')).toBe(true);
  });
  it('is what has a null sender', () => {
    expect(isAutomatic([], '')).toBe(true);
  });
  it.each<[string, [string, string]]>([
    ['Auto-Submitted: no', ['Auto-Submitted', 'no']],
    ['Precedence: first-class', ['Precedence', 'first-class']],
    ['an empty List-Id', ['List-Id', ' ']],
    ['a subject', ['Subject', 'Re: your list']],
  ])('is not known by %s', (_, field) => {
    expect(isAutomatic(fields(field), 'a@example.org')).toBe(false);
  });
});
