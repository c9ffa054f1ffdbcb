import { sql } from 'drizzle-orm';
import { dayOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** A delivery that a relay has, by the relay's own id. */
export interface Relayed {
  /** The transport. */
  name: string;
  messageId: MessageId;
  n: number;
}

/** What relays called messages of ours, by their ids; those that are not kept are left out. One round trip. */
export async function readRelayed(store: Store, ids: readonly string[]): Promise<Map<string, Relayed>> {
  if (ids.length === 0) return new Map();
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT id, name, message_id, n FROM relayed WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
  ]);
  return new Map(
    rows.map((row) => [
      String(row.id),
      { name: String(row.name), messageId: String(row.message_id), n: Number(row.n) },
    ]),
  );
}

/** Late complaints come within weeks. */
const keptForMs = 30 * 86_400_000;
const purgedAtOnce = 2_000;

/** Forgets some of what is old; true while there is more. */
export async function purgeRelayed(store: Store, nowMs: number): Promise<boolean> {
  const [gone = []] = await batch(store.first.d1, [
    sql`DELETE FROM relayed WHERE id IN (SELECT id FROM relayed WHERE day < ${dayOf(nowMs - keptForMs)} LIMIT ${purgedAtOnce})
      RETURNING n`,
  ]);
  return gone.length === purgedAtOnce;
}
