import type { NewEvent } from '../delivery/event.ts';
import type { FailureClass } from '../failure/failure-class.ts';
import { timeOfId } from '../message/ids.ts';
import { defaultStream, streamCharacters } from '../message/stream.ts';
import { saidBy, simulatedMark, textOf, type WebhookEvent } from './source.ts';

/** The default stream by the name that Postmark's own first one has. */
export const outboundStream = 'outbound';

/** A stream as Postmark's clients know it. */
export function postmarkStream(stream: string): string {
  return stream === defaultStream ? outboundStream : stream;
}

/** The stream that a client names; of what names here do not have, it gets hyphens. */
export function streamOfPostmark(name: string): string {
  const stream = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, streamCharacters);
  return stream === '' || stream === outboundStream ? defaultStream : stream;
}

/** Types of bounces (https://postmarkapp.com/developer/api/bounce-api#bounce-types). */
export const bounceTypes = {
  HardBounce: [1, 'Hard bounce'],
  Transient: [2, 'Message delayed'],
  AutoResponder: [64, 'Auto responder'],
  DnsError: [256, 'DNS error'],
  SpamNotification: [512, 'Spam notification'],
  SoftBounce: [4096, 'Soft bounce'],
  SpamComplaint: [100_001, 'Spam complaint'],
  Blocked: [100_006, 'ISP block'],
  DMARCPolicy: [100_009, 'DMARC Policy'],
  Unknown: [2048, 'Undeterminable'],
} as const satisfies Record<string, readonly [code: number, name: string]>;
type BounceType = keyof typeof bounceTypes;

const byClass: Partial<Record<FailureClass, BounceType>> = {
  bad_mailbox: 'HardBounce',
  bad_domain: 'HardBounce',
  inactive: 'HardBounce',
  mailbox_full: 'SoftBounce',
  spam: 'SpamNotification',
  policy: 'Blocked',
  blocklisted: 'Blocked',
  auth: 'DMARCPolicy',
  relay_denied: 'Blocked',
};

function bounceTypeOf(event: NewEvent): BounceType {
  if (event.kind === 'complained') return 'SpamComplaint';
  if (event.kind === 'auto_replied') return 'AutoResponder';
  const type = byClass[textOf(event, 'class') as FailureClass];
  return type ?? (event.kind === 'expired' ? 'SoftBounce' : 'Unknown');
}

/** A time with seven digits behind the second, as Postmark writes it. */
export function postmarkTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '0000Z');
}

/** Bits of a number of a bounce that tell one recipient of one millisecond from the others. */
const hashBits = 13;
const firstMs = Date.UTC(2020, 0, 1);

/** The number of what came back of one recipient: when its message was accepted, and a hash of which it is. */
export function bounceId(messageId: string, recipient: string): number {
  let hash = 0;
  for (const char of `${messageId} ${recipient}`)
    hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
  return (timeOfId(messageId) - firstMs) * 2 ** hashBits + (hash % 2 ** hashBits);
}

/** When the message of a number was accepted, Unix ms. */
export function timeOfBounceId(id: number): number {
  return firstMs + Math.floor(id / 2 ** hashBits);
}

/** A bounce, a complaint or an automatic reply. */
export function bounceOf(of: WebhookEvent) {
  const { event, messageId, recipient } = of;
  const type = bounceTypeOf(event);
  const [code, name] = bounceTypes[type];
  const inactive = event.details.suppresses === true;
  return {
    ID: bounceId(messageId, recipient),
    Type: type,
    TypeCode: code,
    Name: name,
    Tag: of.tags[0] ?? '',
    MessageID: messageId,
    ServerID: 0,
    MessageStream: postmarkStream(of.stream),
    Description: name,
    Details: saidBy(event) || textOf(event, 'subject'),
    Email: recipient,
    From: of.from,
    BouncedAt: postmarkTime(event.atMs),
    DumpAvailable: false,
    Inactive: inactive,
    CanActivate: inactive && type !== 'SpamComplaint',
    Subject: of.subject,
  };
}

const unknownClient = { Name: '', Company: '', Family: '' };

/** An open or a click; what is not found out about the reader stays empty. */
export function visitOf({ event, messageId, recipient, stream, tags }: WebhookEvent) {
  const shared = {
    Client: unknownClient,
    OS: unknownClient,
    Platform: 'Unknown',
    UserAgent: textOf(event, 'userAgent'),
    Geo: {},
    MessageID: messageId,
    MessageStream: postmarkStream(stream),
    ReceivedAt: postmarkTime(event.atMs),
    Tag: tags[0] ?? '',
    Recipient: recipient,
  };
  return event.kind === 'clicked'
    ? { RecordType: 'Click', ClickLocation: 'HTML', OriginalLink: textOf(event, 'url'), ...shared }
    : { RecordType: 'Open', ReadSeconds: 0, ...shared };
}

/** The body of the format `postmark` (https://postmarkapp.com/developer/webhooks/webhooks-overview). */
export function postmarkBody(of: WebhookEvent) {
  const marks = { Metadata: of.metadata, ...simulatedMark(of) };
  const { event, messageId, recipient, tags } = of;
  const at = postmarkTime(event.atMs);
  const about = {
    MessageID: messageId,
    MessageStream: postmarkStream(of.stream),
    ServerID: 0,
    Recipient: recipient,
  };
  switch (event.kind) {
    case 'delivered':
      return {
        RecordType: 'Delivery',
        ...about,
        Tag: tags[0] ?? '',
        DeliveredAt: at,
        Details: saidBy(event),
        ...marks,
      };
    case 'opened':
    case 'clicked':
      return { ...visitOf(of), ...marks };
    case 'complained':
      return { RecordType: 'SpamComplaint', ...bounceOf(of), ...marks };
    default:
      return { RecordType: 'Bounce', ...bounceOf(of), ...marks };
  }
}
