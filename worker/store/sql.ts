import type { SQLWrapper } from 'drizzle-orm';
import { written } from './written-query.ts';

/** A D1 statement from a drizzle query or `sql` template, ready for `d1.batch`. */
export function statement(d1: D1Database, query: SQLWrapper): D1PreparedStatement {
  const { sql, params } = written(query);
  return d1.prepare(sql).bind(...params);
}

/** Runs the statements in one transaction and one round trip; gives the rows of each. */
export async function batch(d1: D1Database, queries: SQLWrapper[]): Promise<Record<string, unknown>[][]> {
  if (queries.length === 0) return [];
  const results = await d1.batch<Record<string, unknown>>(queries.map((query) => statement(d1, query)));
  return results.map((result) => result.results);
}

/** D1 takes at most two million bytes in one parameter; a character may need three. */
const largestParameter = 500_000;

/** Rows in groups that fit, as JSON arrays, into one parameter each; a row that is too large for it is a group. */
export function parameterGroups<T>(rows: readonly T[]): T[][] {
  const groups: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const { length } = JSON.stringify(row);
    if (size + length > largestParameter) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(row);
    size += length;
  }
  return groups;
}
