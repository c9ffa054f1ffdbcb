import type { HeaderField, ReceivedMail } from '#domain/inbound/received.ts';
import { splitDetail } from '#domain/inbound/route.ts';
import type { Received } from '../store/received.ts';
import { readReceived } from './read-received.ts';

/** What is read of a mail when it comes: enough for lists and threading. */
export interface MailHead {
  fromHeader: string;
  subject: string;
  /** With angle brackets; empty: it has none. */
  messageId: string;
  headers: readonly HeaderField[];
  hasAttachments: boolean;
}

/** So much of a mail is read for that: attachments that begin later belong to a mail that has some before. */
export const headBytes = 256 * 1024;

/** Reads the head of a mail from its first bytes. Never throws. */
export async function readHead(beginning: Uint8Array<ArrayBuffer>): Promise<MailHead> {
  const mail = await readReceived(beginning.subarray(0, headBytes));
  return {
    fromHeader: mail.from.slice(0, 998),
    subject: mail.subject.slice(0, 998),
    messageId: mail.messageId.slice(0, 998),
    headers: mail.headers,
    hasAttachments: mail.attachments.some(({ disposition }) => disposition !== 'inline'),
  };
}

/** Takes a whole mail apart. Never throws. */
export async function openMail(raw: Uint8Array<ArrayBuffer>, of: Received): Promise<ReceivedMail> {
  const read = await readReceived(raw);
  const [first = ''] = of.recipients;
  return {
    ...read,
    id: of.id,
    receivedAtMs: of.receivedAtMs,
    envelope: { from: of.envelopeFrom, recipients: of.recipients, ...of.client },
    verdicts: of.verdicts,
    inReplyToMessage: of.inReplyTo,
    disposable: splitDetail(first.slice(0, first.lastIndexOf('@'))).detail,
  };
}
