import { isUuidV7 } from '#domain/message/ids.ts';
import { Problem } from '#domain/problem.ts';
import { newApp } from '../http/app.ts';
import { formatPublicKey, webhookKeys } from '../tokens/webhook-key.ts';

/** Where the public keys of an endpoint are (RFC 8615). */
export function publicKeyPath(endpointId: string): string {
  return `/.well-known/webhook-keys/${endpointId}`;
}

/** For receivers of webhooks: by which keys what an endpoint gets is signed (`v1a`). Any id has keys: they tell nothing. */
export const webhookKeysApp = newApp();

webhookKeysApp.get(publicKeyPath(':id'), async (c) => {
  const id = (c.req.param('id') ?? '').toLowerCase();
  if (!isUuidV7(id)) throw new Problem('not_found', 'That is no id of a webhook endpoint.');
  const keys = await webhookKeys(c.get('env').encryptionKeys, id);
  c.header('Cache-Control', 'public, max-age=300');
  return c.json({ keys: keys.map(formatPublicKey) });
});
