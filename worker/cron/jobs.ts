import { fullMailbox } from '#domain/delivery/consequence.ts';
import { diagnoseDatabaseSize } from '#domain/dns/installation.ts';
import { firstHome } from '#domain/message/home.ts';
import { endFormerLinkHosts } from '../dns/link-hosts.ts';
import { zoneOf } from '../dns/zone-api.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { purgeAuth } from '../store/auth.ts';
import { mendCopies } from '../store/copies.ts';
import { releaseLost } from '../store/domain-names.ts';
import { purgeReports } from '../store/domain-reports.ts';
import { dropOldTables, ensureHomeTables } from '../store/home-tables.ts';
import { purgeIdempotencyKeys } from '../store/idempotency.ts';
import { noteDatabaseSize, readDatabaseSize } from '../store/installation.ts';
import { anythingDue } from '../store/leases.ts';
import { purgeBodies } from '../store/raw.ts';
import { purgePolicies } from '../store/recipient-policies.ts';
import { reencrypt } from '../store/reencrypt.ts';
import { purgeRelayed } from '../store/relayed.ts';
import { purgeReplies } from '../store/reply-addresses.ts';
import type { Store } from '../store/store.ts';
import { purgeSuppressions } from '../store/suppressions.ts';
import { purgeTransportDays } from '../store/transports.ts';
import { endpointsWithWork } from '../store/webhook-endpoints.ts';
import { pokeSenders } from '../webhook/poke.ts';
import { stepAccounts } from './accounts.ts';
import { stepHealth } from './health.ts';
import { sendMoves } from './moves.ts';
import type { Job } from './run-jobs.ts';
import { verifyDue } from './verify.ts';

/** What the jobs of a tick work with. */
export interface Tick {
  store: Store;
  env: Env;
  /** When the tick was to begin, Unix ms. */
  nowMs: number;
}

const hourMs = 3_600_000;
/** A job of which a step says only whether there is more. */
const more = (there: boolean) => (there ? 1 : null);

/** A job of every home, or of one kind only. */
interface HomeJob extends Job<Tick> {
  of?: 'control' | 'others';
}

/** What cron does in a home. */
export function jobsAt(home: number): readonly Job<Tick>[] {
  const kind = home === firstHome ? 'control' : 'others';
  return jobs.filter(({ of }) => of === undefined || of === kind);
}

/**
 * Everything that cron does; a tick in a home has 400 statements and 400 subrequests for all of it. Housekeeping comes first. A
 * missing table is made on demand as well, so once an hour is often enough.
 */
const jobs: readonly HomeJob[] = [
  {
    name: 'drop tables',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => more(await dropOldTables(store, nowMs)),
  },
  {
    name: 'make tables',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => {
      await ensureHomeTables(store, nowMs);
      return null;
    },
  },
  {
    // The bucket is one for all homes.
    name: 'bodies',
    of: 'control',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => more(await purgeBodies(store, nowMs)),
  },
  {
    name: 'idempotency keys',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => more(await purgeIdempotencyKeys(store, nowMs)),
  },
  {
    name: 'sessions',
    of: 'control',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => {
      await purgeAuth(store, nowMs);
      return null;
    },
  },
  {
    // Of accounts to other homes, should a message of theirs have been lost.
    name: 'moves',
    of: 'control',
    everyMs: 0,
    step: async ({ store, env }) => {
      await sendMoves(store, env);
      return null;
    },
  },
  {
    // What control has decided and could not write to this home.
    name: 'copies',
    of: 'others',
    everyMs: hourMs / 12,
    step: ({ store }, place) => mendCopies(store, place),
  },
  {
    name: 'domain names',
    of: 'others',
    everyMs: hourMs,
    step: ({ store }, place) => releaseLost(store, place),
  },
  {
    name: 'reports',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => more(await purgeReports(store, nowMs)),
  },
  {
    name: 'recipient policies',
    of: 'control',
    everyMs: 24 * hourMs,
    step: async ({ store, nowMs }) => more(await purgePolicies(store, nowMs)),
  },
  {
    name: 'transports',
    of: 'control',
    everyMs: 24 * hourMs,
    step: async ({ store, nowMs }) => {
      await purgeTransportDays(store, nowMs);
      return more(await purgeRelayed(store, nowMs));
    },
  },
  {
    name: 'link hosts',
    of: 'control',
    everyMs: 24 * hourMs,
    step: async ({ store, env, nowMs }) =>
      more(await endFormerLinkHosts(store, { zone: zoneOf(env), nowMs })),
  },
  {
    name: 'reply addresses',
    everyMs: 24 * hourMs,
    step: async ({ store, nowMs }) => more(await purgeReplies(store, nowMs)),
  },
  {
    name: 'suppressions',
    everyMs: hourMs,
    step: ({ store, nowMs }, place) =>
      purgeSuppressions(store, place, { nowMs, strikesBeforeMs: nowMs - fullMailbox.withinMs }),
  },
  {
    // After ENCRYPTION_KEYS has got a new first key.
    name: 'encryption',
    everyMs: hourMs,
    step: ({ store, env }, place) => reencrypt(store, env.encryptionKeys, place),
  },
  {
    // Announces again whatever is due and nobody has leased: lost wakes and pointers, expired leases, far-away `send_at`.
    name: 'announce',
    everyMs: 0,
    step: async ({ store, env, nowMs }) => {
      // A tick may begin late; what has fallen due meanwhile must not wait for the next.
      const due = await anythingDue(store, Math.max(nowMs, Date.now()));
      if (due) await hubOf(env.bindings.HUB).wake([store.home]);
      return null;
    },
  },
  {
    // Pokes webhook senders that are behind.
    name: 'webhooks',
    everyMs: 0,
    step: async ({ store, env, nowMs }, place) => {
      const { ids, next } = await endpointsWithWork(store, Math.max(nowMs, Date.now()), place);
      await pokeSenders(env, ids);
      return next;
    },
  },
  {
    name: 'database size',
    everyMs: hourMs,
    step: async ({ store, nowMs }) => {
      await noteDatabaseSize(store, nowMs);
      const { status, observed, fix } = diagnoseDatabaseSize(await readDatabaseSize(store, nowMs));
      if (status === 'ok') return null;
      console.warn(JSON.stringify({ level: 'warn', msg: `database: ${observed}`, home: store.home, fix }));
      return null;
    },
  },
  { name: 'accounts', everyMs: 0, step: stepAccounts },
  { name: 'health', everyMs: hourMs, step: stepHealth },
  {
    name: 'domains',
    everyMs: 0,
    step: async ({ store, env, nowMs }) => {
      await verifyDue(store, env, nowMs);
      return null;
    },
  },
];
