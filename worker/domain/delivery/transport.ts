import { z } from 'zod';
import type { Failure, Outcome, StepName } from './outcome.ts';

/**
 * How a message leaves: straight to the hosts that take mail for its recipient (`direct`), or by somebody's mail server that sends
 * it on (a relay, RFC 5598 §4.3.2; submission to it, RFC 6409). A message's route names transports in the order in which they are
 * tried within one attempt: one after the other, never two at once.
 */
export const direct = 'direct';

/** Encryption of the way to a relay: from the first octet (RFC 8314), by STARTTLS, or none, for one on a network of one's own. */
export const relayTls = ['implicit', 'starttls', 'none'] as const;

export const relay = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  tls: z.enum(relayTls),
  /** Null: it asks for no sign-in. */
  login: z.object({ user: z.string().min(1).max(255), secret: z.string().min(1).max(4096) }).nullable(),
  /** Largest message that it takes, octets; null: it says so itself. */
  maxBytes: z.number().int().min(1).nullable(),
  /** Connections at once. */
  connections: z.number().int().min(1).max(100),
});
export type Relay = z.infer<typeof relay>;

/** Steps before a word of the message was said: whoever fails there has not judged it. */
const beforeMail: readonly StepName[] = ['wait', 'connect', 'greeting', 'ehlo', 'tls', 'auth'];

/** Refusals of the sender, not of the message or its recipient: another transport is another sender. */
const ofTheSender: readonly Failure['class'][] = ['blocklisted', 'rate_limited', 'relay_denied', 'network'];

/** Whether the next transport of a route may have the message, as this one certainly has not. */
export function passesOn(outcome: Pick<Outcome, 'type'> & { failure?: Failure }): boolean {
  const { type, failure } = outcome;
  if ((type !== 'deferred' && type !== 'bounced') || !failure) return false;
  if (failure.class === 'bad_domain') return false;
  return ofTheSender.includes(failure.class) || (failure.step !== null && beforeMail.includes(failure.step));
}
