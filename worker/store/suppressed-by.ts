import { type SQL, sql } from 'drizzle-orm';
import { classes } from '#domain/message/class.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { scopeText } from '#domain/suppression/scope.ts';
import { weekTables } from './home-tables.ts';

/**
 * Entries of suppressions by which the recipient of a delivery `d` is not mailed. The message is looked at only where
 * there is an entry that is not for the whole account.
 * @param isCovered see `isCoveredIn`
 */
export function suppressionOf(isCovered: SQL, nowMs: number): SQL {
  return sql`suppressions s WHERE s.account_id = d.account_id AND s.address = d.recipient
    AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ${nowMs}) AND (s.scope_domain = '' OR ${isCovered})`;
}

const classScopes = classes.map(({ name, rank }) => `WHEN ${rank} THEN '${scopeText('class', name)}'`);

/** Whether an entry `s` is for the message of a delivery `d` of the week: `scopesOf`, as the database says it. */
export function isCoveredIn(week: string): SQL {
  return sql`EXISTS (SELECT 1 FROM ${weekTables(week).messages} m WHERE m.account_id = d.account_id
    AND m.seq = d.message_seq AND (s.scope_domain = m.signing_domain
      OR s.scope_domain = CASE m.class ${sql.raw(classScopes.join(' '))} END
      OR s.scope_domain = 'stream:' || coalesce(m.stream, ${sql.raw(`'${defaultStream}'`)})
      OR EXISTS (SELECT 1 FROM json_each(m.tags) t WHERE s.scope_domain = 'tag:' || t.value)))`;
}
