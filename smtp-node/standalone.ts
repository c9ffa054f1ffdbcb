/**
 * `npm start`: one machine, one command. The Worker under workerd with one SMTP node beside it, a demo account,
 * and a capture MX that all mail goes to unless `--deliver` is given.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, parseConfig } from './config.ts';
import { keepPrivate } from './data-directory.ts';
import { systemLookup } from './dns-lookup.ts';
import { createLog, type Log } from './log.ts';
import { type RunningNode, startNode } from './node.ts';
import { repository } from './standalone/bundle.ts';
import { type CaptureMx, captureHost, startCaptureMx } from './standalone/capture-mx.ts';
import { alias, aliasDomain, type Demo, demoDomain, keptDemo } from './standalone/demo.ts';
import { startDohServer } from './standalone/doh-server.ts';
import { type Edge, startEdge } from './standalone/edge.ts';
import { takeLock } from './standalone/lock.ts';
import { keptWorkerSecrets, setupCodeOf, type WorkerSecrets } from './standalone/secrets.ts';
import { ensureSelfSigned, readPair } from './submission/certificate.ts';

const usage = `npm start -- [options]
  --port N              port of the API; 0: any free one (8787)
  --smtp-port N         port of SMTP submission with STARTTLS; 0: any free one (2525)
  --smtp-tls-port N     port of SMTP submission with TLS from the start; 0: any free one (2465)
  --return-path-port N  port that takes incoming mail; 0: any free one; none: no such port (0)
  --capture-port N      port of the capture MX's list; 0: any free one (8025)
  --host ADDRESS        address to listen on (127.0.0.1); the capture MX's list stays on this machine
  --homes N             databases that accounts live in; never fewer than there are (1)
  --deliver             deliver to the recipients' real MX hosts instead of the capture MX
  --service-domain D    the operator's own domain (pennypost.test)
  --data-dir DIR        where everything is kept (.pennypost)
Every setting of a node can be given in the environment as well, see worker/docs/settings.md.`;

const flags = readFlags();

/** What runs, and what it is told to people and to programs. */
interface Running {
  edge: Edge;
  node: RunningNode;
  capture: CaptureMx | null;
  demo: Demo;
  setupCode: string;
}

/** The edge by a name where it has one: a passkey belongs to a host name, never to an address (WebAuthn §5.1.2). */
function dashboardUrlOf({ url }: Edge): string {
  return url.replace('//127.0.0.1:', '//localhost:');
}

/** The facts in `dev.json`: for scripts and tests. */
function factsOf({ edge, node, capture, demo, setupCode }: Running, operatorToken: string) {
  return {
    apiUrl: edge.url,
    dashboardUrl: dashboardUrlOf(edge),
    setupCode,
    smtp: {
      host: flags.host,
      port: node.submissionPorts[0],
      tlsPort: node.submissionTlsPorts[0],
      username: demo.username,
    },
    returnPath: node.returnPathPorts[0] ? { host: flags.host, port: node.returnPathPorts[0] } : null,
    liveKey: demo.liveKey,
    testKey: demo.testKey,
    domain: demo.domain,
    inboundDomain: demo.inboundDomain,
    aliasDomain: demo.aliasDomain,
    captureUrl: capture?.url ?? null,
    metricsUrl: `http://127.0.0.1:${node.metricsPort}/metrics`,
    operatorToken,
    pid: process.pid,
  };
}

