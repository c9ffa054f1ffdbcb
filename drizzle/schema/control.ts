import { sql } from 'drizzle-orm';
import {
  type AnySQLiteColumn,
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core';

/**
 * Tables of migrations: few rows. Every home has all of them. The first, control, has what spans accounts; of that the
 * others have copies of accounts and nodes (`store/copies.ts`). Mail itself lives in the home tables (`home.ts`).
 */

/**
 * A tenant; owns everything below. Number 0 is nobody's: mail of the installation itself (sign-in links, invitations)
 * is kept under it, so that no account's pages, lists or events can show it.
 */
export const accounts = sqliteTable('accounts', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull(),
  /** `active` or `suspended`; a suspended account neither submits nor is leased. */
  status: text('status', { enum: ['active', 'suspended'] })
    .notNull()
    .default('active'),
  statusReason: text('status_reason'),
  /** 1: it has an active webhook endpoint. Read with the credential, so that other accounts cost no queue operation. */
  webhooks: integer('webhooks', { mode: 'boolean' }).notNull().default(false),
  /** Messages that it may submit in a minute. */
  messagesPerMinute: integer('messages_per_minute').notNull().default(60_000),
  /** What it has decided for its mail (`domain/mail-settings.ts`); mail is private unless it asks for more. */
  trackOpens: integer('track_opens', { mode: 'boolean' }).notNull().default(false),
  trackClicks: integer('track_clicks', { mode: 'boolean' }).notNull().default(false),
  unsubscribe: integer('unsubscribe', { mode: 'boolean' }).notNull().default(false),
  /** Days for which the content of a message is kept. */
  contentDays: integer('content_days').notNull().default(3),
  createdAtMs: integer('created_at_ms').notNull(),
  /** The home in which it lives: its mail, and what it has made and decided. */
  home: integer('home').notNull().default(0),
  /** Its sender health as it was last judged, and told to its owners (`domain/limits/health.ts`). */
  healthLevel: text('health_level', { enum: ['healthy', 'warning', 'danger', 'critical'] })
    .notNull()
    .default('healthy'),
  /** Its mail of class `digest` waits, since its sender health is low. */
  digestPaused: integer('digest_paused', { mode: 'boolean' }).notNull().default(false),
});

/** An API key; the same pair logs in by SMTP. The secret itself is never stored. */
export const credentials = sqliteTable(
  'credentials',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    username: text('username').notNull(),
    name: text('name').notNull().default(''),
    /** SHA-256 of the secret, hex. */
    secretHash: text('secret_hash').notNull(),
    /** The secret's last four characters, to tell keys apart. */
    hint: text('hint').notNull(),
    environment: text('environment', { enum: ['live', 'test'] }).notNull(),
    /** JSON array of scope names. */
    scopes: text('scopes', { mode: 'json' }).$type<string[]>().notNull(),
    /** JSON array of domains that it is limited to; null: every domain of the account. */
    domains: text('domains', { mode: 'json' }).$type<string[]>(),
    createdAtMs: integer('created_at_ms').notNull(),
    lastUsedAtMs: integer('last_used_at_ms'),
    revokedAtMs: integer('revoked_at_ms'),
  },
  (t) => [
    uniqueIndex('credentials_secret_hash').on(t.secretHash),
    index('credentials_account').on(t.accountId),
  ],
);

