import { receivedPayload } from '#domain/inbound/formats/payload.ts';
import { postscaleSignature } from '#domain/inbound/formats/postscale.ts';
import type { ReceivedPointer } from '#domain/webhook.ts';
import type { Settings } from '../settings.ts';
import { findReceived, type Received } from '../store/received.ts';
import { readReceived } from '../store/received-object.ts';
import type { Store } from '../store/store.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { attachmentLink, attachmentPath, linkHoursMs } from '../tokens/attachment-links.ts';
import { newestMac } from '../tokens/keyed-mac.ts';
import { openMail } from './open-mail.ts';

/** A body that tells of a received mail, as it is posted. */
export interface ReceivedBody {
  contentType: string;
  body: Uint8Array<ArrayBuffer>;
  headers: Record<string, string>;
}

/** Which try of which delivery. */
export interface Try {
  /** Public id. */
  deliveryId: string;
  /** From 1. */
  attempt: number;
  /** Each signs. */
  secrets: readonly string[];
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
    const link = await attachmentLink(settings.returnPathKeys, place, nowMs + linkHoursMs);
    urls.set(attachmentId, `${origin}${attachmentPath(place)}?link=${link}`);
  }
  const payload = await receivedPayload(
    format,
    { mail, attachmentUrl: ({ id }) => urls.get(id) ?? '', rawUrl: null },
    async () => raw,
  );
  const body = new Uint8Array(await new Blob(payload.body).arrayBuffer());
  const headers = format === 'postscale' ? await postscaleHeaders(body, of, nowMs) : {};
  return { contentType: payload.contentType, body, headers };
}

/** The fields that receivers of Postscale look at. */
async function postscaleHeaders(
  body: Uint8Array,
  { deliveryId, attempt, secrets }: Try,
  nowMs: number,
): Promise<Record<string, string>> {
  const macOf = async (secret: string, bytes: Uint8Array) =>
    (await newestMac([new TextEncoder().encode(secret)]))(bytes);
  return {
    'X-Postscale-Event': 'email.received',
    'X-Postscale-Delivery-ID': `${deliveryId}.${attempt}`,
    'X-Postscale-Attempt': String(attempt),
    'X-Postscale-Signature': await postscaleSignature(secrets, Math.floor(nowMs / 1000), body, macOf),
  };
}
