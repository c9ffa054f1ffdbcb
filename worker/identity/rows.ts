import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import type { Rows } from '../store/rows.ts';

/** What the key of this request may see. */
export function rowsOf(c: Call): Rows {
  const { accountId, domains } = c.get('credential');
  return { accountId, domains };
}

/** Whether something of a domain may be seen. */
export function sees({ domains }: Rows, domain: string): boolean {
  return domains === null || domains.includes(domain);
}

/** @throws Problem when what is asked for is not of one of the key's domains. @param what begins the sentence */
export function requireDomain(rows: Rows, domain: string | null, what: string): void {
  if (rows.domains === null || (domain !== null && rows.domains.includes(domain))) return;
  throw new Problem('missing_scope', `${what}: this key is limited to ${rows.domains.join(', ')}.`);
}
