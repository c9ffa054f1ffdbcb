import { and, asc, eq, ne, type SQL, sql } from 'drizzle-orm';
import type { PublishedKey } from '#domain/dns/delegated-check.ts';
import type { CheckRow, DomainDecision, KeyState } from '#domain/dns/domain-state.ts';
import type { LinkStanding } from '#domain/dns/link-host.ts';
import { recordChecks as catalogue } from '#domain/dns/record-check.ts';
import { hexOf } from '#domain/hex.ts';
import * as control from '../../drizzle/schema/control.ts';
import { inAnyHome } from './account-homes.ts';
import { claimName, holdingStore, isTaken, releaseName } from './domain-names.ts';
import { nextNumber } from './numbers.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';
import { bringBackWarming, keepWarming } from './warming.ts';

export type Domain = typeof control.domains.$inferSelect;
export type DkimKeyRow = typeof control.dkimKeys.$inferSelect;
export type NewDkimKey = Omit<typeof control.dkimKeys.$inferInsert, 'domainId'>;

/** Thrown when what is to be made is there already. */
export class AlreadyThere extends Error {}

/** A domain with its keys and what was last found of its records. */
export interface KnownDomain {
  domain: Domain;
  keys: DkimKeyRow[];
  rows: CheckRow[];
}

/** 128 random bits in hex: what an ownership TXT must hold. */
export function newVerificationToken(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Creates a domain with its keys in one transaction; throws `AlreadyThere` when the account has it or another has it verified.
 * @param options.takesAll one that receives begins with a route for every address
 */
export async function createDomain(
  store: Store,
  values: Omit<typeof control.domains.$inferInsert, 'verificationToken'>,
  keys: NewDkimKey[],
  { takesAll = true }: { takesAll?: boolean } = {},
): Promise<Domain> {
  const insert = store.control
    .insert(control.domains)
    .values({ ...values, id: nextNumber(control.domains), verificationToken: newVerificationToken() });
  const domainId = sql<number>`(SELECT id FROM domains WHERE account_id = ${values.accountId} AND name = ${values.name})`;
  try {
    const insertKeys = () => store.control.insert(control.dkimKeys).values(keyRows(keys, domainId));
    await batch(store.d1, [
      ...(values.status === 'verified' ? await claimName(store, values) : []),
      insert.getSQL(),
      ...bringBackWarming(values),
      ...(keys.length === 0 ? [] : [insertKeys().getSQL()]),
      ...(takesAll ? [catchAll(domainId, values.type, values.createdAtMs)] : []),
    ]);
    const domain = await findDomain(store, values.accountId, values.name);
    if (!domain) throw new Error('an insert gave no row');
    return domain;
  } catch (error) {
    if (isTaken(error)) throw new AlreadyThere(values.name);
    throw error;
  }
}

/** Rows of new keys of a domain. */
function keyRows(keys: readonly NewDkimKey[], domainId: number | SQL<number>) {
  return keys.map((key, i) => ({
    ...key,
    id: sql<number>`${nextNumber(control.dkimKeys)} + ${i}`,
    domainId,
  }));
}

/** A domain that begins to receive tells all endpoints of the account of its mail, unless it has rules. */
function catchAll(domainId: SQL, type: Domain['type'], nowMs: number): SQL {
  return sql`INSERT INTO inbound_routes (id, account_id, domain_id, pattern, action, targets, created_at_ms)
    SELECT ${nextNumber(control.inboundRoutes)}, account_id, id, '*', 'webhook', '[]', ${nowMs} FROM domains WHERE id = ${domainId}
      AND ${type} IN ('inbound', 'both') AND NOT EXISTS (SELECT 1 FROM inbound_routes WHERE domain_id = ${domainId})`;
}

export async function findDomain(store: Store, accountId: number, name: string): Promise<Domain | null> {
  const { accountId: account, name: domain } = control.domains;
  return (
    (await store.control.query.domains.findFirst({ where: and(eq(account, accountId), eq(domain, name)) })) ??
    null
  );
}

/** The account's domains by name; one more than asked for when there are more. */
export async function listDomains(
  store: Store,
  accountId: number,
  page: { limit: number; offset: number },
): Promise<Domain[]> {
  return await store.control.query.domains.findMany({
    where: eq(control.domains.accountId, accountId),
    orderBy: asc(control.domains.name),
    limit: page.limit + 1,
    offset: page.offset,
  });
}

/** A domain with everything that a check needs, in one round trip. */
export async function readDomain(store: Store, id: number): Promise<KnownDomain | null> {
  const [[domain], keys, rows] = await store.control.batch([
    store.control.select().from(control.domains).where(eq(control.domains.id, id)),
    store.control
      .select()
      .from(control.dkimKeys)
      .where(eq(control.dkimKeys.domainId, id))
      .orderBy(control.dkimKeys.id),
    store.control.select().from(control.recordChecks).where(eq(control.recordChecks.domainId, id)),
  ]);
  return domain ? { domain, keys, rows: rows.flatMap(checkRow) } : null;
}

function checkRow({ domainId: _, ...row }: typeof control.recordChecks.$inferSelect): CheckRow[] {
  const kind = catalogue.find((check) => check.kind === row.kind)?.kind;
  return kind ? [{ ...row, kind }] : []; // a check that the catalogue has dropped
}

/** The domain of that name that another account has verified, with the store of its home; null when there is none. */
export async function findHolder(
  store: Store,
  domain: Pick<Domain, 'id' | 'name'>,
): Promise<{ store: Store; id: number } | null> {
  const { id, name, status } = control.domains;
  const stores = new Set([store, await holdingStore(store, domain.name)]);
  return await inAnyHome([...stores], async (home) => {
    const found = await home.control.query.domains.findFirst({
      columns: { id: true },
      where: and(eq(name, domain.name), eq(status, 'verified'), ne(id, domain.id)),
    });
    return found ? { store: home, id: found.id } : null;
  });
}

/**
 * Changes a domain, and adds the keys that it then needs, in one transaction; a selector that is there already is
 * left alone. Throws `AlreadyThere` when another account has it verified.
 */
export async function updateDomain(
  store: Store,
  id: number,
  values: Partial<Omit<typeof control.domains.$inferInsert, 'id' | 'accountId' | 'name'>>,
  keys: NewDkimKey[] = [],
): Promise<Domain | null> {
  const update = store.control
    .update(control.domains)
    .set(values)
    .where(eq(control.domains.id, id))
    .returning();
  const before = store.homes > 1 && values.status ? await nameOf(store, id) : null;
  try {
    if (before && values.status === 'verified') await batch(store.d1, await claimName(store, before));
    const [[domain]] = await (keys.length === 0
      ? store.control.batch([update])
      : store.control.batch([
          update,
          store.control.insert(control.dkimKeys).values(keyRows(keys, id)).onConflictDoNothing(),
        ]));
    if (domain && values.type) await batch(store.d1, [catchAll(sql`${id}`, values.type, Date.now())]);
    if (before && values.status !== 'verified') await releaseName(store, before);
    return domain ?? null;
  } catch (error) {
    if (isTaken(error)) throw new AlreadyThere('verified by another account');
    throw error;
  }
}

/** Removes a domain with its keys and checks. */
export async function deleteDomain(store: Store, id: number): Promise<void> {
  const before = store.homes > 1 ? await nameOf(store, id) : null;
  await batch(store.d1, [
    keepWarming(id),
    sql`DELETE FROM record_checks WHERE domain_id = ${id}`,
    sql`DELETE FROM dkim_keys WHERE domain_id = ${id}`,
    sql`DELETE FROM inbound_routes WHERE domain_id = ${id}`,
    sql`DELETE FROM domains WHERE id = ${id}`,
  ]);
  if (before) await releaseName(store, before);
}

/** Whose name a domain has; null when it is gone. */
async function nameOf(store: Store, id: number): Promise<{ accountId: number; name: string } | null> {
  const { accountId, name } = control.domains;
  const [found] = await store.control
    .select({ accountId, name })
    .from(control.domains)
    .where(eq(control.domains.id, id));
  return found ?? null;
}

export async function listDkimKeys(store: Store, domainId: number): Promise<DkimKeyRow[]> {
  return await store.control.query.dkimKeys.findMany({ where: eq(control.dkimKeys.domainId, domainId) });
}

/** Adds keys; throws `AlreadyThere` when a selector is taken. */
export async function addDkimKeys(store: Store, domainId: number, keys: NewDkimKey[]): Promise<void> {
  try {
    await store.control.insert(control.dkimKeys).values(keyRows(keys, domainId));
  } catch (error) {
    if (isUniqueViolation(error, 'dkim_keys')) throw new AlreadyThere('a selector is taken');
    throw error;
  }
}

/** Lets all pending keys of a domain sign, on the operator's word. */
export async function activateKeys(store: Store, domainId: number): Promise<void> {
  const { domainId: of, status } = control.dkimKeys;
  await store.control
    .update(control.dkimKeys)
    .set({ status: 'active' })
    .where(and(eq(of, domainId), eq(status, 'pending')));
}

/** Retires a key: its private half is gone. */
export async function retireKey(
  store: Store,
  domainId: number,
  selector: string,
  nowMs: number,
): Promise<void> {
  await batch(store.d1, [keyStatement(domainId, { selector, status: 'retired', retireAtMs: nowMs })]);
}

/** Lets a pending key sign. */
export async function activateKey(store: Store, domainId: number, selector: string): Promise<void> {
  await batch(store.d1, [
    sql`UPDATE dkim_keys SET status = 'active' WHERE domain_id = ${domainId} AND selector = ${selector}
      AND status = 'pending'`,
  ]);
}

/** Puts new keys beside the others of a domain; one whose selector a retired key has takes its place. */
export async function putKeys(
  store: Store,
  domainId: number,
  keys: readonly (NewDkimKey & { target: string })[],
): Promise<void> {
  const columns = sql.raw('algorithm, public_key, private_key_encrypted, status, created_at_ms, target');
  await batch(
    store.d1,
    keys.map(
      (key) => sql`INSERT INTO dkim_keys (id, domain_id, selector, ${columns})
        VALUES (${nextNumber(control.dkimKeys)}, ${domainId}, ${key.selector}, ${key.algorithm}, ${key.publicKey},
          ${key.privateKeyEncrypted}, 'pending', ${key.createdAtMs}, ${key.target})
        ON CONFLICT (domain_id, selector) DO UPDATE SET retire_at_ms = NULL,
          (${columns}) = (excluded.algorithm, excluded.public_key, excluded.private_key_encrypted, excluded.status,
            excluded.created_at_ms, excluded.target)
        WHERE dkim_keys.status = 'retired'`,
    ),
  );
}

/** Records of delegated keys of all domains of this home, for as long as they are to be published. */
export async function listDelegatedKeys(
  store: Store,
  publishedSinceMs: number,
): Promise<{ domain: string; target: string; publicKey: string }[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT d.name, k.target, k.public_key FROM dkim_keys k JOIN domains d ON d.id = k.domain_id
      WHERE k.target IS NOT NULL AND (k.status <> 'retired' OR k.retire_at_ms > ${publishedSinceMs}) ORDER BY k.id`,
  ]);
  return rows.map((row) => ({
    domain: String(row.name),
    target: String(row.target),
    publicKey: String(row.public_key),
  }));
}

/** Delegated keys of this home that sign or are going to, the newest first. */
export async function newestDelegatedKeys(store: Store, limit: number): Promise<PublishedKey[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT d.name, k.target, k.public_key, k.status FROM dkim_keys k JOIN domains d ON d.id = k.domain_id
      WHERE k.target IS NOT NULL AND k.status <> 'retired' AND d.status <> 'disabled' ORDER BY k.id DESC LIMIT ${limit}`,
  ]);
  return rows.map((row) => ({
    domain: String(row.name),
    target: String(row.target),
    algorithm: 'rsa-sha256',
    publicKey: String(row.public_key),
    signs: row.status === 'active',
  }));
}

