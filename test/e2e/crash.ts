/**
 * Crash test (`npm run test:crash`): mail is sent and delivered while the SMTP node and the Worker are each killed
 * (SIGKILL) again and again. It leaves by two transports; the MX hangs up now and then, so that the relay has what was meant
 * for it. In the end every accepted message was delivered exactly once, to the MX or to the relay, or its events say
 * `maybeAccepted`; and every mail that was brought meanwhile and taken is kept exactly once. Prints the counts; fails otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { killGroup, type NodeProcess, startNodeProcess } from '../support/node-process.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { bringAll, bringer, keptMails, receivingDomain } from './crash-received.ts';

const messages = Number(process.env.CRASH_MESSAGES ?? 2000);
/** Mails that are received meanwhile. */
const mails = Number(process.env.CRASH_RECEIVED ?? 1000);
const kills = Number(process.env.CRASH_KILLS ?? 5);
/** Mail is sent over this time, so that there is always some under way when something is killed. */
const sendOverMs = kills * 2 * 4000;
const deadlineMs = 6 * 60_000;

const repository = new URL('../../', import.meta.url).pathname;
const startedAt = performance.now();
const folder = await mkdtemp(join(tmpdir(), 'pennypost-crash-'));
const say = (text: string) =>
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);

/** Where a message arrived, and under which Message-ID. */
interface Arrival {
  at: 'mx' | 'relay';
  messageId: string;
}

/** What MX and relay have taken: by the number that each message carries, each time. */
const taken = new Map<number, Arrival[]>();
const sinkOf = (at: Arrival['at']) =>
  startSmtpSink(
    ({ head }) => {
      const number = Number(/^X-Crash: (\d+)/m.exec(head)?.[1]);
      const messageId = /^Message-ID: (\S+)/im.exec(head)?.[1] ?? '';
      taken.set(number, [...(taken.get(number) ?? []), { at, messageId }]);
      // The reply takes a moment, so that a kill often falls between the final dot and it.
      return Math.random() * 20;
    },
    // Whoever is met so goes by the relay.
    { meet: () => (at === 'mx' && Math.random() < 0.3 ? 'hang up' : undefined) },
  );
const [sink, relay] = await Promise.all([sinkOf('mx'), sinkOf('relay')]);

/** The edge as a process group of its own; the same port and data every time. */
class EdgeProcess {
  readonly port: number;
  readonly url: string;
  #child: ChildProcess | null = null;

  constructor(port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['smtp-node/standalone/edge-process.ts'], {
      cwd: repository,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, EDGE_PORT: String(this.port), EDGE_DATA_DIR: join(folder, 'edge') },
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', () => resolve());
      child.once('close', (code, signal) => reject(new Error(`the edge ended: ${code ?? signal}`)));
    });
  }

  kill(): void {
    if (this.#child) killGroup(this.#child);
  }
}

const edge = new EdgeProcess(await freePort());
const inboundPort = await freePort();
const running: { node: NodeProcess | null } = { node: null };

async function crash(): Promise<boolean> {
  await edge.start();
  const secrets = JSON.parse(await readFile(join(folder, 'edge/secrets.json'), 'utf8'));
  const key = await newKey(secrets.OPERATOR_TOKEN);
  const startNode = async () => {
    running.node = await startNodeProcess({
      edgeUrl: edge.url,
      nodeToken: secrets.NODE_TOKEN,
      dataDirectory: join(folder, 'node'),
      route: { host: '127.0.0.1', port: sink.port },
      env: {
        PENNYPOST_EDGE_TIMEOUT_SECONDS: '5',
        PENNYPOST_POLL_SECONDS: '1',
        PENNYPOST_RETURN_PATH_PORTS: String(inboundPort),
        PENNYPOST_RETURN_PATH_CONNECTIONS_PER_ADDRESS: '100',
        // nobody answers there: mail is judged at once
        PENNYPOST_DNS_SERVERS: '127.0.0.1:9',
      },
      quiet: true,
    });
  };
  await startNode();
  say(`${messages} messages; node and Worker are each killed ${kills} times`);
  const sending = sendAll(key);
  say(`${mails} mails are brought meanwhile by ${bringer}`);
  const bringing = bringAll({ port: inboundPort, mails, overMs: sendOverMs, folder });
  for (const work of [sending, bringing]) work.catch(() => undefined); // awaited below
  await killInTurns(startNode);
  const ids = await sending;
  say(`${ids.size} accepted, ${taken.size} at the MX so far; waiting for the rest`);
  const brought = await bringing;
  const sentWell = await judge(ids, key);
  return (await judgeReceived(brought, key)) && sentWell;
}

