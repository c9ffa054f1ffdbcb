import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import { accounts } from './control.ts';

/**
 * People and their sessions: the tables of better-auth, whose field names are the keys here. An organisation is
 * the circle of people of one account; `members.role` says what each may do in it.
 */

const time = (name: string) => integer(name, { mode: 'timestamp_ms' });

export const users = sqliteTable(
  'auth_users',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    email: text('email').notNull(),
    emailVerified: integer('email_verified', { mode: 'boolean' }).notNull(),
    image: text('image'),
    twoFactorEnabled: integer('two_factor_enabled', { mode: 'boolean' }),
    /** Runs the installation: sees every account, the nodes and the queues. */
    operator: integer('operator', { mode: 'boolean' }).notNull().default(false),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('auth_users_email').on(t.email)],
);

export const sessions = sqliteTable(
  'auth_sessions',
  {
    id: text('id').primaryKey(),
    token: text('token').notNull(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    expiresAt: time('expires_at').notNull(),
    ipAddress: text('ip_address'),
    userAgent: text('user_agent'),
    activeOrganizationId: text('active_organization_id'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('auth_sessions_token').on(t.token), index('auth_sessions_user').on(t.userId)],
);

/** Ways in: a password's hash is the identity of provider `credential`. */
export const identities = sqliteTable(
  'auth_identities',
  {
    id: text('id').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    providerId: text('provider_id').notNull(),
    accountId: text('account_id').notNull(),
    password: text('password'),
    accessToken: text('access_token'),
    refreshToken: text('refresh_token'),
    idToken: text('id_token'),
    accessTokenExpiresAt: time('access_token_expires_at'),
    refreshTokenExpiresAt: time('refresh_token_expires_at'),
    scope: text('scope'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('auth_identities_user').on(t.userId)],
);

/** Tokens that were mailed, and steps of a sign-in that is under way. */
export const verifications = sqliteTable(
  'auth_verifications',
  {
    id: text('id').primaryKey(),
    identifier: text('identifier').notNull(),
    value: text('value').notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [
    index('auth_verifications_identifier').on(t.identifier),
    index('auth_verifications_expiry').on(t.expiresAt),
  ],
);

export const organizations = sqliteTable(
  'auth_organizations',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    slug: text('slug').notNull(),
    logo: text('logo'),
    metadata: text('metadata'),
    /** The account whose people these are. */
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    createdAt: time('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('auth_organizations_slug').on(t.slug),
    uniqueIndex('auth_organizations_account').on(t.accountId),
  ],
);

export const members = sqliteTable(
  'auth_members',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role', { enum: ['owner', 'developer', 'viewer'] }).notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('auth_members_organization_user').on(t.organizationId, t.userId),
    index('auth_members_user').on(t.userId),
  ],
);

export const invitations = sqliteTable(
  'auth_invitations',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    email: text('email').notNull(),
    role: text('role', { enum: ['owner', 'developer', 'viewer'] }),
    status: text('status').notNull(),
    /** SHA-256 of what stands in the mail and nowhere else, hex; null: of a version that had none, and good for nothing. */
    secretHash: text('secret_hash'),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    inviterId: text('inviter_id')
      .notNull()
      .references(() => users.id),
  },
  (t) => [
    index('auth_invitations_organization').on(t.organizationId),
    index('auth_invitations_email').on(t.email),
    uniqueIndex('auth_invitations_secret').on(t.secretHash),
  ],
);

/** The secret of an authenticator app, encrypted by better-auth. */
export const twoFactors = sqliteTable(
  'auth_two_factors',
  {
    id: text('id').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    secret: text('secret').notNull(),
    backupCodes: text('backup_codes').notNull(),
    verified: integer('verified', { mode: 'boolean' }),
    failedVerificationCount: integer('failed_verification_count'),
    lockedUntil: time('locked_until'),
  },
  (t) => [index('auth_two_factors_user').on(t.userId)],
);

/** Public keys of people's authenticators (WebAuthn), each signing in without a password. */
export const passkeys = sqliteTable(
  'auth_passkeys',
  {
    id: text('id').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    name: text('name'),
    credentialID: text('credential_id').notNull(),
    publicKey: text('public_key').notNull(),
    /** Signatures that the authenticator has counted; many count none and say 0. */
    counter: integer('counter').notNull(),
    deviceType: text('device_type').notNull(),
    backedUp: integer('backed_up', { mode: 'boolean' }).notNull(),
    transports: text('transports'),
    /** The model of the authenticator. */
    aaguid: text('aaguid'),
    createdAt: time('created_at'),
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    // WebAuthn §7.1: a credential is registered for one user only.
    uniqueIndex('auth_passkeys_credential').on(t.credentialID),
    index('auth_passkeys_user').on(t.userId),
  ],
);

/** Tries of a sign-in by client address and by mail address. */
export const rateLimits = sqliteTable('auth_rate_limits', {
  // Nothing is looked up by it, and an index of it would be a row more that a stranger has us write.
  id: text('id').notNull(),
  key: text('key').primaryKey(),
  count: integer('count').notNull(),
  lastRequest: integer('last_request').notNull(),
});