function keyStatement(domainId: number, key: Pick<KeyState, 'selector' | 'status' | 'retireAtMs'>): SQL {
  return sql`UPDATE dkim_keys SET status = ${key.status}, retire_at_ms = ${key.retireAtMs},
      private_key_encrypted = CASE WHEN ${key.status} = 'retired' THEN '' ELSE private_key_encrypted END
    WHERE domain_id = ${domainId} AND selector = ${key.selector} AND status <> 'retired'`;
}

/**
 * Ids of domains whose records are due to be looked at, verified ones first: however many pending ones were given up,
 * none that sends goes without its daily look. They are put off until `untilMs`, so that none is taken twice.
 */
export async function takeDueDomains(
  store: Store,
  of: { nowMs: number; untilMs: number; max: number },
): Promise<number[]> {
  const [rows = []] = await batch(store.d1, [
    sql`UPDATE domains SET next_check_ms = ${of.untilMs} WHERE id IN (SELECT id FROM domains
      WHERE next_check_ms IS NOT NULL AND next_check_ms <= ${of.nowMs}
      ORDER BY status = 'pending', next_check_ms LIMIT ${of.max}) RETURNING id`,
  ]);
  return rows.map((row) => Number(row.id));
}

/**
 * Writes what a pass over a domain has found and decided, rows that did not change left alone. Nothing is written
 * when the domain's status or link host was changed meanwhile by another hand.
 * @returns whether it was written
 * @throws AlreadyThere when another account has it verified
 */
