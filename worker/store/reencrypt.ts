import { type SQL, sql } from 'drizzle-orm';
import {
  decryptKey,
  encryptKey,
  type Sealed,
  sealedDkimKey,
  sealedOwnFields,
  sealedPrefix,
  sealedTransport,
  sealedWebhookSecret,
} from './key-encryption.ts';
import { batch } from './sql.ts';
import { errorText, everyHome, type Store } from './store.ts';

/** Texts that are sealed anew in one step. */
export const resealedAtOnce = 50;

/** Where texts are sealed, and what is bound to each. */
const places: { table: SQL; column: SQL; select: SQL; of: (row: Record<string, unknown>) => Sealed }[] = [
  {
    table: sql`dkim_keys`,
    column: sql`private_key_encrypted`,
    select: sql`SELECT t.id, t.private_key_encrypted AS text, d.account_id, d.name, t.selector
      FROM dkim_keys t JOIN domains d ON d.id = t.domain_id`,
    of: (row) =>
      sealedDkimKey({
        accountId: Number(row.account_id),
        domain: String(row.name),
        selector: String(row.selector),
      }),
  },
  ...[sql`secret_encrypted`, sql`previous_secret_encrypted`].map((column) => ({
    table: sql`webhook_endpoints`,
    column,
    select: sql`SELECT t.id, t.${column} AS text, t.public_id FROM webhook_endpoints t`,
    of: (row: Record<string, unknown>) => sealedWebhookSecret(String(row.public_id)),
  })),
  {
    table: sql`webhook_endpoints`,
    column: sql`own_encrypted`,
    select: sql`SELECT t.id, t.own_encrypted AS text, t.public_id FROM webhook_endpoints t`,
    of: (row) => sealedOwnFields(String(row.public_id)),
  },
  {
    table: sql`transports`,
    column: sql`secret_encrypted`,
    select: sql`SELECT t.id, t.secret_encrypted AS text, t.name FROM transports t`,
    of: (row) => sealedTransport(String(row.name)),
  },
];

/** A text that another secret than the newest opens, or an older form. A retired key has none. */
function isOld(column: SQL, prefix: string): SQL {
  return sql`t.${column} <> '' AND substr(t.${column}, 1, ${prefix.length}) <> ${prefix}`;
}

/**
 * Seals with the newest secret what an older one has sealed, a bounded number of texts behind an id. A text that does not
 * open is passed by and logged: its secret was taken away too early. A text that changes meanwhile stays as it is then.
 * @returns the id behind which to go on; null at the end
 */
export async function reencrypt(
  store: Store,
  secrets: readonly Uint8Array[],
  after: number,
): Promise<number | null> {
  const prefix = await sealedPrefix(secrets);
  const found = await batch(
    store.d1,
    places.map(
      ({ select, column }) =>
        sql`${select} WHERE t.id > ${after} AND ${isOld(column, prefix)} ORDER BY t.id LIMIT ${resealedAtOnce}`,
    ),
  );
  // What one place has looked at must not pass by what another has not.
  const ends = found.map((rows) =>
    rows.length === resealedAtOnce ? Number(rows.at(-1)?.id) : Number.POSITIVE_INFINITY,
  );
  const end = Math.min(...ends);
  const updates = await Promise.all(
    places.flatMap(({ table, column, of }, i) =>
      (found[i] ?? [])
        .filter((row) => Number(row.id) <= end)
        .map(async (row) => {
          const old = String(row.text);
          const text = await reseal(old, secrets, of(row));
          return text === null
            ? []
            : [
                sql`UPDATE ${table} SET ${column} = ${text} WHERE id = ${Number(row.id)} AND ${column} = ${old}`,
              ];
        }),
    ),
  );
  if (updates.flat().length > 0) await batch(store.d1, updates.flat());
  return Number.isFinite(end) ? end : null;
}

async function reseal(old: string, secrets: readonly Uint8Array[], of: Sealed): Promise<string | null> {
  try {
    return await encryptKey(await decryptKey(old, secrets, of), secrets, of);
  } catch (error) {
    const msg = `not encrypted anew: ${errorText(error)}`;
    console.error(JSON.stringify({ level: 'error', msg, of }));
    return null;
  }
}

/** How many texts of all homes still need another secret than the newest, or have an older form. */
export async function countOld(store: Store, secrets: readonly Uint8Array[]): Promise<number> {
  const prefix = await sealedPrefix(secrets);
  const count = (home: Store) =>
    batch(
      home.d1,
      places.map(
        ({ table, column }) => sql`SELECT count(*) AS n FROM ${table} t WHERE ${isOld(column, prefix)}`,
      ),
    );
  const counts = await Promise.all(everyHome(store).map(count));
  return counts.flat(2).reduce((sum, row) => sum + Number(row.n), 0);
}
