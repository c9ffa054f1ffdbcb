import { parseMailbox, splitMailboxes } from '../message/address.ts';
import type { ReceivedMail } from './received.ts';

/** References grow with each answer; the first and the last tell enough. */
const mostReferences = 20;
/** In ASCII: what an encoded word would be made of is no id any more. */
const idPattern = /<[!-;=?-~]{1,250}>/g;
/** Reply-To may name anybody: more than these are no answer to a person. */
export const mostAnswered = 10;
const mostFieldCharacters = 8192;
const mostQuotedCharacters = 20_000;

/** What an answer to a received mail says in its header. */
export interface AnswerFields {
  /** As it stands in Reply-To, else in From; empty when nobody is named. */
  to: string;
  subject: string;
  /** `In-Reply-To` and `References` (RFC 5322 §3.6.4); none when the mail has no Message-ID. */
  headers: Record<string, string>;
}

/** The header fields of an answer, so that mail programs show it in its thread. */
export function answerFields(
  mail: Pick<ReceivedMail, 'headers' | 'messageId' | 'from' | 'subject'>,
): AnswerFields {
  const named = (wanted: string) =>
    mail.headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? '';
  return {
    to: named('reply-to').trim() || mail.from.trim(),
    // RFC 5322 §3.6.5: "Re: " once, whatever other languages have in its place.
    subject: /^\s*re\s?:/i.test(mail.subject) ? mail.subject.trim() : `Re: ${mail.subject.trim()}`.trim(),
    headers: threadOf(mail.messageId, named('references'), named('in-reply-to')),
  };
}

function threadOf(messageId: string, references: string, inReplyTo: string): Record<string, string> {
  const [own] = messageId.match(idPattern) ?? [];
  if (own === undefined) return {};
  const parents = inReplyTo.match(idPattern) ?? [];
  // Without References, In-Reply-To stands for them when it names one message alone.
  const before = references.match(idPattern) ?? (parents.length === 1 ? parents : []);
  const chain = [...new Set([...before.filter((id) => id !== own), own])];
  const kept =
    chain.length > mostReferences ? [...chain.slice(0, 1), ...chain.slice(1 - mostReferences)] : chain;
  return { 'In-Reply-To': own, References: kept.join(' ') };
}

/**
 * The mailboxes that a field names, each once, at most one more than `mostAnswered`; a name that is none is left out.
 * @returns texts that `parseMailbox` takes
 */
export function answeredMailboxes(field: string): string[] {
  const parts = splitMailboxes(field.slice(0, mostFieldCharacters));
  const found = new Map<string, string>();
  for (const part of parts) {
    const bare = /<([^<>]+)>[^<>]*$/.exec(part)?.[1] ?? '';
    const text = [part, bare].find((one) => typeof parseMailbox(one) !== 'string');
    const mailbox = parseMailbox(text ?? '');
    if (text !== undefined && typeof mailbox !== 'string' && !found.has(mailbox.address))
      found.set(mailbox.address, text);
    if (found.size > mostAnswered) break;
  }
  return [...found.values()];
}

/** The text of a mail as an answer quotes it, under a line that says whose it is. */
export function quotedText(mail: Pick<ReceivedMail, 'from' | 'text' | 'receivedAtMs'>): string {
  const date = new Date(mail.receivedAtMs).toISOString();
  const lines = mail.text.slice(0, mostQuotedCharacters).trimEnd().split(/\r?\n/);
  return [
    `On ${date.slice(0, 10)} at ${date.slice(11, 16)} UTC, ${mail.from} wrote:`,
    ...lines.map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`)),
  ].join('\n');
}
