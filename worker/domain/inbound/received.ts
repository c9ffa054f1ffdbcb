import type { Verdicts } from './verdicts.ts';

/** The envelope of a received mail (RFC 5321 §2.3.1) and the session that brought it. */
export interface ReceivedEnvelope {
  /** Empty: the null sender. */
  from: string;
  /** The recipients of the account that one rule took, in the order of RCPT; at least one. */
  recipients: readonly string[];
  /** Empty: not known (Email Routing does not tell). */
  remoteIp: string;
  helo: string;
  tls: boolean;
}

/** An attachment, or an inline part that is not the text. */
export interface ReceivedAttachment {
  /** Its place among the parts, from 0, as text: what its URL names. */
  id: string;
  filename: string;
  contentType: string;
  disposition: 'attachment' | 'inline' | null;
  /** Without angle brackets; null: it has none. */
  contentId: string | null;
  /** The decoded bytes. */
  content: Uint8Array<ArrayBuffer>;
}

/** A header field as it stands in the mail: unfolded, encoded words decoded, the name spelled as it came. */
export interface HeaderField {
  name: string;
  value: string;
}

/**
 * A received mail, taken apart: what every payload format is written from (`formats` of this room). Dates are Unix ms.
 */
export interface ReceivedMail {
  /** `email_id`: UUIDv7. */
  id: string;
  receivedAtMs: number;
  envelope: ReceivedEnvelope;
  verdicts: Verdicts;
  /** All header fields, from the top. */
  headers: readonly HeaderField[];
  /** The Message-ID with its angle brackets; empty: it has none. */
  messageId: string;
  /** The From and To fields as people see them. */
  from: string;
  to: string;
  subject: string;
  /** Empty: there is no such part. */
  text: string;
  html: string;
  attachments: readonly ReceivedAttachment[];
  /** The id of the sent message that it answers; null: none that we know. */
  inReplyToMessage: string | null;
  /** `detail` of `local+detail@`, of the first recipient; null: there is none. */
  disposable: string | null;
}

/** Gives the URL under which an attachment can be fetched. */
export type AttachmentUrl = (attachment: ReceivedAttachment) => string;
