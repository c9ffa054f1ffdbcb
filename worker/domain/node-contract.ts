import { z } from 'zod';
import { outcomeSchema } from './delivery/outcome.ts';
import { recipientPolicy } from './delivery/recipient-policy.ts';
import { mostSendingAddresses, sendingAddressState } from './delivery/sending-address.ts';
import { longestRoute, relay, transportName } from './delivery/transport.ts';
import { forwardOrder } from './inbound/forward-order.ts';
import { verdictsSchema } from './inbound/verdicts.ts';
import { classNames } from './message/class.ts';
import { nodeTokenPattern } from './node-token.ts';

/**
 * What a node and the edge say to each other, under `/node/v1/` with `Authorization: Bearer <node token>`.
 *
 * - `POST hello`: a node starts; leases of its older boots are released at once.
 * - `GET wake`: a WebSocket; the edge sends the text `wake` when there may be work.
 * - `POST lease`: take work. `409` when a newer boot of the same node has said hello.
 * - `GET raw/:messageId`: the raw message (`message/rfc822`) of a delivery this node has leased.
 * - `POST results`: outcomes; a stale lease is refused, not an error.
 * - `POST release`: give leases back untried (graceful stop).
 * - `GET installation`: what the doctor asks of the edge: how large its database is.
 * - `POST inbound/check`: behind which door each envelope recipient of incoming mail is.
 * - `POST inbound?mail_from=&rcpt_to=…&signed_author=`: a mail (`message/rfc822`) that came to a return path; durable
 *   when answered.
 * - `POST received`: a mail for a domain that receives, with what the node found out about it: a line of JSON
 *   (`receivedHead`), a line feed, the raw mail. It is durable when answered; the same id again is the same mail.
 *
 * Every answer has the edge's time in `Edge-Time` (Unix ms): leases end by it, whatever the node's own clock says.
 *
 * Raw mail travels in JSON as latin1 text: one character a byte.
 */
/** Name of a node. One that begins with `@` is the Worker's own (`delivery/turn.ts`). */
export const nodeId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^(?!@)/, 'must not begin with @');
const bootId = z.string().min(1).max(64);

/** Where clients submit by SMTP: with STARTTLS, and with TLS from the start; a port that is null is not open. */
const submissionPort = z.number().int().min(1).max(65_535).nullable();
export const submissionPlace = z.object({
  host: z.string().min(1).max(255),
  port: submissionPort,
  tlsPort: submissionPort,
});
export type SubmissionPlace = z.infer<typeof submissionPlace>;

export const helloRequest = z.object({
  nodeId,
  bootId,
  hostName: z.string().max(255),
  version: z.string().max(64),
  /** Null: it takes no submissions. */
  submission: submissionPlace.nullable().default(null),
  /**
   * `kept`: what an earlier run of this node had begun stands in the journal and has been reported. `new`: there was
   * none, so nobody knows what became of leases that it held.
   */
  journal: z.enum(['kept', 'new']).default('kept'),
});
/** A node asks for its token, one that it has chosen, with the installation's secret for nodes. */
export const enrolRequest = z.object({ nodeId, token: z.string().regex(nodeTokenPattern) });

/** Header field of every answer: the edge's time, Unix ms. */
export const edgeTimeHeader = 'Edge-Time';

export const helloResponse = z.object({
  nowMs: z.number(),
  /** Its recipients are parts that the node's own simulator plays; null: there is none. */
  simulatorDomain: z.string().nullable().default(null),
});

/** What recipient domains were found to ask of TLS, where it has changed. */
export const tlsPoliciesRequest = z.object({ policies: z.array(recipientPolicy).max(100) });

