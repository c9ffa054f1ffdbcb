/**
 * Message and event ids: UUID version 7 (RFC 9562 §5.7), whose first 48 bits are the time in milliseconds.
 * Two of the random bytes are ours: byte 14 is the shard of a message's home, byte 15 is 0 in a message id
 * and `n + 1` in the id of the `accepted` event of its recipient number `n`, so that the event needs no row; `n + 129` in
 * that of its first `dispatched`.
 */
export type MessageId = string;
export type EventId = string;

const uuidV7Pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for the lower-case text form of a UUID version 7. */
export function isUuidV7(text: string): boolean {
  return uuidV7Pattern.test(text);
}

/**
 * Makes a UUID version 7.
 * @param nowMs Unix time in milliseconds
 * @param random 10 random bytes
 */
export function uuidV7(nowMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  let time = nowMs;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return formatUuid(bytes);
}

/** A message id: see the module comment for what its last two bytes mean. */
export function newMessageId(nowMs: number, random: Uint8Array, shard: number): MessageId {
  const own = Uint8Array.from(random);
  own[8] = shard;
  own[9] = 0;
  return uuidV7(nowMs, own);
}

/** The id of the `accepted` event of recipient `n` of a message. */
export function acceptedEventId(messageId: MessageId, n: number): EventId {
  return messageId.slice(0, -2) + (n + 1).toString(16).padStart(2, '0');
}

/** The id of the first `dispatched` event of recipient `n` of a message. */
export function dispatchedEventId(messageId: MessageId, n: number): EventId {
  return messageId.slice(0, -2) + (n + 129).toString(16).padStart(2, '0');
}

/** The time in an id, Unix milliseconds. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The 16 bytes of a UUID's text form. */
export function uuidToBytes(id: string): Uint8Array {
  const hex = id.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The text form of 16 bytes (RFC 9562 §4). */
export function formatUuid(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += hexOfByte[byte];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
