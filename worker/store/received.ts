import { type SQL, sql } from 'drizzle-orm';
import { noVerdicts, type Verdicts, verdictsSchema } from '#domain/inbound/verdicts.ts';
import { homeOf, weekOf } from '#domain/message/home.ts';
import {
  type DeliveryPlace,
  deliveryKey,
  formatDeliveryId,
  parseDeliveryId,
  type WebhookTry,
} from '#domain/webhook.ts';
import { keptWeekOf, receivedName, webhookTable, webhookWeeks, withHomeTables } from './home-tables.ts';
import { isAmong, type Rows } from './rows.ts';
import { batch, parameterGroups } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';

/** What was done with a received mail, and why: which rule says so. */
export interface KeptDecision {
  action: 'webhook' | 'forward' | 'answer' | 'drop' | 'keep';
  /** E.g. `rule support+*`. */
  by: string;
  /** What became of it beyond its webhooks, e.g. an answer that refused it; empty: nothing to tell. */
  text: string;
  /** The alias that it came for; left out: none. */
  alias?: number;
  /** The message as which it was sent on; left out: it was not. */
  forwarded?: string;
}

/** A received mail, as it is kept: what one rule took of one mail. */
export interface Received {
  accountId: number;
  id: string;
  receivedAtMs: number;
  domain: string;
  decision: KeptDecision;
  envelopeFrom: string;
  recipients: string[];
  fromHeader: string;
  subject: string;
  messageIdHeader: string;
  sizeBytes: number;
  hasAttachments: boolean;
  client: { remoteIp: string; helo: string; tls: boolean };
  verdicts: Verdicts;
  inReplyTo: string | null;
  bodyDay: string;
  bodyId: string;
  /** Public ids. */
  deliveries: string[];
  /** What is not told by its deliveries. */
  state: 'failed' | 'rejected' | null;
}

/** Where it is on its way; `processing`: an endpoint has not taken it yet. */
export const receivedStatuses = ['received', 'processing', 'delivered', 'failed'] as const;
export type ReceivedStatus = (typeof receivedStatuses)[number];

/** What became of a webhook delivery that tells of a mail. */
export interface TellingPost {
  endpointId: number;
  state: string;
  /** The HTTP status of its last try; null: there was no answer, or none was asked for yet. */
  status: number | null;
}

/** A received mail with what became of it. */
export interface ListedReceived extends Received {
  status: ReceivedStatus;
  /** Its webhook deliveries that are kept. */
  posts: TellingPost[];
  /** When its last webhook delivery ended, or it was received where there is none; null: it is under way. */
  processedAtMs: number | null;
}

/** A webhook delivery that tells of a received mail. */
export interface NewPost {
  endpointId: number;
  body: string;
  /** It was posted before: under which key (`domain/webhook.ts`, `deliveryKey`), and what came of it. */
  done: { key: number; state: 'delivered' | 'dead'; made: WebhookTry } | null;
}

/** A mail on its way into rows, with the webhook deliveries that tell of it. */
export interface NewReceived {
  received: Omit<Received, 'deliveries'>;
  posts: NewPost[];
}

/**
 * Stores received mails of one account, all with ids of one week, with their webhook deliveries, in one transaction.
 * What is there already (the same id) is left alone. Rows: one a mail, three a delivery.
 * @param also further statements of the transaction: none of it is done when a mail is there already
 * @returns the ids of those that were new
 */
