import type { Settings } from '../settings.ts';
import { decryptKey, sealedWebhookSecret } from '../store/key-encryption.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';

/** A new secret of an endpoint: `whsec_` and base64 of 32 random bytes, as Standard Webhooks writes them. */
export function newWebhookSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}

/** The secrets that sign now: the endpoint's own, and during the overlap of a rotation the one before it. */
export async function signingSecrets(
  endpoint: Endpoint,
  settings: Pick<Settings, 'encryptionKeys'>,
  nowMs: number,
): Promise<string[]> {
  const { secretEncrypted, previousSecretEncrypted, previousSecretUntilMs } = endpoint;
  const open = (sealed: string) =>
    decryptKey(sealed, settings.encryptionKeys, sealedWebhookSecret(endpoint.publicId));
  const own = await open(secretEncrypted);
  if (previousSecretEncrypted === null || (previousSecretUntilMs ?? 0) <= nowMs) return [own];
  return [own, await open(previousSecretEncrypted)];
}
