import { sql } from 'drizzle-orm';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** So long a link host goes on that a domain has given up: people follow links in mail of some weeks ago. */
const keptForMs = 90 * 86_400_000;

/** Keeps a host whose links were sent. */
export async function keepFormerLinkHost(store: Store, host: string, nowMs: number): Promise<void> {
  await batch(store.first.d1, [
    sql`INSERT INTO former_link_hosts (host, kept_until_ms) VALUES (${host}, ${nowMs + keptForMs})
      ON CONFLICT (host) DO UPDATE SET kept_until_ms = excluded.kept_until_ms`,
  ]);
}

/** Hosts that have been kept for long enough, so many at most. */
export async function spentLinkHosts(store: Store, nowMs: number, limit: number): Promise<string[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT host FROM former_link_hosts WHERE kept_until_ms <= ${nowMs} LIMIT ${limit}`,
  ]);
  return rows.map(({ host }) => String(host));
}

export async function forgetLinkHost(store: Store, host: string): Promise<void> {
  await batch(store.first.d1, [sql`DELETE FROM former_link_hosts WHERE host = ${host}`]);
}

export async function isFormerLinkHost(store: Store, host: string): Promise<boolean> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT 1 FROM former_link_hosts WHERE host = ${host}`,
  ]);
  return rows.length > 0;
}
