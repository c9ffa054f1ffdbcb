import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Home tables: one set an ISO week (bodies: a day), made by `store/home-tables.ts` from these definitions and
 * dropped whole when their time is over, which writes no row. All but `bodies` and `webhook_deliveries` are WITHOUT
 * ROWID, so that an insert writes one row; large bodies stay out of them.
 */

/**
 * Messages of a week. A row is also the `accepted` event of each of its accepted recipients. `seq` numbers the
 * rows of messages and events of an account in the order of their commits: the event cursor.
 */
export const messagesTable = (week: string) =>
  sqliteTable(
    `messages_${week}`,
    {
      accountId: integer('account_id').notNull(),
      seq: integer('seq').notNull(),
      id: text('id').notNull(),
      acceptedAtMs: integer('accepted_at_ms').notNull(),
      /** Rank of the class. */
      class: integer('class').notNull(),
      fromAddress: text('from_address').notNull(),
      /** The From header as people see it. */
      fromHeader: text('from_header').notNull(),
      /** JSON `{to, cc}` as people see them. */
      addressees: text('addressees').notNull(),
      subject: text('subject').notNull(),
      /** JSON array. */
      tags: text('tags').notNull(),
      /** JSON object. */
      metadata: text('metadata').notNull(),
      /** `api`, `raw`, `smtp`; `forward`: it was received and is sent on; `answer`: from an alias; `notice`: it tells of a failure. */
      source: text('source').notNull(),
      credentialId: integer('credential_id').notNull(),
      signingDomain: text('signing_domain').notNull(),
      /** The Message-ID header with its angle brackets. */
      messageIdHeader: text('message_id_header').notNull(),
      sizeBytes: integer('size_bytes').notNull(),
      smtputf8: integer('smtputf8').notNull(),
      eightBit: integer('eight_bit').notNull(),
      testMode: integer('test_mode').notNull(),
      /** What its sender wants of TLS (`domain/message/tls-wish.ts`). */
      tls: integer('tls').notNull().default(0),
      /** What was put into it (`domain/tracking.ts`, `trackedBits`). */
      tracked: integer('tracked').notNull().default(0),
      /** When delivery may begin: acceptance, or `send_at`. */
      firstDueMs: integer('first_due_ms').notNull(),
      /** The minute (since 1970) and the how-manieth message of the account in it: its rate limit. */
      rateMinute: integer('rate_minute').notNull(),
      rateCount: integer('rate_count').notNull(),
      /** The table of bodies, e.g. `20261121`. */
      bodyDay: text('body_day').notNull(),
      /** Row in `bodies_<day>`; null: the raw message is in R2. */
      bodyId: integer('body_id'),
      /** JSON: how it is sent on (`domain/inbound/forward-order.ts`); null: it is the account's own. */
      forward: text('forward'),
      /** The template and version that it was made of, as `12:3`; null: none. */
      template: text('template'),
      /** Null: the default (`domain/message/stream.ts`). */
      stream: text('stream'),
    },
    (t) => [primaryKey({ columns: [t.accountId, t.seq] })],
  );

/** One message × one recipient; the state lives here. */
export const deliveriesTable = (week: string) =>
  sqliteTable(
    `deliveries_${week}`,
    {
      messageId: text('message_id').notNull(),
      n: integer('n').notNull(),
      accountId: integer('account_id').notNull(),
      messageSeq: integer('message_seq').notNull(),
      recipient: text('recipient').notNull(),
      domain: text('domain').notNull(),
      class: integer('class').notNull(),
      state: text('state').notNull(),
      /** Reason of the last failure or of a final state. */
      reason: text('reason'),
      /** 0: left out at acceptance (suppressed), so there is no `accepted` event. */
      accepted: integer('accepted').notNull(),
      /** 1: a recipient of the simulator; counts in no statistics. */
      simulated: integer('simulated').notNull(),
      /** When it may be leased; null when nothing is left to do. A lease leaves it alone. */
      dueMs: integer('due_ms'),
      firstDueMs: integer('first_due_ms').notNull(),
      attempts: integer('attempts').notNull(),
      /** The node that leased it last. */
      node: text('node'),
      leaseId: text('lease_id'),
      leaseBoot: text('lease_boot'),
      leaseUntilMs: integer('lease_until_ms'),
      bodyDay: text('body_day').notNull(),
      bodyId: integer('body_id'),
      /** Events of this delivery in their order, JSON array of `{id, kind, atMs, details}`. */
      timeline: text('timeline').notNull(),
      /** How many entries of the timeline the rows of `events` have announced. */
      announced: integer('announced').notNull(),
    },
    (t) => [
      primaryKey({ columns: [t.messageId, t.n] }),
      index(`due_${week}`).on(t.class, t.dueMs).where(sql`due_ms IS NOT NULL`),
      /** Digest mail (rank 2) that waits for a domain; costs other classes nothing. */
      index(`digest_${week}`).on(t.domain).where(sql`class = 2 AND due_ms IS NOT NULL`),
    ],
  );

