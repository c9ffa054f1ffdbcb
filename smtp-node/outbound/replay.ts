import type { Outcome } from '#domain/delivery/outcome.ts';
import type { Log } from '../log.ts';
import type { Journal } from './journal.ts';
import type { SendingRecord } from './journal-record.ts';
import type { Reporter } from './reporter.ts';

/**
 * Tells the edge what the previous run of the node left untold, and waits until it knows. Must come before
 * `hello`: that releases the leases under which this was done, and another node would send again.
 * @returns null, or why the edge does not take reports of this node (wrong token, wrong address): the journal keeps them
 */
export async function replay(
  journal: Pick<Journal, 'unfinished' | 'unreportedOutcomes' | 'outcome' | 'damagedLines'>,
  reporter: Pick<Reporter, 'add' | 'idle' | 'refused'>,
  log: Log,
): Promise<string | null> {
  if (journal.damagedLines > 0) log.warn({ lines: journal.damagedLines }, 'journal: lines were left out');
  await Promise.all(journal.unfinished().map((record) => journal.outcome(record, interrupted(record))));
  const outcomes = journal.unreportedOutcomes();
  for (const { messageId, n, leaseId, outcome } of outcomes) {
    log.info({ messageId, n, leaseId, outcome: outcome.type }, 'reporting what the previous run left');
    reporter.add({ messageId, n, leaseId, outcome });
  }
  return await Promise.race([reporter.idle().then(() => null), reporter.refused]);
}

/** The outcome of a transaction that the node did not live to see the end of. */
function interrupted(record: SendingRecord): Outcome {
  return {
    type: 'maybeAccepted',
    startedAtMs: record.startedAtMs,
    endedAtMs: Date.now(),
    session: { mx: null, tls: null, reused: false, steps: [], tried: [] },
    failure: {
      reply: null,
      status: null,
      class: 'unknown',
      text: 'The node stopped between DATA and the reply: accepted or not, nobody knows.',
      step: 'final',
      code: null,
    },
  };
}
