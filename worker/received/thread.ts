import { threadClues } from '#domain/inbound/threading.ts';
import { isUuidV7, type MessageId } from '#domain/message/ids.ts';
import { sentBy } from '../store/messages.ts';
import type { Store } from '../store/store.ts';
import type { MailHead } from './open-mail.ts';

/**
 * The message of the account that a mail answers: the first of In-Reply-To, then of References from the end, that is the
 * Message-ID of a message which the account has sent and which is kept. One round trip, none when no id could be ours.
 */
export async function answeredMessage(
  store: Store,
  accountId: number,
  { headers }: Pick<MailHead, 'headers'>,
  nowMs: number,
): Promise<MessageId | null> {
  const candidates = threadClues([], headers).messageIds.flatMap(ownId);
  if (candidates.length === 0) return null;
  const sent = await sentBy(store, accountId, candidates, nowMs);
  return candidates.find((id) => sent.has(id)) ?? null;
}

/** The id in a Message-ID as we write it: `<id@domain>`. */
export function ownId(messageId: string): MessageId[] {
  const id = (/^<([0-9a-f-]{36})@/i.exec(messageId)?.[1] ?? '').toLowerCase();
  return isUuidV7(id) ? [id] : [];
}
