import { sql } from 'drizzle-orm';
import { batch } from '../sql.ts';
import { copyMessagesAgain } from './messages.ts';
import { type Runner, write } from './record.ts';
import { copyAgain } from './rows.ts';
import { movedTable, weekOfMessages } from './tables.ts';

/** So many changes are looked at at once. */
const lookedAt = 1000;

interface Change {
  n: number;
  name: string;
  key: (string | number)[];
}

/**
 * Copies again what has changed since it was copied.
 * @returns how many changes there were: `mostChanges` when there may be more
 */
export async function copyChanges(runner: Runner): Promise<number> {
  const { old, move } = runner;
  const [rows = []] = await batch(old.d1, [
    sql`SELECT n, name, key FROM moved_rows WHERE account_id = ${move.accountId} ORDER BY n LIMIT ${lookedAt}`,
  ]);
  const changes = rows.map(
    (row): Change => ({
      n: Number(row.n),
      name: String(row.name),
      key: JSON.parse(String(row.key)) as Change['key'],
    }),
  );
  for (const [name, own] of Map.groupBy(changes, (change) => change.name)) {
    if (runner.tables.has(name)) await copyAll(runner, name, own);
    await write(runner, old, [
      sql`DELETE FROM moved_rows WHERE n IN (SELECT value FROM json_each(${JSON.stringify(own.map(({ n }) => n))}))`,
    ]);
  }
  return changes.length;
}

export const mostChanges = lookedAt;

async function copyAll(runner: Runner, name: string, changes: readonly Change[]): Promise<void> {
  const week = weekOfMessages(name);
  if (week !== null) {
    const seqs = [...new Set(changes.map(({ key }) => Number(key[0])))].sort((a, b) => a - b);
    for (let done = 0; done < seqs.length; )
      done += (await copyMessagesAgain(runner, week, seqs.slice(done))).length;
    return;
  }
  const table = movedTable(name);
  const keys = new Map(changes.map(({ key }) => [JSON.stringify(key), key]));
  if (table) await copyAgain(runner, table, [...keys.values()]);
}