/** A sending domain of an account. */
export const domains = sqliteTable(
  'domains',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    /** Lower case, A-labels. */
    name: text('name').notNull(),
    type: text('type', { enum: ['outbound', 'inbound', 'both', 'alias'] }).notNull(),
    status: text('status', { enum: ['pending', 'verified', 'disabled'] }).notNull(),
    /** Host of the return path below this domain once its CNAME is verified; null: the service's own. */
    returnPathHost: text('return_path_host'),
    createdAtMs: integer('created_at_ms').notNull(),
    verifiedAtMs: integer('verified_at_ms'),
    /** What the ownership TXT must hold; empty: it cannot be proven that way. */
    verificationToken: text('verification_token').notNull().default(''),
    /** Label of the return-path host below the domain. */
    returnPathLabel: text('return_path_label').notNull().default('pp-bounces'),
    /** Label of the host below the domain that links in its mail lead to (`domain/dns/link-host.ts`); null: the service's own. */
    linkLabel: text('link_label'),
    /** How its certificate stands. */
    linkState: text('link_state', { enum: ['pending', 'active', 'failed'] })
      .notNull()
      .default('pending'),
    /** Why it is not active, or could not be asked for; null: nothing is wrong. */
    linkFault: text('link_fault'),
    linkCheckedAtMs: integer('link_checked_at_ms'),
    /** What the selectors of keys that are made begin with (`domain/dns/dkim-selector.ts`). */
    dkimSelector: text('dkim_selector').notNull().default('pennypost'),
    /** Its keys are published by the operator (`domain/dns/delegated-dkim.ts`). */
    dkimDelegated: integer('dkim_delegated', { mode: 'boolean' }).notNull().default(false),
    /** Why it is not verified; null when it is. */
    statusReason: text('status_reason'),
    /** Who says that it is verified: its DNS records, or the operator, whose word stands. */
    verifiedBy: text('verified_by', { enum: ['dns', 'operator'] }),
    /** `d=` of its signatures when the DKIM records are at its parent; null: the domain itself. */
    dkimDomain: text('dkim_domain'),
    checkedAtMs: integer('checked_at_ms'),
    /** When its records are looked at again; null: never by schedule. */
    nextCheckMs: integer('next_check_ms'),
    /** Mail that fails DMARC with `p=reject` is refused at the door; null: as its type has it (`domain/inbound/route.ts`). */
    refuseDmarc: integer('refuse_dmarc', { mode: 'boolean' }),
  },
  (t) => [
    index('domains_next_check').on(t.nextCheckMs).where(sql`next_check_ms IS NOT NULL`),
    uniqueIndex('domains_account_name').on(t.accountId, t.name),
    /** One account at a time has a domain verified. */
    uniqueIndex('domains_verified_name').on(t.name).where(sql`status = 'verified'`),
  ],
);

/** In control: names that accounts of other homes have verified. Those of the first home stand in its own `domains`. */
export const domainHomes = sqliteTable('domain_homes', {
  name: text('name').primaryKey(),
  home: integer('home').notNull(),
  accountId: integer('account_id').notNull(),
});

