import { failureNotice, toldStatus } from '#domain/inbound/failure-notice.ts';
import { noticeOrder } from '#domain/inbound/forward-order.ts';
import type { MessageId } from '#domain/message/ids.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { readSentOn, type SentOn, writeNotice } from '../store/forwards.ts';
import { byHomeOfMessage } from '../store/message-homes.ts';
import { errorText, type Store } from '../store/store.ts';
import { messageOf } from './forward.ts';

/** A delivery that has come to nothing. */
export interface FailedDelivery {
  messageId: MessageId;
  /** What its end was called (RFC 3463); null: nothing. */
  status: string | null;
}

/**
 * Tells senders of mail that was sent on and failed: each mail once, and only who is proven to have sent it, so that
 * nobody hears of what a stranger wrote in their name. The failure is written down already: what cannot be told is
 * logged, never thrown.
 */
export async function tellFailures(
  store: Store,
  env: Env,
  failed: readonly FailedDelivery[],
  nowMs: number,
): Promise<void> {
  if (failed.length === 0) return;
  try {
    const homes = new Set<number>();
    for (const [home, own] of await byHomeOfMessage(store, failed, ({ messageId }) => messageId)) {
      const sentOn = await readSentOn(
        home,
        own.map(({ messageId }) => messageId),
        nowMs,
      );
      for (const one of sentOn) {
        const status = own.find(({ messageId }) => messageId === one.messageId)?.status ?? null;
        if (await tell(home, env, one, status, nowMs)) homes.add(home.home);
      }
    }
    if (homes.size > 0) {
      await hubOf(env.bindings.HUB)
        .wake([...homes])
        .catch(() => undefined);
    }
  } catch (error) {
    const msg = 'senders are not told of mail that could not be sent on';
    console.error(JSON.stringify({ level: 'error', msg, error: errorText(error) }));
  }
}

async function tell(
  store: Store,
  env: Env,
  about: SentOn,
  status: string | null,
  nowMs: number,
): Promise<boolean> {
  const { order, signingDomain } = about;
  const messageIdHeader = `<${crypto.randomUUID()}@${signingDomain}>`;
  const notice = messageOf(
    env,
    {
      home: store.home,
      source: 'notice',
      fromAddress: `postmaster@${signingDomain}`,
      fromHeader: `Mail Delivery System <postmaster@${signingDomain}>`,
      to: [order.sender],
      addressee: order.sender,
      subject: 'Undelivered mail returned to sender',
      messageIdHeader,
      signingDomain,
      raw: failureNotice({
        address: order.address,
        sender: order.sender,
        messageId: messageIdHeader,
        status: toldStatus(status),
        original: {
          from: about.fromHeader,
          subject: about.subject,
          messageId: order.masked?.messageId ?? about.messageIdHeader,
          receivedAtMs: about.acceptedAtMs,
        },
        reporter: `mx.${env.serviceDomain}`,
        nowMs,
      }),
      order: noticeOrder(order.address),
    },
    nowMs,
  );
  return await writeNotice(store, about, notice, nowMs);
}
