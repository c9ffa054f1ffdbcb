import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { togetherOf } from '../../smtp-node/metrics.ts';
import { FakeEdge, leased } from '../support/fake-edge.ts';
import { aMessage, ed25519Key } from '../support/mail.ts';
import { startNodeProcess } from '../support/node-process.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { freshDirectory } from '../support/submission.ts';

const tokenOf = (letter: string) => `pp_node_${letter.repeat(43)}`;
const raw = aMessage.toString('latin1');
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Two workers between a fake edge and a sink. */
async function twoWorkers() {
  const edge = await new FakeEdge().start();
  open.push(() => edge.stop());
  edge.keys['example.com'] = [ed25519Key('ed1').key];
  const sink = await startSmtpSink(() => undefined);
  open.push(() => sink.stop());
  const dataDirectory = await freshDirectory();
  const lines: string[] = [];
  const node = await startNodeProcess({
    edgeUrl: edge.url,
    nodeToken: tokenOf('a'),
    dataDirectory,
    route: { host: '127.0.0.1', port: sink.port },
    env: { PENNYPOST_NODE_ID: 'out', PENNYPOST_WORKER_TOKENS: tokenOf('b'), PENNYPOST_SLOTS: '8' },
    arguments: ['--workers', '2'],
    onLine: (line) => lines.push(line),
  });
  open.push(() => node.kill());
  return { edge, node, dataDirectory, lines };
}

const nodeIdsOf = (edge: FakeEdge, path: string) =>
  new Set(
    edge.asked.filter((one) => one.path === path).map(({ json }) => (json as { nodeId: string }).nodeId),
  );

describe('a node of two workers', () => {
  it('delivers as two nodes, each with its id, token and journal, and tells of both together', async () => {
    const { edge, node, dataDirectory } = await twoWorkers();
    await edge.until(() => edge.wakes === 2);
    const hellos = edge.asked.filter((one) => one.path === 'hello');
    const who = hellos.map(({ json, headers }) => [
      (json as { nodeId: string }).nodeId,
      headers.authorization,
    ]);
    expect(Object.fromEntries(who)).toEqual({
      out: `Bearer ${tokenOf('a')}`,
      'out-2': `Bearer ${tokenOf('b')}`,
    });
    for (let i = 0; i < 200; i++) edge.queue.push(leased(i, { raw }));
    edge.wake();
    await edge.until(() => edge.results.length === 200);
    expect(new Set(edge.results.map(({ outcome }) => outcome.type))).toEqual(new Set(['delivered']));
    expect(nodeIdsOf(edge, 'results')).toEqual(new Set(['out', 'out-2']));
    for (const folder of ['.', 'worker-2'])
      expect(existsSync(join(dataDirectory, folder, 'journal'))).toBe(true);
    const port = await node.metricsPort;
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('pennypost_deliveries_total{outcome="delivered"} 200');
    expect(metrics).toContain('pennypost_edge_reachable 1');
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it('takes submissions of both over one port, with one certificate', async () => {
    const { edge, node } = await twoWorkers();
    await edge.until(() => edge.wakes === 2);
    const [port = 0] = node.submissionPorts;
    const certificates = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const talk = await SmtpTalk.open(port);
      await talk.say('EHLO client.example');
      certificates.add((await talk.startTls()).getPeerX509Certificate()?.fingerprint256 ?? '');
      await talk.logIn();
      await talk.beginMessage();
      talk.write('Subject: x\r\n\r\nhello\r\n.\r\n');
      expect(await talk.reply()).toMatch(/^250 Thanks! /);
    }
    expect(edge.accepted).toHaveLength(4);
    expect(certificates.size).toBe(1);
    // Each was asked once for the key: connections are dealt out in turn.
    expect(edge.asked.filter((one) => one.path === 'credential')).toHaveLength(2);
  });

  it('stops as one', async () => {
    const { edge, node } = await twoWorkers();
    await edge.until(() => edge.wakes === 2);
    await node.stop();
    expect(await node.exitCode).toBe(0);
  });

  it('ends when one of its workers does', async () => {
    const { node, lines } = await twoWorkers();
    const started = lines.flatMap((line) => (line.includes('worker started') ? [JSON.parse(line)] : []));
    expect(started.map(({ worker }) => worker)).toEqual(['out', 'out-2']);
    process.kill(started[1].pid, 'SIGKILL');
    expect(await node.exitCode).toBe(1);
    expect(lines.join('\n')).toContain('a worker ended; the others are stopped');
  });

  it('does not start without a token for each, and says how one is made', async () => {
    const child = spawn(process.execPath, ['smtp-node/main.ts', '--workers', '3'], {
      cwd: new URL('../..', import.meta.url).pathname,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        PENNYPOST_EDGE_URL: 'http://127.0.0.1:9',
        PENNYPOST_NODE_TOKEN: tokenOf('a'),
        PENNYPOST_WORKER_TOKENS: tokenOf('b'),
        PENNYPOST_HOST_NAME: 'out.example.com',
        PENNYPOST_DATA_DIR: await freshDirectory(),
        PENNYPOST_METRICS_PORT: '0',
      },
    });
    expect(await text(child.stderr)).toContain(
      'no token for out.example.com-3: npm run nodes -- add out.example.com --workers 3 makes them',
    );
  });
});

describe('what workers tell together', () => {
  const one = {
    name: 'google',
    attempts: 1,
    waiting: 2,
    window: 5,
    most: 10,
    pausedUntil: null,
    because: null,
  };

  it('is added up by destination, with the longest pause', () => {
    const paused = { ...one, pausedUntil: '2026-11-27T12:00:00.000Z', because: '421 4.7.28' };
    const states = [[one], [paused], [{ ...one, name: 'yahoo' }]].map((destinations) => ({
      metrics: [],
      fault: null,
      destinations,
      sendingAddresses: [],
    }));
    expect(togetherOf(states).destinations).toEqual([
      { ...paused, attempts: 2, waiting: 4, window: 10, most: 20 },
      { ...one, name: 'yahoo' },
    ]);
  });

  it('is added up by sending address, with the shares of a ramp', () => {
    const address = {
      name: 'out1.test.example',
      addresses: ['192.0.2.10'],
      classes: null,
      accounts: null,
      rampDay: 1,
      today: 3,
      allowedToday: 25,
      paused: ['slow.example'],
    };
    const warm = { ...address, name: 'out2.test.example', rampDay: null, allowedToday: null, paused: [] };
    const state = { metrics: [], fault: null, destinations: [], sendingAddresses: [address, warm] };
    const other = {
      ...state,
      sendingAddresses: [{ ...address, paused: ['new.example', 'slow.example'] }, warm],
    };
    expect(togetherOf([state, other]).sendingAddresses).toEqual([
      { ...address, today: 6, allowedToday: 50, paused: ['slow.example', 'new.example'] },
      { ...warm, today: 6 },
    ]);
  });

  it('is not well when one of them is not', () => {
    const state = (fault: string | null) => ({ metrics: [], fault, destinations: [], sendingAddresses: [] });
    expect(togetherOf([state(null), state(null)]).fault).toBeNull();
    expect(togetherOf([state(null), state('a'), state('b')]).fault).toBe('a; b');
  });
});
