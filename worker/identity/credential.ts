import { Problem } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import type { Call } from '../http/app.ts';
import { type Caller, type GateCredential, readGate } from '../store/acceptance.ts';
import { bearerSecret, sha256Hex } from '../tokens/secret.ts';
import type { DomainRule } from './access/row.ts';
import { authorize } from './authenticate.ts';

/**
 * Who asks; null: nobody, no key came. That a page of the dashboard asks for an account is said inside of the Worker
 * (`api/own-api.ts`) and by nothing that a request carries, but for links that are signed for one attachment.
 */
export async function callerOf(c: Call): Promise<Caller | null> {
  const inside = c.get('caller');
  if (inside) return inside;
  const secret = bearerSecret(authorizationOf(c));
  return secret === null ? null : { secretHash: await sha256Hex(secret) };
}

/** The field with the key (RFC 6750); Postmark's clients have fields of their own for theirs. */
export function authorizationOf(c: Call): string | undefined {
  const token = c.req.header('X-Postmark-Server-Token') ?? c.req.header('X-Postmark-Account-Token');
  return c.req.header('Authorization') ?? (token === undefined ? undefined : `Bearer ${token}`);
}

/** The credential of the request's key, with the scope; throws 401 or 403. One D1 round trip. */
export async function credentialOf(
  c: Call,
  scope: Scope | null,
  username: string | null = null,
): Promise<GateCredential> {
  const by = await callerOf(c);
  const gate = by
    ? await readGate(c.get('store'), {
        by,
        domains: [],
        sandbox: null,
        recipients: [],
        idempotencyKey: null,
        nowMs: Date.now(),
      })
    : null;
  return authorize(gate?.credential ?? null, scope, username);
}

/** @throws Problem when the key is limited to domains and the route is about the account as a whole */
export function checkDomainRule({ domains }: GateCredential, rule: DomainRule): void {
  if (rule !== 'refused' || domains === null) return;
  throw new Problem(
    'missing_scope',
    `This is about the whole account, and this key is limited to ${domains.join(', ')}; use a key without that limit.`,
  );
}

/**
 * The look at the key before a body is read: nothing expensive is done for who may not ask for it. Costs a D1 round
 * trip when the key was not let in here within the last minute, and none for a key that is no key by its form.
 * @returns false when the key is remembered, so that only the request's own reading shows whether it still is good
 * @throws Problem 401, 403 or 404
 */
export async function knock(c: Call, scope: Scope, username: string | null): Promise<boolean> {
  const by = await callerOf(c);
  // The intake looks at it; what comes from a page of ours has a session behind it.
  if (by && !('secretHash' in by)) return true;
  if (!by) {
    authorize(null, scope, username);
    return true;
  }
  const { knownKeys } = c.get('isolate');
  const known = `${by.secretHash} ${scope} ${username ?? ''}`;
  if (knownKeys.has(known, Date.now())) return false;
  await credentialOf(c, scope, username);
  knownKeys.add(known, Date.now());
  return true;
}
