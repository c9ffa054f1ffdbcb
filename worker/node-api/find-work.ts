import type { z } from 'zod';
import type { LeaseResponse, leaseRequest } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import type { MayHaveWork } from '../hub/homes-with-work.ts';
import { hubOf } from '../hub/hub-of.ts';
import { errorText, type Store } from '../store/store.ts';
import { type Asking, leaseWork } from './lease.ts';

/**
 * Leases work where there may be some, and tells the hub which homes have none, or much.
 * @param later does what need not be waited for
 * @returns the answer, and the accounts that have new events
 * @throws as `leaseWork`
 */
export async function findWork(
  store: Store,
  env: Env,
  request: z.output<typeof leaseRequest>,
  asking: Omit<Asking, 'homes'>,
  later: (work: Promise<unknown>) => void = () => {},
): Promise<{ answer: LeaseResponse; told: number[] }> {
  const hub = hubOf(env.bindings.HUB);
  const may = store.homes === 1 ? [] : await homesWithWork(hub, store.homes);
  const asked = { ...asking, homes: may };
  const { answer, told, empty, deep } = await leaseWork(store, env, request, asked, Date.now());
  if (empty.length > 0) later(hub.foundEmpty(may.filter(({ home }) => empty.includes(home))));
  const other = may.filter((one) => one.deep !== deep.includes(one.home));
  if (other.length > 0) later(hub.foundDepth(other.map((one) => ({ home: one.home, deep: !one.deep }))));
  return { answer, told };
}

/** Where a lease looks; everywhere when the hub does not tell. */
async function homesWithWork(hub: ReturnType<typeof hubOf>, count: number): Promise<MayHaveWork[]> {
  try {
    return await hub.homesWithWork(count);
  } catch (error) {
    const msg = 'the hub does not tell which homes have work; all are asked';
    console.warn(JSON.stringify({ level: 'warn', msg, error: errorText(error) }));
    return Array.from({ length: count }, (_, home) => ({ home, mark: '', deep: false }));
  }
}
