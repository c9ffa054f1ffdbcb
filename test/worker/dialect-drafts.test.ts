import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '#domain/problem.ts';
import { readDraft } from '../../worker/api/send.ts';
import { messageFields } from '../../worker/dialects/postmark-fields.ts';
import { postmarkBody, postmarkDraft } from '../../worker/dialects/postmark-message.ts';
import { resendBody, scheduledAt } from '../../worker/dialects/resend-message.ts';
import { type Answer, migrate, newAccount, request, type TestAccount } from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const values = fc.oneof(
  fc.jsonValue(),
  fc.string(),
  fc.constantFrom(null, '', [], {}, 'a@example.net', true, 7),
);
const bodies = (names: readonly string[]) =>
  fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), values, { maxKeys: names.length }));
const resendNames = [
  'from',
  'to',
  'cc',
  'reply_to',
  'subject',
  'text',
  'html',
  'headers',
  'attachments',
  'tags',
  'scheduled_at',
  'template',
  'topic_id',
];
const postmarkNames = [
  'From',
  'To',
  'Cc',
  'ReplyTo',
  'Subject',
  'TextBody',
  'HtmlBody',
  'Headers',
  'Attachments',
  'Tag',
  'Metadata',
  'TrackOpens',
  'TrackLinks',
  'MessageStream',
  'Colour',
];

describe('whatever JSON comes, a dialect', () => {
  it.each([
    ['resend', resendNames, (value: unknown) => resendBody(value, 0), readDraft],
    ['postmark', postmarkNames, (value: unknown) => postmarkBody(value, messageFields), postmarkDraft],
  ] as const)('%s makes a draft of it, or says what is wrong', (_, names, bodyOf, draftOf) => {
    fc.assert(
      fc.property(bodies(names), (value) => {
        const body = bodyOf(value);
        const draft = body instanceof Problem ? body : draftOf(body, 0);
        if (draft instanceof Problem) expect(draft.detail).not.toBe('');
        else expect(draft.recipients.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  it('answers in its own shape, and names no field of ours', async () => {
    const ask = async (path: string, value: unknown): Promise<[number, Answer]> => {
      const response = await request(path, {
        method: 'POST',
        headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(value),
      });
      return [response.status, await response.json()];
    };
    for (const value of fc.sample(bodies([...resendNames, ...postmarkNames]), 60)) {
      const [status, body] = await ask('/resend/emails', value);
      expect([status, Object.keys(body).sort()]).toEqual([
        body.statusCode,
        ['message', 'name', 'statusCode'],
      ]);
      const [theirs, told] = await ask('/postmark/email', value);
      expect([theirs, Object.keys(told).sort()]).toEqual([422, ['ErrorCode', 'Message']]);
      for (const text of [body.message, told.Message])
        expect(text).not.toMatch(/text_body|html_body|send_at/);
    }
  });
});

it.each([
  ['in 1 min', 60_000],
  ['in 2 minutes', 120_000],
  ['In an hour', 3_600_000],
  ['in 3 days', 3 * 86_400_000],
])('Resend’s "%s" is a time from now', (text, ms) => {
  expect(Date.parse(scheduledAt(text, 1000))).toBe(1000 + ms);
});