/** A report on TLS to a recipient domain (RFC 8460), to be mailed. */
export const tlsReportRequest = z.object({
  domain: z.string().regex(/^[a-z0-9.-]{1,253}$/),
  /** It is written into the header of the mail. */
  to: z
    .string()
    .max(320)
    .regex(/^[^\s<>]+@[^\s<>]+$/),
  id: z.string().regex(/^[!-~]{1,500}$/),
  fileName: z.string().regex(/^[!-~]{1,600}$/),
  /** Who reports: the node's host name. */
  submitter: z.string().regex(/^[a-z0-9.-]{1,253}$/),
  /** Base64 of the gzip of its JSON. */
  report: z
    .string()
    .max(1024 * 1024)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/),
});

export const installationResponse = z.object({
  /** Of control. */
  databaseSize: z.object({ bytes: z.number(), bytesADay: z.number().nullable() }),
  /** Of every home; an edge of an older version has one and does not say so. */
  homes: z
    .array(
      z.object({
        home: z.number().int(),
        accounts: z.number().int(),
        bytes: z.number(),
        bytesADay: z.number().nullable(),
      }),
    )
    .default([]),
  /** Relays, with what is wrong with each; an edge of an older version tells of none. */
  relays: z
    .array(
      z.object({
        name: z.string().max(64),
        fault: z.object({ text: z.string().max(2000), fix: z.string().max(1000) }).nullable(),
      }),
    )
    .default([]),
  /** The transport by which the Worker hands mail to Cloudflare itself, as a rule says; null: it does not. */
  workerTransport: z.string().max(64).nullable().default(null),
});

export const leaseRequest = z.object({
  nodeId,
  bootId,
  /** How many deliveries the node has room for. */
  max: z.number().int().min(1).max(500),
  /** How many of them may be of another class than `priority`. */
  otherMax: z.number().int().min(0).max(500).default(500),
  /** How many may go to one recipient domain, as long as there is mail to others. */
  domainMax: z.number().int().min(1).max(500).default(500),
  /** How many of them may be of the class `digest`. */
  digestMax: z.number().int().min(0).max(500).default(500),
  /** Recipient domains that the node does not want now. */
  excludeDomains: z.array(z.string().max(255)).max(50).default([]),
  /** Recipient domains of which the node has enough for now: only `priority` is wanted. */
  busyDomains: z.array(z.string().max(255)).max(50).default([]),
  /** The addresses that it sends from, where they are several; empty: it has one for everything. */
  sendingAddresses: z.array(sendingAddressState).max(mostSendingAddresses).default([]),
  /**
   * The node's own name of the lease, a new one for each (a UUID), part of its id. Asked again with the same name and place, because no
   * answer came, it gives what that lease took; left out, the edge names it.
   */
  leaseId: z.string().min(1).max(40).optional(),
  /** Number of the request, counted from 1 in each boot; left out: it is never fenced off. */
  sequence: z.number().int().min(1).default(Number.MAX_SAFE_INTEGER),
  /**
   * Requests up to this number were given up unanswered: should one of them still be under way at the edge, it takes nothing from now on,
   * since nobody would know.
   */
  fence: z.number().int().min(0).default(0),
  /** `place` of the last answer: how far the queue has been looked at. Null: from its beginning. */
  place: z
    .string()
    .max(64 * 1024)
    .nullable()
    .default(null),
});

