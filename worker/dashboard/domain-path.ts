import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';

/**
 * The path of the domain that a page is about: pages name it by its number, and take the UUID of the API as well.
 * @throws Problem `not_found` for what is neither
 */
export function pathOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  const number = /^\d{1,15}$/.test(id) ? id : numberOfUuid('domain', id);
  if (number === null) throw new Problem('not_found', 'There is no such domain in this account.');
  return `/domains/${number}`;
}