/** In control: homes in which accounts have lived, and in which keys and messages of theirs say that they are. */
export const formerHomes = sqliteTable(
  'former_homes',
  {
    home: integer('home').notNull(),
    accountId: integer('account_id').notNull(),
    leftAtMs: integer('left_at_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.home, t.accountId] })],
);

/**
 * Accounts that are on their way to another home: in control how far that is, in the home that is left and in the new one
 * who may write there (`store/moving`).
 */
export const accountMoves = sqliteTable('account_moves', {
  accountId: integer('account_id').primaryKey(),
  fromHome: integer('from_home').notNull(),
  toHome: integer('to_home').notNull(),
  /** See `domain/account-move.ts`. In the home that is left, triggers look at it. */
  state: text('state', { enum: ['copying', 'frozen', 'left', 'removing'] }).notNull(),
  /** Who carries it on: whoever has been followed by another cannot write any more. */
  runner: text('runner').notNull().default(''),
  /** JSON: how far the copying or the removing is. */
  place: text('place').notNull().default('{}'),
  /** JSON: the numbers of rows that the new home had made, while rows with those of others are put in. */
  sequences: text('sequences'),
  startedAtMs: integer('started_at_ms').notNull(),
  /** When the state began. */
  sinceMs: integer('since_ms').notNull(),
  /** Why it does not go on; null: it does. */
  waitsFor: text('waits_for'),
});

/** In a home that is left: rows that have changed since they were copied, in the order in which they did. */
export const movedRows = sqliteTable(
  'moved_rows',
  {
    n: integer('n').primaryKey(),
    accountId: integer('account_id').notNull(),
    /** The table, or for a message and what belongs to it that of the message. */
    name: text('name').notNull(),
    /** JSON array: the key of the row. */
    key: text('key').notNull(),
  },
  (t) => [index('moved_rows_account').on(t.accountId)],
);

/**
 * How far a sending domain is warmed, and what it has used of its limits: windows by number (UTC day, hour,
 * minute) with the recipients accepted in them and the limit then. The limits hold because a transaction that
 * passes one breaks a CHECK. A verified domain without a row is in the first phase since its verification.
 */
export const domainWarming = sqliteTable(
  'domain_warming',
  {
    domainId: integer('domain_id')
      .primaryKey()
      .references(() => domains.id, { onDelete: 'cascade' }),
    state: text('state', {
      enum: ['phase_1', 'phase_2', 'phase_3', 'phase_4', 'warmed', 'off'],
    }).notNull(),
    startedAtMs: integer('started_at_ms').notNull(),
    phaseStartedAtMs: integer('phase_started_at_ms').notNull(),
    /** The UTC day (days since 1970) on which the phase was judged last. */
    judgedDay: integer('judged_day').notNull().default(0),
    day: integer('day').notNull().default(0),
    dayUsed: integer('day_used').notNull().default(0),
    dayLimit: integer('day_limit').notNull().default(0),
    hour: integer('hour').notNull().default(0),
    hourUsed: integer('hour_used').notNull().default(0),
    hourLimit: integer('hour_limit').notNull().default(0),
    minute: integer('minute').notNull().default(0),
    minuteUsed: integer('minute_used').notNull().default(0),
    minuteLimit: integer('minute_limit').notNull().default(0),
  },
  () => [
    check('warming_daily', sql`day_used <= day_limit`),
    check('warming_hourly', sql`hour_used <= hour_limit`),
    check('warming_minute', sql`minute_used <= minute_limit`),
  ],
);

/** The warming of domains that were removed: who adds one again goes on where it stood, limits that are used included. */
export const keptWarming = sqliteTable(
  'kept_warming',
  {
    accountId: integer('account_id').notNull(),
    name: text('name').notNull(),
    /** JSON array: the columns of `domain_warming` after the first, in their order. */
    warming: text('warming').notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.name] })],
);

/** A DKIM key; the private half is encrypted at rest. */
export const dkimKeys = sqliteTable(
  'dkim_keys',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id),
    selector: text('selector').notNull(),
    algorithm: text('algorithm', { enum: ['rsa-sha256', 'ed25519-sha256'] }).notNull(),
    /** SubjectPublicKeyInfo (RSA) or the raw 32 bytes (Ed25519, RFC 8463 §4), base64: the `p=` value. */
    publicKey: text('public_key').notNull(),
    /** See `store/key-encryption.ts`. */
    privateKeyEncrypted: text('private_key_encrypted').notNull(),
    /** Active keys sign; a retired one has lost its private half. */
    status: text('status', { enum: ['pending', 'active', 'retired'] }).notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    /** When it stops signing because newer keys do, or has stopped; null: not planned. */
    retireAtMs: integer('retire_at_ms'),
    /** What its selector is a CNAME to; null: its record is a TXT of the domain's own. */
    target: text('target'),
  },
  (t) => [uniqueIndex('dkim_keys_domain_selector').on(t.domainId, t.selector)],
);

/** A DNS record that a domain needs, and what was last found (`domain/domain-state.ts`, `CheckRow`). */
export const recordChecks = sqliteTable(
  'record_checks',
  {
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id),
    kind: text('kind').notNull(),
    name: text('name').notNull(),
    type: text('type', { enum: ['TXT', 'CNAME', 'MX'] }).notNull(),
    need: text('need', { enum: ['required', 'recommended', 'optional'] }).notNull(),
    expected: text('expected').notNull(),
    status: text('status', { enum: ['ok', 'missing', 'wrong', 'multiple', 'lookup_failed'] }).notNull(),
    /** JSON array of records. */
    observed: text('observed', { mode: 'json' }).$type<string[]>().notNull(),
    fix: text('fix'),
    foundAt: text('found_at'),
    sinceMs: integer('since_ms').notNull(),
    badSinceMs: integer('bad_since_ms'),
  },
  (t) => [primaryKey({ columns: [t.domainId, t.kind, t.name] })],
);