export const leasedDelivery = z.object({
  messageId: z.string(),
  /** Number of the recipient within the message, from 0. */
  n: z.number().int(),
  leaseId: z.string(),
  /** The lease ends then; a result that comes later may be refused. */
  leaseUntilMs: z.number(),
  class: z.enum(classNames),
  /** 1 for the first attempt. */
  attempt: z.number().int(),
  /** Envelope sender with the token (VERP); empty: the null sender. */
  mailFrom: z.string(),
  rcptTo: z.string(),
  /** Number of the account whose mail it is. */
  account: z.number().int().optional(),
  /** Domain that signs (`d=`). */
  signingDomain: z.string(),
  /** Entry of `keys` that signs, when that is not the signing domain's: two accounts may have had one domain. */
  keyRing: z.string().optional(),
  sizeBytes: z.number().int(),
  /** The header, where it is UTF-8, needs the extension (RFC 6531); an address of the envelope says so by itself. */
  smtputf8: z.boolean(),
  /** The content has bytes over 127 (RFC 6152). */
  eightBit: z.boolean(),
  /** What its sender wants of TLS. */
  tls: z.enum(['policy', 'required', 'optional']).optional(),
  /** It goes only to hosts that offer REQUIRETLS (RFC 8689 §4.2.1); `tls` is `required` then. */
  requiretls: z.boolean().optional(),
  /** Fields to be put before the message and signed, where it has none of that name; ASCII, one line each. */
  fields: z
    .array(z.object({ name: z.string().regex(/^[!-9;-~]+$/), value: z.string().regex(/^[ -~]+$/) }))
    .optional(),
  /** It was received and is sent on: it is signed only where `signs`, and sealed (RFC 8617) with `seal`. */
  forward: forwardOrder.pick({ signs: true, seal: true }).optional(),
  /** Transports in the order in which they are tried, `direct` or of `relays`; left out: `direct`. */
  route: z.array(transportName).min(1).max(longestRoute).optional(),
  /** The same instead, where the recipient's mail hosts are a provider's. */
  routeOfProvider: z.record(z.string(), z.array(transportName).min(1).max(longestRoute)).optional(),
  /** Latin1 text of the raw message when it is small; null: fetch it. */
  raw: z.string().nullable(),
});
export type LeasedDelivery = z.infer<typeof leasedDelivery>;

export const dkimKey = z.object({
  selector: z.string(),
  algorithm: z.enum(['rsa-sha256', 'ed25519-sha256']),
  /** PKCS #8 PEM. */
  privateKey: z.string(),
});
export type DkimKey = z.infer<typeof dkimKey>;

export const leaseResponse = z.object({
  deliveries: z.array(leasedDelivery),
  /** Active DKIM keys by signing domain, or by `keyRing`. */
  keys: z.record(z.string(), z.array(dkimKey)),
  /** Relays that routes name. */
  relays: z.array(relay).default([]),
  /** More is due than was given, or not all that is due has been looked at. */
  more: z.boolean(),
  /** How far the queue has been looked at, for the next lease: what stands before it is leased or was not wanted. */
  place: z.string().nullable().default(null),
});
export type LeaseResponse = z.infer<typeof leaseResponse>;

const leaseRef = {
  messageId: z.string().max(64),
  n: z.number().int().min(0).max(255),
  leaseId: z.string().max(64),
};

export const resultsRequest = z.object({
  nodeId,
  bootId,
  results: z.array(z.object({ ...leaseRef, outcome: outcomeSchema })).max(200),
});
export type Result = z.infer<typeof resultsRequest>['results'][number];
export const resultsResponse = z.object({
  /**
   * One verdict a result, in order. `stale`: the lease is over or was reported already, and the result changes nothing
   * that is not known; drop it.
   */
  verdicts: z.array(z.enum(['recorded', 'stale'])),
});

export const releaseRequest = z.object({
  nodeId,
  bootId,
  leases: z
    .array(
      z.object({
        ...leaseRef,
        /** The relay that it waited for in vain, as that takes no more in a minute; left out: another reason. */
        waitsFor: transportName.optional(),
      }),
    )
    .max(500),
});
export const releaseResponse = z.object({ released: z.number() });

/** Most envelope recipients of one incoming mail; each has a token of its own. */
export const mostReturnedRecipients = 50;
/** Largest mail to a return path, octets: 1 MiB. */
export const largestReturnedBytes = 1024 * 1024;
const inboundAddress = z.string().max(320);

export const inboundCheckRequest = z.object({
  nodeId,
  bootId,
  addresses: z.array(inboundAddress).min(1).max(mostReturnedRecipients),
});

