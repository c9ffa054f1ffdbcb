import type { NewEvent } from '#domain/delivery/event.ts';
import {
  type Carrier,
  direct,
  type Relay,
  type Routed,
  routeOf,
  type TransportRule,
} from '#domain/delivery/transport.ts';
import { type LastAttempt, type Turn, turnOf } from '#domain/delivery/turn.ts';
import { decryptKey, sealedTransport } from './key-encryption.ts';
import { errorText, type Store } from './store.ts';
import { isNodes, readTransports, relayOf, type TransportState } from './transports.ts';

/** Why nothing is given to a transport now, and until when; null: until somebody says otherwise. */
interface Closed {
  text: string;
  untilMs: number | null;
}

/** By which transports mail leaves, as it is decided now. */
export interface Routing {
  rules: readonly TransportRule[];
  /** Relays that nodes may give mail. */
  relays: readonly Relay[];
  /** Transports that the Worker hands mail to, those that are closed among them. */
  ofWorker: ReadonlyMap<string, WorkerTransport>;
  /** The Worker has its binding. */
  hasBinding: boolean;
  /** A node asks for mail. */
  nodesHere: boolean;
  closed: ReadonlyMap<string, Closed>;
  /** Of relays with a quota: how many messages of today are left, less what was given out since that was read. */
  left: Map<string, number>;
}

/** A transport that the Worker hands mail to by its binding. */
export interface WorkerTransport {
  name: string;
  preset: string;
  /** Octets. */
  maxBytes: number | null;
  /** Messages at once. */
  connections: number;
}

/** What reading the routing needs of the environment. */
export interface RoutingKeys {
  encryptionKeys: readonly Uint8Array[];
  /** The Worker has its binding. */
  hasBinding: boolean;
}

/** How long an isolate goes by what it read: a switch takes so long. */
const keptForMs = 30_000;
const dayMs = 86_400_000;

/** Reads the routing when it is asked for, at most every half minute. */
export class KnownRouting {
  #kept: { routing: Routing; untilMs: number } | null = null;

  async of(store: Store, keys: RoutingKeys, nowMs: number): Promise<Routing> {
    if (this.#kept && this.#kept.untilMs > nowMs) return this.#kept.routing;
    const routing = await readRouting(store, keys, nowMs);
    this.#kept = { routing, untilMs: nowMs + keptForMs };
    return routing;
  }

  forget(): void {
    this.#kept = null;
  }
}

async function readRouting(
  store: Store,
  { encryptionKeys, hasBinding }: RoutingKeys,
  nowMs: number,
): Promise<Routing> {
  const { transports, rules, nodesHere } = await readTransports(store, nowMs);
  const relays: Relay[] = [];
  const ofWorker = new Map<string, WorkerTransport>();
  const closed = new Map<string, Closed>();
  const left = new Map<string, number>();
  for (const row of transports) {
    const { name, preset, maxBytes, connections } = row;
    if (!isNodes(row)) ofWorker.set(name, { name, preset, maxBytes, connections });
    const why = whyClosed(row, nowMs, hasBinding);
    if (why) {
      closed.set(name, why);
      continue;
    }
    try {
      const { secretEncrypted } = row;
      const secret =
        secretEncrypted && (await decryptKey(secretEncrypted, encryptionKeys, sealedTransport(name)));
      if (isNodes(row)) relays.push(relayOf(row, secret));
      if (row.dailyQuota !== null) left.set(name, row.dailyQuota - row.takenToday);
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', msg: `the secret of ${name}`, error: errorText(error) }),
      );
      closed.set(name, { text: 'its secret does not open', untilMs: null });
    }
  }
  return { rules, relays, ofWorker, hasBinding, nodesHere, closed, left };
}

/** Whether a relay is given nothing now, and why. */
export function whyClosed(
  {
    preset,
    paused,
    dailyQuota,
    takenToday,
  }: Pick<TransportState, 'preset' | 'paused' | 'dailyQuota' | 'takenToday'>,
  nowMs: number,
  hasBinding: boolean,
): Closed | null {
  if (paused) return { text: 'it is paused', untilMs: null };
  if (!hasBinding && !isNodes({ preset }))
    return {
      text: 'the Worker has no binding EMAIL; npm run deploy -- --relay cloudflare-binding makes it',
      untilMs: null,
    };
  if (dailyQuota === null || takenToday < dailyQuota) return null;
  const untilMs = (Math.floor(nowMs / dayMs) + 1) * dayMs;
  return { text: `it has taken the ${dailyQuota} messages of today`, untilMs };
}

/** The first transport that a rule names, that is open, and that the Worker hands mail to itself; null: there is none. */
export function workerTransportOf(
  transports: readonly TransportState[],
  rules: readonly TransportRule[],
  hasBinding: boolean,
  nowMs: number,
): string | null {
  const named = new Set(rules.flatMap(({ route }) => route));
  const found = transports.find(
    (one) => named.has(one.name) && !isNodes(one) && whyClosed(one, nowMs, hasBinding) === null,
  );
  return found?.name ?? null;
}

/** The transports that a leased delivery may go by, or why there is none now. `notOwn`: it is the other carrier's turn. */
export type Chosen =
  | { route?: string[]; routeOfProvider?: Record<string, string[]> }
  | { waits: string; untilMs: number | null }
  | { notOwn: true };

/** What a route is chosen for. */
export interface RoutedMessage extends Routed {
  sizeBytes: number;
  acceptedAtMs: number;
  last: LastAttempt;
}

