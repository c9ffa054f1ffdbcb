import { type EventKind, eventKinds } from '#domain/delivery/event.ts';
import type { Place } from '#domain/delivery/lease-choice.ts';
import { weekEndMs } from '#domain/message/home.ts';
import { dispatchedEventId } from '#domain/message/ids.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import { timelineOfRow } from '../../worker/store/short-row.ts';
import { engineOf } from './bindings.ts';
import type { Row } from './database.ts';
import { readAgain, readOn } from './feed.ts';
import { Violation } from './history.ts';
import type { Invocation } from './invocation.ts';
import type { SimulatedNode } from './node.ts';
import { nothingFound } from './scenes.ts';
import { type Account, jsonOf, type Service } from './service.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How late a delivery may be begun while all is well: a lease that nobody answers lasts half an hour. */
const overdueMs = 45 * minuteMs;
/**
 * Cloudflare ends alarms, cron and queue consumers after 15 minutes; we allow ten. Its other limits, of which the budgets
 * below keep well clear: 1,000 queries of D1 an invocation (D1, Platform, Limits), 10,000 subrequests, before 2026 1,000, and
 * 128 MB of memory, hence 64 MiB of an answer (Workers, Platform, Limits).
 */
const longestMs = 10 * minuteMs;
const final = new Set(['delivered', 'bounced', 'failed', 'suppressed', 'canceled', 'simulated']);
const tries = { priority: 6, standard: 72, digest: 72 } as const;

/** Has every invocation measured as it ends. */
export function watch(service: Service): void {
  const { figures } = service;
  service.onInvocation = (invocation) => {
    const tookMs = service.clock.nowMs - invocation.startedMs;
    if (invocation.statements > figures.statements) figures.maxOf.statements = nameOf(invocation);
    if (invocation.subrequests > figures.subrequests) figures.maxOf.subrequests = nameOf(invocation);
    figures.statements = Math.max(figures.statements, invocation.statements);
    figures.subrequests = Math.max(figures.subrequests, invocation.subrequests);
    figures.answerBytes = Math.max(figures.answerBytes, invocation.answerBytes);
    figures.queueMessages = Math.max(figures.queueMessages, invocation.queueMessages);
    if (invocation.kind === 'alarm') figures.alarmMs = Math.max(figures.alarmMs, tookMs);
    const over = (what: string, is: number, most: number) => {
      if (is > most)
        service.fail(
          new Violation('7 limits', `${nameOf(invocation)}: ${what} ${Math.round(is)}, at most ${most}`),
        );
    };
    over('D1 statements', invocation.statements, 400);
    over('subrequests', invocation.subrequests, 400);
    const isLease = invocation.what.startsWith('POST /node/v1/lease');
    over('bytes of the answer', invocation.answerBytes, (isLease ? 6 : 64) * 1024 * 1024);
    // What finds nothing looks at 1,400 rows, the last time at 150 messages, each with one delivery at least and both read
    // once more as they are joined; who asks is known by a few more.
    const searches = invocation.what.startsWith(`GET ${nothingFound}`);
    if (searches) figures.searchRows = Math.max(figures.searchRows, invocation.rowsRead);
    if (searches) over('rows read by a search', invocation.rowsRead, 2000);
    over('queue messages', invocation.queueMessages, 100);
    over('calls of a queue', invocation.queueCalls, 20);
    if (!invocation.gone) over('milliseconds', tookMs, longestMs);
  };
  service.onLease = ({ node, bootId, askedMs, max, excluded, place, isAgain, given, answer }) => {
    // One that found work has made a second trip: it ended what was suppressed, or another node was quicker. One that goes
    // on behind a full look is not idle: it looks further each time, and reads no row that was passed by.
    if (
      service.homes.length === 1 &&
      given?.length === 0 &&
      place.reach === 0 &&
      answer &&
      answer.cost.faults === 0 &&
      answer.cost.trips === 1
    ) {
      figures.idleRows = Math.max(figures.idleRows, answer.cost.rowsRead);
      if (answer.cost.rowsRead > 100) {
        service.fail(
          new Violation(
            '7 idle',
            `a lease that gives nothing reads ${answer.cost.rowsRead} rows, at most 100`,
          ),
        );
      }
    }
    if (
      service.homes.length === 1 &&
      given &&
      !isAgain &&
      given.length === max &&
      given.some((one) => one.class !== 'priority')
    )
      void checkOrder(service, { askedMs, excluded, place, given });
    if (given === null) {
      const own = node.generation;
      service.clock.after(6 * minuteMs, () => {
        if (node.generation === own && node.isUp && node.answeredMs > service.clock.nowMs - 3 * minuteMs)
          void checkHeld(service, node, bootId);
      });
    }
  };
  service.mx.onBegin = (delivery) => checkSuppressed(service, delivery);
  service.onGivenBack = (node, leases) => checkGivenBack(service, node, leases);
  service.onWrongToken = (node) => {
    if (node.isUp || node.ended === null)
      service.fail(
        new Violation('1 ends', `${node.id} goes on for minutes with a token that the edge refuses`, [
          node.id,
        ]),
      );
  };
}

