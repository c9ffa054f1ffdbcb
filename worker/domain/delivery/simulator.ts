/**
 * Recipients at `simulator.<service domain>`, whose mail takes the whole way to an MX that plays a part: one
 * table; the node's scripted MX and the guide Sending derive from it. `+label` may follow the name.
 *
 * - `reply`: what RCPT is answered with.
 * - `again`: the reply is said to the first try only.
 * - `returns`: the message is accepted, and this comes back to its return path some seconds later.
 * - `brokenTls`: the MX breaks the handshake and takes nothing without TLS.
 */
export interface SimulatedRecipient {
  name: string;
  about: string;
  reply?: { code: number; text: string };
  again?: true;
  returns?: 'dsn' | 'complaint' | 'autoReply';
  brokenTls?: true;
}

export const simulatedRecipients = [
  { name: 'delivered', about: 'accepted' },
  {
    name: 'hard-bounce',
    about: 'refused: no such mailbox',
    reply: { code: 550, text: '5.1.1 The mailbox does not exist (simulated)' },
  },
  {
    name: 'soft-bounce',
    about: 'put off at every try, until it expires',
    reply: { code: 451, text: '4.3.2 System not accepting messages now (simulated)' },
  },
  {
    name: 'greylisted',
    about: 'put off once, then accepted',
    reply: { code: 451, text: '4.7.1 Greylisted, please try again later (simulated)' },
    again: true,
  },
  {
    name: 'mailbox-full',
    about: 'refused: over quota',
    reply: { code: 552, text: '5.2.2 The mailbox is full (simulated)' },
  },
  { name: 'delayed-bounce', about: 'accepted; a DSN (RFC 3464) comes seconds later', returns: 'dsn' },
  { name: 'complaint', about: 'accepted; a complaint (RFC 5965) comes seconds later', returns: 'complaint' },
  {
    name: 'auto-reply',
    about: 'accepted; an automatic reply (RFC 3834) comes seconds later',
    returns: 'autoReply',
  },
  {
    name: 'rate-limited',
    about: 'put off once for too much mail, then accepted',
    reply: { code: 450, text: '4.7.28 Too many messages from your network, slow down (simulated)' },
    again: true,
  },
  {
    name: 'tls-failure',
    about: 'the handshake fails and TLS is required: put off until it expires',
    brokenTls: true,
  },
] as const satisfies readonly SimulatedRecipient[];

/** Metadata key that asks for a simulated recipient to be suppressed like a real one, with the value `true`. */
export const simulatorSuppressKey = 'simulator_suppress';

/** The domain of simulated recipients. */
export function simulatorDomain(serviceDomain: string): string {
  return `simulator.${serviceDomain}`;
}

/** The part that a local part plays; null when there is no such part. */
export function simulatedRecipient(localPart: string): SimulatedRecipient | null {
  const name = localPart.toLowerCase().replace(/\+.*$/s, '');
  return simulatedRecipients.find((row) => row.name === name) ?? null;
}
