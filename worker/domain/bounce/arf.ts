import { addressesIn } from './address.ts';
import { fieldGroups } from './header-fields.ts';
import { type HeaderField, headerOf } from './returned-mail.ts';

/** A feedback report (RFC 5965). */
export interface FeedbackReport {
  /** RFC 5965 §3.1 Feedback-Type, lower case. */
  type: string;
  /** User-Agent of the reporter. */
  source: string | null;
  /** Original-Rcpt-To and what reporters use in its stead; may be redacted (RFC 6590). */
  recipients: string[];
}

const recipientFields = ['original-rcpt-to', 'removal-recipient', 'original-recipient', 'final-recipient'];

/** True when a text holds the fields that every report has (RFC 5965 §3.1), whatever part it stands in. */
export function looksLikeFeedback(text: string): boolean {
  const beginning = text.slice(0, 8192);
  return [/^feedback-type ?: ?[a-z]/im, /^user-agent ?:/im, /^version ?: ?\d/im].every((p) =>
    p.test(beginning),
  );
}

/** The report in the text of a `message/feedback-report` part; null when it has no type. */
export function readFeedback(text: string): FeedbackReport | null {
  const fields = fieldGroups(text).flat();
  const type = /[\w-]{1,40}/.exec(headerOf(fields, 'feedback-type'))?.[0];
  if (!type) return null;
  return {
    type: type.toLowerCase(),
    source: headerOf(fields, 'user-agent') || null,
    recipients: addressesIn(
      fields
        .filter((field) => recipientFields.includes(field.name))
        .map((field) => field.value)
        .join('\n'),
    ),
  };
}

/** Types that are no complaint about the sender: RFC 6430 §3.2 (an undone complaint), RFC 6591 §3.1 (a DMARC failure). */
const noComplaint = ['not-spam', 'auth-failure'];

/** True when a report of this type tells that the recipient does not want the mail, so the address is suppressed. */
export function complains(type: string): boolean {
  return !noComplaint.includes(type);
}

/** Fields of an original in which reporters that send no report part leave the recipient, best first. */
const originalFields = ['x-hmxmroriginalrecipient', 'to', 'x-original-to', 'delivered-to'];

/**
 * Whom a complaint is about when the report does not say: the original's own fields.
 */
export function recipientsOfOriginal(original: readonly HeaderField[]): string[] {
  for (const name of originalFields) {
    const found = addressesIn(headerOf(original, name));
    if (found.length > 0) return found;
  }
  return [];
}
