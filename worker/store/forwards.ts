import { type SQL, sql } from 'drizzle-orm';
import { hourOf } from '#domain/inbound/alias.ts';
import { type ForwardOrder, forwardOrder } from '#domain/inbound/forward-order.ts';
import type { MessageId } from '#domain/message/ids.ts';
import { type AcceptedMessage, insertMessages } from './accepted-rows.ts';
import { bodyDayOf, byRetainedWeek, weekTables, withHomeTables } from './home-tables.ts';
import { bodyKey, putBody } from './raw.ts';
import { type NewReceived, writeReceived } from './received.ts';
import { readReceivedFrom } from './received-object.ts';
import type { ReceivingAccount } from './receiving.ts';
import { noteReply, type UsedReply } from './reply-addresses.ts';
import { rowBodyOf } from './row-body.ts';
import { fromHeaderOf, messageIdHeaderOf } from './short-row.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';
import { isLimitReached } from './usage.ts';

/** A message that is to be stored with whatever asks for it, in one transaction. */
interface PlacedMessage {
  statements: SQL[];
  /** Removes what was put into R2, when the transaction is certain not to have been. Never throws. */
  undo(): Promise<void>;
}

/** Puts the body of a message where it is kept and gives the statements of its rows. */
async function placeMessage(
  store: Store,
  account: Pick<ReceivingAccount, 'id' | 'contentDays' | 'messagesPerMinute'>,
  message: AcceptedMessage,
  nowMs: number,
): Promise<PlacedMessage> {
  const { contentDays, messagesPerMinute } = account;
  const { raw, behind } = message;
  const body = behind ? null : rowBodyOf(store, raw);
  const key = bodyKey(bodyDayOf(message.firstDueMs, contentDays), message.id);
  if (behind) {
    const stream = await readReceivedFrom(store, behind.place, behind.fromByte);
    await putBody(store, key, raw, { sizeBytes: behind.sizeBytes, stream });
  } else if (!body) await putBody(store, key, raw);
  const sender = { id: 0, accountId: account.id, messagesPerMinute, mail: { contentDays } };
  return {
    statements: insertMessages(store, sender, [{ message, body }], nowMs),
    undo: async () => {
      if (!body) await store.raw.delete(key).catch(() => undefined);
    },
  };
}

/** An alias with what a mail was for it: taken, and for nobody else; sent on; or an answer from it. */
export interface CountedAlias {
  id: number;
  as: 'taken' | 'sentOn' | 'answer';
}

/** What goes into the transaction that takes a mail. */
export interface SendingOn {
  messages: AcceptedMessage[];
  aliases: CountedAlias[];
  /** Reply addresses that messages have in them. */
  replies: UsedReply[];
}

/**
 * Stores received mails as `writeReceived` does, with the messages as which they are sent on, the counters of their
 * aliases (a row each) and reply addresses that are new (a row each), in one transaction.
 * @returns the ids of those mails that were new; null when it would pass the limit of the account
 */
export async function writeTaken(
  store: Store,
  account: ReceivingAccount,
  mails: readonly NewReceived[],
  { messages, aliases, replies }: SendingOn,
  nowMs: number,
): Promise<Set<string> | null> {
  const placed = await Promise.all(messages.map((message) => placeMessage(store, account, message, nowMs)));
  const undo = async () => void (await Promise.all(placed.map((one) => one.undo())));
  const also = [
    ...placed.flatMap(({ statements }) => statements),
    ...aliases.map((alias) => countAlias(alias, nowMs)),
    ...replies.map((reply) => noteReply(reply, nowMs)),
  ];
  try {
    const fresh = await writeReceived(store, mails, nowMs, also);
    if (fresh.size === 0) await undo();
    return fresh;
  } catch (error) {
    if (!isLimitReached(error)) throw error;
    await undo();
    return null;
  }
}

function countAlias({ id, as }: CountedAlias, nowMs: number): SQL {
  const hour = hourOf(nowMs);
  const isAnswer = as === 'answer';
  return sql`UPDATE aliases SET received = received + ${Number(!isAnswer)}, answered = answered + ${Number(isAnswer)},
    forwarded = forwarded + ${Number(as === 'sentOn')},
    last_received_at_ms = ${isAnswer ? sql`last_received_at_ms` : nowMs}, hour_used = CASE WHEN hour = ${hour} THEN hour_used + 1 ELSE 1 END, hour = ${hour}
    WHERE id = ${id}`;
}

/** A message that was sent on, as far as telling of its failure needs it. */
export interface SentOn {
  messageId: MessageId;
  account: Pick<ReceivingAccount, 'id' | 'contentDays' | 'messagesPerMinute'>;
  signingDomain: string;
  fromHeader: string;
  subject: string;
  messageIdHeader: string;
  acceptedAtMs: number;
  order: ForwardOrder;
}

/** Those of the messages that were sent on and whose senders are to hear of a failure. One round trip. */
export async function readSentOn(
  store: Store,
  messageIds: readonly MessageId[],
  nowMs: number,
): Promise<SentOn[]> {
  const weeks = byRetainedWeek([...new Set(messageIds)], (id) => id, nowMs);
  const results = await withHomeTables(store, nowMs, () =>
    batch(
      store.d1,
      weeks.map(([week, own]) => {
        const { messages, deliveries } = weekTables(week);
        return sql`SELECT m.id, m.account_id, m.signing_domain, m.from_address, m.from_header, m.subject, m.message_id_header,
            m.accepted_at_ms, m.forward, a.content_days, a.messages_per_minute
          FROM (SELECT DISTINCT d.account_id, d.message_seq FROM json_each(${JSON.stringify(own)}) j
            CROSS JOIN ${deliveries} d ON d.message_id = j.value) d
          CROSS JOIN ${messages} m ON m.account_id = d.account_id AND m.seq = d.message_seq
          JOIN accounts a ON a.id = m.account_id WHERE m.forward->>'tells' = 1`;
      }),
    ),
  );
  return results.flat().flatMap((row) => {
    const order = forwardOrder.safeParse(JSON.parse(String(row.forward)));
    if (!order.success) return [];
    return [
      {
        messageId: String(row.id),
        account: {
          id: Number(row.account_id),
          contentDays: Number(row.content_days),
          messagesPerMinute: Number(row.messages_per_minute),
        },
        signingDomain: String(row.signing_domain),
        fromHeader: fromHeaderOf(row),
        subject: String(row.subject),
        messageIdHeader: messageIdHeaderOf(row),
        acceptedAtMs: Number(row.accepted_at_ms),
        order: order.data,
      },
    ];
  });
}

/** A failure is told once as long as anything of the message is kept. */
const toldForMs = 45 * 86_400_000;

/** Stores a notification about a message that was sent on; false when there was one before. */
export async function writeNotice(
  store: Store,
  about: Pick<SentOn, 'messageId' | 'account'>,
  notice: AcceptedMessage,
  nowMs: number,
): Promise<boolean> {
  const placed = await placeMessage(store, about.account, notice, nowMs);
  // Beside the keys of requests, which are this long at most and are never of this form.
  const key = `forward failed\n${about.messageId}`;
  const once = sql`INSERT INTO idempotency_keys (account_id, key, fingerprint, answer, expires_at_ms)
    VALUES (${about.account.id}, ${key}, '', '[]', ${nowMs + toldForMs})`;
  try {
    await withHomeTables(store, nowMs, () => batch(store.d1, [once, ...placed.statements]));
    return true;
  } catch (error) {
    await placed.undo();
    if (isUniqueViolation(error, 'idempotency_keys')) return false;
    throw error;
  }
}
