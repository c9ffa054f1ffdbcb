import type { z } from 'zod';
import { simulatorDomain } from '#domain/delivery/simulator.ts';
import type { Carrier } from '#domain/delivery/transport.ts';
import { classByRank } from '#domain/message/class.ts';
import { feedbackFields } from '#domain/message/feedback.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import type { TlsWish } from '#domain/message/tls-wish.ts';
import type { DkimKey, LeasedDelivery, LeaseResponse, leaseRequest } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import type { Settings } from '../settings.ts';
import { decryptKey, sealedDkimKey } from '../store/key-encryption.ts';
import { type AskedHome, type LeaseAt, takeFromHomes } from '../store/lease-homes.ts';
import { type MessageFacts, ownRows } from '../store/lease-own.ts';
import type { Row } from '../store/lease-rows.ts';
import { type Lease, type LeasedMessage, releaseLeases, type StoredKey } from '../store/leases.ts';
import { readSmallBodies } from '../store/raw.ts';
import { type KnownRouting, type Routing, takesNow } from '../store/routing.ts';
import { errorText, type Store } from '../store/store.ts';
import { deliveryKey } from '../store/timeline.ts';
import { holdLeased } from '../store/waiting.ts';
import { leaseIdOf } from '../tokens/lease-id.ts';
import { type ReturnPathSigner, returnPathSigner } from '../tokens/return-path.ts';
import { heldOf, namesWorker, relaysOf, routed, routedOf } from './routed.ts';

/**
 * How long a node may keep a delivery; the Worker keeps its own for less, as its runs are short. Longer than any one SMTP
 * transaction can last under the timeouts of RFC 5321 §4.5.3.2: a lease that ended under a living transaction could be sent
 * twice.
 */
const leaseForMs = 30 * 60_000;

/** More than any request may ask for. */
const mostOfAll = Number.MAX_SAFE_INTEGER;

/** Mail whose DKIM keys do not open is looked at again after this, so that it stands in nobody's way meanwhile. */
const unsignableWaitsMs = 5 * 60_000;

/**
 * So many octets of raw messages go with a lease, those of the most urgent first; the node fetches the rest. A message
 * goes along once for each of its recipients.
 */
const mostRawBytes = 4 * 1024 * 1024;

/** Who asks for work, and by what it is decided which is its own. */
export interface Asking {
  /** Homes that may have work, of several. */
  homes: readonly AskedHome[];
  routing: KnownRouting;
  carrier: Carrier;
  /** The Worker has its binding `send_email`. */
  hasBinding: boolean;
  /** How long it may keep a delivery, at most as long as a node may; left out: so long. */
  keepsForMs?: number;
  /**
   * Of what is its own it takes so much, about; what is looked at is as much as the request says. What is left stands before the
   * place of the answer. Left out: all of it.
   */
  most?: number;
}

/**
 * Leases work to a node and gives it all that it needs to deliver it. Three D1 round trips, one when nothing is due:
 * the heads of the queues; the lease itself with messages and keys; small bodies. One more where rules name a transport of the
 * Worker: which of the mail leaves by whoever asks is read before it is leased. Mail whose DKIM keys do not open is put off.
 * @returns the answer, the accounts that have new events, the homes that have nothing due, and those that have much
 * @throws Problem `conflict` when a newer boot of this node has said hello, or it never said hello
 */
