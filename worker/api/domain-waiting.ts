import { uuidV7 } from '#domain/message/ids.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import type { Domain } from '../store/domains.ts';
import { cancelWaiting, waitingOf } from '../store/waiting.ts';
import { announceEvents } from './announce-events.ts';

/** So many waiting deliveries are counted, and cancelled at once. */
const mostCounted = 1_000;
const mostRounds = 10;

/**
 * Sees that no mail of the domain waits, which without its keys could not be signed.
 * @param cancel whether what waits is cancelled
 * @throws Problem 409 with the count of what waits, or of what is left after as much as one request may cancel
 */
export async function settleWaiting(c: Call, domain: Domain, cancel: boolean): Promise<void> {
  const { accountId, name } = domain;
  const find = () => waitingOf(c.get('store'), { accountId, domain: name }, mostCounted, Date.now());
  let waiting = await find();
  let canceled = 0;
  for (let round = 0; cancel && round < mostRounds && waiting.some((one) => !one.underWay); round++) {
    const nowMs = Date.now();
    const newEvent = () => ({
      id: uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10))),
      kind: 'canceled' as const,
      atMs: nowMs,
      details: { reason: 'domain_removed', domain: name },
    });
    canceled += await cancelWaiting(c.get('store'), waiting.slice(0, mostCounted), newEvent, nowMs);
    waiting = await find();
  }
  if (canceled > 0) announceEvents(c, c.get('credential'));
  if (waiting.length === 0) return;
  const count = waiting.length < mostCounted ? `${waiting.length}` : `${mostCounted} or more`;
  const underWay = waiting.filter((one) => one.underWay).length;
  if (!cancel) {
    throw new Problem(
      'conflict',
      `${count} deliveries of ${name} are not finished yet. Wait until they are, or cancel them: DELETE …?cancel=true.`,
      { members: { waiting: Math.min(waiting.length, mostCounted) } },
    );
  }
  const detail =
    underWay === waiting.length
      ? `${canceled} deliveries are cancelled; ${count} are being delivered right now. Ask again in some minutes.`
      : `${canceled} deliveries are cancelled and ${count} are left. Ask again to go on.`;
  throw new Problem('conflict', detail, { members: { waiting: waiting.length, canceled } });
}
