import type { Socket } from 'node:net';
import type { Outcome, Session } from '#domain/delivery/outcome.ts';
import { direct, passesOn } from '#domain/delivery/transport.ts';
import { classOf } from '#domain/message/class.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { DkimSigner } from '../signing/dkim.ts';
import type { ForwardSealer } from '../signing/forward-seal.ts';
import { withCrlf } from '../signing/line-ends.ts';
import { type RawSource, readRaw, wholeOf } from '../signing/raw-source.ts';
import { type DomainTls, noTlsPolicies, type TlsPolicies } from '../tls-policy/policy.ts';
import { type Destinations, destinationName } from './destinations.ts';
import { DotStuffing, dotStuffed } from './dot-stuffing.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import { errorCode, errorText } from './failures.ts';
import type { Errand } from './host-attempt.ts';
import type { MxResolver } from './mx.ts';
import { type MxHost, type MxTarget, orderTargets } from './mx-order.ts';
import { bounded, silentFailure } from './outcomes.ts';
import type { Pool } from './pool.ts';
import type { Port25 } from './port-25.ts';
import { type Provider, providerOf } from './providers.ts';
import type { Relays } from './relays.ts';
import type { SilentHosts } from './silent-hosts.ts';
import type { OpenOptions, SmtpConnection } from './smtp-connection.ts';
import { createStepClock } from './step-clock.ts';
import type { Timeouts } from './timeouts.ts';
import type { Mail } from './transaction.ts';
import { tryHosts } from './try-hosts.ts';
import type { Turns } from './turns.ts';

/** What every attempt shares. */
export interface Surroundings {
  hostName: string;
  resolver: MxResolver;
  pool: Pool;
  signer: DkimSigner;
  /** For what was received and is sent on. */
  sealer: ForwardSealer;
  destinations: Destinations;
  providers: readonly Provider[];
  silent: SilentHosts;
  tlsPolicies: TlsPolicies;
  /** Signing of messages in memory. */
  signing: Turns;
  connect(target: MxTarget, timeoutMs: number): Promise<Socket>;
  open(target: MxTarget, options: OpenOptions): Promise<SmtpConnection>;
  relays: Relays;
  port25: Port25;
  timeouts: Timeouts;
  slotWaitMs: number;
  now(): number;
  random(): number;
}

/** What the caller of an attempt is told while it runs, and asked. */
export interface AttemptHooks {
  beforeData(): Promise<void>;
  /** True when it has waited for a second, for its peer or its turn; false when it goes on. */
  onWaiting?(waiting: boolean): void;
  /** Very many attempts wait: none may wait for long before MAIL. */
  crowded?(): boolean;
}

/** An outcome, but for what all outcomes have. */
type Bare<T> = T extends Outcome ? Omit<T, 'startedAtMs' | 'endedAtMs' | 'session'> : never;
export type Ending = Bare<Outcome>;

/** What is left of the time before MAIL where very many attempts wait for their hosts. */
const crowdedShare = 1 / 6;

/**
 * One attempt: look up, sign, try host after host until one of them decides. Never rejects.
 * @returns `untried` when no connection of ours was free in time: nobody was asked, and nobody refused
 */
export async function attempt(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  hooks: AttemptHooks,
  around: Surroundings,
): Promise<Outcome | 'untried'> {
  const startedAtMs = around.now();
  const session: Session = { mx: null, tls: null, reused: false, steps: [], tried: [] };
  const clock = createStepClock(session.steps, (waiting) => hooks.onWaiting?.(waiting));
  const share = hooks.crowded?.() ? crowdedShare : 1;
  const trip = {
    beforeData: () => clock.time('data', () => hooks.beforeData()),
    session,
    clock,
    patience: { leftMs: around.timeouts.beforeMailMs * share },
    waitUntilMs: startedAtMs + around.slotWaitMs,
  };
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
  if (ending === 'untried') return ending;
  return { ...ending, startedAtMs, endedAtMs: around.now(), session };
}

/** What belongs to the attempt as a whole, whichever way it goes. */
type Trip = Omit<Errand, 'domain' | 'mailClass' | 'mail' | 'plain' | 'tls'>;