export async function leaseWork(
  store: Store,
  settings: Settings,
  request: z.output<typeof leaseRequest>,
  { homes, routing, carrier, hasBinding, keepsForMs = leaseForMs, most = mostOfAll }: Asking,
  nowMs: number,
): Promise<{ answer: LeaseResponse; told: number[]; empty: number[]; deep: number[] }> {
  const newId = () => uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const leaseId = await leaseIdOf(settings.returnPathKeys, request.nodeId, request.leaseId ?? newId());
  const simulator = simulatorDomain(settings.serviceDomain);
  const { encryptionKeys } = settings;
  let read: Promise<Routing> | null = null;
  const readRoutes = () => {
    read ??= routing.of(store, { encryptionKeys, hasBinding }, nowMs);
    return read;
  };
  const own = async (home: Store, rows: readonly Row[]) => {
    const routes = await readRoutes();
    // What the node's own simulator plays leaves by no transport.
    const takes = (row: Row, { signingDomain: domain, sizeBytes }: MessageFacts) =>
      row.domain === simulator
        ? carrier === 'node'
        : takesNow(routes, { ...routedOf(row), domain, sizeBytes }, carrier, nowMs);
    const isParted = namesWorker(routes) || carrier === 'worker';
    const all = isParted ? await ownRows(home, rows, nowMs, takes) : rows;
    return all.slice(0, Math.ceil(most / Math.max(1, homes.length)));
  };
  const taken = await takeFromHomes(store, homes, {
    ...request,
    leaseId,
    leaseUntilMs: nowMs + keepsForMs,
    leaseForMs,
    nowMs,
    newEventId: newId,
    sharedDomain: settings.aliasDomain,
    own,
  });
  if ('newestBootId' in taken) {
    throw new Problem(
      'conflict',
      `The newest boot of node ${request.nodeId} is ${taken.newestBootId ?? 'unknown'}; say hello first.`,
    );
  }
  const { leases, messages, more, place, told, empty, deep } = taken;
  if (leases.length === 0)
    return { answer: { deliveries: [], keys: {}, relays: [], more, place }, told, empty, deep };
  const [bodies, routes] = await Promise.all([bodiesOf(store, leases, messages, nowMs), readRoutes()]);
  const signer = await returnPathSigner(settings.returnPathKeys);
  const rings = keyRings(taken.keys);
  const opened = await openKeys(rings, settings);
  const leased = await Promise.all(
    leases.map(async (lease) => ({
      ...(await deliveryOf(lease, messages.get(lease.messageId), rings, signer, settings)),
      leaseId,
      leaseUntilMs: lease.leaseUntilMs,
      raw: bodies(lease.messageId),
    })),
  );
  const isUnsignable = (one: LeasedDelivery) => rings.has(ringOf(one)) && !Object.hasOwn(opened, ringOf(one));
  const unsignable = leased.filter(isUnsignable);
  for (const [home, own] of byHome(store, leases, unsignable))
    await releaseLeases(home, own, nowMs, { dueMs: nowMs + unsignableWaitsMs });
  const signable = leased.filter((one) => !isUnsignable(one));
  const rows = new Map(leases.map((lease) => [deliveryKey(lease), lease]));
  const of = { messages, rows, simulator, nowMs, carrier };
  const { deliveries, waiting, others } = routed(routes, signable, of);
  for (const [home, foreign] of byHome(store, leases, others)) await releaseLeases(home, foreign, nowMs);
  for (const [home, own] of byHome(store, leases, waiting))
    await holdLeased(
      home,
      own.map((one) => heldOf(one, newId(), nowMs)),
      nowMs,
    );
  const accountOf = new Map(leases.map(({ messageId, accountId }) => [messageId, accountId]));
  const held = waiting.flatMap(({ messageId }) => accountOf.get(messageId) ?? []);
  return {
    answer: { deliveries, keys: opened, relays: relaysOf(routes, deliveries), more, place },
    told: [...new Set([...told, ...held])],
    empty,
    deep,
  };
}

/** Some of what was leased, by the store of the home in which it was. */
function byHome<T extends { messageId: string }>(
  store: Store,
  leases: readonly LeaseAt[],
  some: readonly T[],
): [Store, T[]][] {
  const homes = new Map(leases.map(({ messageId, home }) => [messageId, home]));
  const grouped = Map.groupBy(some, ({ messageId }) => homes.get(messageId) ?? store.first.home);
  return [...grouped].map(([home, own]) => [store.at(home), own]);
}

/**
 * Gives small bodies as long as they fit into the answer, by the size that the message has; null: the node is to fetch
 * it. What cannot be read here is not given either: the node learns for each message what is the matter.
 */
async function bodiesOf(
  store: Store,
  leases: readonly LeaseAt[],
  messages: ReadonlyMap<string, LeasedMessage>,
  nowMs: number,
): Promise<(messageId: string) => string | null> {
  let left = mostRawBytes;
  const fitting = leases.filter(({ messageId, bodyId }) => {
    const sizeBytes = messages.get(messageId)?.sizeBytes ?? Number.POSITIVE_INFINITY;
    if (bodyId === null || sizeBytes > left) return false;
    left -= sizeBytes;
    return true;
  });
  const times = new Map<string, number>();
  for (const { messageId } of fitting) times.set(messageId, (times.get(messageId) ?? 0) + 1);
  const read = [...Map.groupBy(fitting, ({ home }) => home)].map(([home, own]) =>
    readSmallBodies(store.at(home), own, nowMs),
  );
  const all = Promise.all(read).then((some) => new Map(some.flatMap((one) => [...one])));
  const bodies = await all.catch((error: unknown) => {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'bodies not read for a lease', error: errorText(error) }),
    );
    return new Map<string, string>();
  });
  return (messageId) => {
    const leftOver = times.get(messageId) ?? 0;
    times.set(messageId, leftOver - 1);
    return leftOver > 0 ? (bodies.get(messageId) ?? null) : null;
  };
}

