import { sql } from 'drizzle-orm';
import { homeOf, weekOf } from '#domain/message/home.ts';
import { refusedDays, refusedName, refusedWeeks, withHomeTables } from './home-tables.ts';
import { anyMessage, type PageCursor, readMessagePage } from './message-pages.ts';
import type { ListedMessage } from './messages.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * The submissions of an account. What was accepted is known from its messages, so that it costs nothing more; what was
 * refused is a row each, in tables of weeks that are dropped whole.
 */

/** How something was submitted. */
export const ways = ['api', 'batch', 'raw', 'smtp', 'cloudmailin'] as const;
export type Way = (typeof ways)[number];

export interface RefusedRequest {
  accountId: number;
  atMs: number;
  requestId: string;
  credentialId: number;
  way: Way;
  status: number;
  code: string;
  detail: string;
  /** How many others of the same key just before were not written down. */
  leftOut: number;
}

export type LoggedRequest =
  | ({ refused: true; id: string } & RefusedRequest)
  | { refused: false; id: string; atMs: number; message: ListedMessage };

/** Where a page goes on: below an id among the refused, and below a message; null: from the newest. */
export interface RequestCursor {
  refused: number | null;
  message: PageCursor | null;
}

/** Entries of one millisecond have different numbers with near certainty; one that has not tries again. */
const spread = 4096;
const longestDetail = 300;

/** Writes one down: one row. */
export async function noteRefused(store: Store, of: RefusedRequest): Promise<void> {
  const statement = () => {
    const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
    return sql`INSERT INTO ${refusedName(weekOf(of.atMs))}
        (account_id, id, request_id, credential_id, way, status, code, detail, left_out)
      VALUES (${of.accountId}, ${of.atMs * spread + (random % spread)}, ${of.requestId}, ${of.credentialId}, ${of.way},
        ${of.status}, ${of.code}, ${of.detail.toWellFormed().slice(0, longestDetail)}, ${of.leftOut})`;
  };
  const write = () => withHomeTables(store, of.atMs, () => batch(store.d1, [statement()]));
  await write().catch(write);
}

/**
 * Submissions of the last seven days, newest first.
 * @param of.only those that were refused, or accepted; null: both
 */
export async function readRequests(
  store: Store,
  accountId: number,
  of: { cursor: RequestCursor; limit: number; only: 'refused' | 'accepted' | null },
  nowMs: number,
): Promise<{ requests: LoggedRequest[]; next: RequestCursor | null }> {
  const sinceMs = nowMs - refusedDays * 86_400_000;
  const [refused, accepted] = await Promise.all([
    of.only === 'accepted' ? [] : readRefused(store, accountId, of, { sinceMs, nowMs }),
    of.only === 'refused' ? [] : readAccepted(store, accountId, of, { sinceMs, nowMs }),
  ]);
  const all = merged(refused, accepted);
  const requests = all.slice(0, of.limit);
  if (all.length <= of.limit) return { requests, next: null };
  const lastRefused = requests.findLast((one) => one.refused);
  const lastAccepted = requests.findLast((one) => !one.refused);
  return {
    requests,
    next: {
      refused: lastRefused ? Number(lastRefused.id) : of.cursor.refused,
      message: lastAccepted
        ? { week: homeOf(lastAccepted.message.messageId).week, seq: lastAccepted.message.seq }
        : of.cursor.message,
    },
  };
}

/** Both, the newer first; each keeps its own order, by which pages go on. */
function merged(a: readonly LoggedRequest[], b: readonly LoggedRequest[]): LoggedRequest[] {
  const all: LoggedRequest[] = [];
  for (let i = 0, j = 0; ; ) {
    const [one, other] = [a[i], b[j]];
    if (!one) return [...all, ...b.slice(j)];
    if (!other) return [...all, ...a.slice(i)];
    if (one.atMs >= other.atMs) {
      all.push(one);
      i += 1;
    } else {
      all.push(other);
      j += 1;
    }
  }
}

async function readRefused(
  store: Store,
  accountId: number,
  { cursor, limit }: { cursor: RequestCursor; limit: number },
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
): Promise<(LoggedRequest & { refused: true })[]> {
  const top = cursor.refused ?? Number.MAX_SAFE_INTEGER;
  const weeks = refusedWeeks(nowMs).reverse();
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map(
        (week) => sql`SELECT * FROM ${refusedName(week)}
          WHERE account_id = ${accountId} AND id < ${top} AND id >= ${sinceMs * spread} ORDER BY id DESC LIMIT ${limit + 1}`,
      ),
    ),
  );
  return results.flat().map((row) => ({
    refused: true,
    id: String(row.id),
    accountId,
    atMs: Math.floor(Number(row.id) / spread),
    requestId: String(row.request_id),
    credentialId: Number(row.credential_id),
    way: ways.find((way) => way === row.way) ?? 'api',
    status: Number(row.status),
    code: String(row.code),
    detail: String(row.detail),
    leftOut: Number(row.left_out),
  }));
}

async function readAccepted(
  store: Store,
  accountId: number,
  { cursor, limit }: { cursor: RequestCursor; limit: number },
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
): Promise<(LoggedRequest & { refused: false })[]> {
  const page = { from: cursor.message, limit: limit + 1, nowMs };
  const { messages } = await readMessagePage(store, accountId, anyMessage, page);
  return messages
    .filter(({ acceptedAtMs }) => acceptedAtMs >= sinceMs)
    .map((message) => ({ refused: false, id: message.messageId, atMs: message.acceptedAtMs, message }));
}
