import { fullMailbox } from '#domain/consequence.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../node-api/hub-of.ts';
import { pokeSenders } from '../queue/webhook.ts';
import { purgeAuth } from '../store/auth.ts';
import { dropOldTables, ensureHomeTables } from '../store/home-tables.ts';
import { purgeIdempotencyKeys } from '../store/idempotency.ts';
import { anythingDue } from '../store/leases.ts';
import { purgeBodies } from '../store/raw.ts';
import { foldAll, purgeStats } from '../store/stats.ts';
import type { Store } from '../store/store.ts';
import { purgeSuppressions } from '../store/suppressions.ts';
import { judgeWarming } from '../store/warming.ts';
import { endpointsWithWork } from '../store/webhook-endpoints.ts';
import { eachOf } from './each-of.ts';

/**
 * Announces again whatever is due and nobody has leased (lost wakes and pointers, expired leases, far-away `send_at`), and
 * pokes webhook senders that are behind.
 */
export async function sweep(store: Store, env: Env, nowMs: number): Promise<void> {
  if (await anythingDue(store, nowMs)) await hubOf(env.bindings.HUB).wake();
  await pokeSenders(env, await endpointsWithWork(store, nowMs));
}

/** Adds what has happened to the statistics, where that is worth its rows. */
export async function count(store: Store, nowMs: number): Promise<void> {
  await foldAll(store, nowMs);
}

/** Makes tables ahead and removes what is past its time. */
export async function housekeep(store: Store, nowMs: number): Promise<void> {
  await eachOf([
    () => ensureHomeTables(store, nowMs),
    () => dropOldTables(store, nowMs),
    () => purgeBodies(store, nowMs),
    () => purgeIdempotencyKeys(store, nowMs),
    () => purgeAuth(store, nowMs),
    () => purgeSuppressions(store, nowMs, nowMs - fullMailbox.withinMs),
    () => foldAll(store, nowMs, { everything: true }),
    () => judgeWarming(store, nowMs),
    () => purgeStats(store, nowMs),
  ]);
}