/** An address that must not be mailed. */
export const suppressions = sqliteTable(
  'suppressions',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    /** Exact local part, domain in lower case. */
    address: text('address').notNull(),
    /** Of what mail it keeps the address, see `domain/suppression/scope.ts`. */
    scope: text('scope_domain').notNull().default(''),
    reason: text('reason', { enum: ['hard_bounce', 'complaint', 'manual', 'unsubscribe'] }).notNull(),
    source: text('source').notNull(),
    /** The reply or report that proves it. */
    proof: text('proof'),
    messageId: text('message_id'),
    createdAtMs: integer('created_at_ms').notNull(),
    expiresAtMs: integer('expires_at_ms'),
  },
  (t) => [
    uniqueIndex('suppressions_address').on(t.accountId, t.address, t.scope),
    /** With the row's id: an account's entries in the order in which they were made. */
    index('suppressions_account').on(t.accountId),
  ],
);

/** Deliveries that ended because a mailbox was full; enough of them in a short time suppress the address. */
export const fullMailboxes = sqliteTable(
  'full_mailboxes',
  {
    accountId: integer('account_id').notNull(),
    address: text('address').notNull(),
    messageId: text('message_id').notNull(),
    atMs: integer('at_ms').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.address, t.messageId] }),
    index('full_mailboxes_time').on(t.atMs),
  ],
);

/** What is counted by day, see `domain/counter.ts`. */
export const counters = sqliteTable(
  'counters',
  {
    /** UTC, e.g. `20261121`. */
    day: text('day').notNull(),
    name: text('name').notNull(),
    count: integer('count').notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.name] })],
);

/** Answers kept for 24 hours so that a repeated request is not carried out twice. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    accountId: integer('account_id').notNull(),
    key: text('key').notNull(),
    /** SHA-256 of the request, hex. */
    fingerprint: text('fingerprint').notNull(),
    /** The first answer's body, JSON. */
    answer: text('answer').notNull(),
    expiresAtMs: integer('expires_at_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.key] }), index('idempotency_keys_expiry').on(t.expiresAtMs)],
);

/** SMTP nodes; a lease holds only while its boot id is its node's newest. */
export const nodes = sqliteTable('nodes', {
  nodeId: text('node_id').primaryKey(),
  bootId: text('boot_id').notNull(),
  hostName: text('host_name').notNull(),
  version: text('version').notNull(),
  startedAtMs: integer('started_at_ms').notNull(),
  lastSeenAtMs: integer('last_seen_at_ms').notNull(),
  /** Where its clients submit, as it said itself; null: it takes no submissions, or did not say. */
  submissionHost: text('submission_host'),
  /** With STARTTLS. */
  submissionPort: integer('submission_port'),
  /** With TLS from the start. */
  submissionTlsPort: integer('submission_tls_port'),
  /** JSON `SubmissionPlace`: where clients submit, as the operator has let it be shown; null: nowhere is shown. */
  shownSubmission: text('shown_submission'),
  /** When it last came without a journal: what became of leases that it held before is not known. */
  journalNewAtMs: integer('journal_new_at_ms'),
  /** JSON `{excludeDomains, busyDomains}`: what it did not want when it was last noted; null: nothing was ever noted. */
  unwanted: text('unwanted'),
  /** JSON, a list of `SendingAddressState`, as it was last noted; null: it sends from one address. */
  sendingAddresses: text('sending_addresses'),
  /** Requests for leases of this boot up to this number have been given up: they take nothing any more. */
  leaseFence: integer('lease_fence').notNull().default(0),
});

/** Tokens of nodes, by their hash; each speaks for one node. */
export const nodeTokens = sqliteTable(
  'node_tokens',
  {
    /** SHA-256, hex. */
    secretHash: text('secret_hash').primaryKey(),
    nodeId: text('node_id').notNull(),
    /** Its last four characters. */
    hint: text('hint').notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    revokedAtMs: integer('revoked_at_ms'),
  },
  (t) => [index('node_tokens_node').on(t.nodeId)],
);

