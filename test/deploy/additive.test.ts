/**
 * A deployment migrates before the new version runs, and whoever goes back to the version before keeps the new schema: so a
 * migration may only add, and what an older version asks must be answered.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { live, statementsOf } from './statements.ts';

const folder = new URL('../../drizzle/migrations/', import.meta.url);

interface Snapshot {
  tables: Record<
    string,
    {
      columns: Record<string, { name: string; type: string }>;
      indexes: Record<string, { name: string; columns: string[]; isUnique: boolean }>;
    }
  >;
}

const { entries } = JSON.parse(readFileSync(new URL('meta/_journal.json', folder), 'utf8')) as {
  entries: { idx: number; tag: string }[];
};

function snapshotOf({ idx }: { idx: number }): Snapshot {
  const name = `meta/${String(idx).padStart(4, '0')}_snapshot.json`;
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}

interface Column {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
}

/** What a version whose schema was `before` would miss in a database, or could no longer write. */
function brokenFor(before: Snapshot, database: DatabaseSync): string[] {
  return Object.entries(before.tables).flatMap(([table, { columns, indexes }]) => {
    const there = database.prepare(`PRAGMA table_info("${table}")`).all() as unknown as Column[];
    if (there.length === 0) return [`table ${table} is gone`];
    const known = Object.values(columns);
    const gone = known
      .filter(({ name, type }) => !there.some((one) => one.name === name && one.type.toLowerCase() === type))
      .map(({ name }) => `${table}.${name} is gone or has another type`);
    const demanded = there
      .filter(({ name }) => !known.some((one) => one.name === name))
      .filter(({ notnull, dflt_value: preset }) => notnull === 1 && preset === null)
      .map(({ name }) => `${table}.${name} must be written`);
    const unique = database.prepare(`PRAGMA index_list("${table}")`).all() as {
      name: string;
      unique: number;
      origin: string;
    }[];
    const tightened = unique
      .filter(({ name, unique: isUnique, origin }) => isUnique === 1 && origin === 'c' && !(name in indexes))
      .filter(({ name }) => {
        const parts = database.prepare(`PRAGMA index_info("${name}")`).all() as { name: string | null }[];
        return parts.every((part) => known.some((one) => one.name === part.name));
      })
      .map(({ name }) => `${name} refuses what was allowed`);
    return [...gone, ...demanded, ...tightened];
  });
}

function migrated(statements: readonly string[] = []): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  for (const { tag } of entries) database.exec(readFileSync(new URL(`${tag}.sql`, folder), 'utf8'));
  for (const statement of statements) database.exec(statement);
  return database;
}

describe('migrations', () => {
  it('leave to every older version all that it reads and writes', () => {
    const database = migrated();
    for (const entry of entries)
      expect([entry.tag, brokenFor(snapshotOf(entry), database)]).toEqual([entry.tag, []]);
  });

  it.each([
    ['DROP TABLE kept_warming', 'table kept_warming is gone'],
    ['ALTER TABLE nodes DROP COLUMN unwanted', 'nodes.unwanted is gone or has another type'],
    ['ALTER TABLE nodes RENAME COLUMN unwanted TO refused', 'nodes.unwanted is gone or has another type'],
    ['CREATE UNIQUE INDEX one_name ON accounts (name)', 'one_name refuses what was allowed'],
  ])('%s would be found', (statement, found) => {
    const last = entries.at(-1);
    expect(last && brokenFor(snapshotOf(last), migrated([statement]))).toEqual([found]);
  });
});

describe('every statement of the versions before', () => {
  it('is understood by the schema of this one', async () => {
    await live(1, {
      atEnd: async (database) => {
        const tables = await database.rows(
          `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`,
        );
        const last = (pattern: RegExp) =>
          tables.flatMap(({ name }) => pattern.exec(String(name))?.[1] ?? []).at(-1) ?? '';
        const week = last(/^webhook_deliveries_(.+)$/);
        const day = last(/^bodies_(.+)$/);
        for (const file of readdirSync(new URL('./statements/', import.meta.url))) {
          const statements = statementsOf(file);
          expect(statements.length).toBeGreaterThan(100);
          for (const statement of statements) {
            const text = statement.replaceAll('WEEK', week).replaceAll('bodies_DAY', `bodies_${day}`);
            await database.rows(`EXPLAIN ${text}`).catch((error: unknown) => {
              throw new Error(`${file}: ${String(error)}: ${statement}`);
            });
          }
        }
      },
    });
  }, 480_000);
});