/** So many times within so long a node may give the same delivery back while all is well. */
const givenBack = { most: 5, withinMs: 10 * minuteMs };

/** 1: a node that is well tries what it is given. */
function checkGivenBack(
  service: Service,
  node: SimulatedNode,
  leases: readonly { messageId: string; n: number }[],
): void {
  const nowMs = service.clock.nowMs;
  for (const { messageId, n } of leases) {
    const key = `${messageId} ${n}`;
    const times = (node.givenBack.get(key) ?? []).filter((atMs) => atMs > nowMs - givenBack.withinMs);
    times.push(nowMs);
    node.givenBack.set(key, times);
    if (times.length < givenBack.most || service.weather.struckBetween(nowMs - givenBack.withinMs, nowMs))
      continue;
    const text = `${node.id} gives the same delivery back ${times.length} times in ${givenBack.withinMs / minuteMs} minutes though nothing is wrong`;
    service.fail(new Violation('1 given back', text, [messageId]));
  }
}

function nameOf({ kind, what }: Invocation): string {
  return `${kind} ${what
    .replace(/\?.*/, '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')
    .replace(/[A-Z0-9]{40,}/gi, ':token')}`;
}

/** A look at the databases past the product, in the order of the run. `:home` is the number of each. */
function look(service: Service, text: string, ...values: unknown[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    service.clock.after(0, async () => {
      const looks = service.homes.map((home, i) =>
        home.rows(text.replaceAll(':home', String(i)), ...values).catch((error: unknown) => {
          // A home drops the tables of a week when it has its turn.
          if (service.homes.length > 1 && /no such table/.test(String(error))) return [];
          throw error;
        }),
      );
      await Promise.all(looks).then((rows) => resolve(rows.flat()), reject);
    });
  });
}

/** Accounts of a home; what others have left there, or are about to have, does not count. */
const livesHere = 'SELECT id FROM accounts WHERE home = :home';

