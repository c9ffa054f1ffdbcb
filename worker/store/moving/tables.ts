import { sql } from 'drizzle-orm';
import { batch } from '../sql.ts';
import type { Store } from '../store.ts';

/**
 * What belongs to an account, table by table: what goes with it to another home. A table that is neither here nor in
 * `stays` has been forgotten, and the tests say so.
 */
export interface MovedTable {
  name: string;
  /** Its primary key. */
  primary: readonly string[];
  /** The same without the account: what tells a row from the account's others, in the order in which they are gone through. */
  key: readonly string[];
  /** Whether a row is of an account, as SQL. @param row `NEW`, `OLD` or the table's name */
  isOf(row: string, accountId: number): string;
  /** It has numbers that are told to the outside. */
  numbered?: boolean;
  /** Read by nothing but requests of the account: copied while it goes on working. All else is copied while it is frozen. */
  ahead?: boolean;
}

const byAccount = (row: string, accountId: number) => `${row}.account_id = ${accountId}`;
const by = (column: string, parent: string) => (row: string, accountId: number) =>
  `${row}.${column} IN (SELECT id FROM ${parent} WHERE account_id = ${accountId})`;
const byDomain = by('domain_id', 'domains');

function table(
  name: string,
  primary: readonly string[],
  isOf: MovedTable['isOf'],
  more: Pick<MovedTable, 'numbered' | 'ahead'> = {},
): MovedTable {
  return { name, primary, key: primary.filter((column) => column !== 'account_id'), isOf, ...more };
}

const numbered = { numbered: true };

/** Tables of migrations; parents stand before their children. */
const ofMigrations: readonly MovedTable[] = [
  table('suppressions', ['id'], byAccount, { ...numbered, ahead: true }),
  table('full_mailboxes', ['account_id', 'address', 'message_id'], byAccount, { ahead: true }),
  table('idempotency_keys', ['account_id', 'key'], byAccount, { ahead: true }),
  table('search_words', ['account_id', 'week', 'page'], byAccount, { ahead: true }),
  table('credentials', ['id'], byAccount, numbered),
  table('domains', ['id'], byAccount, numbered),
  table('dkim_keys', ['id'], byDomain, numbered),
  table('record_checks', ['domain_id', 'kind', 'name'], byDomain),
  table('domain_warming', ['domain_id'], byDomain),
  table('kept_warming', ['account_id', 'name'], byAccount),
  table('domain_reports', ['domain_id', 'kind', 'day', 'key'], byDomain),
  table('webhook_endpoints', ['id'], byAccount, numbered),
  table('inbound_routes', ['id'], byAccount, numbered),
  table('aliases', ['id'], byAccount, numbered),
  table('inbound_rules', ['id'], byAccount, numbered),
  table('reply_addresses', ['alias_id', 'token'], by('alias_id', 'aliases')),
  table('destinations', ['id'], byAccount, numbered),
  table('templates', ['id'], byAccount, numbered),
  table('template_versions', ['template_id', 'version'], by('template_id', 'templates')),
  table('stats', ['account_id', 'day', 'dimension', 'value'], byAccount),
  table('stats_progress', ['account_id', 'week'], byAccount),
];

/** Tables of a week by their kind. Deliveries and bodies go with their messages. */
const ofWeeks: Readonly<Record<string, readonly string[]>> = {
  messages: ['account_id', 'seq'],
  events: ['account_id', 'seq'],
  received: ['account_id', 'id'],
  webhook_deliveries: ['id'],
  audit: ['account_id', 'id'],
  refused: ['account_id', 'id'],
};

/** Tables that are not moved: they span accounts, or are the home's own. */
export const stays: readonly string[] = [
  'accounts',
  'account_moves',
  'counters',
  'domain_homes',
  'former_homes',
  'installation',
  'moved_rows',
  'node_tokens',
  'nodes',
  'former_link_hosts',
  'recipient_policies',
  'relayed',
  'transport_days',
  'transport_rules',
  'transports',
];

/** What is copied while nothing of the account can be written, parents first. */
export const frozenTables: readonly MovedTable[] = ofMigrations.filter(({ ahead }) => !ahead);

/** The table of a name; null: it is not moved, or not by itself. */
export function movedTable(name: string): MovedTable | null {
  const own = ofMigrations.find((one) => one.name === name);
  if (own) return own;
  const [, kind = ''] = /^(\w+)_\d{4}w\d{2}$/.exec(name) ?? [];
  const primary = ofWeeks[kind];
  return primary ? table(name, primary, byAccount, { ahead: true }) : null;
}

/** The week of a table of messages; null: it is of another kind. */
export function weekOfMessages(name: string): string | null {
  return /^messages_(\d{4}w\d{2})$/.exec(name)?.[1] ?? null;
}

/** The names of a home's tables. */
export async function namesOf(store: Store): Promise<string[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`,
  ]);
  return rows.map((row) => String(row.name));
}

/** Everything in a home that is moved, by name; with the tables of deliveries. */
export async function tablesOf(store: Store): Promise<{ moved: MovedTable[]; deliveries: string[] }> {
  const names = await namesOf(store);
  return {
    moved: names.flatMap((name) => movedTable(name) ?? []),
    deliveries: names.filter((name) => /^deliveries_\d{4}w\d{2}$/.test(name)),
  };
}
