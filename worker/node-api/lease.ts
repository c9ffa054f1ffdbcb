import type { z } from 'zod';
import { classByRank } from '#domain/class.ts';
import { uuidV7 } from '#domain/ids.ts';
import type { DkimKey, LeasedDelivery, LeaseResponse, leaseRequest } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { type ReturnPathSigner, returnPathSigner } from '../inbound/return-path.ts';
import type { Settings } from '../settings.ts';
import { decryptKey } from '../store/key-encryption.ts';
import {
  type Lease,
  type LeasedMessage,
  readLeased,
  releaseLeases,
  type StoredKey,
  takeLeases,
} from '../store/leases.ts';
import { readSmallBodies } from '../store/raw.ts';
import { errorText, type Store } from '../store/store.ts';

/**
 * How long a node may keep a delivery. Longer than any one SMTP transaction can last under the timeouts of
 * RFC 5321 §4.5.3.2: a lease that ended under a living transaction could be sent twice.
 */
const leaseForMs = 30 * 60_000;

/** Mail whose DKIM keys do not open is looked at again after this, so that it stands in nobody's way meanwhile. */
const unsignableWaitsMs = 5 * 60_000;

/**
 * Leases work to a node and gives it all that it needs to deliver it. Three D1 round trips: lease; messages and
 * keys; small bodies. Mail whose DKIM keys do not open is put off.
 * @throws Problem `conflict` when a newer boot of this node has said hello, or it never said hello
 */
export async function leaseWork(
  store: Store,
  settings: Settings,
  request: z.output<typeof leaseRequest>,
  nowMs: number,
): Promise<LeaseResponse> {
  const leaseId = uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const leaseUntilMs = nowMs + leaseForMs;
  const { leases, more, newestBootId } = await takeLeases(store, {
    ...request,
    leaseId,
    leaseUntilMs,
    nowMs,
  });
  if (newestBootId !== request.bootId) {
    throw new Problem(
      'conflict',
      `The newest boot of node ${request.nodeId} is ${newestBootId ?? 'unknown'}; say hello first.`,
    );
  }
  if (leases.length === 0) return { deliveries: [], keys: {}, more: false };
  const { messages, keys } = await readLeased(store, leases);
  const bodies = await readSmallBodies(store, leases, nowMs);
  const signer = await returnPathSigner(settings.returnPathKeys);
  const rings = keyRings(keys);
  const opened = await openKeys(rings, settings);
  const leased = await Promise.all(
    leases.map(async (lease) => ({
      ...(await deliveryOf(lease, messages.get(lease.messageId), rings, signer, settings)),
      leaseId,
      leaseUntilMs,
      raw: bodies.get(lease.messageId) ?? null,
    })),
  );
  const isUnsignable = (one: LeasedDelivery) => rings.has(ringOf(one)) && !Object.hasOwn(opened, ringOf(one));
  const unsignable = leased.filter(isUnsignable);
  if (unsignable.length > 0) await releaseLeases(store, unsignable, nowMs, nowMs + unsignableWaitsMs);
  return { deliveries: leased.filter((one) => !isUnsignable(one)), keys: opened, more };
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
  return {
    messageId: lease.messageId,
    n: lease.n,
    class: classByRank(lease.class),
    attempt: lease.attempts,
    mailFrom: await signer.addressOf(lease.messageId, lease.n, host),
    rcptTo: lease.recipient,
    signingDomain,
    ...(keyRing === signingDomain ? {} : { keyRing }),
    sizeBytes: message.sizeBytes,
    smtputf8: message.smtputf8,
    eightBit: message.eightBit,
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
  const { accountId, domain, selector, algorithm, privateKeyEncrypted } = key;
  try {
    return {
      selector,
      algorithm,
      privateKey: await decryptKey(privateKeyEncrypted, settings.encryptionKeys),
    };
  } catch (error) {
    const msg = `a DKIM key does not open, mail of its domain waits: ${errorText(error)}`;
    console.error(JSON.stringify({ level: 'error', msg, accountId, domain, selector }));
    return null;
  }
}
