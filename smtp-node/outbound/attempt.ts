import type { Socket } from 'node:net';
import type { Outcome, Session } from '#domain/delivery/outcome.ts';
import { classOf } from '#domain/message/class.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { DkimSigner } from '../signing/dkim.ts';
import type { ForwardSealer } from '../signing/forward-seal.ts';
import { withCrlf } from '../signing/line-ends.ts';
import { type RawSource, readRaw, wholeOf } from '../signing/raw-source.ts';
import type { DomainTls, TlsPolicies } from '../tls-policy/policy.ts';
import { type Destinations, destinationName, type Stay } from './destinations.ts';
import { DotStuffing, dotStuffed } from './dot-stuffing.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import { errorCode, errorText } from './failures.ts';
import type { Errand } from './host-attempt.ts';
import type { MxResolver } from './mx.ts';
import { type MxHost, type MxTarget, orderTargets } from './mx-order.ts';
import { bounded, silentFailure } from './outcomes.ts';
import type { Pool } from './pool.ts';
import { type Provider, providerOf } from './providers.ts';
import type { SilentHosts } from './silent-hosts.ts';
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

async function decide(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  trip: Omit<Errand, 'domain' | 'mailClass' | 'mail' | 'plain' | 'tls'>,
  around: Surroundings,
): Promise<Ending | 'untried'> {
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

  const tls = await clock.time('dns', () =>
    around.tlsPolicies.of(
      envelope.domain,
      answer.hosts.map(({ host }) => host),
      delivery.tls ?? 'policy',
    ),
  );

  const waitMs = Math.max(0, trip.waitUntilMs - around.now());
  const provider = providerOf(answer.hosts, around.providers);
  const destination = {
    name: provider?.name ?? destinationName(answer.hosts),
    most: provider?.attempts ?? null,
  };
  const stay = await clock.time('wait', () =>
    around.destinations.enter(destination, envelope.domain, delivery.class, waitMs),
  );
  if (!stay) return 'untried';
  if ('leftAlone' in stay) {
    const failure = silentFailure({ class: 'rate_limited', text: stay.leftAlone, step: 'wait' });
    return { type: 'deferred', failure };
  }
  try {
    return await signAndSend(
      delivery,
      raw,
      keys,
      { envelope, hosts: answer.hosts, tls, stay, provider },
      trip,
      around,
    );
  } finally {
    stay.leave();
  }
}

/** Where a message goes. */
interface Way {
  envelope: Envelope;
  hosts: readonly MxHost[];
  tls: DomainTls;
  stay: Stay;
  provider: Provider | null;
}

async function signAndSend(
  delivery: LeasedDelivery,
  raw: RawSource,
  keys: readonly DkimKey[],
  { envelope, hosts, tls, stay, provider }: Way,
  trip: Omit<Errand, 'domain' | 'mailClass' | 'mail' | 'plain' | 'tls'>,
  around: Surroundings,
): Promise<Ending | 'untried'> {
  // Before a connection is asked for: hashing 25 MiB must not hold one.
  const now = new Date(around.now());
  const { signingDomain, forward, fields } = delivery;
  const sign = () =>
    forward
      ? around.sealer.seal(raw, { domain: signingDomain, keys, now }, forward)
      : around.signer.sign(raw, signingDomain, keys, now, fields);
  // A spooled message is read from disk between its parts, so it takes no turn and holds nobody up.
  const signed = await trip.clock.time('sign', () =>
    raw.kind === 'file' ? sign() : around.signing.take(classOf(delivery.class).rank, sign),
  );
  trip.clock.current = null;
  if (signed.kind === 'unsignable') {
    return { type: 'failed', reason: 'unsignable', text: bounded(signed.text) };
  }
  const mail = mailOf(envelope, delivery, raw, signed);

  const targets = orderTargets(hosts, around.random);
  const errand: Errand = {
    ...trip,
    domain: envelope.domain,
    mailClass: delivery.class,
    mail,
    tls,
    plain: false,
  };
  const result = await tryHosts(targets, errand, delivery, { stay, provider }, around);
  if (result === 'untried') return result;
  if (result.type !== 'accepted') return result;
  return { type: 'delivered', reply: result.reply, dkim: signed.selectors };
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