export async function saveDecision(
  store: Store,
  known: KnownDomain,
  decision: DomainDecision & { link: LinkStanding },
  rows: readonly CheckRow[],
  nowMs: number,
): Promise<boolean> {
  const { domain } = known;
  const verifiedAtMs = decision.status === 'verified' ? (domain.verifiedAtMs ?? nowMs) : null;
  const unchanged = sql`EXISTS (SELECT 1 FROM domains WHERE id = ${domain.id} AND status = ${domain.status}
    AND verified_by IS ${domain.verifiedBy} AND type = ${domain.type} AND link_label IS ${domain.linkLabel})`;
  const changedKeys = decision.keys.filter((key) => {
    const before = known.keys.find((one) => one.selector === key.selector);
    return before?.status !== key.status || before.retireAtMs !== key.retireAtMs;
  });
  const changedRows = rows.filter((row) => {
    const before = known.rows.find((one) => one.kind === row.kind && one.name === row.name);
    return !before || JSON.stringify(sorted(before)) !== JSON.stringify(sorted(row));
  });
  const gone = known.rows.filter(
    (row) => !rows.some((one) => one.kind === row.kind && one.name === row.name),
  );
  const queries = [
    ...changedKeys.map((key) => sql`${keyStatement(domain.id, key)} AND ${unchanged}`),
    ...gone.map(
      ({ kind, name }) =>
        sql`DELETE FROM record_checks WHERE domain_id = ${domain.id} AND kind = ${kind} AND name = ${name}`,
    ),
    ...changedRows.map((row) => checkStatement(domain.id, row, unchanged)),
    // Last, since it changes what the others look at.
    sql`UPDATE domains SET status = ${decision.status}, verified_by = ${decision.verifiedBy},
        status_reason = ${decision.reason}, verified_at_ms = ${verifiedAtMs}, dkim_domain = ${decision.dkimDomain},
        return_path_host = ${decision.returnPathHost}, link_state = ${decision.link.state}, link_fault = ${decision.link.fault},
        link_checked_at_ms = ${domain.linkLabel === null ? null : nowMs}, checked_at_ms = ${nowMs},
        next_check_ms = ${decision.nextCheckMs}
      WHERE id = ${domain.id} AND ${unchanged} RETURNING id`,
  ];
  try {
    const claimed = decision.status === 'verified' ? await claimName(store, domain) : [];
    const written = ((await batch(store.d1, [...claimed, ...queries])).at(-1) ?? []).length > 0;
    if (written && decision.status !== 'verified') await releaseName(store, domain);
    return written;
  } catch (error) {
    if (isTaken(error)) throw new AlreadyThere('verified by another account');
    throw error;
  }
}

function sorted(row: CheckRow): [string, unknown][] {
  return Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkStatement(domainId: number, row: CheckRow, unchanged: SQL): SQL {
  return sql`INSERT OR REPLACE INTO record_checks (domain_id, kind, name, type, need, expected, status, observed, fix,
      found_at, since_ms, bad_since_ms)
    SELECT ${domainId}, ${row.kind}, ${row.name}, ${row.type}, ${row.need}, ${row.expected}, ${row.status},
      ${JSON.stringify(row.observed)}, ${row.fix}, ${row.foundAt}, ${row.sinceMs}, ${row.badSinceMs} WHERE ${unchanged}`;
}
