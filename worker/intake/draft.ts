import type { MessageId } from '#domain/ids.ts';
import type { Handling } from '#domain/submission.ts';
import type { Tracked, TrackingWish } from '#domain/tracking.ts';
import type { Tracking } from './track.ts';

/** A submission that has been read and validated but not yet let in; the API and SMTP both end in drafts. */
export interface Draft {
  source: 'api' | 'raw' | 'smtp';
  handling: Handling;
  /** Domain of the From header, A-labels. */
  fromDomain: string;
  fromAddress: string;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  subject: string;
  /** Envelope recipients, doubles removed, in their order. */
  recipients: Recipient[];
  /** Null: the message is kept as it came, so nothing is put into it. */
  tracking: TrackingWish | null;
  /** Makes the raw message. */
  build(message: { id: MessageId; nowMs: number; tracking: Tracking | null }): Promise<BuiltMessage>;
}

export interface Recipient {
  /** As the envelope will carry it: the local part as given, the domain in A-labels. */
  address: string;
  domain: string;
}

export interface BuiltMessage {
  /** Latin1 text: one character a byte, CRLF line ends. */
  raw: string;
  messageIdHeader: string;
  /** What was put into it. */
  tracked: Tracked;
}
