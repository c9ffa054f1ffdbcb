import type { ReceivedMail } from './received.ts';

/** References grow with each answer; the first and the last tell enough. */
const mostReferences = 20;
const idPattern = /<[^<>\s]{1,250}>/g;

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
