import { reduceDelivery } from '../delivery/delivery.ts';
import type { EventKind } from '../delivery/event.ts';
import { defaultStream } from '../message/stream.ts';
import type { SuppressionChange, SuppressionEventKind } from '../suppression/suppression-event.ts';
import type { WebhookEvent } from './source.ts';

const emailId = '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a';

/** A refusal, as the code that decides it tells it. */
const refusal = reduceDelivery(
  { state: 'sending', class: 'standard', firstDueMs: 0, attempts: 1, fullStrikes: 0, exempt: false },
  {
    type: 'bounced',
    startedAtMs: 0,
    endedAtMs: 412,
    session: {
      mx: { host: 'mx.example.net', address: '192.0.2.25' },
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', verdict: 'verified' },
      reused: false,
      steps: [],
      tried: [],
    },
    failure: {
      reply: { code: 550, status: '5.1.1', text: 'No such user here' },
      status: null,
      class: 'bad_mailbox',
      text: '550 5.1.1 No such user here',
      step: 'rcpt',
      code: null,
    },
  },
  412,
  0,
);

/** An event as documentation shows it: of a kind, with the details of a refusal where it is one. */
export function sampleEvent(kind: EventKind): WebhookEvent {
  return {
    event: {
      id: '01a1fbb4-7f26-7d8c-9a51-3f0c6f2f4d10',
      kind,
      atMs: Date.UTC(2026, 10, 26, 9, 30, 2),
      details: kind === 'bounced' ? refusal.event.details : {},
    },
    messageId: emailId,
    recipient: 'you@example.net',
    from: 'shop@example.com',
    subject: 'Your receipt',
    messageIdHeader: `<${emailId}@example.com>`,
    stream: defaultStream,
    tags: ['receipt'],
    metadata: { order: '4711' },
    testMode: false,
  };
}

/** A change of a suppression as documentation and tests of endpoints show it. */
export function sampleSuppression(kind: SuppressionEventKind, atMs: number): SuppressionChange {
  return {
    kind,
    id: '01a1fbb4-7f26-7d8c-9a51-3f0c6f2f4d11',
    atMs,
    entry: 1,
    address: 'you@example.net',
    scope: '',
    reason: 'hard_bounce',
    source: 'smtp',
    messageId: emailId,
    createdAtMs: atMs,
    expiresAtMs: null,
    tags: ['receipt'],
    metadata: { order: '4711' },
  };
}
