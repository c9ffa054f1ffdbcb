import { isWithin } from './address.ts';
import type { MailClass } from './class.ts';

/** A field that the node puts before a message, with its signatures, and signs. */
export interface AddedField {
  name: string;
  value: string;
}

/** What the fields are made from. */
interface Sent {
  messageId: string;
  accountId: number;
  class: MailClass;
  tags: readonly string[];
  /** The domain of From, and `d=` of the signatures. */
  fromDomain: string;
  signingDomain: string;
  returnPathHost: string;
}

/** The mailbox that takes feedback reports at a bounce host. */
export const feedbackMailbox = 'fbl';
/** The last part of Feedback-ID: who sends. The same for all mail, as receivers that count by it ask for. */
const senderId = 'pennypost';
const mostTagCharacters = 40;

/**
 * The fields by which receivers tell complaints: Feedback-ID, `account:class:tag:pennypost` (the first tag; what is not
 * a letter, digit, `.`, `_` or `-` is a `-`), by which mailbox providers count; and CFBL-Address (RFC 9477) where our
 * feedback mailbox is within the author's domain. Elsewhere RFC 9477 §3.1.3 wants a further signature, by the domain of
 * the mailbox.
 */
export function feedbackFields(sent: Sent): AddedField[] {
  const tag = (sent.tags[0] ?? '').replace(/[^A-Za-z0-9._-]/g, '-').slice(0, mostTagCharacters);
  const own = sent.signingDomain === sent.fromDomain && isWithin(sent.returnPathHost, sent.fromDomain);
  return [
    { name: 'Feedback-ID', value: `${sent.accountId}:${sent.class}:${tag}:${senderId}` },
    ...(own
      ? [
          { name: 'CFBL-Address', value: `${feedbackMailbox}@${sent.returnPathHost}; report=arf` },
          // RFC 9477 §3.3: comes back in the report, whatever else of the message does.
          { name: 'CFBL-Feedback-ID', value: sent.messageId },
        ]
      : []),
  ];
}