/** Relays that mail may leave by (`domain/delivery/transport.ts`); in control. */
export const transports = sqliteTable('transports', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull().unique(),
  /** Of which service it is (`transportPresets`). */
  preset: text('preset').notNull(),
  host: text('host').notNull(),
  port: integer('port').notNull(),
  tls: text('tls', { enum: ['implicit', 'starttls', 'none'] }).notNull(),
  /** Null: it asks for no sign-in. */
  user: text('user'),
  /** See `store/key-encryption.ts`; null with `user`. */
  secretEncrypted: text('secret_encrypted'),
  /** Octets; null: it says so itself. */
  maxBytes: integer('max_bytes'),
  connections: integer('connections').notNull(),
  /** Messages of a day (UTC); null: no limit is known. */
  dailyQuota: integer('daily_quota'),
  /** Messages of a minute, of all nodes together; null: no limit is known. */
  perMinute: integer('per_minute'),
  /** Recipients of one session, so messages over one connection; null: no limit is known. */
  sessionRecipients: integer('session_recipients'),
  paused: integer('paused', { mode: 'boolean' }).notNull().default(false),
  createdAtMs: integer('created_at_ms').notNull(),
  /** When it refused us last, and in which words. */
  failedAtMs: integer('failed_at_ms'),
  failedText: text('failed_text'),
  /** When it took a message last. */
  tookAtMs: integer('took_at_ms'),
  /** When its events told of a message last (`domain/relay-feed`); null: never. */
  toldAtMs: integer('told_at_ms'),
  /** Why it did not deliver one, as its events said last. */
  toldText: text('told_text'),
});

/** Which transports a message may leave by; the first that fits, by `position`. In control. */
export const transportRules = sqliteTable('transport_rules', {
  position: integer('position').primaryKey(),
  /** JSON, `transportRule` in `domain/delivery/transport.ts`. */
  rule: text('rule').notNull(),
});

/** Messages that a transport took on a day (UTC, `20261127`). In control. */
export const transportDays = sqliteTable(
  'transport_days',
  {
    name: text('name').notNull(),
    day: text('day').notNull(),
    taken: integer('taken').notNull(),
    /** What its events told on that day: delivered, and not delivered for good. */
    delivered: integer('delivered').notNull().default(0),
    refused: integer('refused').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.name, t.day] })],
);

/**
 * Deliveries by the id that a relay gave them in its reply, of relays whose events name nothing else of ours. WITHOUT ROWID, so
 * that a row is one row written. In control.
 */
export const relayed = sqliteTable('relayed', {
  id: text('id').primaryKey(),
  /** The transport. */
  name: text('name').notNull(),
  messageId: text('message_id').notNull(),
  n: integer('n').notNull(),
  /** `20261127` (UTC). */
  day: text('day').notNull(),
});

/** What is kept of the installation as a whole, one row each (`store/installation.ts`). */
export const installation = sqliteTable('installation', {
  name: text('name').primaryKey(),
  atMs: integer('at_ms').notNull(),
  /** JSON. */
  value: text('value').notNull(),
});

