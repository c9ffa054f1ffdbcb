import { describe, expect, it } from 'vitest';
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