async function tablesOf(service: Service, kind: string): Promise<string[]> {
  const rows = await look(service, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`);
  return [...new Set(rows.map(({ name }) => String(name)))].filter((name) =>
    new RegExp(`^${kind}_\\d`).test(name),
  );
}

/** 3: no attempt is begun after its recipient was suppressed. */
async function checkSuppressed(
  service: Service,
  { messageId, n, leaseId, rcptTo, leaseUntilMs }: LeasedDelivery,
): Promise<void> {
  const sent = service.byMessage.get(messageId);
  if (!sent) return;
  const leasedMs = leaseUntilMs - 30 * minuteMs;
  const [entry] = await look(
    service,
    `SELECT reason, source, created_at_ms FROM suppressions WHERE account_id = ? AND address = ? AND scope_domain IN ('', ?)
      AND created_at_ms < ? AND (expires_at_ms IS NULL OR expires_at_ms > ?) AND account_id IN (${livesHere})`,
    sent.account.id,
    rcptTo,
    sent.domain,
    leasedMs - 1000,
    leasedMs,
  );
  if (!entry) return;
  const since = new Date(Number(entry.created_at_ms)).toISOString();
  service.fail(
    new Violation(
      '3 suppressed',
      `an attempt is begun for an address that is suppressed (${entry.reason}): ${rcptTo}, ${n} of ${messageId}, since ${since}`,
      [messageId, leaseId],
    ),
  );
}

/** More urgent mail that is due is never left behind for less urgent mail, however old it is. */
async function checkOrder(
  service: Service,
  lease: {
    askedMs: number;
    excluded: readonly string[];
    place: Place;
    given: readonly { leaseId: string }[];
  },
): Promise<void> {
  const { askedMs, excluded, place, given } = lease;
  for (const table of await tablesOf(service, 'deliveries')) {
    const [left] = await look(
      service,
      `SELECT message_id, domain, due_ms FROM "${table}" WHERE class = 0 AND due_ms < ? AND lease_id IS NULL
        AND account_id IN (SELECT id FROM accounts WHERE status = 'active') ORDER BY due_ms LIMIT 1`,
      askedMs - 1000,
    );
    if (!left || excluded.includes(String(left.domain))) continue;
    // What another node has given back stands before the place, which a node keeps for five minutes.
    const [passedMs = 0] = place.at[`${table.replace('deliveries_', '')}/0`] ?? [];
    if (Number(left.due_ms) <= passedMs) continue;
    // What was freed while the lease was chosen is in the next one.
    if ((service.reportedMs.get(String(left.message_id)) ?? 0) >= askedMs) continue;
    service.fail(
      new Violation(
        '1 order',
        `a full lease gave less urgent mail and left priority mail of ${table} behind`,
        [String(left.message_id), given[0]?.leaseId ?? ''],
      ),
    );
  }
}

/** A lease whose answer was lost must not hold mail while its node lives. */
async function checkHeld(service: Service, node: Service['nodes'][number], bootId: string): Promise<void> {
  for (const table of await tablesOf(service, 'deliveries')) {
    const rows = await look(
      service,
      `SELECT message_id, n, lease_id, lease_until_ms FROM "${table}" WHERE lease_boot = ? AND state = 'sending' AND lease_until_ms > ?
        AND account_id IN (${livesHere})`,
      bootId,
      service.clock.nowMs,
    );
    for (const row of rows) {
      const key = `${row.message_id} ${row.n} ${row.lease_id}`;
      const heldMs = service.clock.nowMs - (Number(row.lease_until_ms) - 30 * minuteMs);
      if (node.leases.has(key) || heldMs < 5 * minuteMs) continue;
      const text = `mail stands leased to ${node.id} for ${Math.round(heldMs / minuteMs)} minutes, and ${node.id} does not know: the lease's answer was lost`;
      service.fail(new Violation('1 held', text, [String(row.message_id), String(row.lease_id)]));
      return;
    }
  }
}

/** After some quiet: everything that must hold at any time. */
export async function check(service: Service): Promise<void> {
  service.stir(70 * minuteMs);
  await service.clock.sleep(60 * minuteMs);
  await checkDeliveries(service);
  for (const account of service.accounts) await checkAccount(service, account);
  await checkTables(service);
  service.history.add('checked');
}

