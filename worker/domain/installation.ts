import type { MailClass } from './class.ts';
import { type Diagnosis, failed, fine, unknown, warning } from './diagnosis.ts';

/** The edge's own state, as it is judged: every fact is read elsewhere and passed in. */
export interface InstallationFacts {
  nowMs: number;
  /** Columns that the schema has and the database has not, as `table.column`; null: it does not tell. */
  missingColumns: readonly string[] | null;
  /** Why the bucket of messages did not answer; null: it did. */
  bucketFault: string | null;
  /** Since when what waits longest has been due, by class. */
  queues: readonly { class: MailClass; oldestDueMs: number | null }[];
  nodes: readonly { nodeId: string; lastSeenAtMs: number }[];
  /** Cron's last tick, with what went wrong in it; null: there has been none. */
  tick: { atMs: number; fault: string | null } | null;
  /** Webhook endpoints that have had something to post for longer than `lateMs.webhook`. */
  lateEndpoints: number;
  /** Why sign-in links and invitations cannot be mailed; null: they can. */
  mailFault: string | null;
  allowLocalWebhooks: boolean;
  settings: number;
}

const minuteMs = 60_000;

/** Longer than this is late. */
export const lateMs = {
  /** A node asks for work every few seconds. */
  node: 3 * minuteMs,
  /** Cron ticks every minute. */
  tick: 5 * minuteMs,
  /** A lease is good for 30 minutes, and a delivery in one is due all the while. */
  queue: 40 * minuteMs,
  webhook: 10 * minuteMs,
} as const;

type Check = (facts: InstallationFacts) => Diagnosis | Diagnosis[];

/** One function a check, in the order in which they are told. */
const checks: readonly Check[] = [
  ({ settings }) => fine('settings', `All ${settings} settings and secrets can be read.`),
  diagnoseDatabase,
  ({ bucketFault }) =>
    bucketFault === null
      ? fine('bucket', 'The bucket of messages answers.')
      : failed(
          'bucket',
          `The bucket of messages does not answer: ${bucketFault}`,
          'Check the binding RAW in wrangler.toml; run npm run deploy.',
        ),
  diagnoseTick,
  diagnoseNodes,
  ({ queues, nowMs }) =>
    queues.map(({ class: name, oldestDueMs }) => {
      const check = `queue ${name}`;
      if (oldestDueMs === null) return fine(check, 'Nothing is due.');
      const minutes = Math.floor((nowMs - oldestDueMs) / minuteMs);
      const observed = `What waits longest has been due for ${minutes} min.`;
      return nowMs - oldestDueMs <= lateMs.queue
        ? fine(check, observed)
        : failed(check, observed, 'See that a node is here; start more of them if they are busy.');
    }),
  ({ lateEndpoints: late }) =>
    late === 0
      ? fine('webhooks', 'No endpoint is behind.')
      : failed(
          'webhooks',
          `${late} ${late === 1 ? 'endpoint has' : 'endpoints have'} had something to post for ${lateMs.webhook / minuteMs} min.`,
          'See that cron ticks; look at the logs of the Worker (wrangler tail).',
        ),
  ({ mailFault }) =>
    mailFault === null
      ? fine('mail-from', 'Sign-in links and invitations can be mailed.')
      : failed('mail-from', mailFault, 'Verify a sending domain, or set MAIL_FROM to an address of one.'),
  ({ allowLocalWebhooks }) =>
    allowLocalWebhooks
      ? warning(
          'local-webhooks',
          'Webhook endpoints may be on the loopback host.',
          'Take ALLOW_LOCAL_WEBHOOKS away where this is no development.',
        )
      : [],
];

/** Judges all that the edge knows of itself. */
export function diagnoseInstallation(facts: InstallationFacts): Diagnosis[] {
  return checks.flatMap((check) => check(facts));
}

function diagnoseDatabase({ missingColumns: missing }: InstallationFacts): Diagnosis {
  const fix = 'Apply the migrations: npm run deploy.';
  if (missing === null) return unknown('database', 'It does not tell its tables and columns.', fix);
  if (missing.length === 0) return fine('database', 'It has every table and column.');
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
  return failed('database', `It lacks ${missing.slice(0, 5).join(', ')}${more}.`, fix);
}

function diagnoseTick({ tick, nowMs }: InstallationFacts): Diagnosis {
  const fix = 'Check [triggers] in wrangler.toml, crons = ["* * * * *"]; run npm run deploy.';
  if (tick === null) return failed('cron', 'It has never ticked.', fix);
  const minutes = Math.floor((nowMs - tick.atMs) / minuteMs);
  if (nowMs - tick.atMs > lateMs.tick) return failed('cron', `It last ticked ${minutes} min ago.`, fix);
  return tick.fault === null
    ? fine('cron', 'It ticks.')
    : warning('cron', `It ticks, but: ${tick.fault}`, 'Look at the logs of the Worker (wrangler tail).');
}

function diagnoseNodes({ nodes, nowMs }: InstallationFacts): Diagnosis {
  const start = 'Start a node, see README, Deploy.';
  if (nodes.length === 0) return failed('nodes', 'No node has ever said hello: nothing is delivered.', start);
  const away = nodes.filter(({ lastSeenAtMs }) => nowMs - lastSeenAtMs > lateMs.node);
  const names = away.map(({ nodeId }) => nodeId).join(', ');
  if (away.length === 0) return fine('nodes', `${nodes.map(({ nodeId }) => nodeId).join(', ')}: here.`);
  return away.length === nodes.length
    ? failed('nodes', `No node is here: ${names} ${away.length === 1 ? 'is' : 'are'} away.`, start)
    : warning(
        'nodes',
        `${names} ${away.length === 1 ? 'is' : 'are'} away.`,
        'Start it again if it is still wanted.',
      );
}
