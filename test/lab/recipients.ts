/**
 * The recipient's local part scripts the fault, at every domain that a lab host has a mailbox for.
 * Postfix says these replies itself; `user`, `user1`,
 * `user-anything` and `user+tag` are accepted, and any other recipient is unknown (550 5.1.1).
 */
export const recipientFaults = {
  full: { at: 'RCPT', reply: '552 5.2.2 Mailbox full' },
  tmp: { at: 'RCPT', reply: '450 4.2.1 Try again later' },
  policy: { at: 'RCPT', reply: '550 5.7.1 Rejected by policy' },
  /** After this reply Postfix closes the connection. */
  close: { at: 'RCPT', reply: '421 4.7.0 Closing' },
  /** Refused only after the message has been sent. */
  content: { at: 'DATA', reply: '554 5.7.1 Message content rejected' },
  /** Deferred only after the message has been sent. */
  busy: { at: 'DATA', reply: '451 4.3.0 Queue file write error' },
} as const satisfies Record<string, { at: 'RCPT' | 'DATA'; reply: string }>;
