import { describe, expect, it } from 'vitest';
import { type AdvisedMail, adviceOn } from '#domain/message/advice.ts';

const to = (host: string, isSecure = true) => ({ host, isSecure });

const good: AdvisedMail = {
  from: 'shop@mail.example.com',
  class: 'standard',
  htmlBytes: 40,
  hasText: true,
  links: [to('www.example.com'), to('example.com')],
  ownHost: 'send.service.example',
  hasListUnsubscribe: false,
};
const on = (more: Partial<AdvisedMail>) => adviceOn({ ...good, ...more }).map(({ what }) => what);

describe('advice on a message', () => {
  it('has nothing to say of a good one', () => {
    expect(on({})).toEqual([]);
    expect(on({ htmlBytes: null, hasText: false, links: [] })).toEqual([]);
    expect(on({ links: [to('send.service.example'), to('send.service.example', false)] })).toEqual([]);
  });

  it.each([
    [
      { links: [to('bit.example'), to('bit.example')] },
      'Links lead to bit.example, not to mail.example.com.',
    ],
    [{ links: [to('notexample.com')] }, 'Links lead to notexample.com, not to mail.example.com.'],
    [{ from: 'a@example.com', links: [to('com')] }, 'Links lead to com, not to example.com.'],
    [
      { links: ['a', 'b', 'c', 'd', 'e'].map((name) => to(`${name}.example`)) },
      'Links lead to a.example, b.example, c.example and 2 more, not to mail.example.com.',
    ],
    [{ links: [to('www.example.com', false)] }, '1 of its links begin with http:.'],
    [{ hasText: false }, 'It has HTML and no text.'],
    [{ htmlBytes: 102 * 1024 + 1 }, 'Its HTML is larger than 102 KiB.'],
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
