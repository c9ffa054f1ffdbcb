import PostalMime, { type Email } from 'postal-mime';
import type { StoredMessage } from '../store/messages.ts';
import { readBody } from '../store/raw.ts';
import type { Store } from '../store/store.ts';

/** Larger messages are not taken apart to be told about. */
const mostBytes = 2 * 1024 * 1024;

/** The source of a sent message; null: it is not kept any more, or too large. */
export async function sentSource(
  store: Store,
  message: StoredMessage,
  nowMs: number,
): Promise<Uint8Array | null> {
  const body = message.sizeBytes > mostBytes ? null : await readBody(store, message, nowMs);
  if (body === null) return null;
  if (typeof body === 'string') return Uint8Array.from(body, (char) => char.charCodeAt(0));
  return new Uint8Array(await new Response(body).arrayBuffer());
}

/** What a sent message says; null: as above, or it cannot be taken apart. */
export async function sentContent(
  store: Store,
  message: StoredMessage,
  nowMs: number,
): Promise<Email | null> {
  const source = await sentSource(store, message, nowMs);
  return source && (await PostalMime.parse(source).catch(() => null));
}
