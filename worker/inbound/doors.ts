import { largestReturnedBytes } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import { eventsCommitted } from '../queue/events-committed.ts';
import type { Store } from '../store/store.ts';
import { receive, type Verdict } from './receive.ts';
import type { Room } from './room.ts';

/** Takes a mail for each of its recipients; each token speaks for its own delivery. */
export async function receiveAll(
  store: Store,
  env: Env,
  mail: { mailFrom: string; rcptTo: readonly string[]; raw: Uint8Array },
): Promise<Verdict[]> {
  const accounts = new Set<number>();
  const room: Room = {
    store,
    settings: env,
    nowMs: Date.now(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    eventsCommitted: (accountId) => accounts.add(accountId),
  };
  const verdicts: Verdict[] = [];
  for (const rcptTo of mail.rcptTo) verdicts.push(await receive(room, { ...mail, rcptTo }));
  if (accounts.size > 0) await eventsCommitted(env, [...accounts]);
  return verdicts;
}

/** The part of a message of Email Routing that is needed here. */
export type RoutedMail = Pick<ForwardableEmailMessage, 'from' | 'to' | 'raw' | 'rawSize' | 'setReject'>;

/**
 * The door of Email Routing. What is refused is refused in the SMTP session of whoever brings it, so nothing bounces
 * from here; an error is thrown so that it is tried again.
 */
export async function receiveRouted(message: RoutedMail, store: Store, env: Env): Promise<void> {
  if (message.rawSize > largestReturnedBytes) {
    message.setReject(`5.3.4 The mail is larger than ${largestReturnedBytes} octets`);
    return;
  }
  const raw = new Uint8Array(await new Response(message.raw).arrayBuffer());
  const mailFrom = message.from.replace(/^<|>$/g, '');
  const [verdict] = await receiveAll(store, env, { mailFrom, rcptTo: [message.to], raw });
  if (verdict === 'unknown') message.setReject('5.1.1 There is no such address here');
  if (verdict === 'refused') message.setReject('5.7.1 Only feedback reports (RFC 5965) are read here');
}
