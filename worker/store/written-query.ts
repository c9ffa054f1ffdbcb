import { Column, SQL, type SQLWrapper, StringChunk, Table } from 'drizzle-orm';
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';

const dialect = new SQLiteAsyncDialect();

/**
 * The text of a query and its parameters, as drizzle's `sqlToQuery` gives them. What most templates are made of is written
 * down here, which takes a fraction of the time that drizzle looks for what a piece may be; the rest is left to it.
 */
export function written(query: SQLWrapper): { sql: string; params: unknown[] } {
  const to = { sql: '', params: [] as unknown[] };
  write(query.getSQL(), to);
  return to;
}

function write(piece: unknown, to: { sql: string; params: unknown[] }): void {
  if (typeof piece === 'string' || typeof piece === 'number' || piece === null) {
    to.sql += '?';
    to.params.push(piece);
  } else if (piece instanceof StringChunk) {
    for (const text of piece.value) to.sql += text;
  } else if (piece instanceof SQL && !Reflect.get(piece, 'shouldInlineParams')) {
    for (const inner of piece.queryChunks) write(inner, to);
  } else if (piece instanceof Table || piece instanceof Column) {
    to.sql += nameOf(piece);
  } else {
    const { sql, params } = byDrizzle(piece);
    to.sql += sql;
    to.params.push(...params);
  }
}

const names = new WeakMap<Table | Column, string>();

/** A table or column as it stands in a query. */
function nameOf(piece: Table | Column): string {
  const known = names.get(piece);
  if (known !== undefined) return known;
  const { sql } = byDrizzle(piece);
  names.set(piece, sql);
  return sql;
}

function byDrizzle(piece: unknown): { sql: string; params: unknown[] } {
  return dialect.sqlToQuery(piece instanceof SQL ? piece : new SQL([piece as StringChunk]));
}
