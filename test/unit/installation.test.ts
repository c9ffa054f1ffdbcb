import { describe, expect, it } from 'vitest';
import { faultOfTransport } from '#domain/delivery/transport-health.ts';
import { diagnoseInstallation, type InstallationFacts } from '#domain/dns/installation.ts';

const healthy: InstallationFacts = {
  nowMs: Date.UTC(2026, 10, 27),
  missingColumns: [],
  databaseSizes: [{ home: 0, accounts: 1, bytes: 1e6, bytesADay: null }],
  bucketFault: null,
  queues: [],
  nodes: [{ nodeId: 'out', lastSeenAtMs: Date.UTC(2026, 10, 27) }],
  tick: { atMs: Date.UTC(2026, 10, 27), fault: null },
  lateEndpoints: 0,
  failingEndpoints: { count: 0, waiting: 0 },
  mailFault: null,
  encryption: { keys: 1, old: 0 },
  allowLocalWebhooks: false,
  settings: 12,
  relays: [],
  workerTransport: null,
};
const webhooks = (more: Partial<InstallationFacts>) =>
  diagnoseInstallation({ ...healthy, ...more }).find(({ check }) => check === 'webhooks');

describe('webhooks of an installation', () => {
  it('are ok only while every endpoint takes what is posted', () => {
    expect(diagnoseInstallation(healthy).filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(webhooks({ failingEndpoints: { count: 1, waiting: 7 } })).toMatchObject({
      status: 'warning',
      observed: '1 endpoint takes nothing, and 7 requests wait for them.',
    });
    expect(webhooks({ lateEndpoints: 1, failingEndpoints: { count: 1, waiting: 7 } })?.status).toBe('failed');
  });
});

describe('nodes of an installation', () => {
  const nodes = (more: Partial<InstallationFacts>) =>
    diagnoseInstallation({ ...healthy, ...more }).find(({ check }) => check === 'nodes');
  const away = [{ nodeId: 'out', lastSeenAtMs: 0 }];

  it.each([
    ['are here', {}, 'ok', 'out: here.'],
    ['have never been', { nodes: [] }, 'failed', 'No node has ever reported: nothing is delivered.'],
    [
      'are not needed where the Worker sends itself',
      { nodes: [], workerTransport: 'cf' },
      'ok',
      'No node: mail leaves by the binding of the Worker (cf).',
    ],
    ['are away', { nodes: away }, 'failed', 'No node is here: out is away.'],
    [
      'are away, and the Worker sends itself',
      { nodes: away, workerTransport: 'cf' },
      'warning',
      'No node is here (out): mail leaves by the binding of the Worker (cf), what has no rule for it waits.',
    ],
  ])('%s', (_what, more, status, observed) => {
    expect(nodes(more)).toMatchObject({ status, observed });
  });
});

describe('relays of an installation', () => {
  const facts = { preset: 'ses', toldAtMs: 1, toldText: 'Recipient is suppressed' };
  const faultOf = (taken: number, delivered: number, refused: number, more = {}) =>
    faultOfTransport({ ...facts, lately: { taken, delivered, refused }, ...more });

  it.each([
    ['delivers what it takes', faultOf(100, 90, 5), undefined],
    ['has taken next to nothing', faultOf(19, 0, 19), undefined],
    ['answers 250 and delivers nothing', faultOf(100, 2, 98), 'refuses'],
    ['takes all and tells of little', faultOf(100, 20, 1), 'silent'],
    ['has never told of anything', faultOf(100, 0, 0, { toldAtMs: null }), 'unheard'],
    ['has no events', faultOf(100, 0, 0, { preset: 'smtp', toldAtMs: null }), undefined],
  ])('one that %s', (_what, fault, name) => {
    expect(fault?.name).toBe(name);
  });

  it('are told of, in which words they do not deliver', () => {
    const relays = [{ name: 'ses', fault: faultOf(100, 2, 98) }];
    const told = diagnoseInstallation({ ...healthy, relays }).find(({ check }) => check === 'relay ses');
    expect(told).toMatchObject({
      status: 'warning',
      observed:
        'Of 100 messages that it took since yesterday, its events say, 2 were delivered and 98 refused: Recipient is suppressed.',
    });
  });
});
