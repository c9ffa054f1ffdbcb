import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import * as auth from '../../drizzle/schema/auth.ts';
import { type Invitation, invitationOf, selectInvitations } from './invitations.ts';
import { type Role, roleOf } from './role.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

export { type Role, roles } from './role.ts';

/** The tables under the names by which better-auth asks for them. */
const models = {
  user: auth.users,
  session: auth.sessions,
  account: auth.identities,
  verification: auth.verifications,
  organization: auth.organizations,
  member: auth.members,
  invitation: auth.invitations,
  twoFactor: auth.twoFactors,
  passkey: auth.passkeys,
  rateLimit: auth.rateLimits,
};

/** The database as better-auth uses it. D1 has no interactive transactions, so it is asked for none. */
export function authDatabase(store: Store): ReturnType<typeof drizzleAdapter> {
  return drizzleAdapter(drizzle(store.first.d1, { schema: models }), {
    provider: 'sqlite',
    schema: models,
    transaction: false,
  });
}

/** An account that a user belongs to. */
export interface Membership {
  organizationId: string;
  accountId: number;
  accountName: string;
  accountStatus: 'active' | 'suspended';
  /** Where the account lives. */
  home: number;
  role: Role;
}

/** Who looks at a page, and at which account. */
export interface Viewer {
  user: { id: string; name: string; email: string; operator: boolean; twoFactor: boolean };
  sessionId: string;
  memberships: Membership[];
  /** The account that is looked at. */
  account: Membership;
}

/** The accounts of a user, oldest first. */
export async function membershipsOf(store: Store, userId: string): Promise<Membership[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT m.organization_id, m.role, a.id, a.name, a.status, a.home FROM auth_members m
      JOIN auth_organizations o ON o.id = m.organization_id JOIN accounts a ON a.id = o.account_id
      WHERE m.user_id = ${userId} ORDER BY a.id LIMIT 100`,
  ]);
  return rows.map((row) => ({
    organizationId: String(row.organization_id),
    accountId: Number(row.id),
    accountName: String(row.name),
    accountStatus: row.status === 'active' ? 'active' : 'suspended',
    home: Number(row.home),
    role: roleOf(row.role),
  }));
}

/** True once anybody has an account here: the set-up is over. */
export async function hasUsers(store: Store): Promise<boolean> {
  const [rows = []] = await batch(store.first.d1, [sql`SELECT 1 FROM auth_users LIMIT 1`]);
  return rows.length > 0;
}

/** The circle of people of an account, made when it is not there. */
export async function ensureOrganization(
  store: Store,
  account: { id: number; name: string },
  nowMs: number,
): Promise<string> {
  const [, rows = []] = await batch(store.first.d1, [
    sql`INSERT INTO auth_organizations (id, name, slug, account_id, created_at)
      VALUES (${crypto.randomUUID()}, ${account.name}, ${`account-${account.id}`}, ${account.id}, ${nowMs})
      ON CONFLICT DO NOTHING`,
    sql`SELECT id FROM auth_organizations WHERE account_id = ${account.id}`,
  ]);
  return String(rows[0]?.id);
}

export async function addMember(
  store: Store,
  of: { organizationId: string; userId: string; role: Role; nowMs: number },
): Promise<void> {
  await batch(store.first.d1, [
    sql`INSERT INTO auth_members (id, organization_id, user_id, role, created_at)
      VALUES (${crypto.randomUUID()}, ${of.organizationId}, ${of.userId}, ${of.role}, ${of.nowMs})
      ON CONFLICT DO NOTHING`,
  ]);
}

export async function makeOperator(store: Store, userId: string): Promise<void> {
  await batch(store.first.d1, [sql`UPDATE auth_users SET operator = 1 WHERE id = ${userId}`]);
}

export interface Member {
  id: string;
  userId: string;
  name: string;
  email: string;
  role: Role;
  twoFactor: boolean;
  joinedAtMs: number;
}

/** Who belongs to an organisation, and who is invited. One round trip. */
export async function peopleOf(
  store: Store,
  organizationId: string,
  nowMs: number,
): Promise<{ members: Member[]; invitations: Invitation[] }> {
  const [members = [], invitations = []] = await batch(store.first.d1, [
    sql`SELECT m.id, m.user_id, m.role, m.created_at, u.name, u.email, u.two_factor_enabled
      FROM auth_members m JOIN auth_users u ON u.id = m.user_id
      WHERE m.organization_id = ${organizationId} ORDER BY m.created_at LIMIT 200`,
    sql`${selectInvitations} WHERE i.organization_id = ${organizationId} AND i.status = 'pending'
      AND i.expires_at > ${nowMs} ORDER BY i.created_at LIMIT 200`,
  ]);
  return {
    members: members.map((row) => ({
      id: String(row.id),
      userId: String(row.user_id),
      name: String(row.name),
      email: String(row.email),
      role: roleOf(row.role),
      twoFactor: row.two_factor_enabled === 1,
      joinedAtMs: Number(row.created_at),
    })),
    invitations: invitations.map(invitationOf),
  };
}

/** What a mail address stands for at sign-in. */
export async function findUser(
  store: Store,
  email: string,
): Promise<{ id: string; twoFactor: boolean; verified: boolean } | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT id, two_factor_enabled, email_verified FROM auth_users WHERE email = ${email}`,
  ]);
  if (!row) return null;
  return {
    id: String(row.id),
    twoFactor: row.two_factor_enabled === 1,
    verified: row.email_verified === 1,
  };
}

export async function findPerson(store: Store, id: string): Promise<{ id: string; email: string } | null> {
  const [[row] = []] = await batch(store.first.d1, [sql`SELECT id, email FROM auth_users WHERE id = ${id}`]);
  return row ? { id: String(row.id), email: String(row.email) } : null;
}

