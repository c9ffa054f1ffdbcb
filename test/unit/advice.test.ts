import { describe, expect, it } from 'vitest';
import { type AdvisedMail, adviceOn } from '#domain/message/advice.ts';

const good: AdvisedMail = {
  from: 'shop@mail.example.com',
  class: 'standard',
  html: '<p>Thank you.</p>',
  hasText: true,
  links: [
    'https://www.example.com/orders',
    'https://example.com',
    'mailto:help@elsewhere.example',
    '#top',
    '/x',
  ],
  ownHost: 'send.service.example',
  hasListUnsubscribe: false,
};
const on = (more: Partial<AdvisedMail>) => adviceOn({ ...good, ...more }).map(({ what }) => what);

describe('advice on a message', () => {
  it('has nothing to say of a good one', () => {
    expect(on({})).toEqual([]);
    expect(on({ html: null, hasText: false, links: [] })).toEqual([]);
    expect(on({ links: ['https://send.service.example/c/x', 'http://send.service.example/c/x'] })).toEqual(
      [],
    );
  });

  it.each([
    [
      { links: ['https://bit.example/x', 'https://bit.example/y'] },
      'Links lead to bit.example, not to mail.example.com.',
    ],
    [{ links: ['https://notexample.com'] }, 'Links lead to notexample.com, not to mail.example.com.'],
    [{ from: 'a@example.com', links: ['https://com'] }, 'Links lead to com, not to example.com.'],
    [
      { links: ['a', 'b', 'c', 'd', 'e'].map((name) => `https://${name}.example`) },
      'Links lead to a.example, b.example, c.example and 2 more, not to mail.example.com.',
    ],
    [{ links: ['http://www.example.com'] }, '1 of its links begin with http:.'],
    [{ hasText: false }, 'It has HTML and no text.'],
    [{ html: 'é'.repeat(52 * 1024 + 1) }, 'Its HTML is larger than 102 KiB.'],
    [{ from: 'no-reply@example.com', links: [] }, 'Its sender takes no answer.'],
    [{ from: 'DoNotReply+4711@example.com', links: [] }, 'Its sender takes no answer.'],
    [{ class: 'digest' as const }, 'It is bulk mail and cannot be unsubscribed from by one click.'],
  ])('%j', (more, what) => {
    expect(on(more)).toEqual([what]);
  });

  it.each([['norbert@example.com'], ['reply@example.com'], ['noreplying@example.com']])(
    '%s may be answered',
    (from) => {
      expect(on({ from, links: [] })).toEqual([]);
    },
  );
});