/** Waits until the node has handed over what it had taken, and counts. */
async function judgeReceived(brought: number, key: string): Promise<boolean> {
  let kept = await keptMails(edge.url, key);
  while (kept.size < mails && performance.now() - startedAt < deadlineMs) {
    await pause(1000);
    kept = await keptMails(edge.url, key);
  }
  const counts = {
    'received and taken': brought,
    'kept once': [...kept.values()].filter((ids) => ids.length === 1).length,
    'kept under several ids': [...kept.values()].filter((ids) => ids.length > 1).length,
    'taken and lost': mails - kept.size,
  };
  for (const [name, value] of Object.entries(counts)) console.log(`  ${String(value).padStart(5)}  ${name}`);
  const good = brought === mails && counts['kept once'] === mails;
  console.log(good ? 'crash test of received mail: passed' : 'crash test of received mail: FAILED');
  return good;
}

/** An account with a verified domain; gives its API key. */
async function newKey(operatorToken: string): Promise<string> {
  const post = async (path: string, body: object, method = 'POST') => {
    const response = await fetch(`${edge.url}/admin/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { id: number; secret: string };
  };
  const { id } = await post('/accounts', { name: 'crash' });
  await post(`/accounts/${id}/domains`, { domain: 'crash.example', verified: true });
  await post('/transports', { name: 'relay', host: 'localhost', port: relay.port, tls: 'none' });
  const rules = [{ class: 'priority', route: ['relay', 'direct'] }, { route: ['direct', 'relay'] }];
  await post('/transport-rules', { rules }, 'PUT');
  await post(`/accounts/${id}/domains`, { domain: receivingDomain, type: 'inbound', verified: true });
  return (await post(`/accounts/${id}/credentials`, {})).secret;
}

/** Kills node and Worker alternately and starts them again, until each was killed often enough. */
async function killInTurns(startNode: () => Promise<void>): Promise<void> {
  for (let round = 1; round <= kills; round++) {
    await pause(1000 + Math.random() * 2000);
    running.node?.kill();
    await running.node?.gone;
    say(`node killed (${round}); ${taken.size} at the MX`);
    await pause(Math.random() * 500);
    await startNode();
    await pause(1000 + Math.random() * 2000);
    edge.kill();
    say(`Worker killed (${round}); ${taken.size} at the MX`);
    await pause(Math.random() * 500);
    await edge.start();
  }
}

/** Sends everything, each with its idempotency key, again and again until it is accepted; gives the ids. */
async function sendAll(key: string): Promise<Map<number, string>> {
  const ids = new Map<number, string>();
  const beganAt = performance.now();
  let next = 0;
  const sender = async () => {
    while (next < messages) {
      const number = next++;
      const dueMs = (number / messages) * sendOverMs - (performance.now() - beganAt);
      if (dueMs > 0) await pause(dueMs);
      ids.set(number, await sendOne(number, key));
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  return ids;
}

async function sendOne(number: number, key: string): Promise<string> {
  for (;;) {
    try {
      const response = await fetch(`${edge.url}/v1/send`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${key}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': `crash-${number}`,
        },
        body: JSON.stringify({
          from: 'shop@crash.example',
          to: [`user${number}@d${number}.example`],
          subject: `Message ${number}`,
          text_body: `Number ${number}\n`,
          headers: { 'X-Crash': String(number) },
          class: number % 2 === 0 ? 'priority' : 'standard',
        }),
        signal: AbortSignal.timeout(10_000),
      });
      const answer = (await response.json()) as { message_id?: string };
      if (response.status === 202 && answer.message_id) return answer.message_id;
      if (response.status < 500 && response.status !== 409) {
        throw new Refused(`message ${number}: ${response.status} ${JSON.stringify(answer)}`);
      }
    } catch (error) {
      if (error instanceof Refused) throw error; // the edge is away: the same again
    }
    await pause(200 + Math.random() * 300);
  }
}

class Refused extends Error {}

interface Told {
  status: string;
  maybeAccepted: boolean;
}

/** Waits until every message has come to its end, and counts. */
async function judge(ids: Map<number, string>, key: string): Promise<boolean> {
  const ends = new Map<number, Told>();
  const missing = new Set<number>();
  while (ends.size + missing.size < ids.size && performance.now() - startedAt < deadlineMs) {
    for (const [number, id] of ids) {
      if (ends.has(number)) continue;
      const told = await tell(id, key);
      if (told === null) missing.add(number);
      else if (told.status !== 'queued' && told.status !== 'sending' && told.status !== 'deferred') {
        ends.set(number, told);
      }
    }
    await pause(1000);
  }
  await pause(2000); // whatever would come twice has its chance
  const count = (of: (number: number, times: number, told: Told | undefined) => boolean) =>
    [...ids.keys()].filter((number) => of(number, taken.get(number)?.length ?? 0, ends.get(number))).length;
  const counts = {
    accepted: ids.size,
    'delivered once': count((_, times) => times === 1),
    'delivered more than once': count((_, times) => times > 1),
    'marked maybeAccepted': count((_, __, told) => told?.maybeAccepted === true),
    'by the MX': [...taken.values()].filter((all) => all.some(({ at }) => at === 'mx')).length,
    'by the relay': [...taken.values()].filter((all) => all.some(({ at }) => at === 'relay')).length,
    'by the other than was asked for first': count(
      (number) => taken.get(number)?.some(({ at }) => at !== (number % 2 === 0 ? 'relay' : 'mx')) === true,
    ),
    'in both': [...taken.values()].filter((all) => new Set(all.map(({ at }) => at)).size > 1).length,
    lost: count((_, times) => times === 0),
    'delivered twice and not marked': count((_, times, told) => times > 1 && !told?.maybeAccepted),
    'accepted and then unknown to the edge': missing.size,
    'not ended in time': ids.size - ends.size - missing.size,
    'ended other than delivered': count((_, __, told) => told !== undefined && told.status !== 'delivered'),
    'arrived under two Message-IDs': [...taken.values()].filter(
      (all) => new Set(all.map(({ messageId }) => messageId)).size > 1,
    ).length,
    'arrived but never accepted': [...taken.keys()].filter((number) => !ids.has(number)).length,
  };
  say('done');
  for (const [name, value] of Object.entries(counts)) console.log(`  ${String(value).padStart(5)}  ${name}`);
  const [accepted, , , , byMx = 0, byRelay = 0, byOther = 0, , ...faults] = Object.values(counts);
  const bothUsed = byMx > 0 && byRelay > 0 && byOther > 0;
  const good = accepted === messages && bothUsed && faults.every((fault) => fault === 0);
  console.log(good ? 'crash test: passed' : 'crash test: FAILED');
  return good;
}

/** What the edge tells of a message; null: it does not know it. */
async function tell(id: string, key: string): Promise<Told | null> {
  const get = async (path: string) => {
    const response = await fetch(`${edge.url}${path}`, { headers: { Authorization: `Bearer ${key}` } });
    return response.status === 404 ? null : await response.json();
  };
  const email = (await get(`/v1/emails/${id}`)) as { status: string } | null;
  if (!email) return null;
  const events = (await get(`/v1/emails/${id}/events`)) as {
    data: { details: { maybeAccepted?: boolean } }[];
  };
  return {
    status: email.status,
    maybeAccepted: events.data.some(({ details }) => details.maybeAccepted === true),
  };
}

// Process groups of their own do not end with this process.
process.on('exit', () => {
  running.node?.kill();
  edge.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

try {
  process.exitCode = (await crash()) ? 0 : 1;
} finally {
  running.node?.kill();
  edge.kill();
  await Promise.all([sink.stop(), relay.stop()]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
