import type { Next } from 'hono';
import type { Scope } from '#domain/scope.ts';
import { authorize } from '../intake/authenticate.ts';
import { bearerSecret, sha256Hex } from '../intake/secret.ts';
import { type GateCredential, readGate } from '../store/acceptance.ts';
import type { Call } from './app.ts';

/** The credential of the request's key, with the scope; throws 401 or 403. One D1 round trip. */
export async function credentialOf(c: Call, scope: Scope | null, username: string | null = null) {
  const secret = bearerSecret(c.req.header('Authorization'));
  const gate = secret
    ? await readGate(c.get('store'), {
        secretHash: await sha256Hex(secret),
        domains: [],
        recipients: [],
        idempotencyKey: null,
        nowMs: Date.now(),
      })
    : null;
  return authorize(gate?.credential ?? null, scope, username);
}

/** Middleware: only with a key that has the scope. */
export function needs(scope: Scope | null) {
  return async (c: Call, next: Next): Promise<void> => {
    c.set('credential', await credentialOf(c, scope));
    await next();
  };
}

/** After events of an account have been committed: has them announced, if anybody listens. */
export function announceEvents(c: Call, credential: GateCredential): void {
  if (!credential.webhooks) return;
  const { WEBHOOK } = c.get('env').bindings;
  c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(WEBHOOK, [credential.accountId]));
}
