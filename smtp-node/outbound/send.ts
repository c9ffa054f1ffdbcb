import { type RelayFields, takesField } from '#domain/delivery/relay-fields.ts';
import { classOf } from '#domain/message/class.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import { KeptFields, withKeptFields } from '../signing/kept-fields.ts';
import { withCrlf } from '../signing/line-ends.ts';
import { type RawSource, readRaw, wholeOf } from '../signing/raw-source.ts';
import type { DomainTls } from '../tls-policy/policy.ts';
import { DotStuffing, dotStuffed } from './dot-stuffing.ts';
import type { Envelope } from './envelope.ts';
import type { Errand } from './host-attempt.ts';
import { type MxHost, orderTargets } from './mx-order.ts';
import { bounded, silentFailure } from './outcomes.ts';
import type { Provider } from './providers.ts';
import type { Ending, Surroundings, SurroundingsOfWay, Trip } from './surroundings.ts';
import type { Mail } from './transaction.ts';
import { tryHosts } from './try-hosts.ts';

/** A message that is to go. */
export interface Sending {
  delivery: LeasedDelivery;
  envelope: Envelope;
  /** Signs it, once. */
  signed(): Promise<Signed>;
}

export type Signed =
  | { kind: 'signed'; offer(fields: RelayFields | null): Offer; selectors: string[] }
  | { kind: 'unsignable'; text: string };

/** A message as one transport gets it. */
interface Offer {
  mail: Mail;
  /** Names of fields that the message has and the transport does not take, once the content has been read. */
  leftOut: Set<string>;
}

/** Where it goes. */
export interface Way {
  hosts: readonly MxHost[];
  /** What the hosts serve, for those who ask which mail not to lease. */
  domain: string;
  tls: DomainTls;
  provider: Provider | null;
  destination: { name: string; most: number | null; perMinute?: number | null };
  /** Largest message, octets; null: the hosts say so. */
  maxBytes: number | null;
  /** Header fields that they take; null: all. */
  fields: RelayFields | null;
}

export async function sign(
  delivery: LeasedDelivery,
  envelope: Envelope,
  raw: RawSource,
  keys: readonly DkimKey[],
  trip: Trip,
  around: Surroundings,
): Promise<Signed> {
  const now = new Date(around.now());
  const { signingDomain, forward, fields } = delivery;
  const work = () =>
    forward
      ? around.sealer.seal(raw, { domain: signingDomain, keys, now }, forward)
      : around.signer.sign(raw, signingDomain, keys, now, fields);
  // A spooled message is read from disk between its parts, so it takes no turn and holds nobody up.
  const signed = await trip.clock.time('sign', () =>
    raw.kind === 'file' ? work() : around.signing.take(classOf(delivery.class).rank, work),
  );
  trip.clock.current = null;
  if (signed.kind === 'unsignable') return signed;
  const offer = (taken: RelayFields | null) => offerOf(envelope, delivery, raw, { ...signed, taken });
  return { kind: 'signed', offer, selectors: signed.selectors };
}

/** Waits for a place among the attempts there, signs, and tries host after host. */
export async function send(
  { hosts, domain, tls, provider, destination, maxBytes, fields }: Way,
  { delivery, signed }: Sending,
  trip: Trip,
  around: SurroundingsOfWay,
): Promise<Ending | 'untried'> {
  const waitMs = Math.max(0, trip.waitUntilMs - around.now());
  const stay = await trip.clock.time('wait', () =>
    around.destinations.enter(destination, domain, delivery.class, waitMs),
  );
  if (!stay) return 'untried';
  if ('paced' in stay) {
    trip.pacedBy = trip.session.transport ?? null;
    return 'untried';
  }
  if ('leftAlone' in stay) {
    const failure = silentFailure({ class: 'rate_limited', text: stay.leftAlone, step: 'wait' });
    return { type: 'deferred', failure };
  }
  try {
    // Before a connection is asked for: hashing 25 MiB must not hold one.
    const ready = await signed();
    if (ready.kind === 'unsignable')
      return { type: 'failed', reason: 'unsignable', text: bounded(ready.text) };
    const { mail, leftOut } = ready.offer(fields);
    if (maxBytes !== null && mail.sizeBytes > maxBytes) {
      const text = `${mail.sizeBytes} octets are more than the ${maxBytes} that ${destination.name} takes`;
      const failure = silentFailure({ class: 'too_large', status: '5.3.4', text, step: 'mail' });
      return { type: 'bounced', failure };
    }
    const targets = orderTargets(hosts, around.random);
    const errand: Errand = { ...trip, domain, mailClass: delivery.class, mail, tls, plain: false };
    const result = await tryHosts(targets, errand, delivery, { stay, provider }, around);
    if (result === 'untried' || result.type !== 'accepted') return result;
    if (leftOut.size > 0) trip.session.leftOut = [...leftOut].slice(0, 50).map((name) => name.slice(0, 100));
    const dkim = takesField(fields, 'DKIM-Signature') ? ready.selectors : [];
    return { type: 'delivered', reply: result.reply, dkim };
  } finally {
    stay.leave();
  }
}

function offerOf(
  envelope: Envelope,
  delivery: LeasedDelivery,
  raw: RawSource,
  signed: { header: string; sizeBytes: number; headerIsUtf8: boolean; taken: RelayFields | null },
): Offer {
  const header = withKeptFields(Buffer.from(signed.header), signed.taken);
  const leftOut = new Set<string>();
  const mail: Mail = {
    mailFrom: envelope.mailFrom,
    rcptTo: envelope.rcptTo,
    // Fields that are left out make it smaller: this is the most that it has (RFC 1870 §3).
    sizeBytes: header.length + signed.sizeBytes,
    needsSmtpUtf8: envelope.needsSmtpUtf8 || (delivery.smtputf8 && signed.headerIsUtf8),
    eightBit: delivery.eightBit,
    requireTls: requireTlsOf(delivery),
    content: () => {
      const kept = new KeptFields(signed.taken, leftOut);
      const whole = wholeOf(raw);
      return whole ? [stuffedWhole(header, whole, kept)] : dotStuffed(signedContent(header, raw, kept));
    },
  };
  return { mail, leftOut };
}

function requireTlsOf({ tls, requiretls = false }: LeasedDelivery): Mail['requireTls'] {
  if (requiretls) return 'always';
  return tls === 'required' ? 'where understood' : 'no';
}

function stuffedWhole(header: Buffer, message: Buffer, kept: KeptFields): Buffer {
  const stuffing = new DotStuffing();
  const parts = [header, kept.push(message), kept.end()];
  return Buffer.concat([...parts.flatMap((part) => stuffing.push(part)), ...stuffing.end()]);
}

async function* signedContent(header: Buffer, raw: RawSource, kept: KeptFields): AsyncGenerator<Buffer> {
  let before: Buffer | null = header;
  for await (const chunk of withCrlf(readRaw(raw))) {
    const piece = kept.push(chunk);
    yield before ? Buffer.concat([before, piece]) : piece;
    before = null;
  }
  const rest = kept.end();
  if (before || rest.length > 0) yield before ? Buffer.concat([before, rest]) : rest;
}
