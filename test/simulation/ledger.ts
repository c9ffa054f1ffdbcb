import { engineOf } from './bindings.ts';
import type { Engine, Row } from './database.ts';

/**
 * What has happened in truth, past the product: events by account, day and kind, read from the timelines themselves;
 * without complaints that nobody vouches for, which are told and not counted.
 * What a week holds is written down just before its tables are dropped. Of each account the home counts in which it lives.
 */
export class Ledger {
  readonly #homes: readonly Engine[];
  readonly #closed = new Map<string, Row[]>();

  constructor(homes: readonly Engine[]) {
    this.#homes = homes;
  }

  /** Tables of a home are about to be dropped. */
  async close(home: number, tables: readonly string[]): Promise<void> {
    for (const name of tables) {
      const [, week = ''] = /^(?:messages|deliveries)_(\d{4}w\d\d)$/.exec(name) ?? [];
      const key = `${home} ${week}`;
      if (week !== '' && !this.#closed.has(key)) this.#closed.set(key, await this.#rowsOf(home, week));
    }
  }

  /** How often what happened in an account, by `<day> <kind>` and by `<hour> <kind>`: `20261118 delivered`, `2026111823 delivered`. */
  async countsOf(accountId: number): Promise<Map<string, number>> {
    const open = await Promise.all(this.#homes.map((_, home) => this.#openOf(home, accountId)));
    const counts = new Map<string, number>();
    for (const row of [...this.#closed.values(), ...open.flat()].flat()) {
      if (row.account_id !== accountId) continue;
      for (const time of [String(row.hour).slice(0, 8), row.hour]) {
        const key = `${time} ${row.kind}`;
        counts.set(key, (counts.get(key) ?? 0) + Number(row.times));
      }
    }
    return counts;
  }

  async #openOf(home: number, accountId: number): Promise<Row[][]> {
    const database = engineOf(this.#homes, home);
    const tables = await database.rows(
      `SELECT name FROM sqlite_master WHERE name LIKE 'messages_%' AND type = 'table'`,
    );
    const weeks = tables.map(({ name }) => String(name).slice(-7));
    const open = weeks.filter((week) => !this.#closed.has(`${home} ${week}`));
    return await Promise.all(open.map((week) => this.#rowsOf(home, week, accountId)));
  }

  async #rowsOf(home: number, week: string, accountId: number | null = null): Promise<Row[]> {
    const hourOf = (ms: string) => `strftime('%Y%m%d%H', ${ms} / 1000, 'unixepoch')`;
    const counted = `m.test_mode = 0 AND d.simulated = 0 AND (?1 IS NULL OR m.account_id = ?1)
      AND m.account_id IN (SELECT id FROM accounts WHERE home = ${home})`;
    const told = `e.value->>'$.details.verified' IS NOT 0`;
    const from = `"deliveries_${week}" d JOIN "messages_${week}" m ON m.id = d.message_id`;
    return await engineOf(this.#homes, home).rows(
      `SELECT m.account_id, ${hourOf('m.accepted_at_ms')} AS hour, 'accepted' AS kind, count(*) AS times
        FROM ${from} WHERE d.accepted = 1 AND ${counted} GROUP BY 1, 2
      UNION ALL SELECT m.account_id, ${hourOf(`(e.value->>'atMs')`)}, e.value->>'kind', count(*)
        FROM ${from}, json_each(d.timeline) e WHERE e.key < d.announced AND ${told} AND ${counted} GROUP BY 1, 2, 3`,
      accountId,
    );
  }
}