async function deliveryOf(
  lease: Lease,
  message: LeasedMessage | undefined,
  rings: ReadonlyMap<string, StoredKey[]>,
  signer: ReturnPathSigner,
  settings: Settings,
): Promise<Omit<LeasedDelivery, 'leaseId' | 'leaseUntilMs' | 'raw'>> {
  if (!message) throw new Error(`delivery ${lease.messageId} ${lease.n} has no message`);
  const isOwn = (key: StoredKey) => key.accountId === lease.accountId && key.domain === message.signingDomain;
  const [ring, [own] = []] = [...rings].find(([, keys]) => keys.some(isOwn)) ?? [];
  const signingDomain = own?.signsAs ?? message.signingDomain;
  const keyRing = ring ?? ringName(message.signingDomain, lease.accountId);
  const host = own?.returnPathHost ?? `bounces.${settings.serviceDomain}`;
  const mailClass = classByRank(lease.class);
  const { forward } = message;
  return {
    messageId: lease.messageId,
    n: lease.n,
    class: mailClass,
    attempt: lease.attempts,
    mailFrom: forward?.sender === '' ? '' : await signer.addressOf(lease.messageId, lease.n, host),
    rcptTo: lease.recipient,
    account: lease.accountId,
    signingDomain,
    ...(keyRing === signingDomain ? {} : { keyRing }),
    sizeBytes: message.sizeBytes,
    smtputf8: message.smtputf8,
    eightBit: message.eightBit,
    ...tlsOf(message.tls),
    ...(forward
      ? { forward: { signs: forward.signs, seal: forward.seal } }
      : {
          fields: feedbackFields({
            messageId: lease.messageId,
            accountId: lease.accountId,
            class: mailClass,
            tags: message.tags,
            fromDomain: message.signingDomain,
            signingDomain,
            returnPathHost: host,
          }),
        }),
  };
}

/**
 * Keys by signing domain. When another account has keys for the same one (a domain that changed hands while mail
 * was on its way), they are a ring of their own: nobody's mail is signed with another's key.
 */
function keyRings(keys: readonly StoredKey[]): Map<string, StoredKey[]> {
  const rings = new Map<string, StoredKey[]>();
  for (const key of keys) {
    const [first] = rings.get(key.signsAs) ?? [];
    const own = !first || (first.accountId === key.accountId && first.domain === key.domain);
    const ring = own ? key.signsAs : ringName(key.domain, key.accountId);
    rings.set(ring, [...(rings.get(ring) ?? []), key]);
  }
  return rings;
}

function ringName(domain: string, accountId: number): string {
  return `${domain}#${accountId}`;
}

/** The ring that signs a delivery. */
function ringOf({ keyRing, signingDomain }: LeasedDelivery): string {
  return keyRing ?? signingDomain;
}

/**
 * Private keys by ring, as the node holds them in memory. A ring is left out, and an error logged, when one of its
 * keys does not open: which of the others a receiver would verify is not known here.
 */
async function openKeys(
  rings: ReadonlyMap<string, StoredKey[]>,
  settings: Settings,
): Promise<Record<string, DkimKey[]>> {
  const opened = await Promise.all(
    [...rings].map(async ([ring, keys]) => {
      const plain = await Promise.all(keys.map((key) => openKey(key, settings)));
      const good = plain.filter((key) => key !== null);
      return good.length === keys.length ? ([[ring, good]] as const) : [];
    }),
  );
  return Object.fromEntries(opened.flat());
}

/** Null when it cannot be decrypted. */
async function openKey(key: StoredKey, settings: Settings): Promise<DkimKey | null> {
  const { accountId, ownerId, domain, selector, algorithm, privateKeyEncrypted } = key;
  const of = sealedDkimKey({ accountId: ownerId, domain, selector });
  try {
    return {
      selector,
      algorithm,
      privateKey: await decryptKey(privateKeyEncrypted, settings.encryptionKeys, of),
    };
  } catch (error) {
    const msg = `a DKIM key does not open, mail of its domain waits: ${errorText(error)}`;
    console.error(JSON.stringify({ level: 'error', msg, accountId, domain, selector }));
    return null;
  }
}

function tlsOf(wish: TlsWish): Pick<LeasedDelivery, 'tls' | 'requiretls'> {
  if (wish === 'policy') return {};
  return wish === 'requiretls' ? { tls: 'required', requiretls: true } : { tls: wish };
}
