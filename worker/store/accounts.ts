import { and, eq, gt, isNull } from 'drizzle-orm';
import { firstHome } from '#domain/message/home.ts';
import type { MailSettings } from '#domain/message/mail-settings.ts';
import * as control from '../../drizzle/schema/control.ts';
import { type CopiedColumn, copyAccounts } from './copies.ts';
import { nextNumber } from './numbers.ts';
import type { Store } from './store.ts';
import { systemAccountId } from './system-mail.ts';

export type Account = typeof control.accounts.$inferSelect;
export type Credential = typeof control.credentials.$inferSelect;

/** Makes an account in a home. */
export async function createAccount(
  store: Store,
  { name, home = firstHome }: { name: string; home?: number },
  nowMs: number,
): Promise<Account> {
  const [account] = await store.first.control
    .insert(control.accounts)
    .values({ name, home, createdAtMs: nowMs })
    .returning();
  if (!account) throw new Error('an insert gave no row');
  await copyAccounts(store.at(home), [account]);
  return account;
}

/**
 * An account as its home or, for what the operator decides of it, control knows it. Null for the number that is nobody's
 * too: nobody is to look into it, and nobody joins it.
 */
export async function findAccount(store: Store, id: number): Promise<Account | null> {
  if (id === systemAccountId) return null;
  return (await store.control.query.accounts.findFirst({ where: eq(control.accounts.id, id) })) ?? null;
}

/** Accounts in the order in which they were made, after an id; `next` is the id after which to go on, null at the end. */
export async function listAccounts(
  store: Store,
  afterId: number,
  limit: number,
): Promise<{ accounts: Account[]; next: number | null }> {
  const found = await store.first.control.query.accounts.findMany({
    where: gt(control.accounts.id, Math.max(afterId, systemAccountId)),
    orderBy: control.accounts.id,
    limit: limit + 1,
  });
  const accounts = found.slice(0, limit);
  return { accounts, next: found.length > limit ? (accounts.at(-1)?.id ?? null) : null };
}

/** Changes what the operator decides of an account: in control first, then in its home. */
async function changeAccount(
  store: Store,
  id: number,
  change: Partial<Pick<Account, CopiedColumn>>,
): Promise<Account | null> {
  const [account] = await store.first.control
    .update(control.accounts)
    .set(change)
    .where(eq(control.accounts.id, id))
    .returning();
  if (account) await copyAccounts(store.at(account.home), [account]);
  return account ?? null;
}

export async function setAccountStatus(
  store: Store,
  id: number,
  status: Account['status'],
  reason: string | null,
): Promise<Account | null> {
  return await changeAccount(store, id, { status, statusReason: reason });
}

export async function setAccountLimits(
  store: Store,
  id: number,
  limits: Pick<Account, 'messagesPerMinute'>,
): Promise<Account | null> {
  return await changeAccount(store, id, limits);
}

export async function createCredential(
  store: Store,
  values: typeof control.credentials.$inferInsert,
): Promise<Credential> {
  const [credential] = await store.control
    .insert(control.credentials)
    .values({ ...values, id: nextNumber(control.credentials) })
    .returning();
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
