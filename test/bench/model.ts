/**
 * What a month costs and what an installation needs at a rate, computed from what one message was measured to use. The
 * bench prints it for its own run; the guide Deploy shows it for the run that is kept in `measured.json`.
 */
import { mostHomes } from '#domain/message/home.ts';

/** List prices of the plan, USD (paid plan, beyond what is included). */
export const prices = {
  rowWritten: 1.0e-6,
  rowRead: 0.001e-6,
  d1GbMonth: 0.75,
  queueOperation: 0.4e-6,
  r2Write: 4.5e-6,
  r2Read: 0.36e-6,
  r2GbMonth: 0.015,
  request: 0.3e-6,
  cpuMs: 0.02e-6,
  objectRequest: 0.15e-6,
  objectGbSecond: 12.5e-6,
};

/** A Durable Object is billed for this much memory while it runs, whatever it uses. */
export const objectGb = 0.128;

/** A body's table is dropped in the fifth night after its day: 4 to 5 days. */
export const bodyDays = 4.5;
/** A week's tables are dropped when the week is 31 days past: 31 to 38 days. */
export const metadataDays = 34.5;
export const monthDays = 30;

/** What is billed, in its own units. */
export interface Usage {
  requests: number;
  cpuMs: number;
  rowsWritten: number;
  rowsRead: number;
  /** GB-months. */
  d1Gb: number;
  queueOperations: number;
  objectRequests: number;
  objectGbSeconds: number;
  r2Writes: number;
  r2Reads: number;
}

/** What one message uses, all of its life. */
export interface MessageUse extends Usage {
  d1Trips: number;
  /** CPU of all that stands in for D1, queues and R2 locally, ms: D1 is busy for less. */
  platformMs: number;
  queueWrites: number;
  /** Leases of nodes. */
  leases: number;
  /** In pages of SQLite. */
  bodyBytes: number;
  metadataBytes: number;
}

/** What a run of the bench has measured. */
export interface MeasuredUse {
  /** A message of 4 kB, one by one. */
  one: MessageUse;
  /** The same, 50 at once. */
  fifty: MessageUse;
  /** A poll of a node that finds nothing. */
  poll: Usage;
  /** A tick of cron. */
  tick: Usage;
}

/** The paid plan: its price a month, and what it includes (Cloudflare's pricing pages of Workers, D1, Queues, R2, Durable Objects). */
const planUsd = 5;
const included: Usage = {
  requests: 10e6,
  cpuMs: 30e6,
  rowsWritten: 50e6,
  rowsRead: 25e9,
  d1Gb: 5,
  queueOperations: 1e6,
  objectRequests: 1e6,
  objectGbSeconds: 400e3,
  r2Writes: 1e6,
  r2Reads: 10e6,
};

const priceOf: Usage = {
  requests: prices.request,
  cpuMs: prices.cpuMs,
  rowsWritten: prices.rowWritten,
  rowsRead: prices.rowRead,
  d1Gb: prices.d1GbMonth,
  queueOperations: prices.queueOperation,
  objectRequests: prices.objectRequest,
  objectGbSeconds: prices.objectGbSecond,
  r2Writes: prices.r2Write,
  r2Reads: prices.r2Read,
};

const nameOf: Record<keyof Usage, string> = {
  requests: 'requests',
  cpuMs: 'CPU',
  rowsWritten: 'rows written',
  rowsRead: 'rows read',
  d1Gb: 'storage',
  queueOperations: 'queues',
  objectRequests: 'hub',
  objectGbSeconds: 'hub time',
  r2Writes: 'R2 writes',
  r2Reads: 'R2 reads',
};

export const usageItems = Object.keys(included) as (keyof Usage)[];

/** D1 takes so much in one database, of which an operator uses this share, and so much in one account (D1, limits). */
const databaseBytes = 10e9;
const usedShare = 0.7;
const accountBytes = 1e12;
/** A queue takes so many messages a second (Queues, limits), an object so many requests (Durable Objects, limits). */
const queueMessagesPerSecond = 5000;
const objectRequestsPerSecond = 1000;
/** What a node may take of a core for one delivered message, ms (the budget of the section `node`), and how busy a core may be. */
const nodeCpuMs = 1.2;
const nodeShare = 0.7;
const secondsADay = 86_400;
const pollsAMonth = (monthDays * secondsADay) / 5;
const ticksAMonth = (monthDays * secondsADay) / 60;
/** A tick of a home that is not the first comes as a queue message: written, read and deleted. */
const operationsATick = 3;

function sum(parts: readonly [usage: Partial<Usage>, times: number][]): Usage {
  return Object.fromEntries(
    usageItems.map((item) => [
      item,
      parts.reduce((total, [usage, times]) => total + (usage[item] ?? 0) * times, 0),
    ]),
  ) as unknown as Usage;
}

/** What a month costs by what is billed, USD; nothing that the plan includes, and its price beside. */
function bill(usage: Usage): { usd: number; parts: [name: string, usd: number][] } {
  const parts = usageItems.map((item): [string, number] => [
    nameOf[item],
    Math.max(0, usage[item] - included[item]) * priceOf[item],
  ]);
  return { usd: planUsd + parts.reduce((total, [, part]) => total + part, 0), parts };
}

/** A table: its head and its rows, all of them text. */
export interface Table {
  head: string[];
  rows: string[][];
}

