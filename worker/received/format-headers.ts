import { postscaleSignature } from '#domain/inbound/formats/postscale.ts';
import { toldIn, type WebhookFormat } from '#domain/webhook.ts';
import { newestMac } from '../tokens/keyed-mac.ts';

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
 * The fields that receivers of a format look at, beside those that all have.
 * @param event its name; null: that of the body
 */
export async function formatHeaders(
  format: WebhookFormat,
  body: string | Uint8Array,
  { deliveryId, attempt, secrets }: Try,
  nowMs: number,
  event: string | null = null,
): Promise<Record<string, string>> {
  if (format !== 'postscale') return {};
  const macOf = async (secret: string, bytes: Uint8Array) =>
    (await newestMac([new TextEncoder().encode(secret)]))(bytes);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return {
    'X-Postscale-Event': event ?? toldIn(new TextDecoder().decode(bytes)).event ?? '',
    'X-Postscale-Delivery-ID': `${deliveryId}.${attempt}`,
    'X-Postscale-Attempt': String(attempt),
    'X-Postscale-Signature': await postscaleSignature(secrets, Math.floor(nowMs / 1000), bytes, macOf),
  };
}
