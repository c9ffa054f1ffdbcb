import { eq, inArray, Param, type SQL, sql } from 'drizzle-orm';
import { alias, QueryBuilder, SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';
import { expect, it } from 'vitest';
import { accounts, credentials } from '../../drizzle/schema/control.ts';
import { written } from '../../worker/store/written-query.ts';

const a = alias(accounts, 'a');
const nested = sql`(SELECT max(id) FROM ${accounts} WHERE id < ${7})`;

const queries: [string, SQL][] = [
  ['values of all kinds', sql`SELECT ${'text'}, ${1.5}, ${null}, ${true}, ${10n}, ${new Uint8Array([1])}`],
  ['what is left out', sql`SELECT 1${undefined}`],
  ['lists', sql`SELECT 1 WHERE 1 IN ${[1, 'b', null]}`],
  ['queries in queries', sql`SELECT ${nested} + ${sql.join([sql`${1}`, nested, sql.raw('3')], sql` + `)}`],
  [
    'tables and columns',
    sql`SELECT ${accounts.id}, ${a.name} FROM ${accounts}, ${a} WHERE ${accounts.id} = ${1}`,
  ],
  ['names', sql`SELECT 1 AS ${sql.identifier('od"d')}`],
  ['parameters with an encoder', sql`SELECT ${sql.param(3, accounts.id)}, ${new Param('x')}`],
  ['values in the text', sql`SELECT ${sql`${"it's"} || ${2}`.inlineParams()}, ${5}`],
  [
    'conditions',
    sql`SELECT 1 FROM ${accounts} WHERE ${eq(accounts.name, 'x')} AND ${inArray(accounts.id, [1, 2])}`,
  ],
  [
    'what the builder makes',
    new QueryBuilder()
      .select({ id: credentials.id, name: a.name })
      .from(credentials)
      .innerJoin(a, eq(a.id, credentials.accountId))
      .where(eq(credentials.secretHash, 'h'))
      .limit(2)
      .getSQL(),
  ],
];

it.each(queries)('writes as drizzle does: %s', (_, query) => {
  const { sql: text, params } = new SQLiteAsyncDialect().sqlToQuery(query);
  expect(written(query)).toEqual({ sql: text, params });
  expect(written(query)).toEqual({ sql: text, params });
});
