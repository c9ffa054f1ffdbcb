import type { SQL, SQLWrapper } from 'drizzle-orm';
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';

const dialect = new SQLiteAsyncDialect();

/** A D1 statement from a drizzle query or `sql` template, ready for `d1.batch`. */
export function statement(d1: D1Database, query: SQLWrapper): D1PreparedStatement {
  const { sql, params } = dialect.sqlToQuery(query.getSQL() as SQL);
  return d1.prepare(sql).bind(...params);
}

/** Runs the statements in one transaction and one round trip; gives the rows of each. */
export async function batch(d1: D1Database, queries: SQLWrapper[]): Promise<Record<string, unknown>[][]> {
  if (queries.length === 0) return [];
  const results = await d1.batch<Record<string, unknown>>(queries.map((query) => statement(d1, query)));
  return results.map((result) => result.results);
}
