import { receivedPayload } from '#domain/inbound/formats/payload.ts';
import { type ReceivedPointer, receivedEvent } from '#domain/webhook.ts';
import type { Settings } from '../settings.ts';
import { findReceived, type Received } from '../store/received.ts';
import { readReceived } from '../store/received-object.ts';
import type { Store } from '../store/store.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { attachmentUrl } from '../tokens/attachment-links.ts';
import { formatHeaders, type Try } from './format-headers.ts';
import { openMail } from './open-mail.ts';

/** A body that tells of a received mail, as it is posted. */
export interface ReceivedBody {
  contentType: string;
  body: Uint8Array<ArrayBuffer>;
  headers: Record<string, string>;
}

/**
 * Writes the body of a delivery that tells of a received mail, in the format of its endpoint; a reason in words when the
 * mail is not kept any more.
 */
export async function bodyOfReceived(
  store: Store,
  settings: Pick<Settings, 'returnPathKeys'>,
  endpoint: Pick<Endpoint, 'accountId' | 'format'>,
  pointer: ReceivedPointer,
  of: Try,
  nowMs: number,
): Promise<ReceivedBody | string> {
  const rows = { accountId: endpoint.accountId, domains: null };
  const received = await findReceived(store, rows, pointer.received, nowMs);
  const object = received && (await readReceived(store, received, nowMs));
  if (!received || !object) return 'the content of the mail is not kept any more';
  const raw = new Uint8Array(await object.arrayBuffer());
  return await writtenBody(settings, endpoint.format, { received, raw, origin: pointer.origin }, of, nowMs);
}

/** The same of a mail that is at hand. */
export async function writtenBody(
  settings: Pick<Settings, 'returnPathKeys'>,
  format: Endpoint['format'],
  { received, raw, origin }: { received: Received; raw: Uint8Array<ArrayBuffer>; origin: string },
  of: Try,
  nowMs: number,
): Promise<ReceivedBody> {
  const mail = await openMail(raw, received);
  const { accountId, id: receivedId } = received;
  const urls = new Map<string, string>();
  for (const { id: attachmentId } of mail.attachments) {
    const place = { accountId, receivedId, attachmentId };
    urls.set(attachmentId, await attachmentUrl(settings.returnPathKeys, origin, place, nowMs));
  }
  const payload = await receivedPayload(
    format,
    { mail, attachmentUrl: ({ id }) => urls.get(id) ?? '', rawUrl: null },
    async () => raw,
  );
  const body = new Uint8Array(await new Blob(payload.body).arrayBuffer());
  const headers = await formatHeaders(format, body, of, nowMs, receivedEvent);
  return { contentType: payload.contentType, body, headers };
}