export async function writeReceived(
  store: Store,
  all: readonly NewReceived[],
  nowMs: number,
  also: readonly SQL[] = [],
): Promise<Set<string>> {
  const [first] = all;
  if (!first) return new Set();
  const table = receivedName(homeOf(first.received.id).week);
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const count = all.reduce((sum, { posts }) => sum + posts.length, 0);
  let key = deliveryKey(nowMs, random % (2 ** 22 - count));
  const week = weekOf(nowMs);
  const rows: Record<string, unknown>[] = [];
  const deliveries: Record<string, unknown>[] = [];
  for (const { received, posts } of all) {
    const keys = posts.map(({ endpointId, body, done }) => {
      const id = done?.key ?? key++;
      deliveries.push({
        id,
        received: received.id,
        endpointId,
        body,
        state: done?.state ?? 'pending',
        due: done ? null : nowMs,
        attempts: done ? 1 : 0,
        tries: JSON.stringify(done ? [done.made] : []),
      });
      return id;
    });
    rows.push({
      ...received,
      decision: JSON.stringify(received.decision),
      recipients: JSON.stringify(received.recipients),
      client: JSON.stringify(received.client),
      verdicts: JSON.stringify(received.verdicts),
      hasAttachments: Number(received.hasAttachments),
      fromHeader: received.fromHeader.toWellFormed(),
      subject: received.subject.toWellFormed(),
      deliveries: JSON.stringify(keys.map((one) => formatDeliveryId({ week, key: one }))),
    });
  }
  const { accountId } = first.received;
  // Before the mails themselves, so that what is there already gets no second delivery.
  const inserts = parameterGroups(deliveries).map(
    (group) => sql`INSERT INTO ${webhookTable(week)}
        (id, account_id, endpoint_id, body, state, due_ms, attempts, tries, created_at_ms)
      SELECT j.value->>'id', ${accountId}, j.value->>'endpointId', j.value->>'body', j.value->>'state', j.value->>'due',
        j.value->>'attempts', j.value->>'tries', ${nowMs}
      FROM json_each(${JSON.stringify(group)}) j WHERE NOT EXISTS
        (SELECT 1 FROM ${table} r WHERE r.account_id = ${accountId} AND r.id = j.value->>'received')`,
  );
  const mails = parameterGroups(rows).map(
    (group) => sql`INSERT INTO ${table} (account_id, id, received_at_ms, domain, decision, envelope_from,
        recipients, from_header, subject, message_id_header, size_bytes, has_attachments, client, verdicts, in_reply_to,
        body_day, body_id, deliveries, state)
      SELECT ${accountId}, j.value->>'id', j.value->>'receivedAtMs', j.value->>'domain',
        j.value->>'decision', j.value->>'envelopeFrom', j.value->>'recipients', j.value->>'fromHeader',
        j.value->>'subject', j.value->>'messageIdHeader', j.value->>'sizeBytes', j.value->>'hasAttachments',
        j.value->>'client', j.value->>'verdicts', j.value->>'inReplyTo', j.value->>'bodyDay', j.value->>'bodyId',
        j.value->>'deliveries', j.value->>'state'
      FROM json_each(${JSON.stringify(group)}) j WHERE true ${also.length > 0 ? sql`` : sql`ON CONFLICT DO NOTHING`}
      RETURNING id`,
  );
  try {
    const results = await withHomeTables(store, nowMs, () =>
      batch(store.d1, [...inserts, ...mails, ...also]),
    );
    const written = results.slice(inserts.length, inserts.length + mails.length).flat();
    return new Set(written.map((row) => String(row.id)));
  } catch (error) {
    const { week: home } = homeOf(first.received.id);
    if (also.length > 0 && isUniqueViolation(error, `received_${home}`)) return new Set();
    throw error;
  }
}

/** A received mail that a key may see; null when there is none (any more). */
export async function findReceived(
  store: Store,
  rows: Rows,
  id: string,
  nowMs: number,
): Promise<ListedReceived | null> {
  const week = keptWeekOf(id, nowMs);
  if (week === null) return null;
  const found = await readRows(store, nowMs, [
    sql`SELECT * FROM ${receivedName(week)} WHERE ${isAmong(rows, sql`domain`)} AND id = ${id}`,
  ]);
  return found[0] ?? null;
}

async function readRows(store: Store, nowMs: number, queries: SQL[]): Promise<ListedReceived[]> {
  const rows = await withHomeTables(store, nowMs, () => batch(store.d1, queries));
  return await withStatus(store, rows.flat().map(receivedOf), nowMs);
}

