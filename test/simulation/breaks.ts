import type { Mutation } from './bundle.ts';

/** A fault that is made again, and the invariant that must catch it. */
export interface Break {
  /** A row of the table of known faults, or a name. */
  row: string;
  about: string;
  /** How the invariant begins that catches it. */
  caughtBy: string;
  /** A plan that catches it: of these operations, or of all. In workerd where rows are counted. */
  proof: { seed: number; days: number; only?: string; engine?: 'workerd' };
  mutations: readonly Mutation[];
}

/**
 * Reintroduced one at a time by `--break <row>`, all of them by `--prove`; a text that is gone fails loudly. Numbers are the
 * rows of the table of known faults.
 */
export const breaks: readonly Break[] = [
  {
    row: '1',
    about: 'purged rows are asked for',
    caughtBy: '4 reads',
    proof: { seed: 1, days: 50 },
    mutations: [
      {
        file: 'worker/store/home-tables.ts',
        find: 'week >= weekOf(nowMs - keptDays * dayMs) && week <= weekOf(nowMs + 7 * dayMs) ? week : null',
        replace: 'week',
      },
    ],
  },
  {
    row: '2',
    about: 'tables go when their last event may not be folded yet, and the fold follows it',
    caughtBy: '4 reads',
    proof: { seed: 1, days: 60, only: 'send,schedule,lastOpens,check' },
    mutations: [
      {
        file: 'worker/store/home-tables.ts',
        find: 'export const dropAfterMs = 6 * 3_600_000;',
        replace: 'export const dropAfterMs = 0;',
      },
      {
        file: 'worker/store/fold.ts',
        find: `import { eventKinds } from '#domain/delivery/event.ts';`,
        replace: `import { eventKinds } from '#domain/delivery/event.ts';
import { homeOf } from '#domain/message/home.ts';`,
      },
      {
        file: 'worker/store/fold.ts',
        find: 'byRetainedWeek(announced, (row) => String(row.m), untilMs)',
        replace: '[...Map.groupBy(announced, (row) => homeOf(String(row.m)).week)]',
      },
    ],
  },
  {
    row: '3',
    about: 'a node delivers again what it has an outcome for, and the edge drops late reports',
    caughtBy: '2 doubled',
    proof: { seed: 1, days: 6, only: 'awayForLong,check' },
    mutations: [
      {
        file: 'smtp-node/outbound/carry.ts',
        find: `if (earlier && earlier.outcome.type !== 'deferred') {`,
        replace: 'if (earlier && earlier === null) {',
      },
      {
        file: 'worker/node-api/results.ts',
        find: 'if (!reduction) continue;',
        replace: 'if (reduction !== undefined) continue;',
      },
      {
        file: 'worker/store/leases.ts',
        find: 'const unreported = fresh.filter((row) => row.unreported);',
        replace: 'const unreported = fresh.filter(() => false);',
      },
    ],
  },
  {
    row: '4',
    about: 'a key stays in flight for as long as the isolate lives',
    caughtBy: '4 keys',
    proof: { seed: 2, days: 20, only: 'keyed' },
    mutations: [
      {
        file: 'worker/api/send.ts',
        find: 'const flightMs = 30_000;',
        replace: 'const flightMs = 30_000_000;',
      },
    ],
  },
  {
    row: '5',
    about: 'a lease whose answer was lost is not asked for again',
    caughtBy: '1 held',
    proof: { seed: 1, days: 25, only: 'send,batch,edgeFlaky,databaseFaults,check' },
    mutations: [
      {
        file: 'smtp-node/outbound/lease-loop.ts',
        find: 'before?.ask ?? this.#newAsk(room, digestMax)',
        replace: 'this.#newAsk(room, digestMax)',
      },
    ],
  },
  {
    row: '6',
    about: 'what was suppressed after it was accepted is sent',
    caughtBy: '3 suppressed',
    proof: { seed: 1, days: 30 },
    mutations: [
      {
        file: 'worker/domain/delivery/lease-choice.ts',
        find: 'if (row.suppression) {',
        replace: 'if (row.suppression && !row) {',
      },
      {
        file: 'worker/store/leases.ts',
        find: `
      AND NOT EXISTS (SELECT 1 FROM \${suppressionOf(isCoveredIn(week), nowMs)})`,
        replace: '',
      },
    ],
  },
  {
    row: '7',
    about: 'a tick of cron folds every account by itself',
    caughtBy: '7 limits',
    proof: { seed: 13, days: 3 },
    mutations: [
      {
        file: 'worker/store/fold.ts',
        find: 'if (room === 0) {',
        replace: 'if (pages.at(-1)?.[0]?.accountId !== accountId) {',
      },
      {
        file: 'worker/store/fold.ts',
        find: 'const stepStatements = 90;',
        replace: 'const stepStatements = 9000;',
      },
    ],
  },
  {
    row: '8',
    about: 'every lease looks at hundreds of rows',
    caughtBy: '7 idle',
    proof: { seed: 48, days: 4, only: 'suspend,send,check', engine: 'workerd' },
    mutations: [
      {
        file: 'worker/domain/delivery/lease-choice.ts',
        find: 'const leastLook = 21;',
        replace: 'const leastLook = 500;',
      },
    ],
  },
  {
    row: '9',
    about: 'a failure counts from the first one, whatever succeeded since',
    caughtBy: '6 recovered',
    proof: { seed: 1, days: 60, only: 'recovery,check' },
    mutations: [
      {
        file: 'worker/store/webhook-deliveries.ts',
        find: 'SET failing_since_ms = NULL WHERE id',
        replace: 'SET failing_since_ms = failing_since_ms WHERE id',
      },
    ],
  },
  {
    row: '10',
    about: 'a lease gives the newest weeks first',
    caughtBy: '1 order',
    proof: { seed: 5, days: 10, only: 'lastWeek' },
    mutations: [
      {
        file: 'worker/domain/delivery/lease-choice.ts',
        find: '.sort((a, b) => a.class - b.class || a.dueMs - b.dueMs)',
        replace: '.sort((a, b) => (b.messageId < a.messageId ? -1 : 1))',
      },
    ],
  },
  {
    row: '11',
    about: 'a lease has all bodies with it',
    caughtBy: '7 limits',
    proof: { seed: 42, days: 5, only: 'campaign,check' },
    mutations: [
      {
        file: 'worker/node-api/lease.ts',
        find: 'const mostRawBytes = 4 * 1024 * 1024;',
        replace: 'const mostRawBytes = 4 * 1024 * 1024 * 1024;',
      },
    ],
  },
  {
    row: '12',
    about: 'a run of a webhook sender does not end',
    caughtBy: '7 limits',
    proof: { seed: 25, days: 2, only: 'storm' },
    mutations: [
      {
        file: 'worker/webhook/run.ts',
        find: 'Date.now() - this.startedAtMs >= longestRunMs',
        replace: 'Date.now() < this.startedAtMs',
      },
      {
        file: 'worker/webhook/run.ts',
        find: 'const requestsPerRun = 330;',
        replace: 'const requestsPerRun = 33_000;',
      },
      {
        file: 'worker/webhook/run.ts',
        find: 'const statementsPerRun = 300;',
        replace: 'const statementsPerRun = 30_000;',
      },
    ],
  },
  {
    row: '13',
    about: 'a DSN is dropped of what was given back',
    caughtBy: '2 returned',
    proof: { seed: 10, days: 20, only: 'returnedWhileReleased,check' },
    mutations: [
      {
        file: 'worker/domain/delivery/returned-event.ts',
        find: 'if (unsent.includes(delivery.state) && !delivery.dispatched)',
        replace: 'if (unsent.includes(delivery.state))',
      },
    ],
  },
  {
    row: '14',
    about: 'each retry is a queue message of its own, and a call',
    caughtBy: '7 limits',
    proof: { seed: 24, days: 7, only: 'greylisted' },
    mutations: [
      {
        file: 'worker/hub/announcer.ts',
        find: 'await sendLater(queue, retries, (dueMs) => slotOf(dueMs, nowMs), nowMs);',
        replace:
          'for (const one of retries) await sendLater(queue, [one], (dueMs) => slotOf(dueMs, nowMs), nowMs);',
      },
    ],
  },
  {
    row: '15',
    about: 'each recipient that is left out is a statement',
    caughtBy: '7 limits',
    proof: { seed: 10, days: 5, only: 'suppressedBatch' },
    mutations: [
      {
        file: 'worker/store/accepted-rows.ts',
        find: 'return parameterGroups(leftOut).map(',
        replace: 'return leftOut.map((one) => [one]).map(',
      },
    ],
  },
  {
    row: '16',
    about: 'a search looks at everything',
    caughtBy: '7 limits',
    proof: { seed: 60, days: 4, only: 'archive', engine: 'workerd' },
    mutations: [
      {
        file: 'worker/api/emails.ts',
        find: 'const searchedRows = 1400;',
        replace: 'const searchedRows = 140_000;',
      },
      {
        file: 'worker/store/message-pages.ts',
        find: 'const rowsAtOnce = 150;',
        replace: 'const rowsAtOnce = 15_000;',
      },
    ],
  },
  {
    row: '17',
    about: 'a domain is deleted while its mail waits',
    caughtBy: '2 unsignable',
    proof: { seed: 38, days: 5, only: 'removeDomain,check' },
    mutations: [
      {
        file: 'worker/api/domains.ts',
        find: `await settleWaiting(c, domain, cancel === 'true');`,
        replace: `await settleWaiting(c, { ...domain, name: '' }, cancel === 'true');`,
      },
    ],
  },
  {
    row: '18',
    about: 'a node with a wrong token and a journal tries for ever',
    caughtBy: '1 ends',
    proof: { seed: 24, days: 3 },
    mutations: [
      {
        file: 'smtp-node/outbound/replay.ts',
        find: 'await Promise.race([reporter.idle().then(() => null), reporter.refused])',
        replace: 'await reporter.idle().then(() => null)',
      },
    ],
  },
  {
    row: '19',
    about: 'a node judges leases by its own clock',
    caughtBy: '1 given back',
    proof: { seed: 7, days: 40, only: 'moveClock,check' },
    mutations: [
      {
        file: 'smtp-node/edge-clock.ts',
        find: 'sinceMs: () => number = () => performance.now()',
        replace: 'sinceMs: () => number = () => Date.now()',
      },
      {
        file: 'smtp-node/worker-client.ts',
        find: 'if (Number.isSafeInteger(edgeNowMs)) clock?.set(edgeNowMs, askedMarkMs);',
        replace: 'if (!edgeNowMs) clock?.set(edgeNowMs, askedMarkMs);',
      },
    ],
  },
  {
    row: '20',
    about: 'nobody notes the size of the database',
    caughtBy: '8 size',
    proof: { seed: 1, days: 7, only: 'check' },
    mutations: [
      {
        file: 'worker/store/installation.ts',
        find: 'if (bytes === 0) return;',
        replace: 'if (bytes > 0) return;',
      },
    ],
  },
  {
    row: 'tables',
    about: 'tables are never dropped',
    caughtBy: '8 tables',
    proof: { seed: 1, days: 60, only: 'send,check' },
    mutations: [
      {
        file: 'worker/store/home-tables.ts',
        find: `return period < (keepFrom[kind] ?? '');`,
        replace: 'return false && keepFrom[kind] !== period;',
      },
    ],
  },
  {
    row: 'journal',
    about: 'a node forgets the transactions that its last run did not see the end of',
    caughtBy: '1 given back',
    proof: { seed: 4, days: 6, only: 'killedAtTheDot,check' },
    mutations: [
      {
        file: 'smtp-node/outbound/replay.ts',
        find: 'await Promise.all(journal.unfinished().map((record) => journal.outcome(record, interrupted(record))));',
        replace: 'void interrupted;',
      },
    ],
  },
  {
    row: 'fold',
    about: 'two folds of the same page of events both count',
    caughtBy: '5 statistics',
    proof: { seed: 19, days: 6, only: 'foldedTwice,check' },
    mutations: [
      {
        file: 'worker/store/fold.ts',
        find: 'sql`EXISTS (SELECT 1 FROM stats_progress p',
        replace: 'sql`(true OR EXISTS (SELECT 1 FROM stats_progress p',
      },
      {
        file: 'worker/store/fold.ts',
        find: `AND p.seq = j.value->>'from')`,
        replace: `AND p.seq = j.value->>'from'))`,
      },
    ],
  },
  {
    row: 'simulated',
    about: 'what goes to the simulator counts in statistics',
    caughtBy: '5 statistics',
    proof: { seed: 2, days: 20, only: 'send,check' },
    mutations: [
      {
        file: 'worker/store/fold.ts',
        find: 'm.test_mode = 0 AND d.simulated = 0',
        replace: 'm.test_mode = 0',
      },
    ],
  },
];
