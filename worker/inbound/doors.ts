import { isOwner, notTheOwner } from '#domain/inbound/answer-right.ts';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import { largestReceivedBytes, largestReturnedBytes, type SmtpRefusal } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import type { Store } from '../store/store.ts';
import { eventsCommitted } from '../webhook/poke.ts';
import { authorize } from './authorize.ts';
import { doorsOf } from './check.ts';
import { receive, type Verdict } from './receive.ts';
import type { InboundMail, Room } from './room.ts';
import { takeReceived } from './take.ts';
import { type FailedDelivery, tellFailures } from './tell-failure.ts';

/** Takes a mail for each of its recipients; each token speaks for its own delivery. */
export async function receiveAll(
  store: Store,
  env: Env,
  mail: Omit<InboundMail, 'rcptTo'> & { rcptTo: readonly string[] },
): Promise<Verdict[]> {
  return await inRoom(store, env, async (room) => {
    const verdicts: Verdict[] = [];
    for (const rcptTo of mail.rcptTo) verdicts.push(await receive(room, { ...mail, rcptTo }));
    return verdicts;
  });
}

/** Works in the room of returned mail; then whoever must hear of what came of it does. */
export async function inRoom<T>(store: Store, env: Env, work: (room: Room) => Promise<T>): Promise<T> {
  const accounts = new Set<number>();
  const failed: FailedDelivery[] = [];
  const room: Room = {
    store,
    settings: env,
    nowMs: Date.now(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    eventsCommitted: (accountId) => accounts.add(accountId),
    failed: (delivery) => failed.push(delivery),
  };
  const result = await work(room);
  await tellFailures(store, env, failed, room.nowMs);
  if (accounts.size > 0) await eventsCommitted(env, [...accounts]);
  return result;
}

/** The part of a message of Email Routing that is needed here. */
export type RoutedMail = Pick<ForwardableEmailMessage, 'from' | 'to' | 'raw' | 'rawSize' | 'setReject'>;

/**
 * The door of Email Routing. What is refused is refused in the SMTP session of whoever brings it, so nothing bounces
 * from here; an error is thrown so that it is tried again. It tells nothing of the client, so there are no verdicts.
 */
export async function receiveRouted(message: RoutedMail, store: Store, env: Env): Promise<void> {
  const mailFrom = message.from.replace(/^<|>$/g, '');
  const [door] = await doorsOf(store, env, [message.to], Date.now());
  if (door?.door === 'refused') return refuse(message, door);
  if (door?.door === 'received' && door.senders && !isOwner(mailFrom, door.senders)) {
    return refuse(message, { reply: '550 5.7.1', text: notTheOwner });
  }
  const mostBytes = door?.door === 'received' ? largestReceivedBytes : largestReturnedBytes;
  if (message.rawSize > mostBytes) {
    message.setReject(`5.3.4 The mail is larger than ${mostBytes} octets`);
    return;
  }
  if (door?.door === 'received') {
    const nowMs = Date.now();
    const { spf } = noVerdicts;
    const refused =
      door.authorize &&
      (await authorize(store, env, {
        ...{ to: message.to, from: mailFrom, size: message.rawSize, remoteIp: '', helo: '', spf },
      }));
    if (refused) return refuse(message, refused);
    const random = crypto.getRandomValues(new Uint8Array(10));
    random[9] = 0;
    const refusal = await takeReceived(store, env, {
      head: {
        id: uuidV7(nowMs, random),
        receivedAtMs: nowMs,
        group: door.group,
        mailFrom,
        rcptTo: [message.to],
        remoteIp: '',
        helo: '',
        tls: false,
        verdicts: noVerdicts,
      },
      raw: message.raw,
      sizeBytes: message.rawSize,
      origin: env.publicUrl,
    });
    if (refusal) refuse(message, refusal);
    return;
  }
  const raw = new Uint8Array(await new Response(message.raw).arrayBuffer());
  const [verdict] = await receiveAll(store, env, { mailFrom, rcptTo: [message.to], raw, signedAuthor: null });
  if (verdict === 'unknown') message.setReject('5.1.1 There is no such address here');
  if (verdict === 'refused') message.setReject('5.7.1 Only reports (RFC 5965, 8460, 9990) are read here');
}

/** What is temporary is tried again by whoever is told of an error. */
function refuse(message: Pick<RoutedMail, 'setReject'>, { reply, text }: SmtpRefusal): void {
  if (reply.startsWith('4')) throw new Error(text);
  message.setReject(`${reply.slice(4)} ${text}`);
}
