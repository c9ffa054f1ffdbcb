import { count } from '../store/counters.ts';
import type { Store } from '../store/store.ts';
import { readAddress } from './address.ts';
import type { Room } from './room.ts';

/** Which addresses take mail: what a listener asks at RCPT. What does not verify is counted. */
export async function checkAddresses(
  store: Store,
  settings: Room['settings'],
  addresses: readonly string[],
  nowMs: number,
): Promise<boolean[]> {
  const kinds = await Promise.all(addresses.map(async (one) => (await readAddress(one, settings)).kind));
  const of = (kind: string) => kinds.filter((one) => one === kind).length;
  await count(store, { token_forged: of('forged'), address_unknown: of('unknown') }, nowMs);
  return kinds.map((kind) => kind === 'delivery' || kind === 'feedback');
}
