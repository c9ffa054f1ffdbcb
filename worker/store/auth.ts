import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import * as auth from '../../drizzle/schema/auth.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/** What a member of an account may do, the most first. */
export const roles = ['owner', 'developer', 'viewer'] as const;
export type Role = (typeof roles)[number];

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
  return drizzleAdapter(drizzle(store.d1, { schema: models }), {
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
  role: Role;
}

/** The accounts of a user, oldest first. */
export async function membershipsOf(store: Store, userId: string): Promise<Membership[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT m.organization_id, m.role, a.id, a.name, a.status FROM auth_members m
      JOIN auth_organizations o ON o.id = m.organization_id JOIN accounts a ON a.id = o.account_id
      WHERE m.user_id = ${userId} ORDER BY a.id LIMIT 100`,
  ]);
  return rows.map((row) => ({
    organizationId: String(row.organization_id),
    accountId: Number(row.id),
    accountName: String(row.name),
    accountStatus: row.status === 'active' ? 'active' : 'suspended',
    role: roleOf(row.role),
  }));
}

function roleOf(value: unknown): Role {
  return roles.find((role) => role === value) ?? 'viewer';
}

/** True once anybody has an account here: the set-up is over. */
export async function hasUsers(store: Store): Promise<boolean> {
  const [rows = []] = await batch(store.d1, [sql`SELECT 1 FROM auth_users LIMIT 1`]);
  return rows.length > 0;
}

/** The circle of people of an account, made when it is not there. */
export async function ensureOrganization(
  store: Store,
  account: { id: number; name: string },
  nowMs: number,
): Promise<string> {
  const [, rows = []] = await batch(store.d1, [
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
  await batch(store.d1, [
    sql`INSERT INTO auth_members (id, organization_id, user_id, role, created_at)
      VALUES (${crypto.randomUUID()}, ${of.organizationId}, ${of.userId}, ${of.role}, ${of.nowMs})
      ON CONFLICT DO NOTHING`,
  ]);
}

export async function makeOperator(store: Store, userId: string): Promise<void> {
  await batch(store.d1, [sql`UPDATE auth_users SET operator = 1 WHERE id = ${userId}`]);
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

export interface Invitation {
  id: string;
  organizationId: string;
  accountName: string;
  email: string;
  role: Role;
  inviter: string;
  expiresAtMs: number;
}

/** Who belongs to an organisation, and who is invited. One round trip. */
export async function peopleOf(
  store: Store,
  organizationId: string,
  nowMs: number,
): Promise<{ members: Member[]; invitations: Invitation[] }> {
  const [members = [], invitations = []] = await batch(store.d1, [
    sql`SELECT m.id, m.user_id, m.role, m.created_at, u.name, u.email, u.two_factor_enabled
      FROM auth_members m JOIN auth_users u ON u.id = m.user_id
      WHERE m.organization_id = ${organizationId} ORDER BY m.created_at LIMIT 200`,
    sql`${invitationColumns} WHERE i.organization_id = ${organizationId} AND i.status = 'pending'
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

const invitationColumns = sql`SELECT i.id, i.organization_id, i.email, i.role, i.expires_at, a.name AS account_name,
    u.name AS inviter
  FROM auth_invitations i JOIN auth_organizations o ON o.id = i.organization_id
  JOIN accounts a ON a.id = o.account_id JOIN auth_users u ON u.id = i.inviter_id`;

function invitationOf(row: Record<string, unknown>): Invitation {
  return {
    id: String(row.id),
    organizationId: String(row.organization_id),
    accountName: String(row.account_name),
    email: String(row.email),
    role: roleOf(row.role),
    inviter: String(row.inviter),
    expiresAtMs: Number(row.expires_at),
  };
}

/** An invitation that may still be accepted. */
export async function findInvitation(store: Store, id: string, nowMs: number): Promise<Invitation | null> {
  const [rows = []] = await batch(store.d1, [
    sql`${invitationColumns} WHERE i.id = ${id} AND i.status = 'pending' AND i.expires_at > ${nowMs}`,
  ]);
  return rows[0] ? invitationOf(rows[0]) : null;
}

/** Makes the invited user a member and closes the invitation, both or neither; a closed one makes no member. */
export async function acceptInvitation(
  store: Store,
  of: { id: string; userId: string; nowMs: number },
): Promise<void> {
  await batch(store.d1, [
    sql`INSERT INTO auth_members (id, organization_id, user_id, role, created_at)
      SELECT ${crypto.randomUUID()}, organization_id, ${of.userId}, role, ${of.nowMs} FROM auth_invitations
      WHERE id = ${of.id} AND status = 'pending' AND expires_at > ${of.nowMs} ON CONFLICT DO NOTHING`,
    sql`UPDATE auth_invitations SET status = 'accepted' WHERE id = ${of.id} AND status = 'pending'`,
  ]);
}

/** What a mail address stands for at sign-in. */
export async function findUser(
  store: Store,
  email: string,
): Promise<{ id: string; twoFactor: boolean } | null> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT id, two_factor_enabled FROM auth_users WHERE email = ${email}`,
  ]);
  return rows[0] ? { id: String(rows[0].id), twoFactor: rows[0].two_factor_enabled === 1 } : null;
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
  const [rows = []] = await batch(store.d1, [
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
  const [rows = []] = await batch(store.d1, [
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
  await batch(store.d1, [
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
  const [rows = []] = await batch(store.d1, [
    sql`INSERT INTO auth_rate_limits (id, key, count, last_request) VALUES (${crypto.randomUUID()}, ${key}, 1, ${of.nowMs})
      ON CONFLICT (key) DO UPDATE SET count = CASE WHEN ${isOver} THEN 1 ELSE count + 1 END,
        last_request = CASE WHEN ${isOver} THEN ${of.nowMs} ELSE last_request END
      RETURNING count, last_request`,
  ]);
  return { count: Number(rows[0]?.count), endsMs: Number(rows[0]?.last_request) + of.windowMs };
}

/** Removes what has run out: sessions, mailed tokens, counted tries. */
export async function purgeAuth(store: Store, nowMs: number): Promise<void> {
  await batch(store.d1, [
    sql`DELETE FROM auth_verifications WHERE expires_at < ${nowMs}`,
    sql`DELETE FROM auth_sessions WHERE expires_at < ${nowMs}`,
    sql`DELETE FROM auth_rate_limits WHERE last_request < ${nowMs - 86_400_000}`,
  ]);
}

/** Mail addresses of the owners of an account, those who have been there longest first; twenty at most. */
export async function ownersOf(store: Store, accountId: number): Promise<string[]> {
  const [rows = []] = await batch(store.d1, [
    sql`SELECT u.email FROM auth_organizations o JOIN auth_members m ON m.organization_id = o.id AND m.role = 'owner'
      JOIN auth_users u ON u.id = m.user_id WHERE o.account_id = ${accountId} ORDER BY m.created_at LIMIT 20`,
  ]);
  return rows.map(({ email }) => String(email));
}

/** A verified domain that mail of the installation itself can be sent from: the named one, or the oldest. */
export async function findSystemDomain(
  store: Store,
  name: string | null,
): Promise<{ accountId: number; domain: string } | null> {
  const named = name === null ? sql`` : sql` AND d.name = ${name}`;
  const [rows = []] = await batch(store.d1, [
    sql`SELECT d.account_id, d.name FROM domains d JOIN accounts a ON a.id = d.account_id AND a.status = 'active'
      WHERE d.status = 'verified' AND d.type IN ('outbound', 'both')${named} ORDER BY d.id LIMIT 1`,
  ]);
  return rows[0] ? { accountId: Number(rows[0].account_id), domain: String(rows[0].name) } : null;
}

/** Makes sure that a key of the dashboard's own is among an account's keys. Gives whether it may be used. */
export async function ensureOwnKey(
  store: Store,
  of: { accountId: number; secretHash: string; hint: string; nowMs: number },
): Promise<boolean> {
  const [, rows = []] = await batch(store.d1, [
    sql`INSERT INTO credentials (account_id, username, name, secret_hash, hint, environment, scopes, created_at_ms)
      VALUES (${of.accountId}, 'dashboard', 'Dashboard', ${of.secretHash}, ${of.hint}, 'live', '["send","read","manage"]', ${of.nowMs})
      ON CONFLICT (secret_hash) DO NOTHING`,
    sql`SELECT revoked_at_ms FROM credentials WHERE secret_hash = ${of.secretHash}`,
  ]);
  return rows[0]?.revoked_at_ms === null;
}