/** 1 and 2, of every delivery that is kept. */
export async function checkDeliveries(service: Service, atEnd = false): Promise<void> {
  const nowMs = service.clock.nowMs;
  const quiet =
    nowMs - service.weather.lastSpellMs > 100 * minuteMs && service.nodes.every((node) => node.isUp);
  const known = new Set<string>();
  const { figures } = service;
  figures.doubled = figures.told = 0;
  for (const table of await tablesOf(service, 'deliveries')) {
    const rows = await look(
      service,
      `SELECT d.*, a.status FROM "${table}" d JOIN accounts a ON a.id = d.account_id AND a.home = :home`,
    );
    for (const row of rows) {
      known.add(`${row.message_id} ${row.n}`);
      checkDelivery(service, row, { nowMs, quiet, atEnd });
    }
  }
  for (const sent of service.byMessage.values()) {
    if (nowMs - sent.acceptedMs > 33 * dayMs) continue;
    const missing = sent.recipients.findIndex((_, n) => !known.has(`${sent.messageId} ${n}`));
    if (missing >= 0)
      service.fail(
        new Violation('2 lost', `${sent.messageId} was accepted and its delivery ${missing} is nowhere`, [
          sent.messageId,
        ]),
      );
  }
}

function checkDelivery(
  service: Service,
  row: Row,
  { nowMs, quiet, atEnd }: { nowMs: number; quiet: boolean; atEnd: boolean },
): void {
  const { figures } = service;
  const [messageId, n, state] = [String(row.message_id), Number(row.n), String(row.state)];
  const about = [messageId];
  const fail = (invariant: string, text: string) =>
    service.fail(new Violation(invariant, `${text} (${messageId} ${n})`, about));
  const isFinal = final.has(state);
  if (!isFinal && row.due_ms === null)
    fail('1 next action', `a delivery in state ${state} has no next action`);
  const active =
    row.status === 'active' &&
    service.accounts.every(({ id, suspended }) => id !== row.account_id || !suspended);
  const className = (['priority', 'standard', 'digest'] as const)[Number(row.class)] ?? 'standard';
  if (quiet && active && !isFinal) {
    const lateMs = nowMs - Math.max(Number(row.due_ms), service.activeSinceMs(Number(row.account_id)));
    const leasedMs = row.lease_until_ms === null ? 0 : Math.max(0, Number(row.lease_until_ms) - nowMs);
    if (lateMs > overdueMs && leasedMs <= 0)
      fail(
        '1 overdue',
        `a ${className} delivery in state ${state} is overdue by ${Math.round(lateMs / minuteMs)} minutes`,
      );
    if (atEnd && nowMs > Number(row.first_due_ms) + (tries[className] + 30) * hourMs)
      fail('1 final', `a ${className} delivery is still ${state} long after its last try`);
  }
  const accepted = service.mx.acceptedOf(messageId, n);
  const last = accepted.at(-1);
  const timeline = timelineOfRow(row);
  const maybe = timeline.filter(({ details }) => details.maybeAccepted === true).length;
  const delivered = timeline.filter(({ kind }) => kind === 'delivered').length;
  if (state === 'delivered' && !last) fail('2 truth', 'is delivered, and no MX has accepted it');
  if (timeline.some((event) => event.kind === 'failed' && String(row.reason) === 'unsignable'))
    fail('2 unsignable', 'accepted mail failed as unsignable');
  const returnedMs = service.returned.get(`${messageId} ${n}`);
  if (
    returnedMs !== undefined &&
    nowMs - returnedMs > overdueMs &&
    !timeline.some(({ kind }) => kind === 'bounced')
  )
    fail(
      '2 returned',
      `a DSN was taken, and its timeline tells nothing of it: ${timeline.map(({ kind }) => kind).join(', ')}`,
    );
  if (!last || !quiet || nowMs - last.atMs < overdueMs) return;
  if (accepted.length > 1) {
    figures.doubled += 1;
    if (maybe > 0 || delivered >= accepted.length) figures.told += 1;
    else
      fail(
        '2 doubled',
        `an MX accepted it ${accepted.length} times, and its timeline tells nothing of it: ${timeline.map(({ kind }) => kind).join(', ')}`,
      );
  } else if (isFinal && delivered === 0 && maybe === 0) {
    fail(
      '2 untold',
      `an MX accepted it, and its timeline tells nothing of it: ${timeline.map(({ kind }) => kind).join(', ')}`,
    );
  }
}

