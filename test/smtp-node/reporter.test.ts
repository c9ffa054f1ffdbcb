import { expect, it, vi } from 'vitest';
import type { Result } from '#domain/node-contract.ts';
import { Backoff } from '../../smtp-node/backoff.ts';
import { createLog } from '../../smtp-node/log.ts';
import { Reporter } from '../../smtp-node/outbound/reporter.ts';
import { delivered } from '../support/outcomes.ts';

const result = (messageId: string): Result => ({ messageId, n: 0, leaseId: 'l', outcome: delivered() });

/** A reporter, and the batches that it tells. @param patientMs an hour where nobody should wait for that */
function reporterWith(patientMs: number) {
  const told: string[][] = [];
  const reporter = new Reporter({
    client: {
      results: async (results) => {
        told.push(results.map(({ messageId }) => messageId));
        return results.map(() => 'recorded');
      },
    },
    journal: { reported: () => {} },
    log: createLog({ level: 'silent', nodeId: 'n', bootId: 'b' }),
    backoff: new Backoff(1, 1),
    batchSize: 4,
    gatherMs: 1,
    patientMs,
  });
  return { told, reporter };
}
const hourMs = 3_600_000;

it('results that nobody waits for are told together, a little later', async () => {
  const { told, reporter } = reporterWith(30);
  reporter.add(result('a'), true);
  reporter.add(result('b'), true);
  await vi.waitFor(() => expect(told).toEqual([['a', 'b']]));
});

it('results that are waited for take the others along', async () => {
  const { told, reporter } = reporterWith(hourMs);
  reporter.add(result('a'), true);
  reporter.add(result('b'));
  await reporter.idle();
  expect(told).toEqual([['a', 'b']]);
});

it('a full batch is told at once', async () => {
  const { told, reporter } = reporterWith(hourMs);
  for (const id of ['a', 'b', 'c', 'd']) reporter.add(result(id), true);
  await vi.waitFor(() => expect(told).toEqual([['a', 'b', 'c', 'd']]));
  reporter.add(result('e'), true);
  // A stop ends the patience.
  await reporter.idle();
  expect(told.slice(1)).toEqual([['e']]);
});
