import { lte } from 'drizzle-orm';
import { idempotencyKeys } from '../../drizzle/schema/control.ts';
import type { Store } from './store.ts';

/** Forgets answers whose time is over. */
export async function purgeIdempotencyKeys(store: Store, nowMs: number): Promise<void> {
  await store.control.delete(idempotencyKeys).where(lte(idempotencyKeys.expiresAtMs, nowMs));
}
