import { type SQL, sql } from 'drizzle-orm';
import type { DeliveryState } from '#domain/delivery/delivery.ts';
import type { NewEvent } from '#domain/delivery/event.ts';
import type { ForwardOrder } from '#domain/inbound/forward-order.ts';
import { classOf, digestSmoothing, type MailClass } from '#domain/message/class.ts';
import { homeOf } from '#domain/message/home.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { type TlsWish, tlsWishes } from '#domain/message/tls-wish.ts';
import { type Tracked, trackedBits } from '#domain/message/tracking.ts';
import { type UsedTemplate, usedTemplateText } from '#domain/template/used-template.ts';
import { bodiesName, bodyDayOf, weekTables } from './home-tables.ts';
import type { ReceivedPlace } from './received-object.ts';
import { bodyValues, type RowBody } from './row-body.ts';
import { isShort, shortTexts, wholeTexts } from './short-row.ts';
import { parameterGroups } from './sql.ts';
import type { Store } from './store.ts';
import { nextSeq } from './timeline.ts';
import { nextRate } from './usage.ts';

/**
 * How a message came to be: submitted; received and sent on; answered from an alias; telling that
 * this has failed.
 */
export const messageSources = ['api', 'raw', 'smtp', 'forward', 'answer', 'notice'] as const;
export type MessageSource = (typeof messageSources)[number];

/** A message that has passed the gate, as it is stored. */
export interface AcceptedMessage {
  id: MessageId;
  class: MailClass;
  stream: string;
  fromAddress: string;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  subject: string;
  tags: string[];
  metadata: Record<string, string>;
  source: MessageSource;
  signingDomain: string;
  messageIdHeader: string;
  smtputf8: boolean;
  eightBit: boolean;
  testMode: boolean;
  tls: TlsWish;
  /** What was put into it. */
  tracked: Tracked;
  firstDueMs: number;
  /** Latin1 text: one character a byte. */
  raw: string;
  /** What follows `raw`, where it is too large to be held: from an octet on of a received mail; left out: nothing. */
  behind?: { place: ReceivedPlace; fromByte: number; sizeBytes: number };
  /** Recipients that count for the limits of the domain. */
  counted: number;
  deliveries: NewDelivery[];
  /** How it is sent on; left out: it is the account's own. */
  forward?: ForwardOrder;
  /** What it was made of; left out: no template. */
  template?: UsedTemplate;
}

export interface NewDelivery {
  recipient: string;
  domain: string;
  state: Extract<DeliveryState, 'queued' | 'scheduled' | 'simulated' | 'suppressed'>;
  /** Its recipient is a part that the simulator plays. */
  simulated: boolean;
  /** When to begin instead, and the event that says so, in case that much waits for its domain already. */
  held: { dueMs: number; event: NewEvent } | null;
  /** Event of a recipient that is left out. */
  event: NewEvent | null;
  reason: string | null;
}

/** Who sends, as far as rows tell of it. */
export interface Sender {
  /** Of the credential; 0: none. */
  id: number;
  accountId: number;
  messagesPerMinute: number;
  mail: { contentDays: number };
}

/** A message on its way into rows. */
interface Placed {
  message: AcceptedMessage;
  /** Null: it is in R2. */
  body: RowBody | null;
  bodyDay: string;
  /** How many bodies of its day this transaction puts in after its own; null: it is in R2. */
  bodiesAfter: number | null;
  /** How many messages this transaction puts in after it. */
  messagesAfter: number;
}

/**
 * The statements that store messages of one week with all that belongs to them, for one transaction: a few for one
 * message and hardly more for a hundred. `seq` follows the last row of the account, in their order. Rows of a
 * transaction are numbered without gaps, so whatever names another row counts back from the last one.
 */
export function insertMessages(
  store: Pick<Store, 'writesRows'>,
  sender: Sender,
  accepted: readonly { message: AcceptedMessage; body: RowBody | null }[],
  nowMs: number,
): SQL[] {
  const [first] = accepted;
  if (!first) return [];
  const { week } = homeOf(first.message.id);
  const placed = place(sender, accepted);
  return [
    ...insertBodies(placed),
    ...insertMessageRows(store, sender, week, placed, nowMs),
    ...insertDeliveries(sender, week, placed),
    ...announceLeftOut(sender, week, placed),
  ];
}

function place(
  sender: Sender,
  accepted: readonly { message: AcceptedMessage; body: RowBody | null }[],
): Placed[] {
  const after = new Map<string, number>();
  const placed = accepted.toReversed().map(({ message, body }, messagesAfter): Placed => {
    const bodyDay = bodyDayOf(message.firstDueMs, sender.mail.contentDays);
    const count = after.get(bodyDay) ?? 0;
    if (body) after.set(bodyDay, count + 1);
    return { message, body, bodyDay, bodiesAfter: body && count, messagesAfter };
  });
  return placed.reverse();
}

