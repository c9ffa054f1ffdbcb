import { setTimeout as pause } from 'node:timers/promises';
import { dayOf, weekOf } from '#domain/message/home.ts';
import type { Edge } from '../../smtp-node/standalone/edge.ts';
import type { BenchEdge } from './bench-edge.ts';

/** Row numbers begin here, clear of those that the Worker gives. */
const base = 10_000_000;

/**
 * Queues so many deliveries past the Worker, a message each, all due: over all classes and a thousand domains, or
 * of one class (its rank) to one domain, accepted in the last minutes or, with `agoMs`, so long ago. A hundred bodies
 * of 4 kB are shared.
 */
export async function fill(
  bench: BenchEdge,
  {
    count,
    only,
    agoMs = 0,
    home = 0,
    accountId = bench.accountId,
  }: {
    count: number;
    only?: { rank: number; domain: string };
    agoMs?: number;
    home?: number;
    /** An account with the domain of the bench that lives in that home. */
    accountId?: number;
  },
): Promise<void> {
  await bench.hello();
  const rank = only ? String(only.rank) : 'value % 3';
  const domain = only ? `'${only.domain}'` : `'d' || (value % 1000) || '.example'`;
  const database = bench.edge.databases[home];
  if (!database) throw new Error(`there is no home ${home}`);
  const since = Date.now() - agoMs - count;
  const week = weekOf(since);
  const day = dayOf(Date.now());
  await bench.edge.tick();
  await tablesOf(database, [`messages_${week}`, `deliveries_${week}`, `bodies_${day}`]);
  await run(
    database,
    `INSERT OR IGNORE INTO "bodies_${day}" (id, raw) SELECT ${base} + value, '${rawMail(bench.domain)}' FROM (${numbers(1, 100)})`,
  );
  const chunk = 50_000;
  for (let from = 1; from <= count; from += chunk) {
    const some = numbers(from, Math.min(count, from + chunk - 1));
    const time = since.toString(16).padStart(12, '0');
    // The number is in the id's last group, so ids are unique and in order; of its last two bytes the first is the home.
    const id = `'${time.slice(0, 8)}-${time.slice(8)}-7000-8000-' || printf('%08x${home.toString(16).padStart(2, '0')}00', value)`;
    await run(
      database,
      `INSERT INTO "messages_${week}" (account_id, seq, id, accepted_at_ms, class, from_address, from_header,
        addressees, subject, tags, metadata, source, credential_id, signing_domain, message_id_header, size_bytes,
        smtputf8, eight_bit, test_mode, tracked, first_due_ms, body_day, body_id, rate_minute, rate_count)
      SELECT ${accountId}, ${base} + value, ${id}, ${since} + value, ${rank}, 'shop@${bench.domain}', 'Shop', '{"to":[],"cc":[]}',
        'Your receipt', '[]', '{}', 'api', 1, '${bench.domain}', '<' || value || '@${bench.domain}>', 4000, 0, 0, 0, 0,
        ${since} + value, '${day}', ${base} + 1 + value % 100, 0, 0 FROM (${some})`,
    );
    await run(
      database,
      `INSERT INTO "deliveries_${week}" (message_id, n, account_id, message_seq, recipient, domain, class, state,
        accepted, due_ms, first_due_ms, attempts, body_day, body_id, timeline, announced, simulated)
      SELECT ${id}, 0, ${accountId}, ${base} + value, 'user' || value || '@' || ${domain}, ${domain},
        ${rank}, 'queued', 1, ${since} + value, ${since} + value, 0, '${day}', ${base} + 1 + value % 100, '[]', 0, 0
      FROM (${some})`,
    );
  }
}

/** Waits for tables; those of a home that is not the first are made behind the tick. */
async function tablesOf(database: Edge['database'], names: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { results } = await database
      .prepare(`SELECT name FROM sqlite_master WHERE name IN (SELECT value FROM json_each(?))`)
      .bind(JSON.stringify(names))
      .all();
    if (results.length === names.length) return;
    await pause(50);
  }
  throw new Error(`there are no tables ${names.join(', ')}`);
}

function numbers(from: number, to: number): string {
  return `WITH RECURSIVE n(value) AS (SELECT ${from} UNION ALL SELECT value + 1 FROM n WHERE value < ${to}) SELECT value FROM n`;
}

async function run(database: Edge['database'], sql: string): Promise<void> {
  await database.prepare(sql).run();
}

function rawMail(domain: string): string {
  const header = `From: shop@${domain}\r\nTo: user@example.net\r\nSubject: Our news\r\nMessage-ID: <news@${domain}>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\n`;
  return header + 'What is new this week at the corner shop.\r\n'.repeat(90);
}

/** The statistics need not go over the numbers below those of `fill`, which nothing has. */
export async function skipGap(bench: BenchEdge): Promise<void> {
  const weeks = [weekOf(Date.now()), weekOf(Date.now() - 7 * 86_400_000)];
  for (const week of weeks)
    await run(
      bench.edge.database,
      `INSERT OR REPLACE INTO stats_progress (account_id, week, seq, folded_at_ms) VALUES (1, '${week}', ${base}, 0)`,
    );
}
