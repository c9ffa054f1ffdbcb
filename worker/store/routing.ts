import type { NewEvent } from '#domain/delivery/event.ts';
import { direct, type Relay, type Routed, routeOf, type TransportRule } from '#domain/delivery/transport.ts';
import { decryptKey, sealedTransport } from './key-encryption.ts';
import { errorText, type Store } from './store.ts';
import { readTransports, relayOf, type TransportState } from './transports.ts';

/** Why nothing is given to a transport now, and until when; null: until somebody says otherwise. */
interface Closed {
  text: string;
  untilMs: number | null;
}

/** By which transports mail leaves, as it is decided now. */
export interface Routing {
  rules: readonly TransportRule[];
  /** Relays that may be given mail. */
  relays: readonly Relay[];
  closed: ReadonlyMap<string, Closed>;
  /** Of relays with a quota: how many messages of today are left, less what was given out since that was read. */
  left: Map<string, number>;
}

/** How long an isolate goes by what it read: a switch takes so long. */
const keptForMs = 30_000;
const dayMs = 86_400_000;

/** Reads the routing when it is asked for, at most every half minute. */
export class KnownRouting {
  #kept: { routing: Routing; untilMs: number } | null = null;

  async of(store: Store, keys: readonly Uint8Array[], nowMs: number): Promise<Routing> {
    if (this.#kept && this.#kept.untilMs > nowMs) return this.#kept.routing;
    const routing = await readRouting(store, keys, nowMs);
    this.#kept = { routing, untilMs: nowMs + keptForMs };
    return routing;
  }

  forget(): void {
    this.#kept = null;
  }
}

async function readRouting(store: Store, keys: readonly Uint8Array[], nowMs: number): Promise<Routing> {
  const { transports, rules } = await readTransports(store, nowMs);
  const relays: Relay[] = [];
  const closed = new Map<string, Closed>();
  const left = new Map<string, number>();
  for (const row of transports) {
    const why = whyClosed(row, nowMs);
    if (why) {
      closed.set(row.name, why);
      continue;
    }
    try {
      const { secretEncrypted } = row;
      const secret = secretEncrypted && (await decryptKey(secretEncrypted, keys, sealedTransport(row.name)));
      relays.push(relayOf(row, secret));
      if (row.dailyQuota !== null) left.set(row.name, row.dailyQuota - row.takenToday);
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', msg: `the secret of ${row.name}`, error: errorText(error) }),
      );
      closed.set(row.name, { text: 'its secret does not open', untilMs: null });
    }
  }
  return { rules, relays, closed, left };
}

/** Whether a relay is given nothing now, and why. */
export function whyClosed(
  { paused, dailyQuota, takenToday }: Pick<TransportState, 'paused' | 'dailyQuota' | 'takenToday'>,
  nowMs: number,
): Closed | null {
  if (paused) return { text: 'it is paused', untilMs: null };
  if (dailyQuota === null || takenToday < dailyQuota) return null;
  const untilMs = (Math.floor(nowMs / dayMs) + 1) * dayMs;
  return { text: `it has taken the ${dailyQuota} messages of today`, untilMs };
}

/** The transports that a leased delivery may go by, or why there is none now. */
export type Chosen =
  | { route?: string[]; routeOfProvider?: Record<string, string[]> }
  | { waits: string; untilMs: number | null };

/** What a route is chosen for. */
export interface RoutedMessage extends Routed {
  sizeBytes: number;
  acceptedAtMs: number;
}

/** A message that is too large for all transports of its route waits so long for one that takes it; then it bounces by the last. */
const tooLargeWaitsMs = 24 * 3_600_000;
const tooLargeAgainMs = 3_600_000;
/** What was given out of a quota is counted again after this. */
const recountMs = 60_000;

export function chosenRoute(routing: Routing, message: RoutedMessage, nowMs: number): Chosen {
  if (routing.rules.length === 0) return {};
  const { route, ofProviders } = routeOf(routing.rules, message);
  const why = new Map<string, Closed>();
  const open = (names: readonly string[]) =>
    names.filter((name) => {
      const closed = whyNot(routing, name, message, nowMs);
      if (closed) why.set(name, closed);
      return !closed;
    });
  const usable = open(route);
  if (usable.length === 0) {
    const times = route.flatMap((name) => why.get(name)?.untilMs ?? []);
    return {
      waits: route.map((name) => `${name}: ${why.get(name)?.text ?? ''}`).join('; '),
      untilMs: times.length > 0 ? Math.min(...times) : null,
    };
  }
  const own = Object.entries(ofProviders).flatMap(([provider, names]) => {
    const some = open(names);
    return some.length > 0 ? [[provider, some] as const] : [];
  });
  const [first = direct] = usable;
  const left = routing.left.get(first);
  if (left !== undefined) routing.left.set(first, left - 1);
  const isDirect = usable.length === 1 && first === direct;
  return {
    ...(isDirect ? {} : { route: usable }),
    ...(own.length > 0 ? { routeOfProvider: Object.fromEntries(own) } : {}),
  };
}

/** Why a transport gets this message not now; null: it may have it. */
function whyNot(
  { closed, relays, left }: Routing,
  name: string,
  { sizeBytes, acceptedAtMs }: RoutedMessage,
  nowMs: number,
): Closed | null {
  const shut = closed.get(name);
  if (shut) return shut;
  const most = relays.find((relay) => relay.name === name)?.maxBytes ?? null;
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
