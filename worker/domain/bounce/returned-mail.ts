import type { FailureClass } from '../failure/failure-class.ts';

/** A mail that came back, taken apart; text is decoded and bounded by whoever took it apart. */
export interface ReturnedMail {
  /** The envelope sender: empty for the null sender (RFC 5321 §4.5.5); undefined when it is not known. */
  mailFrom?: string | undefined;
  /** Header fields of the mail in their order; names in lower case, values unfolded and decoded. */
  headers: readonly HeaderField[];
  /** The readable text: plain parts, or HTML turned into text. */
  text: string;
  /** The other parts in their order: reports, and the original message or its header. */
  parts: readonly ReturnedPart[];
}

export interface HeaderField {
  name: string;
  value: string;
}

export interface ReturnedPart {
  /** Media type in lower case, without parameters. */
  type: string;
  text: string;
}

/**
 * What is done with a recipient (RFC 3464 §2.3.3); `failed` also when a report in prose says so. Who complains has
 * had the mail delivered.
 */
export type Action = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface ReturnedRecipient {
  /** The address as it was told, the one that the sender gave; empty when none was: the return path tells whose it is. */
  recipient: string;
  /** Where the mail ended when that is another address (RFC 3464 §2.3.2), as after forwarding. */
  finalRecipient: string | null;
  /** False when only prose tells the class, and not surely enough to suppress somebody. */
  certain: boolean;
  /** Enhanced status (RFC 3463); null when it was not told. */
  status: string | null;
  /** Reply code of an SMTP server; null when none was told. */
  replyCode: number | null;
  /** What was said about the failure, in one line. */
  diagnostic: string;
  remoteMta: string | null;
  class: FailureClass;
  /** False for what may succeed another time, also when the reporting host has given up. */
  permanent: boolean;
  action: Action;
}

/** What a mail that came back says. `none`: no report that we can read; a person wrote, unless the sender is null. */
export interface Returned {
  kind: 'bounce' | 'delay' | 'complaint' | 'autoreply' | 'delivered' | 'none';
  recipients: ReturnedRecipient[];
  /** Message-ID of the original, with its angle brackets. */
  originalMessageId: string | null;
  /** Feedback-ID of the original, and its CFBL-Feedback-ID (RFC 9477 §3.3) behind a blank. */
  feedbackId: string | null;
  /** For complaints (RFC 5965 §3.1): `abuse`, `fraud`… in lower case; `complains` says which suppress. */
  feedbackType: string | null;
  /** For complaints: who reports, from User-Agent or From. */
  feedbackSource: string | null;
  /** For complaints: the report's own fields name the recipients, not those of the original, which its author wrote. */
  namedByReporter?: boolean;
  subject: string;
}

/** The first value of a header field; an empty string when there is none. */
export function headerOf(fields: readonly HeaderField[], name: string): string {
  return fields.find((field) => field.name === name)?.value ?? '';
}