/** D1 binds a hundred parameters to a statement; a body needs two. */
const bodiesAtOnce = 45;

/** Bodies are bound one by one: as JSON, what is not ASCII in them would have to be read and written twice. */
function insertBodies(placed: readonly Placed[]): SQL[] {
  return [...Map.groupBy(placed, ({ bodyDay }) => bodyDay)].flatMap(([day, own]) => {
    const values = own.flatMap(({ body }) => (body ? [bodyValues(body)] : []));
    const statements: SQL[] = [];
    for (let at = 0; at < values.length; at += bodiesAtOnce) {
      const some = sql.join(values.slice(at, at + bodiesAtOnce), sql`, `);
      statements.push(sql`INSERT INTO ${bodiesName(day)} (raw, gzip) VALUES ${some}`);
    }
    return statements;
  });
}

/** The row of `bodies_<day>` that a JSON row `j` means by `bodyDay` and `bodiesAfter`; NULL: it is in R2. */
function bodyId(placed: readonly Placed[]): SQL {
  const days = new Set(placed.flatMap(({ body, bodyDay }) => (body ? [bodyDay] : [])));
  if (days.size === 0) return sql`NULL`;
  const last = [...days].map((day) => sql`WHEN ${day} THEN (SELECT max(id) FROM ${bodiesName(day)})`);
  return sql`CASE j.value->>'bodyDay' ${sql.join(last, sql` `)} END - (j.value->>'bodiesAfter')`;
}

function insertMessageRows(
  store: Pick<Store, 'writesRows'>,
  { id, accountId, messagesPerMinute }: Sender,
  week: string,
  placed: readonly Placed[],
  nowMs: number,
): SQL[] {
  const { messages } = weekTables(week);
  const rows = placed.map(({ message, bodyDay, bodiesAfter }) => ({
    id: message.id,
    class: classOf(message.class).rank,
    fromAddress: message.fromAddress,
    subject: message.subject.toWellFormed(),
    tags: JSON.stringify(message.tags),
    metadata: JSON.stringify(message.metadata),
    source: message.source,
    signingDomain: message.signingDomain,
    ...(isShort(store) ? shortTexts(message) : wholeTexts(message)),
    sizeBytes: message.raw.length + (message.behind?.sizeBytes ?? 0),
    smtputf8: Number(message.smtputf8),
    eightBit: Number(message.eightBit),
    testMode: Number(message.testMode),
    tls: tlsWishes.indexOf(message.tls),
    tracked: trackedBits(message.tracked),
    firstDueMs: message.firstDueMs,
    bodyDay,
    bodiesAfter,
    ...(message.stream === defaultStream ? {} : { stream: message.stream }),
    ...(message.forward && { forward: JSON.stringify(message.forward) }),
    ...(message.template && { template: usedTemplateText(message.template) }),
  }));
  return parameterGroups(rows).map(
    (
      group,
    ) => sql`INSERT INTO ${messages} (account_id, seq, id, accepted_at_ms, class, from_address, from_header,
        addressees, subject, tags, metadata, source, credential_id, signing_domain, message_id_header, size_bytes,
        smtputf8, eight_bit, test_mode, tls, tracked, first_due_ms, rate_minute, rate_count, body_day, body_id, forward, template, stream)
      SELECT ${accountId}, ${nextSeq(week, sql`${accountId}`)} + j.key, j.value->>'id', ${nowMs}, j.value->>'class',
        j.value->>'fromAddress', j.value->>'fromHeader', j.value->>'addressees', j.value->>'subject', j.value->>'tags',
        j.value->>'metadata', j.value->>'source', ${id}, j.value->>'signingDomain', j.value->>'messageIdHeader',
        j.value->>'sizeBytes', j.value->>'smtputf8', j.value->>'eightBit', j.value->>'testMode', j.value->>'tls', j.value->>'tracked',
        j.value->>'firstDueMs', ${nextRate(messages, accountId, messagesPerMinute, nowMs, sql`j.key`)},
        j.value->>'bodyDay', ${bodyId(placed)}, j.value->>'forward', j.value->>'template', j.value->>'stream'
      FROM json_each(${JSON.stringify(group)}) j`,
  );
}

