import { sql } from 'drizzle-orm';
import { type Role, roleOf } from './role.ts';
import { batch } from './sql.ts';
import type { Store } from './store.ts';

/**
 * Invitations. What accepts one is a secret that stands in its mail and nowhere else, so accepting shows that the mail was
 * read; its id names it on the pages of those who invite and is good for nothing more.
 */
export interface Invitation {
  id: string;
  organizationId: string;
  accountName: string;
  email: string;
  role: Role;
  inviter: string;
  expiresAtMs: number;
}

export const selectInvitations = sql`SELECT i.id, i.organization_id, i.email, i.role, i.expires_at,
    a.name AS account_name, u.name AS inviter
  FROM auth_invitations i JOIN auth_organizations o ON o.id = i.organization_id
  JOIN accounts a ON a.id = o.account_id JOIN auth_users u ON u.id = i.inviter_id`;

export function invitationOf(row: Record<string, unknown>): Invitation {
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

/** Makes an invitation; an earlier one of the same address is over. False when the address is a member's. */
export async function invite(
  store: Store,
  of: {
    id: string;
    organizationId: string;
    email: string;
    role: Role;
    inviterId: string;
    secretHash: string;
    expiresAtMs: number;
    nowMs: number;
  },
): Promise<boolean> {
  const isMember = sql`EXISTS (SELECT 1 FROM auth_members m JOIN auth_users u ON u.id = m.user_id
    WHERE m.organization_id = ${of.organizationId} AND u.email = ${of.email})`;
  const [, made = []] = await batch(store.first.d1, [
    sql`UPDATE auth_invitations SET status = 'canceled' WHERE organization_id = ${of.organizationId}
      AND email = ${of.email} AND status = 'pending'`,
    sql`INSERT INTO auth_invitations (id, organization_id, email, role, status, secret_hash, expires_at, created_at,
        inviter_id)
      SELECT ${of.id}, ${of.organizationId}, ${of.email}, ${of.role}, 'pending', ${of.secretHash}, ${of.expiresAtMs},
        ${of.nowMs}, ${of.inviterId} WHERE NOT ${isMember} RETURNING id`,
  ]);
  return made.length > 0;
}

export async function cancelInvitation(store: Store, organizationId: string, id: string): Promise<void> {
  await batch(store.first.d1, [
    sql`UPDATE auth_invitations SET status = 'canceled'
      WHERE id = ${id} AND organization_id = ${organizationId} AND status = 'pending'`,
  ]);
}

/** An invitation that may still be accepted. @param secretHash SHA-256 of what its mail says, hex */
export async function findInvitation(
  store: Store,
  secretHash: string,
  nowMs: number,
): Promise<Invitation | null> {
  const [rows = []] = await batch(store.first.d1, [
    sql`${selectInvitations} WHERE i.secret_hash = ${secretHash} AND i.status = 'pending' AND i.expires_at > ${nowMs}`,
  ]);
  return rows[0] ? invitationOf(rows[0]) : null;
}

/** Makes the invited user a member and closes the invitation, both or neither; false when it is over. */
export async function acceptInvitation(
  store: Store,
  of: { secretHash: string; userId: string; nowMs: number },
): Promise<boolean> {
  const open = sql`secret_hash = ${of.secretHash} AND status = 'pending' AND expires_at > ${of.nowMs}`;
  const [, closed = []] = await batch(store.first.d1, [
    sql`INSERT INTO auth_members (id, organization_id, user_id, role, created_at)
      SELECT ${crypto.randomUUID()}, organization_id, ${of.userId}, role, ${of.nowMs} FROM auth_invitations
      WHERE ${open} ON CONFLICT DO NOTHING`,
    sql`UPDATE auth_invitations SET status = 'accepted' WHERE ${open} RETURNING id`,
  ]);
  return closed.length > 0;
}
