import { Buffer } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { EventDetails, NewEvent } from '#domain/delivery/event.ts';

/**
 * How events are kept in a delivery's timeline: a JSON array of events. The details of one that tells of an attempt at
 * length are kept in `details.z`, compressed (DEFLATE, RFC 1951, as base64) with `usualDetails` as its preset dictionary,
 * beside those members that statements read and those that whoever does not know `z` can do with.
 */

/** Members of details that statements read, and that say what an event means; of `mx` its `host`, too. */
const clearNames = [
  'maybeAccepted',
  'class',
  'reason',
  'verified',
  'url',
  'suppresses',
  'source',
  'simulated',
] as const;

/** What details mostly look like: what is known here costs next to nothing. Rows depend on every octet of it: it never changes. */
const usualDetails = Buffer.from(
  '{"error":"connection refused","tried":[{"host":"alt1.gmail-smtp-in.l.google.com","address":"2a00:1450:4013:c14::1b","error":"' +
    'connect ETIMEDOUT"}],"maybeAccepted":true,"text":"The server did not answer in time","code":"ECONNREFUSED","diagnostic":"' +
    'smtp; 550 5.1.1 The email account that you tried to reach does not exist. user unknown, mailbox full, rejected as spam' +
    '","nextAttemptAt":"2026-11-27T00:00:00.000Z","attempts":3,"attempt":1,"mx":{"host":"mail.protection.outlook.com","address":"10.0.0.1"},' +
    '"tls":{"version":"TLSv1.2","cipher":"ECDHE-RSA-AES256-GCM-SHA384","verdict":"unverified","reason":"self-signed certificate",' +
    '"policy":{"source":"dane","mode":"testing","fault":"' +
    '"tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","verdict":"verified","issuer":"C=US, O=Let\'s Encrypt, CN=R3' +
    'Google Trust Services, CN=WR2","expires":"2027-01-01T00:00:00.000Z","policy":{"source":"mta-sts","mode":"enforce"}},' +
    '"tls":null,"reused":true,"reused":false,"steps":[{"name":"wait","ms":0.1},{"name":"dns","ms":0.1},{"name":"sign","ms":2.1},' +
    '{"name":"connect","ms":1.2},{"name":"greeting","ms":1.3},{"name":"ehlo","ms":1.4},{"name":"starttls","ms":20.5},' +
    '{"name":"mail","ms":1.6},{"name":"rcpt","ms":1.7},{"name":"data","ms":2.8},{"name":"final","ms":0.3}],"durationMs":10,' +
    '"reply":{"code":421,"status":"4.7.0","text":"Try again later"},"reply":{"code":550,"status":"5.1.1","text":"User unknown"},' +
    '"reply":{"code":250,"status":"2.0.0","text":"Ok: queued as "},"dkim":["pennypost","pennypost-ed"]}',
);

/** Details of fewer characters stay as they are. */
const leastLength = 150;
/** Of one event; a bound for what is read, far above what is written. */
const mostOctets = 4 * 1024 * 1024;

/** The text of an event for a timeline. */
export function storedEvent(event: NewEvent): string {
  const whole = JSON.stringify(event);
  const details = JSON.stringify(event.details);
  const isTaken = 'z' in event.details;
  if (details.length < leastLength && !isTaken) return whole;
  const clear = clearOf(event.details);
  const z = deflateRawSync(details, { dictionary: dictionaryOf(clear) }).toString('base64');
  const short = JSON.stringify({ ...event, details: { ...clear, z } });
  return short.length < whole.length || isTaken ? short : whole;
}

/** The events of a timeline. */
export function timelineOf(text: unknown): NewEvent[] {
  return (JSON.parse(String(text)) as NewEvent[]).map((event) => {
    const { z, ...clear } = event.details;
    return typeof z === 'string' ? { ...event, details: inflated(z, clear) } : event;
  });
}

function inflated(z: string, clear: EventDetails): EventDetails {
  const dictionary = dictionaryOf(clear);
  const text = inflateRawSync(Buffer.from(z, 'base64'), { dictionary, maxOutputLength: mostOctets });
  return JSON.parse(text.toString()) as EventDetails;
}

function clearOf({ mx, ...details }: EventDetails): EventDetails {
  const clear: EventDetails = {};
  for (const name of clearNames) if (details[name] !== undefined) clear[name] = details[name];
  const host = typeof mx === 'object' && mx !== null && 'host' in mx ? mx.host : undefined;
  return host === undefined ? clear : { ...clear, mx: { host } };
}

/** What stands in clear beside it costs nothing again. */
function dictionaryOf(clear: EventDetails): Buffer {
  return Buffer.concat([usualDetails, Buffer.from(JSON.stringify(clear))]);
}
