/** The runtime's own key type; workerd and Node name it differently. */
type PrivateKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * Keys by which receivers of webhooks know who posts without sharing a secret (Standard Webhooks, "Asymmetric": Ed25519,
 * RFC 8032). One for each endpoint, for an installation serves many accounts: what one of them has posted to somebody's
 * address must not look like what another has. Nothing is stored: a key is derived (HKDF, RFC 5869) from a secret of the
 * Worker, and of each of its secrets, so that both sign while that secret is rotated.
 */
export interface WebhookKey {
  privateKey: PrivateKey;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

/** RFC 8410 §7: a private key of 32 bytes in PKCS #8, up to the key itself. */
const pkcs8 = [
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/** The keys of an endpoint, that of the newest secret first. @param endpointId its public id */
export async function webhookKeys(secrets: readonly Uint8Array[], endpointId: string): Promise<WebhookKey[]> {
  return await Promise.all(secrets.map((secret) => webhookKey(secret, endpointId)));
}

async function webhookKey(secret: Uint8Array, endpointId: string): Promise<WebhookKey> {
  const info = new TextEncoder().encode(`pennypost webhook v1a\0${endpointId}`);
  const base = await crypto.subtle.importKey('raw', new Uint8Array(secret), 'HKDF', false, ['deriveBits']);
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  const seed = new Uint8Array(await crypto.subtle.deriveBits(derivation, base, 256));
  const encoded = Uint8Array.from([...pkcs8, ...seed]);
  const privateKey = await crypto.subtle.importKey('pkcs8', encoded, { name: 'Ed25519' }, true, ['sign']);
  const { x = '' } = (await crypto.subtle.exportKey('jwk', privateKey)) as { x?: string };
  const base64 = x.replace(/-/g, '+').replace(/_/g, '/');
  return { privateKey, publicKey: Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)) };
}

/** A signature as `webhook-signature` has it. */
export async function signByKey({ privateKey }: WebhookKey, signed: Uint8Array): Promise<string> {
  const signature = await crypto.subtle.sign({ name: 'Ed25519' }, privateKey, new Uint8Array(signed));
  return `v1a,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
}

/** A public key as Standard Webhooks writes it. */
export function formatPublicKey({ publicKey }: WebhookKey): string {
  return `whpk_${btoa(String.fromCharCode(...publicKey))}`;
}
