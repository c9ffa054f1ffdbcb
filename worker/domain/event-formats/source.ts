import type { NewEvent } from '../delivery/event.ts';
import type { MessageId } from '../message/ids.ts';
import type { UsedTemplate } from '../template/used-template.ts';

/** An event with all that a webhook tells of it. */
export interface WebhookEvent {
  event: NewEvent;
  messageId: MessageId;
  recipient: string;
  from: string;
  subject: string;
  messageIdHeader: string;
  stream: string;
  tags: string[];
  metadata: Record<string, string>;
  /** What its message was made of; null or left out: no template. */
  template?: UsedTemplate | null;
  /** Nothing was sent: a message of test mode. */
  testMode: boolean;
}

/** It tells of what did not happen: a simulated recipient, or test mode. */
export function simulatedMark({ event, testMode }: WebhookEvent): { simulated?: true } {
  return event.details.simulated === true || testMode ? { simulated: true } : {};
}

/** Unix ms as ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A detail that is text; '' when it is not there. */
export function textOf(event: NewEvent, name: string): string {
  const value = event.details[name];
  return typeof value === 'string' ? value : '';
}

/** What the peer said, or why there was no answer. */
export function saidBy(event: NewEvent): string {
  const { reply, diagnostic, text, error } = event.details;
  if (typeof reply === 'object' && reply !== null && 'text' in reply) {
    const { code, status, text: words } = reply as Record<string, unknown>;
    return [code, status, words].filter(Boolean).join(' ');
  }
  return [diagnostic, text, error, reply].find((one) => typeof one === 'string') ?? '';
}
