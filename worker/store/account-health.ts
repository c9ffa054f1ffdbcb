import { sql } from 'drizzle-orm';
import { healthDays, type KeptHealth, type MailFigures, mailFigures } from '#domain/limits/health.ts';
import { dayOf } from '#domain/message/home.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';
import { systemAccountId } from './system-account.ts';

/** An account with what its health is judged by. */
export interface JudgedAccount {
  id: number;
  name: string;
  kept: KeptHealth;
  figures: MailFigures;
}

const dayMs = 86_400_000;
const counted = ['accepted', 'delivered', 'bounced', 'complained', 'deferred', 'failed', 'expired'] as const;

/** The accounts of a home after an id, in their order, with their counters of the last days: a row read a day each. */
export async function readHealth(
  store: Store,
  { after, most }: { after: number; most: number },
  nowMs: number,
): Promise<JudgedAccount[]> {
  const days = Array.from({ length: healthDays }, (_, i) => dayOf(nowMs - i * dayMs));
  const sums = sql.raw(counted.map((name) => `coalesce(sum(s.${name}), 0) AS ${name}`).join(', '));
  const [rows = []] = await batch(store.d1, [
    sql`SELECT a.id, a.name, a.health_level, a.digest_paused, ${sums}
      FROM (SELECT id, name, health_level, digest_paused FROM accounts
        WHERE id > ${Math.max(after, systemAccountId)} AND home = ${store.home} ORDER BY id LIMIT ${most}) a
      CROSS JOIN json_each(${JSON.stringify(days)}) t
      LEFT JOIN stats s ON s.account_id = a.id AND s.day = t.value AND s.dimension = 'day'
      GROUP BY a.id ORDER BY a.id`,
  ]);
  return rows.map((row) => {
    const counts = Object.fromEntries(counted.map((name) => [name, Number(row[name])]));
    return {
      id: Number(row.id),
      name: String(row.name),
      kept: {
        level: String(row.health_level) as KeptHealth['level'],
        digestPaused: row.digest_paused === 1,
      },
      figures: mailFigures(counts as Record<(typeof counted)[number], number>),
    };
  });
}

/**
 * Keeps what was judged, each where nobody has judged meanwhile and the account is not on its way to another home.
 * @returns the accounts of which it is kept
 */
export async function keepHealth(
  store: Store,
  judged: readonly { id: number; before: KeptHealth; after: KeptHealth }[],
): Promise<Set<number>> {
  if (judged.length === 0) return new Set();
  const [rows = []] = await batch(store.d1, [
    sql`UPDATE accounts SET health_level = j.value->'after'->>'level', digest_paused = j.value->'after'->>'digestPaused'
      FROM json_each(${JSON.stringify(judged)}) j
      WHERE accounts.id = j.value->>'id' AND health_level = j.value->'before'->>'level'
        AND digest_paused = j.value->'before'->>'digestPaused'
        AND NOT EXISTS (SELECT 1 FROM account_moves m WHERE m.account_id = accounts.id)
      RETURNING accounts.id`,
  ]);
  return new Set(rows.map(({ id }) => Number(id)));
}
