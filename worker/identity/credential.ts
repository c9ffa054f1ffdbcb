import { Problem } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import type { Call } from '../http/app.ts';
import { type Caller, type GateCredential, readGate } from '../store/acceptance.ts';
import { MovedAway } from '../store/homes-memory.ts';
import { goalsOf } from '../store/message-homes.ts';
import type { Store } from '../store/store.ts';
import { bearerSecret, sha256Hex } from '../tokens/secret.ts';
import type { DomainRule } from './access/row.ts';
import { authorize } from './authenticate.ts';

/**
 * Who asks; null: nobody, no key came. That a page of the dashboard asks for an account is said inside of the Worker
 * (`api/own-api.ts`) and by nothing that a request carries, but for links that are signed for one attachment.
 */
export async function callerOf(c: Call): Promise<Caller | null> {
  const inside = c.get('caller') ?? c.get('holder');
  if (inside) return inside;
  const secret = bearerSecret(authorizationOf(c));
  if (secret === null) return null;
  const holder = { secretHash: await sha256Hex(secret) };
  c.set('holder', holder);
  return holder;
}

/** The field with the key (RFC 6750); Postmark's clients have fields of their own for theirs. */
export function authorizationOf(c: Call): string | undefined {
  const own = c.req.header('Authorization');
  if (own !== undefined) return own;
  const token = c.req.header('X-Postmark-Server-Token') ?? c.req.header('X-Postmark-Account-Token');
  return token === undefined ? undefined : `Bearer ${token}`;
}

/**
 * The credential of the request's key, with the scope; throws 401 or 403. One D1 round trip; where its account has moved,
 * some more, and from here on its new home is asked.
 */
export async function credentialOf(
  c: Call,
  scope: Scope | null,
  username: string | null = null,
): Promise<GateCredential> {
  const by = await callerOf(c);
  const found = by && (await findCredential(c.get('store'), by));
  if (found) c.set('store', found.store);
  return authorize(found?.credential ?? null, scope, username);
}

/** A caller's credential, and the store of the home in which its account lives. @throws MovedAway while it is on its way */
async function findCredential(
  store: Store,
  by: Caller,
): Promise<{ credential: GateCredential; store: Store } | null> {
  const found = await readCredential(store, by);
  if (found?.home === store.home) return { credential: found, store };
  if (store.homes === 1) return null;
  // A copy in whatever home says where the account is; without one, those homes may have it to which accounts have moved.
  const goals = found ? [found.home] : await goalsOf(store, store.home, { ms: askedAgainMs });
  for (const goal of goals) {
    const there = await readCredential(store.at(goal), by);
    if (there?.home === goal) return { credential: there, store: store.at(goal) };
    if (there) throw new MovedAway();
  }
  if (found) throw new MovedAway();
  return null;
}

/** For a key that its home does not know, control is asked at most so often where accounts have gone. */
const askedAgainMs = 2_000;

async function readCredential(store: Store, by: Caller): Promise<GateCredential | null> {
  const none = { domains: [], sandbox: null, recipients: [], idempotencyKey: null };
  return (await readGate(store, { by, ...none, nowMs: Date.now() })).credential;
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
  const known = knownAs(by.secretHash, scope, username);
  const home = knownKeys.get(known, Date.now());
  if (home !== null) {
    c.set('store', c.get('store').at(home));
    return false;
  }
  await credentialOf(c, scope, username);
  knownKeys.set(known, c.get('store').home, Date.now());
  return true;
}

/** Its account is not where it was: the next request looks for it. */
export async function forgetKey(c: Call, scope: Scope, username: string | null): Promise<void> {
  const by = await callerOf(c);
  if (by && 'secretHash' in by) c.get('isolate').knownKeys.delete(knownAs(by.secretHash, scope, username));
}

function knownAs(secretHash: string, scope: Scope, username: string | null): string {
  return `${secretHash} ${scope} ${username ?? ''}`;
}
