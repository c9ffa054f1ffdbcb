import { eventRow } from '../delivery/event.ts';
import { templateView } from '../template/used-template.ts';
import { isoTime, simulatedMark, type WebhookEvent } from './source.ts';

/** What is said of the message of an event, and the event's own details, none of which hides the former. */
export function factsOf(of: WebhookEvent) {
  const identity = {
    email_id: of.messageId,
    message_id: of.messageId,
    message_id_header: of.messageIdHeader,
    from: of.from,
    to: of.recipient,
    subject: of.subject,
    stream: of.stream,
    tags: of.tags,
    metadata: of.metadata,
    ...(of.template ? { template: templateView(of.template) } : {}),
  };
  // A detail whose name is taken (the subject of an automatic reply) keeps its value under a name of its own.
  const details = Object.entries(of.event.details).map(([name, value]) => [
    name in identity ? `event_${name}` : name,
    value,
  ]);
  return { ...identity, ...Object.fromEntries(details) };
}

/** The body of the format `event`. */
export function eventBody(of: WebhookEvent) {
  return {
    id: of.event.id,
    type: eventRow(of.event.kind).type,
    created_at: isoTime(of.event.atMs),
    ...simulatedMark(of),
    data: factsOf(of),
  };
}

/** The body of the format `postscale`: the same, flat. */
export function postscaleBody(of: WebhookEvent) {
  return {
    event: eventRow(of.event.kind).type,
    timestamp: isoTime(of.event.atMs),
    id: of.event.id,
    ...simulatedMark(of),
    ...factsOf(of),
  };
}
