import type { z } from 'zod';
import { uuidV7 } from '#domain/message/ids.ts';
import type { releaseRequest } from '#domain/node-contract.ts';
import { releaseLeases } from '../store/leases.ts';
import { byHomeOfMessage } from '../store/message-homes.ts';
import { waitsForPace, waitsForTransport } from '../store/routing.ts';
import type { Store } from '../store/store.ts';
import { holdLeased } from '../store/waiting.ts';

type Lease = z.output<typeof releaseRequest>['leases'][number];

/**
 * Gives leases of a node back in the homes of their messages. Of those that wait for a relay their timelines tell, once.
 * @returns how many there were, in which homes, and the accounts that have new events
 */
export async function release(
  store: Store,
  leases: readonly Lease[],
  of: { nodeId: string },
): Promise<{ released: number; homes: number[]; told: number[] }> {
  const nowMs = Date.now();
  const newId = () => uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)));
  const homes = await byHomeOfMessage(store, leases, ({ messageId }) => messageId);
  const given = await Promise.all(
    homes.map(async ([home, own]) => {
      const held = own.flatMap(({ waitsFor, ...lease }) => {
        if (waitsFor === undefined) return [];
        return { ...lease, event: waitsForTransport(waitsForPace(waitsFor), newId(), nowMs), dueMs: null };
      });
      const others = own.filter(({ waitsFor }) => waitsFor === undefined);
      const { count, told } =
        held.length > 0 ? await holdLeased(home, held, nowMs, of) : { count: 0, told: [] };
      const back = others.length > 0 ? await releaseLeases(home, others, nowMs, of) : 0;
      return { home: home.home, count: count + back, told };
    }),
  );
  const some = given.filter(({ count }) => count > 0);
  return {
    released: some.reduce((sum, { count }) => sum + count, 0),
    homes: some.map(({ home }) => home),
    told: [...new Set(given.flatMap(({ told }) => told))],
  };
}