async function decide(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  trip: Trip,
  around: Surroundings,
): Promise<Ending | 'untried'> {
  const read = envelopeOf(delivery);
  if (read.kind === 'malformed') return { type: 'failed', reason: 'policy', text: bounded(read.text) };
  if (read.kind === 'badDomain') {
    const failure = silentFailure({ class: 'bad_domain', status: '5.1.2', text: read.text, step: 'dns' });
    return { type: 'bounced', failure };
  }
  const { envelope } = read;
  let signed: Promise<Signed> | null = null;
  const sending = {
    delivery,
    envelope,
    signed: () => {
      signed ??= sign(delivery, envelope, raw, keys, trip, around);
      return signed;
    },
  };
  const [first = direct, ...others] = await routeOf(delivery, envelope, trip, around);
  let ending = await by(first, sending, trip, around, others.length > 0);
  let triedBefore = 0;
  for (const [i, name] of others.entries()) {
    // Once the lease is over another node may have the delivery: no further transport is tried.
    if (ending === 'untried' || !passesOn(ending) || around.now() >= delivery.leaseUntilMs) return ending;
    const { session, patience } = trip;
    if (session.mx && 'failure' in ending) session.tried.push({ ...session.mx, error: ending.failure.text });
    const { transport } = session;
    if (transport !== undefined)
      for (const one of session.tried.slice(triedBefore)) one.transport = transport;
    triedBefore = session.tried.length;
    Object.assign(session, { mx: null, tls: null, reused: false });
    delete session.transport;
    patience.leftMs = Math.max(patience.leftMs, around.timeouts.beforeMailMs / 2);
    const next = await by(name, sending, trip, around, i < others.length - 1);
    // A relay that is busy leaves it as it was: refused by the one before.
    if (next !== 'untried') ending = next;
  }
  return ending;
}

/** The transports in their order; who runs the recipient's hosts is looked up where that decides. */
async function routeOf(
  { route = [direct], routeOfProvider }: LeasedDelivery,
  { domain }: Envelope,
  { clock }: Trip,
  { resolver, providers }: Surroundings,
): Promise<readonly string[]> {
  if (!routeOfProvider) return route;
  const answer = await clock.time('dns', () => resolver.resolve(domain));
  const provider = answer.kind === 'hosts' ? providerOf(answer.hosts, providers) : null;
  return (provider && routeOfProvider[provider.name]) ?? route;
}

/** One transport of the route. @param others whether there is another after it */
async function by(
  name: string,
  sending: Sending,
  trip: Trip,
  around: Surroundings,
  others: boolean,
): Promise<Ending | 'untried'> {
  if (name !== direct) return await byRelay(name, sending, trip, around);
  if (others && !around.port25.admits()) {
    const text = 'port 25 of this node seems to be closed: no MX has answered for a while';
    return { type: 'deferred', failure: silentFailure({ class: 'network', text, step: 'connect' }) };
  }
  return await byMx(sending, trip, around);
}

/** To the hosts that take mail for the recipient's domain. */
async function byMx(sending: Sending, trip: Trip, around: Surroundings): Promise<Ending | 'untried'> {
  const { envelope, delivery } = sending;
  const { clock } = trip;
  const answer = await clock.time('dns', () => around.resolver.resolve(envelope.domain));
  if (answer.kind === 'none') {
    const failure = silentFailure({ ...answer, step: 'dns' });
    return { type: answer.permanent ? 'bounced' : 'deferred', failure };
  }
  const tls = await clock.time('dns', () =>
    around.tlsPolicies.of(
      envelope.domain,
      answer.hosts.map(({ host }) => host),
      delivery.tls ?? 'policy',
    ),
  );
  const provider = providerOf(answer.hosts, around.providers);
  const destination = {
    name: provider?.name ?? destinationName(answer.hosts),
    most: provider?.attempts ?? null,
  };
  const way = { hosts: answer.hosts, domain: envelope.domain, tls, provider, destination, maxBytes: null };
  const ending = await send(way, sending, trip, around);
  if (trip.session.mx) around.port25.answered();
  else if (ending !== 'untried' && 'failure' in ending && ending.failure.class === 'network')
    around.port25.wasSilent(destination.name);
  return ending;
}

/** To a mail server that sends it on. */
async function byRelay(
  name: string,
  sending: Sending,
  trip: Trip,
  around: Surroundings,
): Promise<Ending | 'untried'> {
  const access = around.relays.of(name);
  trip.session.transport = name;
  if (!access) {
    const text = `the transport ${name} is not known here`;
    return { type: 'deferred', failure: silentFailure({ class: 'system', text, step: 'wait' }) };
  }
  const { maxBytes, host, connections } = access.relay;
  const answer = await trip.clock.time('dns', () => access.resolve());
  if (answer.kind === 'none')
    return { type: 'deferred', failure: silentFailure({ ...answer, class: 'network', step: 'connect' }) };
  const tls = await noTlsPolicies.of(host, [host], 'policy');
  const destination = { name: `relay ${name}`, most: connections };
  const way = { hosts: answer.hosts, domain: host, tls, provider: null, destination, maxBytes };
  return await send(way, sending, trip, { ...around, ...access });
}