async function main(): Promise<void> {
  if (flags.help) {
    console.log(usage);
    return;
  }
  const dataDir = resolve(flags['data-dir']);
  await keepPrivate(dataDir);
  const unlock = await takeLock(join(dataDir, 'lock'));
  const factsFile = join(dataDir, 'dev.json');
  if (!unlock) {
    const facts = await readFile(factsFile, 'utf8').catch(() => '');
    const url = facts === '' ? '' : ` at ${(JSON.parse(facts) as { apiUrl: string }).apiUrl}`;
    console.error(`Pennypost is already running here${url}. Stop it first, or give another --data-dir.`);
    process.exit(1);
  }
  const closers: (() => Promise<unknown>)[] = [unlock, () => rm(factsFile, { force: true })];
  const close = async () => {
    for (const closer of closers.toReversed()) await closer().catch((error: unknown) => console.error(error));
  };
  const signalled = new Promise<'signal'>((end) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1));
        end('signal');
      });
    }
  });
  try {
    const secrets = await keptWorkerSecrets(join(dataDir, 'secrets.json'));
    const running = await start(dataDir, secrets, closers);
    await writeFile(factsFile, `${JSON.stringify(factsOf(running, secrets.OPERATOR_TOKEN), null, 2)}\n`, {
      mode: 0o600,
    });
    console.log(welcome(running));
    const end = await Promise.race([signalled, running.node.ended]);
    if (end !== 'signal' && end.reason !== 'stopped') console.error(end.text);
    console.log('Stopping…');
  } finally {
    await close();
  }
}

async function start(
  dataDir: string,
  secrets: WorkerSecrets,
  closers: (() => Promise<unknown>)[],
): Promise<Running> {
  const log = createLog({
    level: process.env.PENNYPOST_LOG_LEVEL === undefined ? 'warn' : 'info',
    nodeId: 'local',
    bootId: '',
  });
  const doh = await startDohServer(systemLookup({ dnsServers: dnsServers() }));
  closers.push(() => doh.stop());
  const edge = await startEdge({
    port: portOf('port'),
    host: flags.host,
    dataDir: join(dataDir, 'edge'),
    homes: Number(flags.homes),
    settings: {
      ...secrets,
      SERVICE_DOMAIN: flags['service-domain'],
      PUBLIC_URL: process.env.PUBLIC_URL ?? '',
      MAIL_FROM: process.env.MAIL_FROM ?? `Pennypost <no-reply@${demoDomain}>`,
      ALIAS_DOMAIN: process.env.ALIAS_DOMAIN ?? aliasDomain,
      METER: process.env.METER ?? '0',
      DOH_URL: process.env.DOH_URL ?? doh.url,
      // Whoever asks this machine directly could say anything of where they are.
      SOURCE_HEADER: process.env.SOURCE_HEADER ?? '',
      ALLOW_LOCAL_WEBHOOKS: '1',
    },
    log: (line) => log.warn({ edge: line }, 'the Worker says'),
  });
  closers.push(() => edge.stop());
  const demo = await keptDemo(join(dataDir, 'demo.json'), {
    url: edge.url,
    operatorToken: secrets.OPERATOR_TOKEN,
  });
  const nodeDir = join(dataDir, 'node');
  const capture = flags.deliver ? null : await startCapture(nodeDir);
  if (capture) closers.push(() => capture.stop());
  const node = await startNode(nodeConfig(edge.url, secrets.NODE_TOKEN, nodeDir, capture), {
    submissionHost: flags.host,
  });
  closers.push(() => node.stop());
  await Promise.race([node.ready, node.ended]);
  await showSubmission(edge.url, secrets.OPERATOR_TOKEN, log);
  return { edge, node, capture, demo, setupCode: setupCodeOf(secrets.AUTH_SECRET) };
}

/** Lets the dashboard tell where the node takes submissions: here it is the operator's own. */
async function showSubmission(edgeUrl: string, operatorToken: string, log: Log): Promise<void> {
  const answer = await fetch(`${edgeUrl}/admin/v1/nodes/localhost`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ show_submission: true }),
  });
  await answer.body?.cancel();
  // Without a port for submissions there is nothing to tell.
  if (!answer.ok && answer.status !== 409) log.warn({ status: answer.status }, 'submission is not shown');
}

async function startCapture(nodeDir: string): Promise<CaptureMx> {
  const tls = await readPair(await ensureSelfSigned(nodeDir, 'localhost', Date.now()));
  return await startCaptureMx({ httpPort: portOf('capture-port'), tls });
}

