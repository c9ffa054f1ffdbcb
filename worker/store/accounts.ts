import { and, eq, isNull } from 'drizzle-orm';
import type { MailSettings } from '#domain/mail-settings.ts';
import * as control from '../../drizzle/schema/control.ts';
import type { Store } from './store.ts';

export type Account = typeof control.accounts.$inferSelect;
export type Credential = typeof control.credentials.$inferSelect;

export async function createAccount(store: Store, name: string, nowMs: number): Promise<Account> {
  const [account] = await store.control
    .insert(control.accounts)
    .values({ name, createdAtMs: nowMs })
    .returning();
  if (!account) throw new Error('an insert gave no row');
  return account;
}

export async function findAccount(store: Store, id: number): Promise<Account | null> {
  return (await store.control.query.accounts.findFirst({ where: eq(control.accounts.id, id) })) ?? null;
}

export async function listAccounts(store: Store): Promise<Account[]> {
  return await store.control.query.accounts.findMany({ orderBy: control.accounts.id, limit: 1000 });
}

export async function setAccountStatus(
  store: Store,
  id: number,
  status: Account['status'],
  reason: string | null,
): Promise<Account | null> {
  const [account] = await store.control
    .update(control.accounts)
    .set({ status, statusReason: reason })
    .where(eq(control.accounts.id, id))
    .returning();
  return account ?? null;
}

export async function setAccountLimits(
  store: Store,
  id: number,
  limits: Pick<Account, 'messagesPerMinute'>,
): Promise<Account | null> {
  const [account] = await store.control
    .update(control.accounts)
    .set(limits)
    .where(eq(control.accounts.id, id))
    .returning();
  return account ?? null;
}

export async function createCredential(
  store: Store,
  values: typeof control.credentials.$inferInsert,
): Promise<Credential> {
  const [credential] = await store.control.insert(control.credentials).values(values).returning();
  if (!credential) throw new Error('an insert gave no row');
  return credential;
}

export async function listCredentials(store: Store, accountId: number): Promise<Credential[]> {
  return await store.control.query.credentials.findMany({
    where: eq(control.credentials.accountId, accountId),
  });
}

/** Revokes a credential; false when the account has no such credential that is not revoked. */
export async function revokeCredential(
  store: Store,
  accountId: number,
  id: number,
  nowMs: number,
): Promise<boolean> {
  const { accountId: account, id: key, revokedAtMs } = control.credentials;
  const rows = await store.control
    .update(control.credentials)
    .set({ revokedAtMs: nowMs })
    .where(and(eq(account, accountId), eq(key, id), isNull(revokedAtMs)))
    .returning({ id: key });
  return rows.length > 0;
}

export async function setMailSettings(
  store: Store,
  id: number,
  change: Partial<MailSettings>,
): Promise<Account | null> {
  const [account] = await store.control
    .update(control.accounts)
    .set(change)
    .where(eq(control.accounts.id, id))
    .returning();
  return account ?? null;
}
