import { transportUses } from '#domain/delivery/transport.ts';
import type { Result } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import { tellFailures } from '../inbound/tell-failure.ts';
import { errorText, type Store } from '../store/store.ts';
import { noteTransportUse } from '../store/transports.ts';
import { type Recorded, recordResults } from './results.ts';

/** Records what became of deliveries that a node had, tells who waits to hear of failures, and counts what relays took. */
export async function takeResults(
  store: Store,
  env: Env,
  results: Result[],
  nodeId: string,
): Promise<Pick<Recorded, 'verdicts' | 'retries' | 'listening'>> {
  const by = { nodeId, keys: env.returnPathKeys };
  const { failed, ...recorded } = await recordResults(store, results, by, Date.now());
  await tellFailures(store, env, failed, Date.now());
  await noteUse(store, results, recorded.verdicts);
  return recorded;
}

/** Counts what relays took, and what they said instead. Without harm where it fails: it is for limits and for people. */
async function noteUse(
  store: Store,
  results: readonly Result[],
  verdicts: Recorded['verdicts'],
): Promise<void> {
  const uses = transportUses(results.filter((_, i) => verdicts[i] === 'recorded'));
  await noteTransportUse(store, uses, Date.now()).catch((error: unknown) => {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'use of transports not counted', error: errorText(error) }),
    );
  });
}
