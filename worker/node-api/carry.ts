import type { z } from 'zod';
import { workerNodeId } from '#domain/delivery/turn.ts';
import type { LeasedDelivery, leaseRequest, Result } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import type { Env } from '../env.ts';
import { Announcer } from '../hub/announcer.ts';
import { registerBoot } from '../store/nodes.ts';
import { KnownRouting } from '../store/routing.ts';
import type { Store } from '../store/store.ts';
import { deliveryKey } from '../store/timeline.ts';
import { pokeAccounts } from '../webhook/poke.ts';
import { attemptByBinding } from './attempt-by-binding.ts';
import { findWork } from './find-work.ts';
import { release } from './release.ts';
import { namesWorker } from './routed.ts';
import { takeResults } from './take-results.ts';

/**
 * The Worker as a node: it leases as nodes do, hands its mail to Cloudflare by the binding `send_email`, and reports as they do, so
 * that the fence of the lease holds between it and them. It has one boot for all times, since runs may overlap: none of them may end
 * the leases of another. Where a run is cut off, its leases end by their time, and what becomes of them is told as of a node that is
 * lost (`maybeAccepted`).
 */
const workerBootId = workerNodeId;

/** Longer than a run (`beginsForMs`) with its last attempt (`attemptByBinding`) and its report. */
const keepsForMs = 5 * 60_000;
/** A run begins no further attempts after this. */
const beginsForMs = 15_000;
/**
 * Of one lease; each may cost a request for its content and one to send it, of those that an invocation has. Where a run is cut off
 * before it has reported, so many may reach their recipients twice.
 */
const mostOfLease = 25;
/** Due deliveries that a lease looks at: what is not the Worker's is passed by. */
const looksAt = 400;
/** Leases of one run: with a statement for each content in the bucket it stays below those that an invocation has. */
const mostLeases = 6;

/** How a run ends. */
export interface CarryEnd {
  /** There is more, or not all that is due was looked at. */
  isMore: boolean;
  /** How far the queue was looked at: the next run goes on there. Null: from its beginning. */
  place: string | null;
}

/**
 * Carries what is due and leaves by the binding, a bounded share of it.
 * @param from where the run before ended, as it says itself
 */
export async function carryMail(store: Store, env: Env, from: string | null): Promise<CarryEnd> {
  const { EMAIL } = env.bindings;
  const done = { isMore: false, place: null };
  if (!EMAIL) return done;
  const routing = new KnownRouting();
  const begunAtMs = Date.now();
  const known = await routing.of(store, { encryptionKeys: env.encryptionKeys, hasBinding: true }, begunAtMs);
  if (!namesWorker(known)) return done;
  const isOver = () => Date.now() - begunAtMs > beginsForMs;
  let place = from;
  for (let leases = 0; leases < mostLeases && !isOver(); leases++) {
    const { answer, told } = await leaseOwn(store, env, routing, place);
    if (told.length > 0) await pokeAccounts(env, told);
    const { deliveries, more } = answer;
    if (deliveries.length === 0) {
      if (!more || answer.place === place) return done;
      place = answer.place;
      continue;
    }
    const results = await carryAll(deliveries, known.ofWorker, { store, EMAIL, isOver });
    await report(store, env, results);
    const begun = new Set(results.map(deliveryKey));
    const left = deliveries.filter((one) => !begun.has(deliveryKey(one)));
    if (left.length > 0) await release(store, left, { nodeId: workerNodeId });
    // The place of the answer is behind what was left of it: the next lease looks at the same again.
  }
  return { isMore: true, place };
}

/** Leases as a node does; where the Worker has not said hello in this installation yet, it does. */
async function leaseOwn(store: Store, env: Env, routing: KnownRouting, place: string | null) {
  const request: z.output<typeof leaseRequest> = {
    nodeId: workerNodeId,
    bootId: workerBootId,
    max: looksAt,
    otherMax: looksAt,
    domainMax: looksAt,
    digestMax: looksAt,
    excludeDomains: [],
    busyDomains: [],
    sendingAddresses: [],
    sequence: Number.MAX_SAFE_INTEGER,
    fence: 0,
    place,
  };
  const asking = { routing, carrier: 'worker', hasBinding: true, keepsForMs, most: mostOfLease } as const;
  const lease = () => findWork(store, env, request, asking);
  try {
    return await lease();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'conflict') throw error;
    await registerBoot(store, ownRow(Date.now()), false);
    return await lease();
  }
}

function ownRow(startedAtMs: number) {
  return {
    nodeId: workerNodeId,
    bootId: workerBootId,
    hostName: 'send_email',
    version: '',
    startedAtMs,
    submissionHost: null,
    submissionPort: null,
    submissionTlsPort: null,
  };
}

/** Results of those that were begun in time, so many at once as their transport may have. */
async function carryAll(
  deliveries: readonly LeasedDelivery[],
  transports: Parameters<typeof attemptByBinding>[1],
  around: { store: Store; EMAIL: SendEmail; isOver: () => boolean },
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...deliveries];
  const atOnce = Math.max(1, ...[...transports.values()].map(({ connections }) => connections));
  const carryOn = async () => {
    for (let one = waiting.shift(); one && !around.isOver(); one = waiting.shift()) {
      const { messageId, n, leaseId } = one;
      results.push({ messageId, n, leaseId, outcome: await attemptByBinding(one, transports, around) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, mostAtOnce) }, carryOn));
  return results;
}

/** Content of messages is in memory meanwhile: a Worker has 128 MB, and a message takes some four times its size. */
const mostAtOnce = 4;

/** A report that fails is made again: there is no journal, and what Cloudflare has taken is known here alone. */
const reportsAgainAfterMs = [500, 2000, 5000];

async function report(store: Store, env: Env, results: Result[]): Promise<void> {
  if (results.length === 0) return;
  const { retries, listening } = await reported(store, env, results);
  await new Announcer().announceRetries(env.bindings.DELIVERY, retries, Date.now());
  if (listening.size > 0) await pokeAccounts(env, [...listening]);
}

async function reported(store: Store, env: Env, results: Result[]): ReturnType<typeof takeResults> {
  for (const afterMs of reportsAgainAfterMs) {
    try {
      return await takeResults(store, env, results, workerNodeId);
    } catch (error) {
      console.warn(JSON.stringify({ level: 'warn', msg: 'a report is made again', error: String(error) }));
      await new Promise((resolve) => setTimeout(resolve, afterMs));
    }
  }
  return await takeResults(store, env, results, workerNodeId);
}
