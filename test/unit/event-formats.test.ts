import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventDetails, type EventKind, events } from '#domain/delivery/event.ts';
import { bounceId, bounceTypes, timeOfBounceId } from '#domain/event-formats/postmark.ts';
import { failureClassNames } from '#domain/failure/failure-class.ts';
import { timeOfId, uuidV7 } from '#domain/message/ids.ts';
import {
  chosenKinds,
  messageIdsOf,
  toldIn,
  type WebhookEvent,
  type WebhookFormat,
  webhookBodies,
} from '#domain/webhook.ts';

const messageId = '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a';
const eventOf = (kind: EventKind, details: EventDetails = {}): WebhookEvent => ({
  event: { id: '01a1fbb4-7f26-7d8c-9a51-3f0c6f2f4d10', kind, atMs: Date.UTC(2026, 10, 26, 9, 30), details },
  messageId,
  recipient: 'you@example.net',
  from: 'Shop <shop@example.com>',
  subject: 'Your receipt',
  messageIdHeader: `<${messageId}@example.com>`,
  stream: 'transactional',
  tags: ['receipt'],
  metadata: { order: '4711' },
  testMode: false,
});
const bodyOf = (format: WebhookFormat, event: WebhookEvent) =>
  JSON.parse(webhookBodies(format, [event])[0]?.text ?? '');
const failed = (name: string) => ({
  reply: { code: 550, status: '5.1.1', text: 'No such user' },
  class: name,
  diagnostic: '550 5.1.1 No such user',
  suppresses: name === 'bad_mailbox',
});

describe.each(['event', 'postscale', 'resend', 'postmark', 'cloudmailin'] as const)(
  'the format %s',
  (format) => {
    const kinds = [...chosenKinds(format, null)];

    it('has a name for each kind that it tells, by which alone it can be chosen', () => {
      expect(kinds.length).toBeGreaterThan(4);
      for (const kind of kinds) {
        const { event: name } = toldIn(webhookBodies(format, [eventOf(kind)])[0]?.text ?? '');
        expect(name).toMatch(/^\w/);
        expect(chosenKinds(format, [name ?? '']).has(kind)).toBe(true);
        expect(chosenKinds(format, [kind])).toEqual(new Set([kind]));
      }
    });

    it('tells again whom and which message it is about', () => {
      for (const kind of kinds) {
        const text = webhookBodies(format, [eventOf(kind)])[0]?.text ?? '';
        expect([kind, messageIdsOf(text)]).toEqual([kind, [messageId]]);
        expect([kind, toldIn(text)]).toMatchObject([kind, { recipient: 'you@example.net', events: 1 }]);
      }
    });

    it('is written whatever the details are', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...kinds),
          fc.dictionary(fc.string(), fc.jsonValue()),
          (kind, details) => {
            const text = webhookBodies(format, [eventOf(kind, details as EventDetails)])[0]?.text ?? '';
            expect(messageIdsOf(text)).toEqual([messageId]);
          },
        ),
      );
    });
  },
);

describe('the format resend', () => {
  it('tells of a bounce as Resend does', () => {
    expect(bodyOf('resend', eventOf('bounced', failed('bad_mailbox')))).toEqual({
      type: 'email.bounced',
      created_at: '2026-11-26T09:30:00.000Z',
      data: {
        created_at: '2026-11-26T09:30:00.000Z',
        email_id: messageId,
        message_id: `<${messageId}@example.com>`,
        from: 'Shop <shop@example.com>',
        to: ['you@example.net'],
        subject: 'Your receipt',
        tags: { order: '4711' },
        bounce: { type: 'Permanent', subType: 'NoEmail', message: '550 5.1.1 No such user' },
      },
    });
    expect(bodyOf('resend', eventOf('expired', failed('mailbox_full'))).data.bounce).toMatchObject({
      type: 'Transient',
      subType: 'MailboxFull',
    });
  });

  it('tells of a click, a failure and a suppression as Resend does', () => {
    const details = { url: 'https://a.example/', userAgent: 'Mail/1' };
    expect(bodyOf('resend', eventOf('clicked', details)).data.click).toMatchObject({
      link: 'https://a.example/',
      userAgent: 'Mail/1',
      timestamp: '2026-11-26T09:30:00.000Z',
    });
    expect(bodyOf('resend', eventOf('failed', { reason: 'too_large' })).data.failed).toEqual({
      reason: 'too_large',
    });
    expect(bodyOf('resend', eventOf('suppressed', { reason: 'complaint' })).data.suppressed).toMatchObject({
      message: 'The address is suppressed: complaint.',
    });
  });
});

describe('the format postmark', () => {
  it('has a type for each class of failure, with the code of that type', () => {
    for (const name of failureClassNames) {
      const body = bodyOf('postmark', eventOf('bounced', failed(name)));
      const [code, title] = bounceTypes[body.Type as keyof typeof bounceTypes];
      expect(body).toMatchObject({ RecordType: 'Bounce', TypeCode: code, Name: title });
    }
    expect(bodyOf('postmark', eventOf('bounced', failed('bad_mailbox')))).toMatchObject({
      Type: 'HardBounce',
      Inactive: true,
      BouncedAt: '2026-11-26T09:30:00.0000000Z',
    });
    expect(bodyOf('postmark', eventOf('auto_replied', { subject: 'Away' }))).toMatchObject({
      Type: 'AutoResponder',
    });
  });

  it('tells of a complaint, which nobody can take back', () => {
    expect(bodyOf('postmark', eventOf('complained', { suppresses: true }))).toMatchObject({
      RecordType: 'SpamComplaint',
      TypeCode: 100_001,
      Inactive: true,
      CanActivate: false,
    });
  });

  it('numbers what comes back by a safe integer that tells when its message was accepted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2020, 0, 2), max: Date.UTC(2050, 0, 1) }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        fc.string(),
        (ms, random, recipient) => {
          const id = uuidV7(ms, random);
          const number = bounceId(id, recipient);
          expect(Number.isSafeInteger(number)).toBe(true);
          expect(timeOfBounceId(number)).toBe(timeOfId(id));
        },
      ),
    );
  });
});

it('names of events in one dialect mean the same wherever they are chosen', () => {
  for (const { kind, resend, postmark } of events) {
    for (const name of [resend, postmark])
      if (name) expect(chosenKinds('cloudmailin', [name]).has(kind)).toBe(true);
  }
});
