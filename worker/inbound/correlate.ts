import { isFeedbackLoop } from '#domain/bounce/feedback-loops.ts';
import type { Returned } from '#domain/bounce/returned-mail.ts';
import { isUuidV7 } from '#domain/message/ids.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { findReturned, findReturnedAll, type ReturnedDelivery } from '../store/returns.ts';
import { verifyReturnPath } from '../tokens/return-path.ts';
import type { InboundMail, Room } from './room.ts';

/** So many return paths inside one report are looked at; verifying costs an HMAC each. */
const mostTokens = 16;
const mostScannedBytes = 262_144;

/** The delivery that a report is about, and whether a token that verifies or a feedback loop says so. */
export interface Correlated {
  delivery: ReturnedDelivery;
  verified: boolean;
}

/**
 * The delivery that a report without a token of its own is about: by our return path inside it (Original-Mail-From,
 * RFC 5965 §3.2, or the Return-Path of the returned message), which cannot be forged; else by our Message-ID or
 * Feedback-ID, then only when the report also names the recipient of that message. Everybody in To or
 * Cc knows both, so the latter is verified only when a feedback loop has signed it and itself names the recipient.
 */
export async function correlate(
  room: Room,
  reading: Returned,
  { raw, signedAuthor }: Pick<InboundMail, 'raw' | 'signedAuthor'>,
): Promise<Correlated | null> {
  const text = new TextDecoder('latin1').decode(raw.subarray(0, mostScannedBytes));
  const localParts = text.match(/\bb-[a-z2-7]{44}(?=@)/gi) ?? [];
  for (const localPart of [...new Set(localParts)].slice(0, mostTokens)) {
    const token = await verifyReturnPath(localPart, room.settings.returnPathKeys);
    if (!token) continue;
    const home = await storeOfMessage(room.store, token.messageId);
    const delivery = home && (await findReturned(home, token, room.nowMs));
    return delivery && { delivery, verified: true };
  }
  const messageId = ownMessageId(reading);
  if (messageId === null) return null;
  const named = reading.recipients.map((one) => one.recipient.toLowerCase());
  const home = await storeOfMessage(room.store, messageId);
  const deliveries = home ? await findReturnedAll(home, messageId, room.nowMs) : [];
  const delivery = deliveries.find((one) => named.includes(one.recipient.toLowerCase()));
  const loop = signedAuthor !== null && isFeedbackLoop(signedAuthor, room.settings.feedbackLoops);
  return delivery ? { delivery, verified: loop && reading.namedByReporter === true } : null;
}

/** Our message id in `Message-ID: <id@domain>`, or as an element of Feedback-ID. */
export function ownMessageId(reading: Pick<Returned, 'originalMessageId' | 'feedbackId'>): string | null {
  const candidates = [
    /^<([0-9a-f-]{36})@/i.exec(reading.originalMessageId ?? '')?.[1],
    ...(reading.feedbackId ?? '').split(/[:\s]+/),
  ];
  return candidates.map((one) => one?.toLowerCase() ?? '').find(isUuidV7) ?? null;
}
