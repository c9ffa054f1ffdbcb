import { describe, expect, it } from 'vitest';
import { workerNodeId } from '#domain/delivery/turn.ts';
import { whyWaiting } from '#domain/delivery/waiting.ts';

const nowMs = 1_790_000_000_000;
const delivery = { state: 'queued', dueMs: nowMs - 61_000, domain: 'a.example', class: 'standard' } as const;
const node = { nodeId: 'n', lastSeenAtMs: nowMs - 60_000, excludedDomains: [], busyDomains: [] };
const busy = { ...node, busyDomains: ['a.example'] };
const excluding = { ...node, excludedDomains: ['a.example'] };

describe('a delivery that is due', () => {
  it.each([
    [
      'not yet for a minute',
      { ...delivery, dueMs: nowMs - 59_000 },
      { suspended: false, digestPaused: true, nodes: [] },
      null,
    ],
    [
      'and being delivered',
      { ...delivery, state: 'sending' as const },
      { suspended: false, digestPaused: true, nodes: [] },
      null,
    ],
    ['never again', { ...delivery, dueMs: null }, { suspended: true, digestPaused: false, nodes: [] }, null],
    [
      'of a suspended account',
      delivery,
      { suspended: true, digestPaused: false, nodes: [node] },
      /suspended/,
    ],
    [
      'of a class that is paused',
      { ...delivery, class: 'digest' as const },
      { suspended: false, digestPaused: true, nodes: [node] },
      /digest is paused until/,
    ],
    ['without a node', delivery, { suspended: false, digestPaused: true, nodes: [] }, /No node/],
    [
      'with a node that is away',
      delivery,
      { suspended: false, digestPaused: true, nodes: [{ ...node, lastSeenAtMs: 0 }] },
      /No node/,
    ],
    [
      'with the Worker alone, which has other mail first',
      delivery,
      { suspended: false, digestPaused: true, nodes: [{ ...node, nodeId: workerNodeId }] },
      /No node asks for mail, and what the Worker/,
    ],
    [
      'to a host that asked to slow down',
      delivery,
      { suspended: false, digestPaused: true, nodes: [excluding] },
      /slow down/,
    ],
    [
      'to a busy host',
      delivery,
      { suspended: false, digestPaused: true, nodes: [busy, excluding] },
      /under way/,
    ],
    [
      'and wanted by one node',
      delivery,
      { suspended: false, digestPaused: true, nodes: [busy, node] },
      /before it/,
    ],
    [
      'and priority',
      { ...delivery, class: 'priority' as const },
      { suspended: false, digestPaused: true, nodes: [busy] },
      /before it/,
    ],
  ])('%s', (_name, of, around, expected) => {
    const why = whyWaiting(of, around, nowMs);
    if (expected === null) expect(why).toBeNull();
    else expect(why).toMatch(expected);
  });
});