const { format: whole } = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const { format: short } = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const { format: money } = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A month of one database and one node, its messages one by one. */
export function monthTable({ one, poll, tick }: MeasuredUse): Table {
  const rows = [10_000, 1e6, 10e6].map((messages) => {
    const { usd, parts } = bill(
      sum([
        [one, messages],
        [poll, pollsAMonth],
        [tick, ticksAMonth],
      ]),
    );
    const told = parts.filter(([, part]) => part >= 0.005).map(([name, part]) => `${name} ${money(part)}`);
    return [
      whole(messages),
      money(usd),
      told.length > 0 ? [`plan ${planUsd}`, ...told].join(', ') : 'all is included in the plan',
    ];
  });
  return { head: ['messages a month', 'USD', 'of which'], rows };
}

/** How many messages a day fill a database to the share of it that is used. */
export function messagesOfAHome({ bodyBytes, metadataBytes }: MessageUse): number {
  return (databaseBytes * usedShare) / (bodyBytes * bodyDays + metadataBytes * metadataDays);
}

/** Messages a second that one installation can take: as many homes as ids of messages can name. */
export function mostMessagesPerSecond(use: MessageUse): number {
  return (mostHomes * messagesOfAHome(use)) / secondsADay;
}

/** What is needed at some rates, and where each number is from. */
export function capacityTable({ fifty, poll, tick }: MeasuredUse): Table {
  const rates = [10, 100, 1000, 10_000];
  const perHome = messagesOfAHome(fifty);
  const homesAt = (rate: number) => Math.ceil((rate * secondsADay) / perHome);
  const coresAt = (rate: number) => Math.ceil((rate * nodeCpuMs) / 1000 / nodeShare);
  // A lease asks the hub which homes may have work.
  const hubUse = fifty.objectRequests + fifty.leases;
  const usdAt = (rate: number) => {
    const homes = homesAt(rate);
    return bill(
      sum([
        [{ ...fifty, objectRequests: hubUse }, rate * secondsADay * monthDays],
        [poll, pollsAMonth * coresAt(rate)],
        [tick, ticksAMonth * homes],
        [{ queueOperations: operationsATick }, ticksAMonth * (homes - 1)],
      ]),
    ).usd;
  };
  const row = (what: string, at: (rate: number) => string, from: string) => [what, ...rates.map(at), from];
  const { bodyBytes, metadataBytes, platformMs, queueWrites } = fifty;
  return {
    head: ['messages a second', ...rates.map(whole), 'from'],
    rows: [
      row('messages a day, million', (rate) => short((rate * secondsADay) / 1e6), '86,400 seconds'),
      row(
        'homes',
        (rate) => whole(homesAt(rate)),
        `${whole(metadataBytes)} bytes of metadata for ${metadataDays} days and ${whole(bodyBytes)} of body for ${bodyDays}, measured in pages; ${usedShare * 100} % of ${databaseBytes / 1e9} GB (D1, limits)`,
      ),
      row(
        'installations',
        (rate) => whole(Math.ceil(homesAt(rate) / mostHomes)),
        `ids of messages name ${mostHomes} homes: some ${whole(mostMessagesPerSecond(fifty))} messages a second in one installation`,
      ),
      row(
        'Cloudflare accounts, by the size of D1',
        (rate) => whole(Math.ceil((homesAt(rate) * databaseBytes * usedShare) / accountBytes)),
        '1 TB an account, more on request (D1, limits)',
      ),
      row(
        'round trips a second in a home',
        (rate) => short((fifty.d1Trips * rate) / homesAt(rate)),
        `${short(fifty.d1Trips)} a message, measured`,
      ),
      row(
        'a home is busy, at most',
        (rate) => `${short(((platformMs * rate) / homesAt(rate) / 1000) * 100)} %`,
        `${short(platformMs)} ms a message: CPU of all that stands in for D1, queues and R2, measured`,
      ),
      row(
        'rows written a second',
        (rate) => whole(fifty.rowsWritten * rate),
        `${short(fifty.rowsWritten)} a message, measured, purge included`,
      ),
      row(
        'requests a second',
        (rate) => whole(fifty.requests * rate),
        `${money(fifty.requests)} a message, measured: one to send, leases and results of many`,
      ),
      row(
        'CPU of the Worker, cores',
        (rate) => short((fifty.cpuMs * rate) / 1000),
        `${money(fifty.cpuMs)} ms a message, measured by V8's sampling`,
      ),
      row(
        'hub requests a second, all installations',
        (rate) => whole(hubUse * rate),
        `${money(hubUse)} a message, measured; an object takes some ${whole(objectRequestsPerSecond)} (Durable Objects, limits), and each installation has its own`,
      ),
      row(
        'queue operations a second',
        (rate) => short(fifty.queueOperations * rate + (operationsATick * (homesAt(rate) - 1)) / 60),
        `${money(fifty.queueOperations)} a message, measured; ticks of homes; retries and webhooks come on top; a queue takes ${whole(queueMessagesPerSecond)} messages a second (Queues, limits)`,
      ),
      row(
        'queues',
        (rate) => whole(Math.max(1, Math.ceil((queueWrites * rate) / queueMessagesPerSecond))),
        'the same',
      ),
      row(
        'R2 operations a second',
        (rate) => short((fifty.r2Writes + fifty.r2Reads) * rate),
        'measured: bodies of up to 32 KiB are in D1',
      ),
      row(
        'cores of nodes',
        (rate) => whole(coresAt(rate)),
        `${nodeCpuMs} ms a message, the budget that the section \`node\` keeps; ${nodeShare * 100} % busy`,
      ),
      row(
        'USD a month, nodes aside',
        (rate) => short(usdAt(rate)),
        'list prices of all of this, less what the plan includes',
      ),
    ],
  };
}
