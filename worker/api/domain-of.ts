import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { noted } from '../identity/audit.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { AlreadyThere, findDomain, type KnownDomain, readDomain } from '../store/domains.ts';

/** The number in the path, as it is or as a UUID, or that of the account's domain whose name is there; undefined when there is none. */
export async function domainIdOf(c: Call): Promise<number | undefined> {
  const given = (c.req.param('id') ?? '').toLowerCase();
  if (/^\d{1,15}$/.test(given)) return Number(given);
  const number = numberOfUuid('domain', given);
  if (number !== null) return number;
  return (await findDomain(c.get('store'), c.get('credential').accountId, asciiDomain(given)))?.id;
}

/** The domain of the path, by number or by name; 404 for another account's alike. */
export async function domainOf(c: Call): Promise<KnownDomain> {
  const { accountId } = c.get('credential');
  const id = await domainIdOf(c);
  const known = id === undefined ? null : await readDomain(c.get('store'), id);
  if (!known || known.domain.accountId !== accountId || !sees(rowsOf(c), known.domain.name)) {
    throw new Problem('not_found', `There is no domain ${(c.req.param('id') ?? '').slice(0, 100)}.`);
  }
  noted(c, { domain: known.domain.name });
  return known;
}

export async function knownOf(c: Call, id: number): Promise<KnownDomain> {
  const known = await readDomain(c.get('store'), id);
  if (!known) throw new Problem('not_found', 'The domain is gone.');
  return known;
}

/** What a store does. @throws Problem `conflict` when somebody has that already */
export async function orConflict<T>(detail: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', detail);
  }
}
