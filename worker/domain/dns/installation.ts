import type { MailClass } from '../message/class.ts';
import { type Diagnosis, failed, fine, unknown, warning } from './diagnosis.ts';

/** The edge's own state, as it is judged: every fact is read elsewhere and passed in. */
export interface InstallationFacts {
  nowMs: number;
  /** Columns that the schema has and the database has not, as `table.column`; null: it does not tell. */
  missingColumns: readonly string[] | null;
  databaseSizes: readonly HomeSize[];
  /** Why the bucket of messages did not answer; null: it did. */
  bucketFault: string | null;
  /** Since when what waits longest has been due, by class. */
  queues: readonly { class: MailClass; oldestDueMs: number | null }[];
  nodes: readonly { nodeId: string; lastSeenAtMs: number }[];
  /** The Worker hands mail to Cloudflare itself, by this transport, as a rule says; null: it does not. */
  workerTransport: string | null;
  /** Cron's last tick, with what went wrong in it; null: there has been none. */
  tick: { atMs: number; fault: string | null } | null;
  /** Webhook endpoints that have had something to post for longer than `lateMs.webhook`. */
  lateEndpoints: number;
  /** Active endpoints that have refused everything for longer than `lateMs.webhook`, and what waits for them. */
  failingEndpoints: { count: number; waiting: number };
  /** Why sign-in links and invitations cannot be mailed; null: they can. */
  mailFault: string | null;
  /** Keys of ENCRYPTION_KEYS, and texts that need another than the first, or have an older form. */
  encryption: { keys: number; old: number };
  allowLocalWebhooks: boolean;
  settings: number;
  relays: readonly RelayFacts[];
}

/** A relay, and what is wrong with it; null: nothing that can be told. */
export interface RelayFacts {
  name: string;
  fault: { text: string; fix: string } | null;
}

/** How large a database is, in bytes, and by how many it grows a day; null: not known yet. */
export interface DatabaseSize {
  bytes: number;
  bytesADay: number | null;
}

/** That of a home, and how many accounts live there. */
export interface HomeSize extends DatabaseSize {
  home: number;
  accounts: number;
}

/** D1 takes so much in one database (its limits page, paid plan); then every write fails. */
const largestDatabaseBytes = 10e9;
const warnedAtShare = 0.7;
const failedAtShare = 0.9;
/** From here on a database is filling up. */
export const warnedDatabaseBytes = warnedAtShare * largestDatabaseBytes;

