import { assertNever } from '../assert-never.ts';
import { uuidOfNumber } from '../number-id.ts';
import { readScope, shownScope } from '../suppression/scope.ts';
import {
  type SuppressionChange,
  subscriptionChange,
  suppressionEvents,
} from '../suppression/suppression-event.ts';
import type { WebhookFormat } from '../webhook-format.ts';
import { outboundStream, postmarkStream, postmarkTime } from './postmark.ts';
import { isoTime } from './source.ts';

/** What stands in a row for a body that tells of a suppression; it is written when it is read. */
interface SuppressionPointer {
  suppression: Omit<SuppressionChange, 'scope'> & { scopeDomain: string };
  format: WebhookFormat;
}

/** A row's body as it is posted: what stands for a change of a suppression is written in its format. */
export function postedBody(text: string): string {
  if (!text.startsWith('{"suppression":')) return text;
  const { suppression, format } = JSON.parse(text) as SuppressionPointer;
  const { scopeDomain: scope, ...change } = suppression;
  return JSON.stringify(suppressionBody(format, { ...change, scope }));
}

function factsOf(change: SuppressionChange) {
  return {
    ...(change.entry === null ? {} : { suppression_id: idOf(change) }),
    email: change.address,
    scope: shownScope(change.scope),
    scope_type: readScope(change.scope).type,
    reason: change.reason,
    source: change.source,
    source_message_id: change.messageId,
    suppressed_at: isoTime(change.createdAtMs),
    expires_at: change.expiresAtMs === null ? null : isoTime(change.expiresAtMs),
    tags: change.tags,
    metadata: change.metadata,
  };
}

/** The stream that it keeps an address from, by Postmark's name; where that is more, the first one. */
function streamOfChange({ scope }: SuppressionChange): string {
  const { type, value } = readScope(scope);
  return type === 'stream' ? postmarkStream(value) : outboundStream;
}

/** As the API names the entry. */
function idOf({ entry }: SuppressionChange): string {
  return uuidOfNumber('suppression', entry ?? 0);
}

const resendOrigins: Record<string, string> = { hard_bounce: 'bounce', complaint: 'complaint' };
const postmarkReasons: Record<string, string> = { hard_bounce: 'HardBounce', complaint: 'SpamComplaint' };
const postmarkOrigins: Record<string, string> = { api: 'Customer', import: 'Customer' };

/** The body of a format; formats of received mail have none. */
export function suppressionBody(format: WebhookFormat, change: SuppressionChange): unknown {
  const type = suppressionEvents.find(({ kind }) => kind === change.kind)?.type;
  const at = isoTime(change.atMs);
  const added = change.kind === 'suppression_added';
  switch (format) {
    case 'event':
      return { id: change.id, type, created_at: at, data: factsOf(change) };
    case 'postscale':
      return { event: type, timestamp: at, id: change.id, ...factsOf(change) };
    case 'resend':
      return {
        type,
        created_at: at,
        data: {
          id: idOf(change),
          email: change.address,
          origin: resendOrigins[change.reason] ?? 'manual',
          source_id: change.messageId,
          created_at: isoTime(change.createdAtMs),
        },
      };
    case 'postmark':
      return {
        RecordType: subscriptionChange,
        MessageID: change.messageId ?? '',
        ServerID: 0,
        MessageStream: streamOfChange(change),
        ChangedAt: postmarkTime(change.atMs),
        Recipient: change.address,
        Origin: added ? (postmarkOrigins[change.source] ?? 'Recipient') : 'Customer',
        SuppressSending: added,
        SuppressionReason: added ? (postmarkReasons[change.reason] ?? 'ManualSuppression') : null,
        Tag: change.tags[0] ?? '',
        Metadata: change.metadata,
      };
    case 'cloudmailin': {
      const { email: _, tags, metadata, ...details } = factsOf(change);
      const identity = { kind: change.kind, recipient: change.address, message_id: change.messageId ?? '' };
      return { events: [{ ...identity, details, id: change.id, at, tags, metadata }] };
    }
    case 'cloudmailin-multipart':
    case 'raw':
      return {};
    default:
      return assertNever(format);
  }
}