/** Where an account's events are posted. The feed is the account's event cursor; each endpoint keeps its own place. */
export const webhookEndpoints = sqliteTable(
  'webhook_endpoints',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    publicId: text('public_id').notNull(),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    url: text('url').notNull(),
    format: text('format', {
      enum: ['cloudmailin', 'event', 'postscale', 'resend', 'postmark', 'cloudmailin-multipart', 'raw'],
    }).notNull(),
    /** Its answer to received mail is the reply in the SMTP session; null: as its format has it. */
    synchronous: integer('synchronous', { mode: 'boolean' }),
    /** JSON array of event names as the owner wrote them; null: all. */
    events: text('events', { mode: 'json' }).$type<string[]>(),
    /** Received mail to this domain only, and of that to addresses of this pattern (`domain/inbound/endpoint-scope.ts`). */
    domain: text('domain'),
    addressPattern: text('address_pattern'),
    /** Asked at each RCPT whether mail is taken; null: nobody is. */
    authorizationUrl: text('authorization_url'),
    /** JSON arrays; of events of sent mail those by these sending domains, with one of these tags and of these streams; null: all. */
    sendingDomains: text('sending_domains', { mode: 'json' }).$type<string[]>(),
    tags: text('tags', { mode: 'json' }).$type<string[]>(),
    streams: text('streams', { mode: 'json' }).$type<string[]>(),
    /** Names of the owner's own header fields, and the user; their values and the password are in `ownEncrypted`. */
    headerNames: text('header_names', { mode: 'json' }).$type<string[]>(),
    username: text('username'),
    /** JSON `{headers, password}`, see `store/key-encryption.ts`. */
    ownEncrypted: text('own_encrypted'),
    description: text('description').notNull().default(''),
    state: text('state', { enum: ['active', 'disabled'] })
      .notNull()
      .default('active'),
    /** Why it is disabled. */
    stateReason: text('state_reason'),
    /** See `store/key-encryption.ts`. */
    secretEncrypted: text('secret_encrypted').notNull(),
    /** The secret before the last rotation; it signs as well until `previousSecretUntilMs`. */
    previousSecretEncrypted: text('previous_secret_encrypted'),
    previousSecretUntilMs: integer('previous_secret_until_ms'),
    /** The event cursor: what is before it has become deliveries. */
    cursorWeek: text('cursor_week').notNull(),
    cursorSeq: integer('cursor_seq').notNull(),
    cursorTaken: integer('cursor_taken').notNull(),
    /** The last page was full, so there may be more even within the row `cursorSeq`. */
    behind: integer('behind', { mode: 'boolean' }).notNull().default(false),
    /** First failure since the last success; null: the last try was a success. */
    failingSinceMs: integer('failing_since_ms'),
    createdAtMs: integer('created_at_ms').notNull(),
  },
  (t) => [
    uniqueIndex('webhook_endpoints_public_id').on(t.publicId),
    index('webhook_endpoints_account').on(t.accountId),
  ],
);

/** How often an event happened: one row an account, UTC day, dimension (`day`: in all; `hour`: in one of its hours) and value. */
const count = (kind: string) => integer(kind).notNull().default(0);
export const stats = sqliteTable(
  'stats',
  {
    accountId: integer('account_id').notNull(),
    /** E.g. `20261121`. */
    day: text('day').notNull(),
    dimension: text('dimension', {
      enum: ['day', 'hour', 'tag', 'domain', 'class', 'provider', 'reason'],
    }).notNull(),
    value: text('value').notNull(),
    accepted: count('accepted'),
    dispatched: count('dispatched'),
    rateLimited: count('rate_limited'),
    delivered: count('delivered'),
    deferred: count('deferred'),
    bounced: count('bounced'),
    expired: count('expired'),
    suppressed: count('suppressed'),
    complained: count('complained'),
    opened: count('opened'),
    clicked: count('clicked'),
    unsubscribed: count('unsubscribed'),
    autoReplied: count('auto_replied'),
    bounceReplied: count('bounce_replied'),
    failed: count('failed'),
    canceled: count('canceled'),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.day, t.dimension, t.value] })],
);

/** Up to which row of a week's messages and events an account's statistics count. */
export const statsProgress = sqliteTable(
  'stats_progress',
  {
    accountId: integer('account_id').notNull(),
    week: text('week').notNull(),
    seq: integer('seq').notNull(),
    foldedAtMs: integer('folded_at_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.week] })],
);

/** What a domain that receives does with mail, by local part: one row a rule (`domain/inbound/route.ts`). */
export const inboundRoutes = sqliteTable(
  'inbound_routes',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id').notNull(),
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id, { onDelete: 'cascade' }),
    /** A local part in lower case, a prefix with `*` behind it, or `*`. */
    pattern: text('pattern').notNull(),
    action: text('action', { enum: ['webhook', 'forward', 'drop', 'refuse'] }).notNull(),
    /** JSON array: public ids of endpoints, none for all of the account; of `forward`, addresses. */
    targets: text('targets', { mode: 'json' }).$type<string[]>().notNull(),
    /** What a refusal says. */
    text: text('text').notNull().default(''),
    createdAtMs: integer('created_at_ms').notNull(),
  },
  (t) => [uniqueIndex('inbound_routes_pattern').on(t.domainId, t.pattern)],
);

