import { eventRow } from '../delivery/event.ts';
import { isoTime, simulatedMark, type WebhookEvent } from './source.ts';

/** An entry of the format `cloudmailin`. */
export function cloudmailinEntry(of: WebhookEvent) {
  return {
    kind: eventRow(of.event.kind).cloudmailin,
    recipient: of.recipient,
    message_id: of.messageId,
    details: of.event.details,
    id: of.event.id,
    at: isoTime(of.event.atMs),
    tags: of.tags,
    metadata: of.metadata,
    ...simulatedMark(of),
  };
}
