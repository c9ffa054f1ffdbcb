import type { Socket } from 'node:net';
import { classOf } from '#domain/class.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Failure, Outcome, Session } from '#domain/outcome.ts';
import { signDkim } from '../signing/dkim.ts';
import { withCrlf } from '../signing/line-ends.ts';
import { type RawSource, readRaw } from '../signing/raw-source.ts';
import { dotStuffed } from './dot-stuffing.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import { errorCode, errorText } from './failures.ts';
import { type Errand, type HostEnding, tryHost } from './host-attempt.ts';
import type { MxResolver } from './mx.ts';
import { type MxTarget, orderTargets } from './mx-order.ts';
import { bounded, silentFailure } from './outcomes.ts';
import type { Pool } from './pool.ts';
import { createStepClock } from './step-clock.ts';
import type { Timeouts } from './timeouts.ts';
import type { Mail } from './transaction.ts';
import type { Turns } from './turns.ts';

/** What every attempt shares. */
export interface Surroundings {
  hostName: string;
  resolver: MxResolver;
  pool: Pool;
  /** Signing of messages in memory. */
  signing: Turns;
  connect(target: MxTarget): Promise<Socket>;
  timeouts: Timeouts;
  slotWaitMs: number;
  now(): number;
  random(): number;
}

/** An outcome, but for what all outcomes have. */
type Bare<T> = T extends Outcome ? Omit<T, 'startedAtMs' | 'endedAtMs' | 'session'> : never;
export type Ending = Bare<Outcome>;

/**
 * RFC 5321 §5.1 asks for at least two addresses to be tried. More than eight only keeps a delivery busy: a domain
 * with so many that fail is down.
 */
const maxTargets = 8;

/** One attempt: look up, sign, try host after host until one of them decides. Never rejects. */
export async function attempt(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  beforeData: () => Promise<void>,
  around: Surroundings,
): Promise<Outcome> {
  const startedAtMs = around.now();
  const session: Session = { mx: null, tls: null, reused: false, steps: [], tried: [] };
  const clock = createStepClock(session.steps);
  const trip = { beforeData, session, clock };
  const ending = await decide(delivery, raw, keys, trip, around).catch(
    // A file that cannot be read, or a fault of ours: the mail is still good, so it is tried again.
    (error: unknown): Ending => ({
      type: 'deferred',
      failure: silentFailure({
        class: 'system',
        text: `our own trouble: ${errorText(error)}`,
        step: clock.current,
        code: errorCode(error),
      }),
    }),
  );
  return { ...ending, startedAtMs, endedAtMs: around.now(), session };
}

async function decide(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  trip: Omit<Errand, 'domain' | 'mailClass' | 'mail'>,
  around: Surroundings,
): Promise<Ending> {
  const read = envelopeOf(delivery);
  if (read.kind === 'malformed') return { type: 'failed', reason: 'policy', text: bounded(read.text) };
  if (read.kind === 'badDomain') {
    const failure = silentFailure({ class: 'bad_domain', status: '5.1.2', text: read.text, step: 'dns' });
    return { type: 'bounced', failure };
  }
  const { envelope } = read;
  const { clock } = trip;

  const answer = await clock.time('dns', () => around.resolver.resolve(envelope.domain));
  if (answer.kind === 'none') {
    const failure = silentFailure({ ...answer, step: 'dns' });
    return { type: answer.permanent ? 'bounced' : 'deferred', failure };
  }

  // Before a connection is asked for: hashing 25 MiB must not hold one.
  clock.current = null;
  const sign = () => signDkim(raw, delivery.signingDomain, keys, new Date(around.now()));
  // A spooled message is read from disk between its parts, so it takes no turn and holds nobody up.
  const signed =
    raw.kind === 'file' ? await sign() : await around.signing.take(classOf(delivery.class).rank, sign);
  if (signed.kind === 'unsignable') {
    return { type: 'failed', reason: 'unsignable', text: bounded(signed.text) };
  }
  const mail = mailOf(envelope, delivery, raw, signed);

  const targets = orderTargets(answer.hosts, around.random).slice(0, maxTargets);
  const errand: Errand = { ...trip, domain: envelope.domain, mailClass: delivery.class, mail };
  const result = await tryHosts(targets, errand, delivery.leaseUntilMs, around);
  if (result.type !== 'accepted') return result;
  return { type: 'delivered', reply: result.reply, dkim: signed.selectors };
}

async function tryHosts(
  targets: readonly MxTarget[],
  errand: Errand,
  leaseUntilMs: number,
  around: Surroundings,
): Promise<HostEnding> {
  const waitUntilMs = around.now() + around.slotWaitMs;
  let failure: Failure | null = null;
  for (const target of targets) {
    // Once the lease is over another node may have the delivery: no further host is tried.
    if (failure !== null && around.now() >= leaseUntilMs) break;
    const waitMs = Math.max(0, waitUntilMs - around.now());
    const result = await tryHost(target, errand, waitMs, around);
    if (result.kind === 'decided') return result.ending;
    errand.session.tried.push({ ...target, error: result.failure.text });
    // What a server said tells more than a connection that could not be made.
    if (failure === null || result.failure.reply !== null || failure.reply === null) failure = result.failure;
  }
  failure ??= silentFailure({ class: 'network', text: `no MX host of ${errand.domain} has an address` });
  return { type: 'deferred', failure };
}

function mailOf(
  envelope: Envelope,
  delivery: LeasedDelivery,
  raw: RawSource,
  signed: { header: string; sizeBytes: number; headerIsAscii: boolean },
): Mail {
  const header = Buffer.from(signed.header);
  return {
    mailFrom: envelope.mailFrom,
    rcptTo: envelope.rcptTo,
    sizeBytes: header.length + signed.sizeBytes,
    // `smtputf8` of the lease also speaks of domains, which A-labels have settled.
    needsSmtpUtf8: envelope.needsSmtpUtf8 || (delivery.smtputf8 && !signed.headerIsAscii),
    eightBit: delivery.eightBit,
    content: () => dotStuffed(signedContent(header, raw)),
  };
}

async function* signedContent(header: Buffer, raw: RawSource): AsyncGenerator<Buffer> {
  let before: Buffer | null = header;
  for await (const chunk of withCrlf(readRaw(raw))) {
    yield before ? Buffer.concat([before, chunk]) : chunk;
    before = null;
  }
  if (before) yield before;
}
