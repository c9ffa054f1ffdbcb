import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { decryptKey, encryptKey, sealedOwnFields, sealedWebhookSecret } from '../store/key-encryption.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { webhookKeys } from '../tokens/webhook-key.ts';
import { basicAuthorization, type WebhookPost } from './post.ts';

/** A new secret of an endpoint: `whsec_` and base64 of 32 random bytes, as Standard Webhooks writes them. */
export function newWebhookSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}

/** The secrets that sign now: the endpoint's own, and during the overlap of a rotation the one before it. */
async function signingSecrets(
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

/** What an endpoint's owner wants sent along; it is kept sealed. */
export interface OwnFields {
  headers: Record<string, string>;
  password: string | null;
}

const ownFields = z.object({ headers: z.record(z.string(), z.string()), password: z.string().nullable() });

/** The own fields of an endpoint. */
export async function openOwnFields(
  endpoint: Pick<Endpoint, 'publicId' | 'ownEncrypted'>,
  settings: Pick<Settings, 'encryptionKeys'>,
): Promise<OwnFields> {
  if (endpoint.ownEncrypted === null) return { headers: {}, password: null };
  const sealed = sealedOwnFields(endpoint.publicId);
  return ownFields.parse(
    JSON.parse(await decryptKey(endpoint.ownEncrypted, settings.encryptionKeys, sealed)),
  );
}

/** The columns for own fields; without any, there is nothing to seal. */
export async function sealOwnFields(
  { publicId, username, own }: { publicId: string; username: string | null; own: OwnFields },
  { encryptionKeys }: Pick<Settings, 'encryptionKeys'>,
) {
  const names = Object.keys(own.headers);
  const isEmpty = names.length === 0 && own.password === null;
  return {
    username,
    headerNames: names.length === 0 ? null : names,
    ownEncrypted: isEmpty
      ? null
      : await encryptKey(JSON.stringify(own), encryptionKeys, sealedOwnFields(publicId)),
  };
}

/** By what each post to an endpoint is signed, and what is sent along. */
export type Signing = Pick<WebhookPost, 'secrets' | 'keys' | 'svix' | 'own'>;

export async function signingOf(
  endpoint: Endpoint,
  settings: Pick<Settings, 'encryptionKeys'>,
  nowMs: number,
): Promise<Signing> {
  const [secrets, keys, own] = await Promise.all([
    signingSecrets(endpoint, settings, nowMs),
    webhookKeys(settings.encryptionKeys, endpoint.publicId),
    openOwnFields(endpoint, settings),
  ]);
  const { username } = endpoint;
  const user: Record<string, string> =
    username === null ? {} : { Authorization: basicAuthorization(username, own.password ?? '') };
  return { secrets, keys, svix: endpoint.format === 'resend', own: { ...own.headers, ...user } };
}
