/**
 * Classes of failure, one table. `recipient` classes suppress an address when permanent; `infrastructure`
 * classes never do. Which class a failure has is decided by `classifyFailure`; `tls` is found by a node.
 */
export const failureClasses = [
  { name: 'bad_mailbox', about: 'recipient', text: 'the mailbox does not exist' },
  { name: 'bad_domain', about: 'recipient', text: 'the domain does not exist or takes no mail' },
  { name: 'inactive', about: 'recipient', text: 'the mailbox is disabled or abandoned' },
  { name: 'mailbox_full', about: 'mailbox', text: 'the mailbox is over its quota' },
  { name: 'too_large', about: 'message', text: 'the message is larger than the peer takes' },
  { name: 'policy', about: 'infrastructure', text: 'refused by a rule of the peer' },
  { name: 'spam', about: 'infrastructure', text: 'the content was taken for spam' },
  { name: 'blocklisted', about: 'infrastructure', text: 'the sending address or domain is on a blocklist' },
  { name: 'auth', about: 'infrastructure', text: 'SPF, DKIM or DMARC did not satisfy the peer' },
  { name: 'rate_limited', about: 'infrastructure', text: 'too much mail at once for the peer' },
  { name: 'greylisted', about: 'infrastructure', text: 'told to come back later' },
  { name: 'protocol', about: 'infrastructure', text: 'the SMTP dialogue went wrong' },
  { name: 'tls', about: 'infrastructure', text: 'the encryption that is asked for could not be had' },
  { name: 'network', about: 'infrastructure', text: 'no connection, or it broke' },
  { name: 'system', about: 'infrastructure', text: "the peer's own trouble" },
  { name: 'relay_denied', about: 'infrastructure', text: 'the peer does not take mail for this domain' },
  { name: 'unknown', about: 'infrastructure', text: 'the reply does not tell' },
] as const;

export type FailureClass = (typeof failureClasses)[number]['name'];
export const failureClassNames = failureClasses.map((c) => c.name) as [FailureClass, ...FailureClass[]];

/**
 * True when a failure of this class means that the address must not be mailed again: its class is about the
 * recipient, and the failure is permanent. `mailbox_full` counts elsewhere (three in seven days).
 */
export function suppresses(name: FailureClass, permanent: boolean): boolean {
  return permanent && failureClasses.some((row) => row.name === name && row.about === 'recipient');
}