/** 4, 5 and 6, of one account. */
async function checkAccount(service: Service, account: Account): Promise<void> {
  const entries = await entriesOf(service, account);
  if (!(await readOn(service, account))) return;
  const missing = entries.find(({ id }) => !account.feedIds.has(id));
  if (missing) {
    const text = `the feed has passed by ${missing.kind} ${missing.id} of account ${account.id}`;
    service.fail(new Violation('4 gap', text, [missing.id, missing.messageId]));
  }
  await readAgain(service, account);
  await checkStats(service, account);
  checkEndpoints(service, account);
  await checkStates(service, account);
  for (const path of [
    '/v1/emails?limit=50',
    '/v1/webhook-deliveries',
    '/v1/suppressions',
    '/v1/stats?by=tag',
  ])
    await service.call('GET', path, account.key).catch(() => undefined);
}

/** The events that the deliveries of kept messages tell, in the database. */
async function entriesOf(
  service: Service,
  account: Account,
): Promise<{ id: string; kind: string; messageId: string }[]> {
  const found: { id: string; kind: string; messageId: string }[] = [];
  for (const table of await tablesOf(service, 'deliveries')) {
    if (service.clock.nowMs > weekEndMs(table.slice(-7)) + 33 * dayMs) continue;
    const rows = await look(
      service,
      `SELECT d.message_id, d.n, e.value->>'id' AS id, e.value->>'kind' AS kind FROM "${table}" d, json_each(d.timeline) e
        WHERE d.account_id = ? AND e.key < d.announced AND d.account_id IN (${livesHere})`,
      account.id,
    );
    found.push(
      ...rows.map((row) => ({
        // Short rows leave out what the delivery tells.
        id: String(row.id ?? dispatchedEventId(String(row.message_id), Number(row.n))),
        kind: String(row.kind),
        messageId: String(row.message_id),
      })),
    );
  }
  return found;
}

/** 5: statistics are exactly what the timelines add up to, of every kind and every day, and of every hour that is told. */
async function checkStats(service: Service, account: Account): Promise<void> {
  const dayBefore = (days: number) => new Date(service.clock.nowMs - days * dayMs).toISOString().slice(0, 10);
  const [from, hoursFrom] = [dayBefore(comparedDays), dayBefore(comparedHourDays)];
  const ask = (query: string) => service.call('GET', `/v1/stats?${query}`, account.key).catch(() => null);
  for (let again = 0; again < 3; again++) {
    const before = await trueCounts(service, account);
    const days = await ask(`by=day&from=${from}`);
    const hours = await ask(`by=hour&from=${hoursFrom}`);
    if (days?.status !== 200 || hours?.status !== 200) return;
    const must = await trueCounts(service, account);
    // Something has happened meanwhile.
    if (sumOf(before) !== sumOf(must)) continue;
    compare(service, account, { from, told: namesOf(jsonOf<{ data: StatsRow[] }>(days).data), must });
    compare(service, account, {
      from: `${hoursFrom}00`,
      told: namesOf(jsonOf<{ data: StatsRow[] }>(hours).data),
      must,
    });
    return;
  }
}

