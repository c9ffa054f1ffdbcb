import { type SQL, sql } from 'drizzle-orm';
import { type Consequence, fullMailbox, type RecipientFacts } from '#domain/delivery/consequence.ts';
import { simulatorSuppressKey } from '#domain/delivery/simulator.ts';
import * as control from '../../drizzle/schema/control.ts';
import { nextNumber } from './numbers.ts';
import { systemAccountId } from './system-mail.ts';
import { type Entry, wasWritten } from './timeline.ts';

/** What an event does to its recipient's address, as it is stored. */
export interface NewConsequence {
  consequence: Consequence;
  accountId: number;
  /** The envelope recipient, which is how suppressions spell addresses. */
  address: string;
  source: 'smtp' | 'dsn' | 'feedback' | 'one_click';
  /** Of a suppression, see `domain/suppression/scope.ts`; left out: the whole account. */
  scope?: string;
  /** The reply or the beginning of the report. */
  proof: string;
  atMs: number;
}

/** Longest proof that is kept, characters. */
export const mostProofCharacters = 4096;

/** Columns of a query over deliveries `d` from which `recipientFacts` reads what a consequence depends on. */
export function recipientColumns(messages: SQL, nowMs: number): SQL {
  return sql`d.account_id, d.simulated,
    (SELECT count(*) FROM ${control.fullMailboxes} f WHERE f.account_id = d.account_id AND f.address = d.recipient
      AND f.at_ms > ${nowMs - fullMailbox.withinMs}) AS full_strikes,
    CASE WHEN d.simulated = 1 THEN (SELECT m.metadata->>${simulatorSuppressKey} FROM ${messages} m
      WHERE m.account_id = d.account_id AND m.seq = d.message_seq) END AS simulator_suppress`;
}

/** Reads the columns of `recipientColumns`. */
export function recipientFacts(row: Record<string, unknown>): RecipientFacts {
  return {
    fullStrikes: Number(row.full_strikes),
    // Mail of the installation itself is asked for by its recipient, and nobody could see or lift a suppression of it.
    exempt: row.account_id === systemAccountId || (row.simulated === 1 && row.simulator_suppress !== 'true'),
  };
}

/** Statements for the transaction that writes the entry, after it: they do nothing unless the entry was written. */
export function writeConsequence(entry: Entry, of: NewConsequence): SQL[] {
  const written = wasWritten(entry);
  if (of.consequence.kind === 'suppress') return [suppress(entry, of, of.consequence.reason, written)];
  const strikes = sql`(SELECT count(*) FROM full_mailboxes WHERE account_id = ${of.accountId}
    AND address = ${of.address} AND at_ms > ${of.atMs - fullMailbox.withinMs})`;
  return [
    sql`INSERT INTO full_mailboxes (account_id, address, message_id, at_ms)
      SELECT ${of.accountId}, ${of.address}, ${entry.messageId}, ${of.atMs} WHERE ${written}
      ON CONFLICT DO NOTHING`,
    suppress(entry, of, 'hard_bounce', sql`${written} AND ${strikes} >= ${fullMailbox.strikes}`),
  ];
}

function suppress(entry: Entry, of: NewConsequence, reason: string, when: SQL): SQL {
  return sql`INSERT INTO suppressions (id, account_id, address, scope_domain, reason, source, proof, message_id,
      created_at_ms, expires_at_ms)
    SELECT ${nextNumber(control.suppressions)}, ${of.accountId}, ${of.address}, ${of.scope ?? ''}, ${reason}, ${of.source}, ${of.proof.slice(0, mostProofCharacters)},
      ${entry.messageId}, ${of.atMs}, ${of.consequence.expiresAtMs} WHERE ${when}
    ${onKnownAddress}`;
}

/**
 * An address that is suppressed already keeps its entry with the first proof, unless the new one says more: it
 * lasts longer, or it is a complaint where there was a bounce.
 */
export const onKnownAddress: SQL = sql`ON CONFLICT (account_id, address, scope_domain) DO UPDATE SET
    reason = excluded.reason, source = excluded.source, proof = excluded.proof, message_id = excluded.message_id,
    created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms
  WHERE suppressions.expires_at_ms < coalesce(excluded.expires_at_ms, 9e15)
    OR (suppressions.reason = 'hard_bounce' AND excluded.reason = 'complaint')`;
