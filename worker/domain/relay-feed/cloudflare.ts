import { z } from 'zod';
import { judgeAll, type RecipientReport } from '../bounce/recipient.ts';
import type { Returned, ReturnedRecipient } from '../bounce/returned-mail.ts';
import type { RelayEvent } from './relay-event.ts';

const text = (most: number) => z.string().transform((value) => value.slice(0, most));
const words = text(2000);

/**
 * A message that Cloudflare's event subscriptions put into a queue for mail of Email Service
 * (developers.cloudflare.com/email-service/platform/event-subscriptions).
 */
export const cloudflareEvent = z.object({
  type: z.enum([
    'cf.email.sending.message.delivered',
    'cf.email.sending.message.deferred',
    'cf.email.sending.message.bounced',
    'cf.email.sending.message.failed',
    'cf.email.sending.message.rejected',
    'cf.email.sending.message.complained',
  ]),
  payload: z.object({
    eventId: text(200),
    messageId: text(250),
    sender: text(320),
    recipient: text(320),
    delivery: z
      .object({
        smtpStatusCode: text(10).optional(),
        smtpEnhancedStatusCode: text(20).optional(),
        smtpResponse: words.optional(),
      })
      .optional(),
    bounce: z.object({ type: text(50).optional(), reason: words.optional() }).optional(),
    failure: z.object({ reason: words.optional() }).optional(),
    rejection: z
      .object({ reason: words.optional(), party: text(50).optional(), detail: words.optional() })
      .optional(),
    complaint: z.object({ type: text(50).optional() }).optional(),
  }),
});
export type CloudflareEvent = z.infer<typeof cloudflareEvent>;

/** What an event says of our delivery. */
export function readCloudflareEvent({ type, payload }: CloudflareEvent): RelayEvent {
  const told = { sender: payload.sender, relayId: payload.messageId.replace(/^<|>$/g, '') || null };
  switch (type) {
    case 'cf.email.sending.message.delivered':
      return { ...told, counts: 'delivered', reading: readingOf('delivered', payload, 'delivered') };
    case 'cf.email.sending.message.deferred':
      return { ...told, counts: null, reading: readingOf('delay', payload, 'delayed') };
    case 'cf.email.sending.message.bounced':
      return { ...told, counts: 'refused', reading: readingOf('bounce', payload, 'failed') };
    case 'cf.email.sending.message.failed':
    case 'cf.email.sending.message.rejected':
      return { ...told, counts: 'refused', reading: ownRefusal(payload) };
    case 'cf.email.sending.message.complained':
      return {
        ...told,
        counts: null,
        reading: {
          ...readingOf('complaint', payload, 'delivered'),
          feedbackType: payload.complaint?.type?.toLowerCase() ?? 'abuse',
          feedbackSource: 'Cloudflare Email Service',
          namedByReporter: true,
        },
      };
  }
}

type Payload = CloudflareEvent['payload'];

const noReading = {
  originalMessageId: null,
  feedbackId: null,
  feedbackType: null,
  feedbackSource: null,
  subject: '',
} as const;

function readingOf(kind: Returned['kind'], payload: Payload, action: RecipientReport['action']): Returned {
  const { delivery, bounce, recipient } = payload;
  const [report] = judgeAll([
    {
      recipient,
      action,
      status: /^[245]\.\d{1,3}\.\d{1,3}$/.exec(delivery?.smtpEnhancedStatusCode ?? '')?.[0] ?? null,
      diagnostic: delivery?.smtpResponse ?? bounce?.reason ?? '',
      remoteMta: null,
      basis: 'report',
    },
  ]);
  return { ...noReading, kind, recipients: report ? [report] : [] };
}

/** What the service itself did not send: no host of the recipient has judged anybody. */
function ownRefusal({ recipient, rejection, failure }: Payload): Returned {
  const why = rejection?.detail ?? rejection?.reason ?? failure?.reason ?? 'no reason is given';
  const refused: ReturnedRecipient = {
    recipient,
    finalRecipient: null,
    certain: true,
    status: null,
    replyCode: null,
    diagnostic: `not sent by Cloudflare: ${why}`,
    remoteMta: null,
    class: rejection ? 'policy' : 'system',
    permanent: true,
    action: 'failed',
  };
  return { ...noReading, kind: 'bounce', recipients: [refused] };
}
