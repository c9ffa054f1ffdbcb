import { reportToken } from '../reports/report-address.ts';
import type { SubjectKey } from './check-subject.ts';

/**
 * DKIM by CNAME: a domain delegates two selectors to names below the service domain, where the operator publishes the keys.
 * One signs and the other stands by, so that rotation needs nothing of the domain's owner.
 */

const dayMs = 86_400_000;
/** How old a key that stands by is when it takes over. */
export const standbyMs = 180 * dayMs;
/** How long the record of a key stays after it has stopped signing: mail under way is still verified. */
export const keptPublishedMs = 7 * dayMs;

/** A selector, and what its CNAME leads to. */
export interface DelegatedName {
  selector: string;
  target: string;
}

/** Both selectors of a domain; null: it has no token that tells its names from those of others who claim the same domain. */
export function delegatedNames(
  domain: { id: number; verificationToken: string; dkimSelector: string },
  serviceDomain: string,
): DelegatedName[] | null {
  const token = reportToken(domain);
  if (token === null) return null;
  return [1, 2].map((n) => ({
    selector: `${domain.dkimSelector}-s${n}`,
    target: `s${n}.${token}.dkim.${serviceDomain}`,
  }));
}

export interface DelegatedKey extends SubjectKey {
  status: 'pending' | 'active' | 'retired';
  createdAtMs: number;
  retireAtMs: number | null;
}

/**
 * The keys that sign from now on. Of delegated ones the first that is found begins; the other follows it when it is old
 * enough. All others begin once they are found.
 */
export function beginning<K extends DelegatedKey>(
  keys: readonly K[],
  found: (key: K) => boolean,
  nowMs: number,
): K[] {
  let signs = hasSigner(keys);
  return keys.map((key): K => {
    if (key.status !== 'pending' || !found(key)) return key;
    if (!key.target) return { ...key, status: 'active' };
    if (signs && nowMs - key.createdAtMs < standbyMs) return key;
    signs = true;
    return { ...key, status: 'active' };
  });
}

/** Whether a delegated key signs: what else is delegated stands by. */
export function hasSigner(keys: readonly Pick<DelegatedKey, 'target' | 'status'>[]): boolean {
  return keys.some(({ target, status }) => target && status === 'active');
}

/** Whether another key takes the place of a delegated one: it signs no more, and nothing that it signed is under way. */
export function isSpent({ target, status, retireAtMs }: DelegatedKey, nowMs: number): boolean {
  return Boolean(target) && status === 'retired' && (retireAtMs ?? 0) + keptPublishedMs <= nowMs;
}
