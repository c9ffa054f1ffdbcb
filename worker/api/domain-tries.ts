import {
  addedTooOften,
  domainLimits,
  mostDomains,
  verificationLimits,
  verifiedTooOften,
  windowMs,
} from '#domain/limits/rate-limit.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { countTries } from '../store/auth.ts';
import { type Domain, listDomains } from '../store/domains.ts';

/** @throws Problem when too many domains were added of late, or are there */
export async function countAddition(c: Call, accountId: number, nowMs: number): Promise<void> {
  const store = c.get('store');
  for (const limit of domainLimits) {
    const key = `add domain ${limit.type}:${accountId}`;
    const tries = await countTries(store, key, { windowMs: windowMs[limit.type], nowMs });
    if (tries.count > limit.limit) throw addedTooOften(limit, { endsMs: tries.endsMs, nowMs });
  }
  const there = await listDomains(store, accountId, { limit: 1, offset: mostDomains - 1 });
  if (there.length > 0)
    throw new Problem('conflict', `The account has ${mostDomains} domains; remove one first.`);
}

/** @throws Problem when the records of the domain have been looked at too often */
export async function countVerification(c: Call, { accountId, name }: Domain): Promise<void> {
  const nowMs = Date.now();
  for (const limit of verificationLimits) {
    // By name: a domain that is removed and added again is the same one.
    const key = `verify ${limit.type}:${accountId}:${name}`;
    const tries = await countTries(c.get('store'), key, { windowMs: windowMs[limit.type], nowMs });
    if (tries.count > limit.limit) throw verifiedTooOften(name, limit, { endsMs: tries.endsMs, nowMs });
  }
}
