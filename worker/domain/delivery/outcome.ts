import { z } from 'zod';
import { failureClassNames } from '../failure/failure-class.ts';

/**
 * What one attempt ended in. Made by a node, a value and never an exception; `reduceDelivery` says what
 * follows from it. All times are Unix milliseconds, all durations milliseconds.
 */

/** A reply of an SMTP server (RFC 5321 §4.2), with its enhanced status where it has one (RFC 3463). */
export const smtpReplySchema = z.object({
  code: z.number().int().min(200).max(599),
  /** `5.1.1`, or null when the text does not begin with one. */
  status: z.string().nullable(),
  /** The reply's text without codes, its lines joined by a space. */
  text: z.string().max(4096),
});
export type SmtpReply = z.infer<typeof smtpReplySchema>;

/**
 * Steps of an attempt in their order; each is timed, over all hosts that were tried. `wait` is for our own turn: a
 * place among the attempts at these hosts, a connection that is free. `data` begins with the node's journal.
 */
export const stepNames = [
  'dns',
  'wait',
  'sign',
  'connect',
  'greeting',
  'ehlo',
  'tls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'final',
] as const;
export type StepName = (typeof stepNames)[number];

export const sessionSchema = z.object({
  /** The transport that had it last (`delivery/transport.ts`); left out: `direct`. */
  transport: z.string().max(64).optional(),
  /** Name of the node's address that it left from; left out: the node has one for everything. */
  from: z.string().max(253).optional(),
  /** The MX that was spoken to; null when none was reached. */
  mx: z.object({ host: z.string(), address: z.string() }).nullable(),
  tls: z
    .object({
      version: z.string(),
      cipher: z.string(),
      /** `verified`: the certificate is valid for the MX name, or DNS names it (DANE); `unverified`: encrypted only (RFC 7435). */
      verdict: z.enum(['verified', 'unverified']),
      /** Why the certificate did not verify. */
      reason: z.string().optional(),
      /** Of the peer's certificate: who issued it, and until when it is valid (RFC 3339). */
      issuer: z.string().max(200).optional(),
      expires: z.string().max(40).optional(),
      /** What was asked of it: by whom, and whether it had to be met or is only told. */
      policy: z
        .object({
          source: z.enum(['dane', 'mta-sts', 'require_tls']),
          mode: z.enum(['enforce', 'testing']),
          /** What was not met. */
          fault: z.string().max(500).optional(),
        })
        .optional(),
    })
    .nullable(),
  /** True when the connection had carried an earlier message. */
  reused: z.boolean(),
  /** They add up to the attempt's duration. */
  steps: z.array(z.object({ name: z.enum(stepNames), ms: z.number() })),
  /** Hosts that were tried first and failed. */
  tried: z.array(
    z.object({
      host: z.string(),
      address: z.string(),
      error: z.string(),
      /** The relay whose host it is; left out: an MX. */
      transport: z.string().max(64).optional(),
    }),
  ),
  /** Transports of its route that did not have it, `direct` among them, and why; left out: the first had it. */
  passedOn: z
    .array(z.object({ transport: z.string().max(64), error: z.string().max(500) }))
    .max(16)
    .optional(),
  /** What its transport calls the message, where it says so in no reply; left out: see the reply. */
  relayId: z.string().min(1).max(250).optional(),
  /** Header fields of the message that its transport does not take, and that were left out. */
  leftOut: z.array(z.string().max(100)).max(50).optional(),
});
export type Session = z.infer<typeof sessionSchema>;

/** The times that a Date can hold (ECMA-262 §21.4.1.1), from 1970 on. */
const timeMs = z.number().min(0).max(8.64e15);
const common = { startedAtMs: timeMs, endedAtMs: timeMs, session: sessionSchema };

/** A failure in words and codes. `reply` is null unless an SMTP server said it: a code is never invented. */
export const failureSchema = z.object({
  reply: smtpReplySchema.nullable(),
  /** Enhanced status (RFC 3463) that we know without a reply, e.g. `5.1.10` for a null MX (RFC 7505). */
  status: z.string().nullable(),
  class: z.enum(failureClassNames),
  /** A sentence for people. */
  text: z.string().max(4096),
  /** Where it went wrong. */
  step: z.enum(stepNames).nullable(),
  /** Error code of the platform, e.g. `ECONNREFUSED`. */
  code: z.string().nullable(),
});
export type Failure = z.infer<typeof failureSchema>;

export const outcomeSchema = z.discriminatedUnion('type', [
  /** The MX answered 250 after the final dot; `reply` is null where a transport that is no SMTP server took it. */
  z.object({
    type: z.literal('delivered'),
    ...common,
    reply: smtpReplySchema.nullable(),
    dkim: z.array(z.string()),
  }),
  /** A temporary failure: 4yz reply, network, DNS, anything unknown. */
  z.object({ type: z.literal('deferred'), ...common, failure: failureSchema }),
  /** A permanent failure: 5yz reply, or proof without one (null MX, no such domain, no SMTPUTF8). */
  z.object({ type: z.literal('bounced'), ...common, failure: failureSchema }),
  /** The connection was lost after the final dot and before the reply: accepted or not, nobody knows. */
  z.object({ type: z.literal('maybeAccepted'), ...common, failure: failureSchema }),
  /** Ours: it cannot be sent, and trying again will not help. */
  z.object({
    type: z.literal('failed'),
    ...common,
    reason: z.enum(['unsignable', 'too_large', 'policy']),
    text: z.string().max(4096),
  }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;