/** A refusal as it is said in the session: reply and enhanced code, e.g. `550 5.1.1`, and words. */
export const smtpRefusal = z.object({
  reply: z.string().regex(/^[45]\d\d [45]\.\d{1,3}\.\d{1,3}$/),
  text: z.string().max(450),
});
export type SmtpRefusal = z.infer<typeof smtpRefusal>;

/** So many may answer from an alias: its destinations, and those of rules. */
export const mostSenders = 100;

/** What is behind a recipient of incoming mail. */
export const inboundDoor = z.discriminatedUnion('door', [
  /** A return path, or a mailbox for feedback reports: hand it in by `POST inbound`. */
  z.object({ door: z.literal('returned') }),
  /** A domain that receives: hand it over by `POST received`. */
  z.object({
    door: z.literal('received'),
    /** Recipients of one mail that are handed over together have the same. */
    group: z.string().max(64),
    /** The answer of an endpoint is the reply to DATA. */
    synchronous: z.boolean(),
    /** Mail is refused that fails DMARC where the author's domain asks for it (`p=reject`). */
    refuseDmarc: z.boolean(),
    /** The only envelope senders that the address takes mail from, whatever their case; null: everybody's. */
    senders: z.array(inboundAddress).max(mostSenders).nullable().default(null),
    /** Ask by `POST inbound/authorize` before the recipient is taken. */
    authorize: z.boolean().default(false),
  }),
  smtpRefusal.extend({ door: z.literal('refused') }),
]);
export type InboundDoor = z.infer<typeof inboundDoor>;

export const inboundCheckResponse = z.object({
  /** One an address, in order. */
  doors: z.array(inboundDoor),
});

/** What an endpoint is asked at RCPT (`authorization_url`). */
export const authorizeRequest = z.object({
  nodeId,
  bootId,
  to: inboundAddress,
  from: inboundAddress,
  /** As MAIL said it (RFC 1870); null: it did not. */
  size: z.number().int().min(0).nullable(),
  remoteIp: z.string().max(64),
  helo: z.string().max(255),
  spf: verdictsSchema.shape.spf,
});
export const authorizeResponse = z.object({
  /** Null: the recipient is taken. */
  refusal: smtpRefusal.nullable(),
});

/** Largest mail to a domain that receives, octets: 25 MiB. */
export const largestReceivedBytes = 25 * 1024 * 1024;
/** More trace fields than this prove a loop (RFC 5321 §6.3). */
export const mostReceivedFields = 50;
/** So long an endpoint whose answer is the reply is waited for. */
export const synchronousMs = 45_000;

/** What goes before a mail that is handed over. */
export const receivedHead = z.object({
  /** UUIDv7 that the node gave to the mail. */
  id: z.uuidv7(),
  receivedAtMs: z.number().int().min(0),
  /** The doors' common group. */
  group: z.string().max(64),
  mailFrom: inboundAddress,
  rcptTo: z.array(inboundAddress).min(1).max(mostReturnedRecipients),
  remoteIp: z.string().max(64),
  helo: z.string().max(255),
  tls: z.boolean(),
  verdicts: verdictsSchema,
});
export type ReceivedHead = z.infer<typeof receivedHead>;
/** Longest `receivedHead`, octets. */
export const longestReceivedHead = 128 * 1024;

export const receivedResponse = z.object({
  /** Null: it is durable. Otherwise nobody has it, and the peer is to be told so. */
  refusal: smtpRefusal.nullable(),
});

export const inboundQuery = z.object({
  mail_from: inboundAddress,
  rcpt_to: z.array(inboundAddress).min(1).max(mostReturnedRecipients),
  /** Its author (From), when the node has verified a DKIM signature of exactly the author's domain, written to us. */
  signed_author: inboundAddress.optional(),
});
export const inboundResponse = z.object({
  /** One a recipient, in order. `refused`: the address takes feedback reports only. */
  verdicts: z.array(z.enum(['taken', 'unknown', 'refused'])),
});