/** A message that is to go. */
interface Sending {
  delivery: LeasedDelivery;
  envelope: Envelope;
  /** Signs it, once. */
  signed(): Promise<Signed>;
}

type Signed = { kind: 'signed'; mail: Mail; selectors: string[] } | { kind: 'unsignable'; text: string };

/** Where it goes. */
interface Way {
  hosts: readonly MxHost[];
  /** What the hosts serve, for those who ask which mail not to lease. */
  domain: string;
  tls: DomainTls;
  provider: Provider | null;
  destination: { name: string; most: number | null };
  /** Largest message, octets; null: the hosts say so. */
  maxBytes: number | null;
}

async function sign(
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
  return { kind: 'signed', mail: mailOf(envelope, delivery, raw, signed), selectors: signed.selectors };
}

/** Waits for a place among the attempts there, signs, and tries host after host. */
async function send(
  { hosts, domain, tls, provider, destination, maxBytes }: Way,
  { delivery, signed }: Sending,
  trip: Trip,
  around: Surroundings,
): Promise<Ending | 'untried'> {
  const waitMs = Math.max(0, trip.waitUntilMs - around.now());
  const stay = await trip.clock.time('wait', () =>
    around.destinations.enter(destination, domain, delivery.class, waitMs),
  );
  if (!stay) return 'untried';
  if ('leftAlone' in stay) {
    const failure = silentFailure({ class: 'rate_limited', text: stay.leftAlone, step: 'wait' });
    return { type: 'deferred', failure };
  }
  try {
    // Before a connection is asked for: hashing 25 MiB must not hold one.
    const ready = await signed();
    if (ready.kind === 'unsignable')
      return { type: 'failed', reason: 'unsignable', text: bounded(ready.text) };
    const { mail, selectors } = ready;
    if (maxBytes !== null && mail.sizeBytes > maxBytes) {
      const text = `${mail.sizeBytes} octets are more than the ${maxBytes} that ${destination.name} takes`;
      const failure = silentFailure({ class: 'too_large', status: '5.3.4', text, step: 'mail' });
      return { type: 'bounced', failure };
    }
    const targets = orderTargets(hosts, around.random);
    const errand: Errand = { ...trip, domain, mailClass: delivery.class, mail, tls, plain: false };
    const result = await tryHosts(targets, errand, delivery, { stay, provider }, around);
    if (result === 'untried' || result.type !== 'accepted') return result;
    return { type: 'delivered', reply: result.reply, dkim: selectors };
  } finally {
    stay.leave();
  }
}

function mailOf(
  envelope: Envelope,
  delivery: LeasedDelivery,
  raw: RawSource,
  signed: { header: string; sizeBytes: number; headerIsUtf8: boolean },
): Mail {
  const header = Buffer.from(signed.header);
  return {
    mailFrom: envelope.mailFrom,
    rcptTo: envelope.rcptTo,
    sizeBytes: header.length + signed.sizeBytes,
    needsSmtpUtf8: envelope.needsSmtpUtf8 || (delivery.smtputf8 && signed.headerIsUtf8),
    eightBit: delivery.eightBit,
    requireTls: requireTlsOf(delivery),
    content: () => {
      const whole = wholeOf(raw);
      return whole ? [stuffedWhole(header, whole)] : dotStuffed(signedContent(header, raw));
    },
  };
}

function requireTlsOf({ tls, requiretls = false }: LeasedDelivery): Mail['requireTls'] {
  if (requiretls) return 'always';
  return tls === 'required' ? 'where understood' : 'no';
}

function stuffedWhole(header: Buffer, message: Buffer): Buffer {
  const stuffing = new DotStuffing();
  return Buffer.concat([...stuffing.push(header), ...stuffing.push(message), ...stuffing.end()]);
}

async function* signedContent(header: Buffer, raw: RawSource): AsyncGenerator<Buffer> {
  let before: Buffer | null = header;
  for await (const chunk of withCrlf(readRaw(raw))) {
    yield before ? Buffer.concat([before, chunk]) : chunk;
    before = null;
  }
  if (before) yield before;
}
