import type { Outcome, Session } from '#domain/delivery/outcome.ts';
import { direct, passesOn } from '#domain/delivery/transport.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { RawSource } from '../signing/raw-source.ts';
import { noTlsPolicies } from '../tls-policy/policy.ts';
import { destinationName } from './destinations.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import { errorCode, errorText } from './failures.ts';
import { bounded, silentFailure } from './outcomes.ts';
import type { Passage } from './port-25.ts';
import { providerOf } from './providers.ts';
import { type Sending, type Signed, send, sign } from './send.ts';
import { SilentHosts } from './silent-hosts.ts';
import { createStepClock } from './step-clock.ts';
import type { Ending, Surroundings, Trip } from './surroundings.ts';

/** What the caller of an attempt is told while it runs, and asked. */
export interface AttemptHooks {
  beforeData(): Promise<void>;
  /** True when it has waited for a second, for its peer or its turn; false when it goes on. */
  onWaiting?(waiting: boolean): void;
  /** It ends untried, as this relay takes no more in a minute and others are waiting, too. */
  onPaced?(relay: string): void;
  /** Very many attempts wait: none may wait for long before MAIL. */
  crowded?(): boolean;
}

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
  const trip: Trip = {
    beforeData: () => clock.time('data', () => hooks.beforeData()),
    session,
    clock,
    patience: { leftMs: around.timeouts.beforeMailMs * share },
    waitUntilMs: startedAtMs + around.slotWaitMs,
    pacedBy: null,
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
  if (ending === 'untried') {
    if (trip.pacedBy !== null) hooks.onPaced?.(trip.pacedBy);
    return ending;
  }
  return { ...ending, startedAtMs, endedAtMs: around.now(), session };
}

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
    if (
      ending === 'untried' ||
      !passesOn(ending, trip.session.transport) ||
      around.now() >= delivery.leaseUntilMs
    )
      return ending;
    const { session, patience } = trip;
    if (!('failure' in ending)) return ending;
    const { text } = ending.failure;
    if (session.mx) session.tried.push({ ...session.mx, error: text });
    const { transport, from } = session;
    if (transport !== undefined)
      for (const one of session.tried.slice(triedBefore)) one.transport = transport;
    triedBefore = session.tried.length;
    Object.assign(session, { mx: null, tls: null, reused: false });
    delete session.transport;
    delete session.from;
    patience.leftMs = Math.max(patience.leftMs, around.timeouts.beforeMailMs / 2);
    const next = await by(name, sending, trip, around, i < others.length - 1);
    // A relay that is busy leaves it as it was: refused by the one before.
    if (next === 'untried') {
      Object.assign(session, { transport, from });
      continue;
    }
    session.passedOn = [
      ...(session.passedOn ?? []),
      { transport: transport ?? direct, error: text.slice(0, 500) },
    ];
    ending = next;
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
  const passage = others ? around.port25.passage() : 'open';
  if (passage === 'closed') {
    const text = 'port 25 of this node seems to be closed: no MX has answered for a while';
    return { type: 'deferred', failure: silentFailure({ class: 'network', text, step: 'connect' }) };
  }
  return await byMx(sending, trip, around, passage);
}

/** To the hosts that take mail for the recipient's domain. */
async function byMx(
  sending: Sending,
  trip: Trip,
  around: Surroundings,
  passage: Passage,
): Promise<Ending | 'untried'> {
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
  const { from, departure, hosts, untried } = around.departures.of(delivery, answer.hosts);
  const way = {
    hosts,
    domain: envelope.domain,
    tls,
    provider,
    destination,
    maxBytes: null,
    fields: null,
  };
  // Whoever finds out whether the port has opened really asks, also hosts that did not answer while it was closed.
  const silent = passage === 'probe' ? new SilentHosts(around.now) : departure.silent;
  if (from) trip.session.from = from.name;
  const ending = await send(way, sending, trip, { ...around, ...departure, silent });
  if (ending === 'untried') untried();
  if (trip.session.mx) {
    if (around.port25.seemsClosed) around.departures.forgetSilent();
    around.port25.answered();
  } else if (ending !== 'untried' && 'failure' in ending && ending.failure.class === 'network')
    around.port25.wasSilent(destination.name, passage);
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
  const { maxBytes, fields, host, connections, perMinute } = access.relay;
  const answer = await trip.clock.time('dns', () => access.resolve());
  if (answer.kind === 'none')
    return { type: 'deferred', failure: silentFailure({ ...answer, class: 'network', step: 'connect' }) };
  const tls = await noTlsPolicies.of(host, [host], 'policy');
  const destination = { name: `relay ${name}`, most: connections, perMinute };
  const way = { hosts: answer.hosts, domain: host, tls, provider: null, destination, maxBytes, fields };
  return await send(way, sending, trip, { ...around, ...access });
}