/** The cursor's rows: each announces entries `fromEntry … toEntry − 1` of one delivery's timeline. */
export const eventsTable = (week: string) =>
  sqliteTable(
    `events_${week}`,
    {
      accountId: integer('account_id').notNull(),
      seq: integer('seq').notNull(),
      messageId: text('message_id').notNull(),
      n: integer('n').notNull(),
      fromEntry: integer('from_entry').notNull(),
      toEntry: integer('to_entry').notNull(),
    },
    (t) => [primaryKey({ columns: [t.accountId, t.seq] })],
  );

/** Raw messages that are small enough for D1, by the day on which they are first due. Latin1 text. */
export const bodiesTable = (day: string) =>
  sqliteTable(`bodies_${day}`, {
    id: integer('id').primaryKey(),
    raw: text('raw').notNull(),
    /** 1: `raw` is base64 of its gzip; null: it is the message, as latin1. */
    gzip: integer('gzip'),
  });

/** One body × one webhook endpoint, by the week in which it was made; its public id is made of week and key. */
export const webhookDeliveriesTable = (week: string) =>
  sqliteTable(
    `webhook_deliveries_${week}`,
    {
      /** See `domain/webhook.ts`, `deliveryKey`: ordered by time. */
      id: integer('id').primaryKey(),
      accountId: integer('account_id').notNull(),
      endpointId: integer('endpoint_id').notNull(),
      body: text('body').notNull(),
      /** `pending`, `delivered` or `dead`. */
      state: text('state').notNull(),
      /** When it is to be tried; null when nothing is left to do. */
      dueMs: integer('due_ms'),
      /** Tries since it was made or replayed. */
      attempts: integer('attempts').notNull(),
      /** Every try, JSON array of `{at, durationMs, status, answer, error}`. */
      tries: text('tries').notNull(),
      createdAtMs: integer('created_at_ms').notNull(),
    },
    (t) => [
      index(`webhook_endpoint_${week}`).on(t.endpointId),
      index(`webhook_open_${week}`).on(t.endpointId, t.dueMs).where(sql`state <> 'delivered'`),
    ],
  );

/** Who did what, by the week in which it was done (`store/audit.ts`). */
export const auditTable = (week: string) =>
  sqliteTable(
    `audit_${week}`,
    {
      accountId: integer('account_id').notNull(),
      /** Its time and some chance: ordered by time. */
      id: integer('id').notNull(),
      who: text('who').notNull(),
      source: text('source').notNull(),
      what: text('what').notNull(),
      /** JSON object. */
      details: text('details').notNull(),
    },
    (t) => [primaryKey({ columns: [t.accountId, t.id] })],
  );

/**
 * Submissions that were refused, by the week in which they came (`store/requests.ts`). Those that were accepted are rows of
 * `messages` already.
 */
export const refusedTable = (week: string) =>
  sqliteTable(
    `refused_${week}`,
    {
      accountId: integer('account_id').notNull(),
      /** Its time and some chance: ordered by time. */
      id: integer('id').notNull(),
      requestId: text('request_id').notNull(),
      credentialId: integer('credential_id').notNull(),
      /** `api`, `batch`, `raw`, `smtp` or `cloudmailin`. */
      way: text('way').notNull(),
      /** Of the HTTP answer, also where a mail node passed it on. */
      status: integer('status').notNull(),
      code: text('code').notNull(),
      detail: text('detail').notNull(),
      /** How many others of the same key just before were not written down. */
      leftOut: integer('left_out').notNull(),
    },
    (t) => [primaryKey({ columns: [t.accountId, t.id] })],
  );

/**
 * Mail that came to domains which receive: what one rule took of one mail. Its raw form is in R2. By the week of the
 * mail's id.
 */
export const receivedTable = (week: string) =>
  sqliteTable(
    `received_${week}`,
    {
      accountId: integer('account_id').notNull(),
      /** UUIDv7 of the node, with the number of the rule in its last byte. */
      id: text('id').notNull(),
      receivedAtMs: integer('received_at_ms').notNull(),
      domain: text('domain').notNull(),
      /** JSON `{action, by, text}`: what was done with it and which rule says so. */
      decision: text('decision').notNull(),
      envelopeFrom: text('envelope_from').notNull(),
      /** JSON array. */
      recipients: text('recipients').notNull(),
      fromHeader: text('from_header').notNull(),
      subject: text('subject').notNull(),
      messageIdHeader: text('message_id_header').notNull(),
      sizeBytes: integer('size_bytes').notNull(),
      hasAttachments: integer('has_attachments').notNull(),
      /** JSON `{remoteIp, helo, tls}`. */
      client: text('client').notNull(),
      /** JSON, see `domain/inbound/verdicts.ts`. */
      verdicts: text('verdicts').notNull(),
      /** The sent message that it answers. */
      inReplyTo: text('in_reply_to'),
      /** The day of its object in R2, and the id in its key. */
      bodyDay: text('body_day').notNull(),
      bodyId: text('body_id').notNull(),
      /** JSON array of public ids of webhook deliveries that tell of it. */
      deliveries: text('deliveries').notNull(),
      /** `failed`: what was to be done could not be; `rejected`: it was refused; null: its deliveries tell. */
      state: text('state'),
    },
    (t) => [primaryKey({ columns: [t.accountId, t.id] })],
  );
