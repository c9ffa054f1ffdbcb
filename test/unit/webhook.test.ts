import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventKind, eventKinds } from '#domain/delivery/event.ts';
import { weekOf } from '#domain/message/home.ts';
import {
  chosenKinds,
  deliveryKey,
  disableAfterMs,
  firstKeyAt,
  formatDeliveryId,
  hasFailedTooLong,
  longestRetryAfterMs,
  messageIdsOf,
  parseDeliveryId,
  parseRetryAfter,
  reduceTry,
  retryWaitsMs,
  toldIn,
  type WebhookEvent,
  webhookBodies,
} from '#domain/webhook.ts';

function event(kind: EventKind, more: Partial<WebhookEvent> = {}, details: Record<string, unknown> = {}) {
  return {
    event: { id: `id-${kind}`, kind, atMs: Date.UTC(2026, 10, 21), details },
    messageId: 'm1',
    recipient: 'user@example.net',
    from: 'Shop <shop@example.com>',
    subject: 'Your receipt',
    messageIdHeader: '<m1@example.com>',
    stream: 'transactional',
    tags: ['receipt'],
    metadata: { order: '7' },
    testMode: false,
    ...more,
  } satisfies WebhookEvent;
}
const parsed = (format: 'cloudmailin' | 'event', events: WebhookEvent[]) =>
  webhookBodies(format, events).map(({ text }) => JSON.parse(text));

describe('the format cloudmailin', () => {
  it('puts several events into one body', () => {
    expect(
      parsed('cloudmailin', [event('bounced', {}, { class: 'bad_mailbox' }), event('suppressed')]),
    ).toEqual([
      {
        events: [
          {
            kind: 'bounce',
            recipient: 'user@example.net',
            message_id: 'm1',
            details: { class: 'bad_mailbox' },
            id: 'id-bounced',
            at: '2026-11-21T00:00:00.000Z',
            tags: ['receipt'],
            metadata: { order: '7' },
          },
          expect.objectContaining({ kind: 'blocked' }),
        ],
      },
    ]);
  });
  it('has at most 50 events in a body, in their order', () => {
    const events = Array.from({ length: 120 }, (_, i) => event('delivered', { messageId: `m${i}` }));
    const bodies = webhookBodies('cloudmailin', events);
    expect(bodies.map(({ messageIds }) => messageIds.length)).toEqual([50, 50, 20]);
    expect(bodies.flatMap(({ text }) => messageIdsOf(text))).toEqual(events.map((e) => e.messageId));
  });
  it('closes a body that grows large', () => {
    const events = Array.from({ length: 6 }, () => event('bounced', {}, { diagnostic: 'x'.repeat(100_000) }));
    expect(webhookBodies('cloudmailin', events)).toHaveLength(3);
  });
});

describe('the format event', () => {
  it('has one event in a body', () => {
    expect(parsed('event', [event('accepted'), event('expired', {}, { attempts: 9 })])).toEqual([
      expect.objectContaining({ type: 'email.sent' }),
      {
        id: 'id-expired',
        type: 'email.bounced',
        created_at: '2026-11-21T00:00:00.000Z',
        data: {
          email_id: 'm1',
          message_id: 'm1',
          message_id_header: '<m1@example.com>',
          from: 'Shop <shop@example.com>',
          to: 'user@example.net',
          subject: 'Your receipt',
          stream: 'transactional',
          tags: ['receipt'],
          metadata: { order: '7' },
          attempts: 9,
        },
      },
    ]);
  });
  it('keeps a detail whose name is taken apart', () => {
    const [body] = parsed('event', [event('auto_replied', {}, { subject: 'Out of office' })]);
    expect(body.data).toMatchObject({ subject: 'Your receipt', event_subject: 'Out of office' });
  });
});

it.each(['cloudmailin', 'event'] as const)('marks simulated events in the format %s', (format) => {
  const entries = [
    event('delivered', {}, { simulated: true }),
    event('accepted', { testMode: true }),
    event('delivered'),
  ].map((one) => {
    const [body] = parsed(format, [one]);
    return format === 'event' ? body : body.events[0];
  });
  expect(entries.map((entry) => entry.simulated)).toEqual([true, true, undefined]);
});

describe('the choice of events', () => {
  it('is everything by default, but what has no name in the format', () => {
    expect([...chosenKinds('cloudmailin', null)]).toEqual(eventKinds);
    const left = eventKinds.filter((kind) => !chosenKinds('event', null).has(kind));
    expect(left).toEqual(['dispatched', 'rate_limited']);
  });
  it('takes the names of every dialect', () => {
    expect([...chosenKinds('cloudmailin', ['blocked', 'email.bounced', 'opened'])]).toEqual([
      'bounced',
      'expired',
      'suppressed',
      'opened',
    ]);
    expect([...chosenKinds('cloudmailin', ['bounce'])]).toEqual(['bounced']);
    expect([...chosenKinds('event', ['dispatch'])]).toEqual([]);
  });
});

