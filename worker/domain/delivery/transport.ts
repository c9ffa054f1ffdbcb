import { z } from 'zod';
import { classNames, type MailClass } from '../message/class.ts';
import { relayIdOf } from '../relay-feed/relay-event.ts';
import type { Failure, Outcome, StepName } from './outcome.ts';
import { cloudflareFields, type RelayFields, relayFields } from './relay-fields.ts';

/**
 * How a message leaves: straight to the hosts that take mail for its recipient (`direct`), or by somebody's mail server that sends
 * it on (a relay, RFC 5598 §4.3.2; submission to it, RFC 6409). A message's route names transports in the order in which they are
 * tried within one attempt: one after the other, never two at once.
 */
export const direct = 'direct';

/** Encryption of the way to a relay: from the first octet (RFC 8314), by STARTTLS, or none, for one on a network of one's own. */
export const relayTls = ['implicit', 'starttls', 'none'] as const;

export const transportName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, and begin with no hyphen',
  );

/** A relay as a node is told of it. */
export const relay = z.object({
  name: transportName,
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  tls: z.enum(relayTls),
  /** Null: it asks for no sign-in. */
  login: z.object({ user: z.string().min(1).max(255), secret: z.string().min(1).max(4096) }).nullable(),
  /** Largest message that it takes, octets; null: it says so itself. */
  maxBytes: z.number().int().min(1).nullable(),
  /** Connections at once. */
  connections: z.number().int().min(1).max(100),
  /** Messages of a minute that this node may begin; null: as many as there are. */
  perMinute: z.number().min(0.01).nullable().default(null),
  /** Recipients of one session, and so messages over one connection; null: it says so itself. */
  sessionRecipients: z.number().int().min(1).nullable().default(null),
  /** Header fields that it takes, others are left out; null: all. Without `dkim-signature`, it signs itself. */
  fields: relayFields.nullable().default(null),
});
export type Relay = z.infer<typeof relay>;

/** Most transports of one route. */
export const longestRoute = 8;

const domainName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/, 'must be a domain in lower case, as example.com');

/** Which messages may leave by which transports; what is null fits all. */
export const transportRule = z.strictObject({
  /** The domain that signs. */
  domain: domainName.nullable().default(null),
  class: z.enum(classNames).nullable().default(null),
  /** The recipient's domain. */
  recipient: domainName.nullable().default(null),
  /** Who runs the recipient's mail hosts, by the names of `outbound/providers.ts`. */
  provider: transportName.nullable().default(null),
  route: z
    .array(transportName)
    .min(1)
    .max(longestRoute)
    .refine((names) => new Set(names).size === names.length, 'must name each transport once'),
});
export type TransportRule = z.infer<typeof transportRule>;
export const mostTransportRules = 100;
export const mostTransports = 50;

/** What a route is chosen by. */
export interface Routed {
  domain: string;
  class: MailClass;
  recipient: string;
}

/** The route of a message: the first rule that fits says it, and `direct` where none does. */
export interface Route {
  route: string[];
  /** Of rules before that one which ask who runs the recipient's mail hosts, as only a node finds out: by provider. */
  ofProviders: Record<string, string[]>;
}

export function routeOf(rules: readonly TransportRule[], message: Routed): Route {
  const ofProviders: Record<string, string[]> = {};
  for (const rule of rules) {
    const fits =
      (rule.domain ?? message.domain) === message.domain &&
      (rule.class ?? message.class) === message.class &&
      (rule.recipient ?? message.recipient) === message.recipient;
    if (!fits) continue;
    if (rule.provider === null) return { route: rule.route, ofProviders };
    ofProviders[rule.provider] ??= rule.route;
  }
  return { route: [direct], ofProviders };
}

/** Steps before a word of the message was said: whoever fails there has not judged it. */
const beforeMail: readonly StepName[] = ['wait', 'connect', 'greeting', 'ehlo', 'tls', 'auth'];

/** Refusals of the sender, not of the message or its recipient: another transport is another sender. */
export const ofTheSender: readonly Failure['class'][] = [
  'blocklisted',
  'rate_limited',
  'relay_denied',
  'network',
];

/**
 * Whether the next transport of a route may have the message, as this one certainly has not.
 * @param transport the one that failed; left out: `direct`
 */
export function passesOn(
  outcome: Pick<Outcome, 'type'> & { failure?: Failure },
  transport?: string | undefined,
): boolean {
  const { type, failure } = outcome;
  if ((type !== 'deferred' && type !== 'bounced') || !failure) return false;
  if (failure.class === 'bad_domain') return false;
  // More than a relay said that it takes, so it was not offered; for an MX that is the recipient's own limit.
  if (failure.class === 'too_large' && failure.reply === null) return transport !== undefined;
  return ofTheSender.includes(failure.class) || (failure.step !== null && beforeMail.includes(failure.step));
}