/** What a domain that receives does with mail by what is in it, before its routes (`domain/inbound/rule.ts`). */
export const inboundRules = sqliteTable(
  'inbound_rules',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id').notNull(),
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    /** The alias whose mail it looks at; null: all that the account gets at the domain. */
    aliasId: integer('alias_id').references((): AnySQLiteColumn => aliases.id, { onDelete: 'cascade' }),
    /** The smaller number goes before. */
    priority: integer('priority').notNull(),
    /** JSON array of `RuleCondition`. */
    conditions: text('conditions', { mode: 'json' }).$type<unknown[]>().notNull(),
    action: text('action', { enum: ['webhook', 'forward', 'drop', 'refuse'] }).notNull(),
    /** JSON array: public ids of endpoints, none for all of the account; of `forward`, addresses. */
    targets: text('targets', { mode: 'json' }).$type<string[]>().notNull(),
    /** What a refusal says. */
    text: text('text').notNull().default(''),
    createdAtMs: integer('created_at_ms').notNull(),
  },
  (t) => [index('inbound_rules_of').on(t.domainId, t.accountId, t.priority)],
);

/** A template of mail, or a layout around templates (`domain/template`). What it says stands in its versions. */
export const templates = sqliteTable(
  'templates',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id').notNull(),
    kind: text('kind', { enum: ['template', 'layout'] }).notNull(),
    slug: text('slug').notNull(),
    name: text('name').notNull(),
    description: text('description').notNull().default(''),
    /** false: nothing is sent with it. */
    active: integer('active', { mode: 'boolean' }).notNull().default(true),
    /** The newest version. */
    latest: integer('latest').notNull(),
    /** The version that is sent; null: none yet. */
    published: integer('published'),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (t) => [uniqueIndex('templates_slug').on(t.accountId, t.slug)],
);

/** A version of a template. One that was published never changes; the newest, while it was not, is the draft. */
export const templateVersions = sqliteTable(
  'template_versions',
  {
    templateId: integer('template_id')
      .notNull()
      .references(() => templates.id, { onDelete: 'cascade' }),
    version: integer('version').notNull(),
    subject: text('subject').notNull(),
    htmlBody: text('html_body'),
    textBody: text('text_body'),
    /** JSON array of `Variable`. */
    variables: text('variables', { mode: 'json' }).$type<unknown[]>().notNull(),
    layoutId: integer('layout_id'),
    /** Who the mail is from where the message does not say. */
    from: text('from_mailbox'),
    /** JSON array. */
    replyTo: text('reply_to', { mode: 'json' }).$type<string[]>().notNull(),
    createdAtMs: integer('created_at_ms').notNull(),
    publishedAtMs: integer('published_at_ms'),
  },
  (t) => [primaryKey({ columns: [t.templateId, t.version] })],
);

/** What others report about a domain, one row a report (`domain/reports`): DMARC (RFC 9990) and TLS (RFC 8460). */
export const domainReports = sqliteTable(
  'domain_reports',
  {
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['dmarc', 'tls'] }).notNull(),
    /** UTC, e.g. `20261121`: in the middle of what it covers. */
    day: text('day').notNull(),
    /** The same for the same report of the same reporter. */
    key: text('key').notNull(),
    reporter: text('reporter').notNull(),
    fromMs: integer('from_ms').notNull(),
    toMs: integer('to_ms').notNull(),
    /** DMARC: what the reporter found to be the policy of the domain. */
    policy: text('policy').notNull(),
    /** JSON array, see `domain/reports/kept-report.ts`. */
    rows: text('rows').notNull(),
  },
  (t) => [primaryKey({ columns: [t.domainId, t.kind, t.day, t.key] }), index('domain_reports_day').on(t.day)],
);