describe('a try', () => {
  const now = 1_800_000_000_000;
  const minute = 60_000;
  it('waits 5 s, 30 s, 2 min, 10 min, 30 min, 1, 2, 4, 8, 16, 24 h, and then the delivery is dead', () => {
    const minutes = [5 / 60, 0.5, 2, 10, 30, 60, 120, 240, 480, 960, 1440];
    const waits = minutes.map((_, i) => reduceTry({ status: 500, retryAfterMs: null }, i + 1, now, 0.5));
    expect(waits.map(({ dueMs }) => ((dueMs ?? 0) - now) / minute)).toEqual(minutes);
    expect(reduceTry({ status: 500, retryAfterMs: null }, 12, now, 0.5)).toEqual({
      state: 'dead',
      dueMs: null,
      gone: false,
    });
  });
  it('is jittered by a tenth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, jitter) => {
          const { dueMs } = reduceTry({ status: null, retryAfterMs: null }, n, now, jitter);
          const ratio = ((dueMs ?? 0) - now) / (retryWaitsMs[n - 1] ?? 0);
          expect(ratio).toBeGreaterThanOrEqual(0.9);
          expect(ratio).toBeLessThanOrEqual(1.1);
        },
      ),
    );
  });
  it('succeeds with 2xx and nothing else', () => {
    for (let status = 100; status < 600; status++) {
      const { state } = reduceTry({ status, retryAfterMs: null }, 1, now, 0);
      expect(state).toBe(status >= 200 && status < 300 ? 'delivered' : 'pending');
    }
  });
  it('honours Retry-After, up to a day, and never comes earlier than its own wait', () => {
    const due = (retryAfterMs: number) => reduceTry({ status: 503, retryAfterMs }, 1, now, 0.5).dueMs;
    expect(due(minute)).toBe(now + minute);
    expect(due(1)).toBe(now + 5000);
    expect(due(1e15)).toBe(now + longestRetryAfterMs);
  });
  it('reads 410 as gone', () => {
    expect(reduceTry({ status: 410, retryAfterMs: null }, 1, now, 0.5)).toMatchObject({ gone: true });
  });
  it('ends an endpoint after five days of failures', () => {
    expect(hasFailedTooLong(null, now)).toBe(false);
    expect(hasFailedTooLong(now - disableAfterMs + 1, now)).toBe(false);
    expect(hasFailedTooLong(now - disableAfterMs, now)).toBe(true);
  });
});

it('reads Retry-After in seconds and as a date', () => {
  const now = Date.UTC(2026, 10, 21);
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Sat, 21 Nov 2026 00:01:00 GMT', now)).toBe(60_000);
  expect(parseRetryAfter('Fri, 20 Nov 2026 00:01:00 GMT', now)).toBe(0);
  for (const text of [null, '', '-1', '1.5', 'soon', '1e3']) expect(parseRetryAfter(text, now)).toBeNull();
});

describe('the id of a delivery', () => {
  const time = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2090, 0, 1) });
  it('tells where its row is', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 0, max: 2 ** 22 - 1 }), (ms, random) => {
        const place = { week: weekOf(ms), key: deliveryKey(ms, random) };
        const id = formatDeliveryId(place);
        expect(id).toMatch(/^msg_[a-z0-9]{18}$/);
        expect(parseDeliveryId(id)).toEqual(place);
        expect(place.key).toBeGreaterThanOrEqual(firstKeyAt(place.week, ms));
        expect(place.key).toBeLessThan(firstKeyAt(place.week, ms + 1));
      }),
    );
  });
  it('is nothing else', () => {
    for (const text of [
      '',
      'msg_',
      'msg_2026w47zzzzzzzzzzz',
      'msg_2026w4700000000000/',
      'MSG_2026w4700000000000',
    ])
      expect(parseDeliveryId(text)).toBeNull();
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseDeliveryId(text)).toBeNull();
      }),
    );
  });
});

describe('what a body tells of', () => {
  it('is read back from each format that posts events', () => {
    const events = [event('bounced'), event('suppressed')];
    const told = (format: 'cloudmailin' | 'event') =>
      webhookBodies(format, events).map(({ text }) => toldIn(text));
    expect(told('cloudmailin')).toEqual([{ event: 'bounce', recipient: 'user@example.net', events: 2 }]);
    expect(told('event')).toEqual([
      { event: 'email.bounced', recipient: 'user@example.net', events: 1 },
      { event: 'email.suppressed', recipient: 'user@example.net', events: 1 },
    ]);
  });

  it('of received mail is that it was received; of anything else nothing', () => {
    expect(toldIn('{"received":"id","sizeBytes":1}').event).toBe('email.received');
    for (const text of ['{}', '[]', '1', '{"events":[]}', '{"events":[{"kind":1}]}', '{"data":{"to":[]}}'])
      expect([text, toldIn(text).event, toldIn(text).recipient]).toEqual([text, null, null]);
  });
});