/** What a relay did, by its name: how many messages it took, what it calls them, and how it refused us. */
export interface TransportUse {
  name: string;
  taken: number;
  /** What it said that it calls them. */
  ids: { id: string; messageId: string; n: number }[];
  failedText: string | null;
}

/** What relays did, from the outcomes of attempts. */
export function transportUses(
  results: readonly { messageId: string; n: number; outcome: Outcome }[],
): TransportUse[] {
  const uses = new Map<string, TransportUse>();
  for (const { messageId, n, outcome } of results) {
    const of = (name: string) => {
      const use = uses.get(name) ?? { name, taken: 0, ids: [], failedText: null };
      uses.set(name, use);
      return use;
    };
    const { transport, tried, relayId, passedOn = [] } = outcome.session;
    for (const { transport: name, error } of tried)
      if (name !== undefined) of(name).failedText = error.slice(0, 500);
    for (const { transport: name, error } of passedOn) if (name !== direct) of(name).failedText = error;
    if (transport === undefined) continue;
    const id = outcome.type === 'delivered' ? (relayId ?? relayIdOf(outcome.reply?.text ?? '')) : null;
    if (id !== null) of(transport).ids.push({ id, messageId, n });
    // What it may have taken counts, too.
    if (outcome.type === 'delivered' || outcome.type === 'maybeAccepted') of(transport).taken += 1;
    else if (passesOn(outcome, transport) && 'failure' in outcome)
      of(transport).failedText = outcome.failure.text.slice(0, 500);
  }
  return [...uses.values()];
}

/** Where Cloudflare Email Service is to put its events: a queue of the installation, as deployments make it. */
export const relayEventsQueue = 'pennypost-relay-events';

/** Who hands mail to transports: nodes by SMTP, the Worker by its `send_email` binding. */
export type Carrier = 'node' | 'worker';

/** What is known of services beforehand. */
export interface TransportPreset {
  name: string;
  title: string;
  host: string | null;
  port: number;
  tls: (typeof relayTls)[number];
  user: string | null;
  maxBytes: number | null;
  sessionRecipients: number | null;
  /** Header fields that it takes; null: all. */
  fields: RelayFields | null;
  /** Who hands mail to it: nodes, by SMTP; the Worker, by its binding `send_email`, so that no node is needed. */
  carrier: Carrier;
  /** How it tells what became of what it took: by Amazon SNS to a path of ours, into a queue of ours; null: by mail alone. */
  feed: 'sns' | 'queue' | null;
  /** Where what is given here is said. */
  source: string | null;
  hint: string;
}

const mebibyte = 1024 * 1024;

export const transportPresets: readonly TransportPreset[] = [
  {
    name: 'smtp',
    title: 'Any mail server',
    host: null,
    port: 587,
    tls: 'starttls',
    user: null,
    maxBytes: null,
    sessionRecipients: null,
    fields: null,
    carrier: 'node',
    feed: null,
    source: null,
    hint: 'The submission server of whoever relays for you (RFC 6409).',
  },
  {
    name: 'ses',
    title: 'Amazon SES',
    host: 'email-smtp.eu-central-1.amazonaws.com',
    port: 465,
    tls: 'implicit',
    user: null,
    maxBytes: 40 * mebibyte,
    sessionRecipients: null,
    fields: null,
    carrier: 'node',
    feed: 'sns',
    source: 'https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html',
    hint: 'The host of your region, with SMTP credentials made in its console (no access keys).',
  },
  {
    name: 'cloudflare',
    title: 'Cloudflare Email Service',
    host: 'smtp.mx.cloudflare.net',
    port: 465,
    tls: 'implicit',
    user: 'api_token',
    maxBytes: 5 * mebibyte,
    sessionRecipients: 50,
    fields: cloudflareFields,
    carrier: 'node',
    feed: 'queue',
    source: 'https://developers.cloudflare.com/email-service/api/send-emails/smtp/',
    hint: 'The secret is an API token with the permission Email Sending: Edit; the domain must be set up for sending in the same account. It signs by itself, and takes no header fields but those of its list: others are left out.',
  },
  {
    name: 'cloudflare-binding',
    title: 'Cloudflare Email Service, from the Worker itself',
    host: null,
    port: 0,
    tls: 'implicit',
    user: null,
    maxBytes: 5 * mebibyte,
    sessionRecipients: null,
    fields: cloudflareFields,
    carrier: 'worker',
    feed: 'queue',
    source: 'https://developers.cloudflare.com/email-service/api/send-emails/workers-api/',
    hint: 'No node is needed, and no secret: the Worker has a binding, which npm run deploy -- --relay cloudflare-binding makes. The domain must be set up for sending in the same account; it signs by itself, as above.',
  },
];

/** Whether the Worker itself hands mail to transports of a preset. */
export function isOfWorker(preset: string): boolean {
  return transportPresets.some(({ name, carrier }) => name === preset && carrier === 'worker');
}