function insertDeliveries({ accountId }: Sender, week: string, placed: readonly Placed[]): SQL[] {
  const { messages, deliveries } = weekTables(week);
  const rows = placed.flatMap((of) =>
    of.message.deliveries.map((delivery, n) => deliveryRow(of, delivery, n)),
  );
  return parameterGroups(rows).map((group) => {
    const digest = digestsOf(group);
    const due =
      digest.domains.length > 0 ? held : (name: 'dueMs' | 'timeline') => sql.raw(`j.value->>'${name}'`);
    const rest =
      digest.domains.length > 0 ? waiting(deliveries, digest.domains) : { with: sql``, join: sql`` };
    return sql`${rest.with}INSERT INTO ${deliveries} (message_id, n, account_id, message_seq, recipient, domain, class,
        state, reason, accepted, simulated, due_ms, first_due_ms, attempts, body_day, body_id, timeline, announced)
      SELECT j.value->>'messageId', j.value->>'n', ${accountId},
        (SELECT max(seq) FROM ${messages} WHERE account_id = ${accountId}) - (j.value->>'messagesAfter'),
        j.value->>'recipient', j.value->>'domain', j.value->>'class', j.value->>'state', j.value->>'reason',
        j.value->>'accepted', j.value->>'simulated', ${due('dueMs')}, j.value->>'firstDueMs', 0, j.value->>'bodyDay',
        ${bodyId(placed)}, ${due('timeline')}, j.value->>'announced'
      FROM json_each(${JSON.stringify(digest.rows)}) j${rest.join}`;
  });
}

interface DeliveryRow {
  domain: string;
  held?: { dueMs: number; timeline: string };
}

function deliveryRow(of: Placed, delivery: NewDelivery, n: number): DeliveryRow & Record<string, unknown> {
  const { message, bodyDay, bodiesAfter, messagesAfter } = of;
  const waits = delivery.state === 'queued' || delivery.state === 'scheduled';
  return {
    messageId: message.id,
    messagesAfter,
    n,
    recipient: delivery.recipient,
    domain: delivery.domain,
    class: classOf(message.class).rank,
    state: delivery.state,
    reason: delivery.reason,
    accepted: delivery.state === 'suppressed' ? 0 : 1,
    simulated: delivery.simulated ? 1 : 0,
    dueMs: waits ? message.firstDueMs : null,
    firstDueMs: message.firstDueMs,
    bodyDay,
    bodiesAfter,
    timeline: JSON.stringify(delivery.event ? [delivery.event] : []),
    // Announced by `announceLeftOut` in the same transaction.
    announced: delivery.event ? 1 : 0,
    ...(delivery.held
      ? { held: { dueMs: delivery.held.dueMs, timeline: JSON.stringify([delivery.held.event]) } }
      : {}),
  };
}

/** Rows that know how many digests of the same group wait for their domain before them, and those domains. */
function digestsOf<T extends DeliveryRow>(group: readonly T[]): { rows: unknown[]; domains: string[] } {
  const counts = new Map<string, number>();
  const rows = group.map((row) => {
    if (!row.held) return row;
    const before = counts.get(row.domain) ?? 0;
    counts.set(row.domain, before + 1);
    return { ...row, held: { ...row.held, before } };
  });
  return { rows, domains: [...counts.keys()] };
}

/** How many digests wait for each of some domains, read once and no further than it matters. */
function waiting(deliveries: SQL, domains: readonly string[]): { with: SQL; join: SQL } {
  // The constants make the partial index `digest_<week>` usable.
  return {
    with: sql`WITH waiting AS MATERIALIZED (SELECT d.value AS domain, (SELECT count(*) FROM (
        SELECT 1 FROM ${deliveries} w WHERE w.class = 2 AND w.due_ms IS NOT NULL AND w.domain = d.value
        LIMIT ${digestSmoothing.above + 1})) AS count FROM json_each(${JSON.stringify(domains)}) d) `,
    join: sql` LEFT JOIN waiting ON waiting.domain = j.value->>'domain'`,
  };
}

/** A value of a new delivery: that of `held` when its domain has more digests waiting than are sent at once. */
function held(name: 'dueMs' | 'timeline'): SQL {
  return sql`CASE WHEN waiting.count + (j.value->>'$.held.before') > ${digestSmoothing.above}
    THEN j.value->>'$.held.${sql.raw(name)}' ELSE j.value->>'${sql.raw(name)}' END`;
}

/** Puts the events of recipients that are left out behind the cursor's last row. */
function announceLeftOut({ accountId }: Sender, week: string, placed: readonly Placed[]): SQL[] {
  const { events } = weekTables(week);
  const leftOut = placed.flatMap(({ message }) =>
    message.deliveries.flatMap(({ event }, n) => (event ? [{ id: message.id, n }] : [])),
  );
  return parameterGroups(leftOut).map(
    (group) => sql`INSERT INTO ${events} (account_id, seq, message_id, n, from_entry, to_entry)
      SELECT ${accountId}, ${nextSeq(week, sql`${accountId}`)} + j.key, j.value->>'id', j.value->>'n', 0, 1
      FROM json_each(${JSON.stringify(group)}) j`,
  );
}