/** What became of mails, as their webhook deliveries tell; a delivery that is no longer kept has been taken. */
export async function withStatus(store: Store, all: Received[], nowMs: number): Promise<ListedReceived[]> {
  const kept = webhookWeeks(nowMs);
  const places = all
    .flatMap(({ deliveries }) => deliveries.map(parseDeliveryId))
    .filter((place): place is DeliveryPlace => place !== null && kept.includes(place.week));
  const weeks = [...Map.groupBy(places, ({ week }) => week)];
  const rows = await batch(
    store.d1,
    weeks.map(
      ([week, own]) => sql`SELECT id, endpoint_id, state, json_extract(tries, '$[#-1].at') AS at,
        json_extract(tries, '$[#-1].status') AS status FROM ${webhookTable(week)}
        WHERE id IN (SELECT value FROM json_each(${JSON.stringify(own.map(({ key }) => key))}))`,
    ),
  );
  const states = new Map<string, TellingPost & { at: string | null }>();
  for (const [i, [week]] of weeks.entries()) {
    for (const row of rows[i] ?? []) {
      states.set(formatDeliveryId({ week, key: Number(row.id) }), {
        endpointId: Number(row.endpoint_id),
        state: String(row.state),
        status: row.status === null ? null : Number(row.status),
        at: row.at === null ? null : String(row.at),
      });
    }
  }
  return all.map((received) => {
    const own = received.deliveries.flatMap((id) => states.get(id) ?? []);
    const ends = own.flatMap(({ at }) => (at === null ? [] : [Date.parse(at)]));
    const status = statusOf(
      received,
      own.map(({ state }) => state),
    );
    const processedAtMs = status === 'processing' ? null : Math.max(received.receivedAtMs, ...ends);
    const posts = own.map(({ at: _, ...post }) => post);
    return { ...received, status, posts, processedAtMs };
  });
}

function statusOf({ state, deliveries, decision }: Received, states: readonly string[]): ReceivedStatus {
  if (state !== null || states.includes('dead')) return 'failed';
  if (states.includes('pending')) return 'processing';
  return deliveries.length === 0 && decision.action === 'keep' ? 'received' : 'delivered';
}

/** Of its row. */
export function receivedOf(row: Record<string, unknown>): Received {
  const verdicts = verdictsSchema.safeParse(JSON.parse(String(row.verdicts)));
  return {
    accountId: Number(row.account_id),
    id: String(row.id),
    receivedAtMs: Number(row.received_at_ms),
    domain: String(row.domain),
    decision: JSON.parse(String(row.decision)) as KeptDecision,
    envelopeFrom: String(row.envelope_from),
    recipients: JSON.parse(String(row.recipients)) as string[],
    fromHeader: String(row.from_header),
    subject: String(row.subject),
    messageIdHeader: String(row.message_id_header),
    sizeBytes: Number(row.size_bytes),
    hasAttachments: row.has_attachments === 1,
    client: JSON.parse(String(row.client)) as Received['client'],
    verdicts: verdicts.success ? verdicts.data : noVerdicts,
    inReplyTo: row.in_reply_to === null ? null : String(row.in_reply_to),
    bodyDay: String(row.body_day),
    bodyId: String(row.body_id),
    deliveries: JSON.parse(String(row.deliveries)) as string[],
    state: row.state === null ? null : (row.state as 'failed' | 'rejected'),
  };
}

/**
 * Makes deliveries of a received mail once more, and notes them at it.
 * @returns false when the mail is gone
 */
export async function addDeliveries(
  store: Store,
  of: Received,
  posts: readonly { endpointId: number; body: string }[],
  nowMs: number,
): Promise<boolean> {
  const week = weekOf(nowMs);
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const first = deliveryKey(nowMs, random % (2 ** 22 - posts.length));
  const ids = posts.map((_, i) => formatDeliveryId({ week, key: first + i }));
  const rows = posts.map((post, i) => ({ ...post, id: first + i }));
  const results = await withHomeTables(store, nowMs, () =>
    batch(store.d1, [
      sql`INSERT INTO ${webhookTable(week)}
          (id, account_id, endpoint_id, body, state, due_ms, attempts, tries, created_at_ms)
        SELECT j.value->>'id', ${of.accountId}, j.value->>'endpointId', j.value->>'body', 'pending', ${nowMs}, 0, '[]',
          ${nowMs} FROM json_each(${JSON.stringify(rows)}) j`,
      sql`UPDATE ${receivedName(homeOf(of.id).week)} SET deliveries = ${JSON.stringify(ids)}, state = NULL
        WHERE account_id = ${of.accountId} AND id = ${of.id} RETURNING id`,
    ]),
  );
  return (results.at(-1) ?? []).length > 0;
}
