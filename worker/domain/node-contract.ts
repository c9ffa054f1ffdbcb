import { z } from 'zod';
import { classNames } from './class.ts';
import { outcomeSchema } from './outcome.ts';

/**
 * What a node and the edge say to each other, under `/node/v1/` with `Authorization: Bearer <node token>`.
 *
 * - `POST hello`: a node starts; leases of its older boots are released at once.
 * - `GET wake`: a WebSocket; the edge sends the text `wake` when there may be work.
 * - `POST lease`: take work. `409` when a newer boot of the same node has said hello.
 * - `GET raw/:messageId`: the raw message (`message/rfc822`) of a delivery this node has leased.
 * - `POST results`: outcomes; a stale lease is refused, not an error.
 * - `POST release`: give leases back untried (graceful stop).
 * - `POST inbound/check`: which envelope recipients of incoming mail there are.
 * - `POST inbound?mail_from=&rcpt_to=…`: a mail (`message/rfc822`) that came to a return path; durable when answered.
 *
 * Raw mail travels in JSON as latin1 text: one character a byte.
 */
const nodeId = z.string().min(1).max(255);
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
});
export const helloResponse = z.object({
  nowMs: z.number(),
  /** Its recipients are parts that the node's own simulator plays; null: there is none. */
  simulatorDomain: z.string().nullable().default(null),
});

export const leaseRequest = z.object({
  nodeId,
  bootId,
  /** How many deliveries the node has room for. */
  max: z.number().int().min(1).max(500),
  /** How many of them may be of the class `digest`. */
  digestMax: z.number().int().min(0).max(500).default(500),
  /** Recipient domains that the node does not want now. */
  excludeDomains: z.array(z.string().max(255)).max(50).default([]),
  /** Recipient domains of which the node has enough for now: only `priority` is wanted. */
  busyDomains: z.array(z.string().max(255)).max(50).default([]),
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
  /** Envelope sender with the token (VERP). */
  mailFrom: z.string(),
  rcptTo: z.string(),
  /** Domain that signs (`d=`). */
  signingDomain: z.string(),
  /** Entry of `keys` that signs, when that is not the signing domain's: two accounts may have had one domain. */
  keyRing: z.string().optional(),
  sizeBytes: z.number().int(),
  /** The header or an address is not ASCII (RFC 6531). */
  smtputf8: z.boolean(),
  /** The content has bytes over 127 (RFC 6152). */
  eightBit: z.boolean(),
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
  /** More is due than was given. */
  more: z.boolean(),
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
  /** One verdict a result, in order. `stale`: the lease is over or was reported already; drop it. */
  verdicts: z.array(z.enum(['recorded', 'stale'])),
});

export const releaseRequest = z.object({ nodeId, bootId, leases: z.array(z.object(leaseRef)).max(500) });
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
export const inboundCheckResponse = z.object({
  /** One an address, in order. False: 550 5.1.1. */
  known: z.array(z.boolean()),
});

export const inboundQuery = z.object({
  mail_from: inboundAddress,
  rcpt_to: z.array(inboundAddress).min(1).max(mostReturnedRecipients),
});
export const inboundResponse = z.object({
  /** One a recipient, in order. `refused`: the address takes feedback reports only. */
  verdicts: z.array(z.enum(['taken', 'unknown', 'refused'])),
});