/** Looks at the timelines in the order of the run. */
function trueCounts(service: Service, account: Account): Promise<Map<string, number>> {
  return new Promise((resolve, reject) => {
    service.clock.after(0, async () => {
      await service.ledger.countsOf(account.id).then(resolve, reject);
    });
  });
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

type StatsRow = { day?: string; hour?: string } & Partial<Record<EventKind, number>>;

/** How many days back statistics are compared: all of most runs; and hours, which are kept for three days. */
const comparedDays = 150;
const comparedHourDays = 2;

/** Rows by day or hour, as the ledger names them. */
function namesOf(rows: readonly StatsRow[]): { time: string; row: StatsRow }[] {
  return rows.map((row) => ({
    time: (row.day ?? row.hour ?? '').replace(/:00:00Z$/, '').replace(/[-T]/g, ''),
    row,
  }));
}

function compare(
  service: Service,
  account: Account,
  of: {
    from: string;
    told: readonly { time: string; row: StatsRow }[];
    must: ReadonlyMap<string, number>;
  },
): void {
  const told = new Map<string, number>(
    of.told.flatMap(({ time, row }) =>
      eventKinds.map((kind) => [`${time} ${kind}`, Number(row[kind] ?? 0)] as const),
    ),
  );
  const from = of.from.replaceAll('-', '');
  const isCompared = (key: string) => key.indexOf(' ') === from.length && key >= from;
  for (const key of new Set([...told.keys(), ...of.must.keys()])) {
    const [is, must] = [told.get(key) ?? 0, of.must.get(key) ?? 0];
    if (is === must || !isCompared(key)) continue;
    const text = `account ${account.id} has ${must} events on ${key}, and the statistics say ${is}`;
    service.fail(new Violation('5 statistics', text, [`account ${account.id} `]));
    return;
  }
}

/** 6: each healthy endpoint has got each event, in the order of its message; one that has recovered is active. */
function checkEndpoints(service: Service, account: Account): void {
  const nowMs = service.clock.nowMs;
  if (nowMs - service.weather.lastSpellMs < 100 * minuteMs) return;
  for (const endpoint of account.endpoints) {
    const { receiver, format, since, touched, sinceMs } = endpoint;
    if (touched || receiver.temperament !== 'healthy' || nowMs - sinceMs < hourMs) continue;
    const expected = account.feed
      .slice(since)
      .filter(
        ({ type, at }) =>
          (format === 'cloudmailin' || type !== null) &&
          nowMs - Date.parse(at) > 30 * minuteMs &&
          Date.parse(at) > sinceMs + 30 * minuteMs,
      );
    const missing = expected.find(({ id }) => !receiver.received.has(id));
    if (missing) {
      const text = `the healthy endpoint ${endpoint.id} has never got ${missing.kind} of ${missing.at}`;
      service.fail(new Violation('6 webhooks', text, [missing.id, missing.message_id, receiver.host]));
    }
    checkReceivedOrder(service, account, endpoint);
  }
}

function checkReceivedOrder(
  service: Service,
  account: Account,
  { receiver, since }: Account['endpoints'][number],
): void {
  const order = new Map([...receiver.received.keys()].map((id, i) => [id, i]));
  for (const [messageId, events] of Map.groupBy(account.feed.slice(since), (event) => event.message_id)) {
    const got = events.flatMap(({ id, kind, at }) => {
      const place = order.get(id);
      const gotMs = receiver.received.get(id)?.atMs ?? 0;
      return place === undefined ? [] : [{ id, kind, place, atMs: Date.parse(at), gotMs }];
    });
    const wrong = got.find((one, i) => i > 0 && one.place < (got[i - 1]?.place ?? 0));
    const fromMs = Math.min(...got.map(({ atMs }) => atMs));
    const toMs = Math.max(...got.map(({ gotMs }) => gotMs));
    // A try that failed lets later events pass; the promise is for those that arrive at once.
    if (!wrong || service.weather.struckBetween(fromMs - 10 * minuteMs, toMs)) continue;
    service.fail(
      new Violation('6 order', `${receiver.host} got ${wrong.kind} ${wrong.id} before what happened first`, [
        messageId,
      ]),
    );
  }
}

/** What the API says of every endpoint: it is active unless it has failed for five days. */
export async function checkStates(service: Service, account: Account): Promise<void> {
  const answer = await service.call('GET', '/v1/webhooks', account.key).catch(() => null);
  if (answer?.status !== 200) return;
  const { data } = jsonOf<{ data: { id: string; state: string; state_reason: string | null }[] }>(answer);
  for (const { id, state, state_reason: reason } of data) {
    const endpoint = account.endpoints.find((one) => one.id === id);
    if (!endpoint || endpoint.touched || state !== 'disabled' || endpoint.receiver.saidGone) continue;
    const { lastSuccessMs } = endpoint.receiver;
    if (lastSuccessMs === null || service.clock.nowMs - lastSuccessMs > 5 * dayMs) continue;
    const last = new Date(lastSuccessMs).toISOString();
    service.fail(
      new Violation('6 recovered', `an endpoint that answered 2xx at ${last} is disabled: ${reason}`, [
        endpoint.receiver.host,
      ]),
    );
  }
}

/** How long tables are kept whose time is another than that of messages. */
const keptDays: Readonly<Record<string, number>> = { bodies: 5, webhook_deliveries: 16, audit: 91 };

/** 8: the size of the database is known to the operator, and does not grow beyond what is kept. */
async function checkSize(service: Service): Promise<void> {
  const nowMs = service.clock.nowMs;
  const [row] = await look(service, `SELECT value FROM installation WHERE name = 'database'`);
  const sizes = JSON.parse(String(row?.value ?? '[]')) as { atMs: number; bytes: number }[];
  const last = sizes.at(-1);
  if (!last || nowMs - last.atMs > 30 * hourMs) {
    const known = last ? `of ${new Date(last.atMs).toISOString()}` : 'never noted';
    service.fail(new Violation('8 size', `the size of the database is ${known}`, ['cron']));
    return;
  }
  service.sizes.push(last);
  service.figures.databaseBytes = Math.max(service.figures.databaseBytes, last.bytes);
  // Everything is kept for five weeks and a half: from then on as much goes as comes.
  const sinceMs = service.startMs + 36 * dayMs;
  const early = service.sizes.filter(({ atMs }) => atMs > sinceMs && atMs < sinceMs + 30 * dayMs);
  const most = 3 * Math.max(0, ...early.map(({ bytes }) => bytes)) + 16 * 1024 * 1024;
  if (nowMs > sinceMs + 36 * dayMs && last.bytes > most)
    service.fail(
      new Violation('8 size', `the database has grown to ${last.bytes} bytes, of ${most} at most`),
    );
}

/** 8: what is past its time is gone. */
async function checkTables(service: Service): Promise<void> {
  await checkSize(service);
  const nowMs = service.clock.nowMs;
  const names = (await look(service, `SELECT name FROM sqlite_master WHERE type = 'table'`)).map(({ name }) =>
    String(name),
  );
  for (const name of names) {
    const [, kind = '', period = ''] = /^(\w+)_(\d{4}w\d{2}|\d{8})$/.exec(name) ?? [];
    if (kind === '') continue;
    const endMs = period.includes('w')
      ? weekEndMs(period)
      : Date.UTC(+period.slice(0, 4), +period.slice(4, 6) - 1, +period.slice(6, 8)) + dayMs;
    const keptMs = (keptDays[kind] ?? 35) * dayMs + 8 * hourMs;
    if (nowMs > endMs + keptMs)
      service.fail(
        new Violation(
          '8 tables',
          `the table ${kind}_… is kept ${Math.round((nowMs - endMs) / dayMs)} days after its time`,
          [name],
        ),
      );
  }
  const { keys } = await new Promise<{ keys: string[] }>((resolve, reject) => {
    service.clock.after(0, async () => {
      await engineOf(service.homes, 0).list({ prefix: 'raw/', limit: 1000 }).then(resolve, reject);
    });
  });
  for (const key of keys) {
    const day = key.split('/')[1] ?? '';
    const endMs = Date.UTC(+day.slice(0, 4), +day.slice(4, 6) - 1, +day.slice(6, 8)) + dayMs;
    if (nowMs > endMs + 5 * dayMs + 8 * hourMs)
      service.fail(
        new Violation(
          '8 objects',
          `an object of R2 is kept ${Math.round((nowMs - endMs) / dayMs)} days after its day`,
          [key],
        ),
      );
  }
}
