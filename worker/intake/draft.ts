import type { Mailbox } from '#domain/message/address.ts';
import type { MessageId } from '#domain/message/ids.ts';
import type { Handling, SendBody } from '#domain/message/submission.ts';
import type { Tracked, TrackingWish } from '#domain/message/tracking.ts';
import type { UsedTemplate } from '#domain/template/used-template.ts';
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
  /** A header that is not ASCII needs a peer with SMTPUTF8 (RFC 6531 §3.4); false: it is sent as it came. */
  smtpUtf8: boolean;
  /** Envelope recipients, doubles removed, in their order. */
  recipients: Recipient[];
  /** Null: the message is kept as it came, so nothing is put into it. */
  tracking: TrackingWish | null;
  /** What it was made of; left out: no template. */
  template?: UsedTemplate;
  /** Makes the raw message. */
  build(message: { id: MessageId; nowMs: number; tracking: Tracking | null }): Promise<BuiltMessage>;
}

/** The fields of a message that is composed here, whatever dialect they came in. */
export interface Composition extends SendBody {
  /** RFC 5322 §3.6.2: who sends it, where that is not the author. */
  sender?: Mailbox;
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
  /** What it was made of, where only the building shows that. */
  template?: UsedTemplate;
}