/** Told by the edge's own page and by the doctor of a node. */
export function diagnoseDatabaseSize(
  { bytes, bytesADay }: DatabaseSize,
  { check = 'database-size', fix = sendLess } = {},
): Diagnosis {
  const share = bytes / largestDatabaseBytes;
  const goal = share < warnedAtShare ? warnedAtShare : 1;
  const inUnits = (size: number) =>
    size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(2)} GB`;
  const growth =
    bytesADay === null
      ? ''
      : bytesADay <= 0
        ? ' It does not grow.'
        : ` It grows by ${inUnits(bytesADay)} a day: ${Math.max(0, Math.floor((goal * largestDatabaseBytes - bytes) / bytesADay))} days until ${goal * 100} %.`;
  const observed = `It has ${inUnits(bytes)}, ${(share * 100).toFixed(1)} % of what one database may have.${growth}`;
  if (share >= failedAtShare) return failed(check, observed, fix);
  return share >= warnedAtShare ? warning(check, observed, fix) : fine(check, observed);
}

const whenFull = 'when it is full, nothing is accepted and no outcome is recorded.';
const sendLess = `Send less through this installation or keep content for fewer days (settings of the accounts): ${whenFull}`;

/** Likewise for each home; with one home nothing is said of homes. */
export function diagnoseHomes(homes: readonly HomeSize[]): Diagnosis[] {
  const [only] = homes;
  if (homes.length === 1 && only) return [diagnoseDatabaseSize(only)];
  return homes.map((size) => {
    const told = diagnoseDatabaseSize(size, {
      check: `database-size of home ${size.home}`,
      fix: `New accounts go to other homes as long as one has room. Let the accounts here send less or keep content for fewer days: ${whenFull}`,
    });
    const accounts = size.accounts === 1 ? '1 account lives' : `${size.accounts} accounts live`;
    return { ...told, observed: `${told.observed} ${accounts} here.` };
  });
}

/** Told by the edge's own page and by the doctor of a node; without relays nothing is said of them. */
export function diagnoseRelays(relays: readonly RelayFacts[]): Diagnosis[] {
  return relays.map(({ name, fault }) =>
    fault === null
      ? fine(`relay ${name}`, 'Nothing speaks against what it takes being delivered.')
      : warning(
          `relay ${name}`,
          `${fault.text}.`.replace(/^./, (first) => first.toUpperCase()),
          fault.fix,
        ),
  );
}

/** Told by the doctor of a node; where the Worker hands no mail to Cloudflare itself, nothing is said of it. */
export function diagnoseWorkerTransport(workerTransport: string | null): Diagnosis[] {
  if (workerTransport === null) return [];
  const observed = `While no node is here, mail leaves by the binding of the Worker (${workerTransport}); so does what its rules give to it.`;
  return [fine('worker transport', observed)];
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
  ({ databaseSizes }) => diagnoseHomes(databaseSizes),
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
  ({ relays }) => diagnoseRelays(relays),
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
  ({ lateEndpoints: late, failingEndpoints: { count, waiting } }) =>
    late === 0
      ? count === 0
        ? fine('webhooks', 'No endpoint is behind.')
        : warning(
            'webhooks',
            `${count} ${count === 1 ? 'endpoint takes' : 'endpoints take'} nothing, and ${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'} for them.`,
            'They are tried again with growing pauses. Ask whoever runs the endpoints: their pages show the answers.',
          )
      : failed(
          'webhooks',
          `${late} ${late === 1 ? 'endpoint has' : 'endpoints have'} had something to post for ${lateMs.webhook / minuteMs} min.`,
          'See that cron ticks; look at the logs of the Worker (wrangler tail).',
        ),
  ({ mailFault }) =>
    mailFault === null
      ? fine('mail-from', 'Sign-in links and invitations can be mailed.')
      : failed(
          'mail-from',
          mailFault,
          'Choose below the domain that it comes from, or set MAIL_FROM: a verified domain of an account that you own.',
        ),
  ({ encryption: { keys, old } }) =>
    old === 0
      ? fine(
          'encryption',
          `Everything is encrypted with the first key of ENCRYPTION_KEYS.${keys > 1 ? ' The others may be taken away.' : ''}`,
        )
      : warning(
          'encryption',
          `${old} keys and secrets are encrypted with an older key, or in an older form. Cron encrypts them anew, some every hour.`,
          'Keep the older keys in ENCRYPTION_KEYS until this says that they may be taken away.',
        ),
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

function diagnoseNodes({ nodes, nowMs, workerTransport }: InstallationFacts): Diagnosis {
  const start =
    'Start a node, see the guide Deploy, at /docs/deploy. Where its network closes port 25, mail leaves by a relay: /docs/no-port-25.';
  if (nodes.length === 0)
    return workerTransport === null
      ? failed('nodes', 'No node has ever reported: nothing is delivered.', start)
      : fine('nodes', `No node: mail leaves by the binding of the Worker (${workerTransport}).`);
  const away = nodes.filter(({ lastSeenAtMs }) => nowMs - lastSeenAtMs > lateMs.node);
  const names = away.map(({ nodeId }) => nodeId).join(', ');
  if (away.length === 0) return fine('nodes', `${nodes.map(({ nodeId }) => nodeId).join(', ')}: here.`);
  if (away.length === nodes.length && workerTransport !== null)
    return warning(
      'nodes',
      `No node is here (${names}): mail leaves by the binding of the Worker (${workerTransport}), what has no rule for it waits.`,
      'Start a node again if one is still wanted.',
    );
  return away.length === nodes.length
    ? failed('nodes', `No node is here: ${names} ${away.length === 1 ? 'is' : 'are'} away.`, start)
    : warning(
        'nodes',
        `${names} ${away.length === 1 ? 'is' : 'are'} away.`,
        'Start it again if it is still wanted.',
      );
}