/** Larger messages than a transport takes wait for another one for a day; then it says so itself, and they bounce. */
const tooLargeWaitsMs = 24 * 3_600_000;
const tooLargeAgainMs = 3_600_000;
/** What was given out of a quota is counted again after this. */
const recountMs = 60_000;

/** A route as it is open now. */
interface OpenRoute {
  turn: Turn | null;
  /** Why each transport of it that is closed is so. */
  why: ReadonlyMap<string, Closed>;
  route: readonly string[];
  ofProviders: Readonly<Record<string, readonly string[]>>;
}

function openRoute(routing: Routing, message: RoutedMessage, carrier: Carrier, nowMs: number): OpenRoute {
  const { route, ofProviders } = routeOf(routing.rules, message);
  const why = new Map<string, Closed>();
  const open = (names: readonly string[]) =>
    names.filter((name) => {
      const closed = whyNot(routing, name, message, carrier, nowMs);
      if (closed) why.set(name, closed);
      return !closed;
    });
  const isWorkers = (name: string) => routing.ofWorker.has(name);
  const own = Object.entries(ofProviders).flatMap(([provider, names]) => {
    const some = open(names).filter((name) => !isWorkers(name));
    return some.length > 0 ? [[provider, some] as const] : [];
  });
  return {
    turn: turnOf(open(route), isWorkers, message.last),
    why,
    route,
    ofProviders: Object.fromEntries(own),
  };
}

/**
 * Whether a message is to be leased to nodes or to the Worker, as far as it is known before the lease. One that has no transport now is
 * leased as well, by whom it would begin with, to be told of and put off.
 */
export function takesNow(routing: Routing, message: RoutedMessage, carrier: Carrier, nowMs: number): boolean {
  if (routing.rules.length === 0) return carrier === 'node';
  const { turn, route } = openRoute(routing, message, carrier, nowMs);
  if (turn) return turn.by === carrier;
  const isWorkers = (name: string) => routing.ofWorker.has(name);
  if (!route.some(isWorkers)) return carrier === 'node';
  const [first = direct] = route;
  // Where no node is, the Worker tells of all that might leave by it.
  if (carrier === 'worker') return isWorkers(first) || !routing.nodesHere;
  return !isWorkers(first) || !routing.hasBinding;
}

export function chosenRoute(
  routing: Routing,
  message: RoutedMessage,
  nowMs: number,
  carrier: Carrier = 'node',
): Chosen {
  if (routing.rules.length === 0) return carrier === 'node' ? {} : { notOwn: true };
  const { turn, why, route, ofProviders } = openRoute(routing, message, carrier, nowMs);
  if (turn === null) {
    const times = route.flatMap((name) => why.get(name)?.untilMs ?? []);
    return {
      waits: route.map((name) => `${name}: ${why.get(name)?.text ?? ''}`).join('; '),
      untilMs: times.length > 0 ? Math.min(...times) : null,
    };
  }
  if (turn.by !== carrier) return { notOwn: true };
  const usable = turn.route;
  const [first = direct] = usable;
  const left = routing.left.get(first);
  if (left !== undefined) routing.left.set(first, left - 1);
  const isDirect = usable.length === 1 && first === direct;
  const asksProvider = carrier === 'node' && Object.keys(ofProviders).length > 0;
  return {
    ...(isDirect ? {} : { route: usable }),
    ...(asksProvider ? { routeOfProvider: ofProviders as Record<string, string[]> } : {}),
  };
}

/** Why a transport gets this message not now; null: it may have it. */
function whyNot(
  { closed, relays, ofWorker, nodesHere, left }: Routing,
  name: string,
  { sizeBytes, acceptedAtMs }: RoutedMessage,
  carrier: Carrier,
  nowMs: number,
): Closed | null {
  const shut = closed.get(name);
  if (shut) return shut;
  // A node that asks is here, whatever was read before it came.
  if (carrier === 'worker' && !nodesHere && !ofWorker.has(name))
    return { text: 'no node asks for mail', untilMs: null };
  const most = ofWorker.get(name)?.maxBytes ?? relays.find((relay) => relay.name === name)?.maxBytes ?? null;
  if (most !== null && sizeBytes > most && nowMs < acceptedAtMs + tooLargeWaitsMs) {
    const text = `it takes at most ${most} octets, and this has ${sizeBytes}`;
    return { text, untilMs: Math.min(nowMs + tooLargeAgainMs, acceptedAtMs + tooLargeWaitsMs) };
  }
  if ((left.get(name) ?? 1) > 0) return null;
  return { text: 'the rest of its messages of today is being given to it', untilMs: nowMs + recountMs };
}

/** Why a delivery waits that a node has given back: more wait for a relay than it takes in a minute. */
export function waitsForPace(relay: string): { waits: string; untilMs: null } {
  return { waits: `${relay}: more mail waits for it than it takes in a minute`, untilMs: null };
}

/** The event that says that a delivery waits for its transports. */
export function waitsForTransport(
  { waits, untilMs }: { waits: string; untilMs: number | null },
  id: string,
  nowMs: number,
): NewEvent {
  const until = untilMs === null ? {} : { until: new Date(untilMs).toISOString() };
  const text = waits.slice(0, 500);
  const details = { limit: 'transport', text, ...until };
  return { id, kind: 'rate_limited', atMs: nowMs, details, fingerprint: `transport ${text}` };
}