/**
 * Notes that a user has read a mail to their address. Every way in from before the first time ends with it (password,
 * passkeys, second factor, sessions): whoever made them had not shown that the address is theirs. True when it was the
 * first time.
 */
export async function proveAddress(store: Store, userId: string): Promise<boolean> {
  const unproven = sql`user_id = (SELECT id FROM auth_users WHERE id = ${userId} AND email_verified = 0)`;
  const results = await batch(store.first.d1, [
    sql`DELETE FROM auth_identities WHERE ${unproven}`,
    sql`DELETE FROM auth_passkeys WHERE ${unproven}`,
    sql`DELETE FROM auth_two_factors WHERE ${unproven}`,
    sql`DELETE FROM auth_sessions WHERE ${unproven}`,
    sql`UPDATE auth_users SET email_verified = 1, two_factor_enabled = 0
      WHERE id = ${userId} AND email_verified = 0 RETURNING id`,
  ]);
  return (results[4] ?? []).length > 0;
}

/** What is kept under the token of a mailed link; null: nothing, or its time is over. @param identifier as it is stored */
export async function findMailedToken(
  store: Store,
  identifier: string,
  nowMs: number,
): Promise<string | null> {
  const [[row] = []] = await batch(store.first.d1, [
    sql`SELECT value FROM auth_verifications WHERE identifier = ${identifier} AND expires_at > ${nowMs}`,
  ]);
  return row ? String(row.value) : null;
}

export interface SessionRow {
  id: string;
  token: string;
  ipAddress: string;
  userAgent: string;
  createdAtMs: number;
  updatedAtMs: number;
}

/** The living sessions of a user, newest first. */
export async function sessionsOf(store: Store, userId: string, nowMs: number): Promise<SessionRow[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT id, token, ip_address, user_agent, created_at, updated_at FROM auth_sessions
      WHERE user_id = ${userId} AND expires_at > ${nowMs} ORDER BY created_at DESC LIMIT 50`,
  ]);
  return rows.map((row) => ({
    id: String(row.id),
    token: String(row.token),
    ipAddress: String(row.ip_address ?? ''),
    userAgent: String(row.user_agent ?? ''),
    createdAtMs: Number(row.created_at),
    updatedAtMs: Number(row.updated_at),
  }));
}

export interface PasskeyRow {
  id: string;
  name: string;
  createdAtMs: number;
  /** Null: never yet. */
  lastUsedAtMs: number | null;
}

/** So many passkeys one person may have. */
export const mostPasskeys = 20;

/** The passkeys of a user, newest first. */
export async function passkeysOf(store: Store, userId: string): Promise<PasskeyRow[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT id, name, created_at, last_used_at FROM auth_passkeys
      WHERE user_id = ${userId} ORDER BY created_at DESC LIMIT ${mostPasskeys}`,
  ]);
  return rows.map((row) => ({
    id: String(row.id),
    name: String(row.name ?? ''),
    createdAtMs: Number(row.created_at),
    lastUsedAtMs: row.last_used_at === null ? null : Number(row.last_used_at),
  }));
}

/** Notes that somebody has signed in with a passkey. */
export async function notePasskeyUse(store: Store, credentialId: string, nowMs: number): Promise<void> {
  await batch(store.first.d1, [
    sql`UPDATE auth_passkeys SET last_used_at = ${nowMs} WHERE credential_id = ${credentialId}`,
  ]);
}

/** Counts a try under a key; false when there were more than `max` within the window. */
export async function countTry(
  store: Store,
  key: string,
  of: { max: number; windowMs: number; nowMs: number },
): Promise<boolean> {
  return (await countTries(store, key, of)).count <= of.max;
}

/** Counts a try under a key: how many there were in the window, and when it ends. One atomic statement. */
export async function countTries(
  store: Store,
  key: string,
  of: { windowMs: number; nowMs: number },
): Promise<{ count: number; endsMs: number }> {
  const isOver = sql`auth_rate_limits.last_request <= ${of.nowMs - of.windowMs}`;
  const [rows = []] = await batch(store.first.d1, [
    sql`INSERT INTO auth_rate_limits (id, key, count, last_request) VALUES (${crypto.randomUUID()}, ${key}, 1, ${of.nowMs})
      ON CONFLICT (key) DO UPDATE SET count = CASE WHEN ${isOver} THEN 1 ELSE count + 1 END,
        last_request = CASE WHEN ${isOver} THEN ${of.nowMs} ELSE last_request END
      RETURNING count, last_request`,
  ]);
  return { count: Number(rows[0]?.count), endsMs: Number(rows[0]?.last_request) + of.windowMs };
}

/** Removes what has run out: sessions, mailed tokens, counted tries. */
export async function purgeAuth(store: Store, nowMs: number): Promise<void> {
  await batch(store.first.d1, [
    sql`DELETE FROM auth_verifications WHERE expires_at < ${nowMs}`,
    sql`DELETE FROM auth_sessions WHERE expires_at < ${nowMs}`,
    sql`DELETE FROM auth_rate_limits WHERE last_request < ${nowMs - 86_400_000}`,
  ]);
}

/** Mail addresses of the owners of an account, those who have been there longest first; twenty at most. */
export async function ownersOf(store: Store, accountId: number): Promise<string[]> {
  const [rows = []] = await batch(store.first.d1, [
    sql`SELECT u.email FROM auth_organizations o JOIN auth_members m ON m.organization_id = o.id AND m.role = 'owner'
      JOIN auth_users u ON u.id = m.user_id WHERE o.account_id = ${accountId} ORDER BY m.created_at LIMIT 20`,
  ]);
  return rows.map(({ email }) => String(email));
}