function nodeConfig(
  edgeUrl: string,
  nodeToken: string,
  dataDirectory: string,
  capture: CaptureMx | null,
): Config {
  return parseConfig({
    PENNYPOST_HOST_NAME: 'localhost',
    PENNYPOST_LOG_LEVEL: 'warn',
    PENNYPOST_METRICS_PORT: '0',
    ...process.env,
    PENNYPOST_EDGE_URL: edgeUrl,
    PENNYPOST_NODE_TOKEN: nodeToken,
    PENNYPOST_DATA_DIR: dataDirectory,
    PENNYPOST_BIND_ADDRESS: flags.host,
    PENNYPOST_SUBMISSION_PORTS: flags['smtp-port'],
    PENNYPOST_SUBMISSION_TLS_PORTS: flags['smtp-tls-port'],
    PENNYPOST_RETURN_PATH_PORTS: flags['return-path-port'],
    ...(capture ? { PENNYPOST_OUTBOUND_ROUTE: `${captureHost}:${capture.smtpPort}` } : {}),
  });
}

/** The node's own DNS servers answer the edge as well. */
function dnsServers(): string[] {
  return (process.env.PENNYPOST_DNS_SERVERS ?? '').split(',').flatMap((one) => one.trim() || []);
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: '8787' },
        'smtp-port': { type: 'string', default: '2525' },
        'smtp-tls-port': { type: 'string', default: '2465' },
        'return-path-port': { type: 'string', default: '0' },
        'capture-port': { type: 'string', default: '8025' },
        host: { type: 'string', default: '127.0.0.1' },
        homes: { type: 'string', default: '1' },
        deliver: { type: 'boolean', default: false },
        'service-domain': { type: 'string', default: 'pennypost.test' },
        'data-dir': { type: 'string', default: join(repository, '.pennypost') },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(1);
  }
}

function portOf(flag: 'port' | 'capture-port'): number {
  const port = Number(flags[flag]);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--${flag} must be a port, 0 to 65535`);
  return port;
}

function welcome({ edge, node, capture, demo, setupCode }: Running): string {
  const [port, tlsPort] = [node.submissionPorts[0], node.submissionTlsPorts[0]];
  const from = `hello@${demo.domain}`;
  return `
Pennypost runs.

  dashboard  ${dashboardUrlOf(edge)}   first visit: set-up code ${setupCode}
  API        ${edge.url}/v1
  SMTP       ${flags.host}:${port} (STARTTLS), ${flags.host}:${tlsPort} (TLS); user ${demo.username}, password: a key
  live key   ${demo.liveKey}
  test key   ${demo.testKey}
  domain     ${demo.domain} (verified, for the demo); ${demo.inboundDomain} receives, ${demo.aliasDomain} has aliases
  ${capture ? `captured   ${capture.url}   open it: all mail is kept here; npm start -- --deliver sends it out` : 'delivery   to the recipients’ real MX hosts'}

Send one by HTTP:

curl ${edge.url}/v1/send -H 'Authorization: Bearer ${demo.liveKey}' -H 'Content-Type: application/json' -d '{"from":"Demo <${from}>","to":["you@example.net"],"subject":"Hello","text_body":"Sent by curl."}'

Send one by SMTP:

swaks --server ${flags.host}:${port} --tls --auth PLAIN --auth-user ${demo.username} --auth-password ${demo.liveKey} --from ${from} --to you@example.net --header 'Subject: Hello' --body 'Sent by swaks.'

${receiving(node, demo)}Ctrl-C stops it; what is queued is kept.
`;
}

/** How to write to a domain that receives. */
function receiving({ returnPathPorts: [port] }: RunningNode, demo: Demo): string {
  if (!port) return '';
  return `Receive one, and see it by the API or on the page Received:

swaks --server ${flags.host}:${port} --from ann@example.net --to you@${demo.inboundDomain} --header 'Subject: Hello' --body 'Received here.'

Write to an alias, whose mail is sent on to ${alias.forward_to.join(', ')}:

swaks --server ${flags.host}:${port} --from ann@people.test --to ${alias.address}@${demo.aliasDomain} --header 'Subject: Hello' --body 'Sent on.'

`;
}

if (import.meta.main) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    },
  );
}