/** An address that mail is sent on from. The domain may be the installation's shared one, of another account. */
export const aliases = sqliteTable(
  'aliases',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    domainId: integer('domain_id')
      .notNull()
      .references(() => domains.id, { onDelete: 'cascade' }),
    domain: text('domain').notNull(),
    /** In lower case. */
    localPart: text('local_part').notNull(),
    /** JSON array of addresses; which of them may get mail stands in `destinations`. */
    forwardTo: text('forward_to', { mode: 'json' }).$type<string[]>().notNull(),
    /** Public id of the endpoint that is told of its mail too; null: none is. */
    webhook: text('webhook'),
    description: text('description').notNull().default(''),
    active: integer('active', { mode: 'boolean' }).notNull().default(true),
    /** Neither side of its mail sees the address of the other (`domain/inbound/masking.ts`). */
    masked: integer('masked', { mode: 'boolean' }).notNull().default(false),
    /** Mails that were taken for it, how many of them were sent on, and answers that left from it. */
    received: integer('received').notNull().default(0),
    forwarded: integer('forwarded').notNull().default(0),
    answered: integer('answered').notNull().default(0),
    lastReceivedAtMs: integer('last_received_at_ms'),
    /** The hour (since 1970) of its last mail, and how many came in it. */
    hour: integer('hour').notNull().default(0),
    hourUsed: integer('hour_used').notNull().default(0),
    createdAtMs: integer('created_at_ms').notNull(),
    updatedAtMs: integer('updated_at_ms').notNull(),
  },
  (t) => [
    uniqueIndex('aliases_address').on(t.domainId, t.localPart),
    /** With the row's id: an account's aliases in the order in which they were made. */
    index('aliases_account').on(t.accountId),
  ],
);

/**
 * Whom an address `reply+<token>` of a masked alias stands for: a row for each who has written to it. WITHOUT ROWID, so
 * that it costs one row.
 */
export const replyAddresses = sqliteTable(
  'reply_addresses',
  {
    aliasId: integer('alias_id')
      .notNull()
      .references(() => aliases.id, { onDelete: 'cascade' }),
    token: text('token').notNull(),
    address: text('address').notNull(),
    /** Of the last mail, within a month. */
    usedAtMs: integer('used_at_ms').notNull(),
  },
  (t) => [primaryKey({ columns: [t.aliasId, t.token] })],
);

/** An address that an account's mail is to be sent on to, and whether its owner has agreed. */
export const destinations = sqliteTable(
  'destinations',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    accountId: integer('account_id')
      .notNull()
      .references(() => accounts.id),
    /** Exact local part, domain in lower case. */
    address: text('address').notNull(),
    state: text('state', { enum: ['pending', 'verified'] }).notNull(),
    /** SHA-256 of what stands in the mailed link and nowhere else, hex; null: it was followed. */
    secretHash: text('secret_hash'),
    sentAtMs: integer('sent_at_ms').notNull(),
    verifiedAtMs: integer('verified_at_ms'),
    createdAtMs: integer('created_at_ms').notNull(),
  },
  (t) => [
    uniqueIndex('destinations_address').on(t.accountId, t.address),
    uniqueIndex('destinations_secret').on(t.secretHash),
  ],
);

/** Where exact searches may find something (`store/search-words.ts`). */
export const searchWords = sqliteTable(
  'search_words',
  {
    accountId: integer('account_id').notNull(),
    week: text('week').notNull(),
    /** Which stretch of the week's row numbers: a page, or a pair of them. */
    page: integer('page').notNull(),
    /** From this row on it knows all of them. */
    fromSeq: integer('from_seq').notNull(),
    /** Hashes of equal length, one after the other; of a pair, those of its first page. */
    words: text('words').notNull(),
    /** Of a pair, those of its second page. */
    laterWords: text('later_words').notNull().default(''),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.week, t.page] })],
);

/**
 * Hosts that links in sent mail lead to and that their domains have given up (`store/former-link-hosts.ts`). WITHOUT ROWID,
 * in control alone.
 */
export const formerLinkHosts = sqliteTable('former_link_hosts', {
  /** A-labels, lower case. */
  host: text('host').primaryKey(),
  /** Until when it is kept. */
  keptUntilMs: integer('kept_until_ms').notNull(),
});

/**
 * What a recipient domain asks of TLS, as nodes have found it (`domain/delivery/recipient-policy.ts`). WITHOUT ROWID, so
 * that it costs one row.
 */
export const recipientPolicies = sqliteTable('recipient_policies', {
  /** A-labels, lower case. */
  domain: text('domain').primaryKey(),
  /** JSON. */
  policy: text('policy').notNull(),
  seenAtMs: integer('seen_at_ms').notNull(),
});
