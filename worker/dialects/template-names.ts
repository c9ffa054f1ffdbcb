import type { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { slugOf, templateLimits } from '#domain/template/template.ts';
import { templateAnswer } from '../api/answers/templates.ts';
import { callApi } from '../api/own-api.ts';
import type { Call } from '../http/app.ts';
import { refOf } from '../templates/named.ts';

/** Other services name templates by an alias, which may have capitals and other marks than a slug, or by none at all. */

/** What a template is named by: an id or slug as it is, an alias as the slug that it comes to. */
export function templateName(alias: string): string {
  if (alias.length > templateLimits.slugCharacters || refOf(alias) !== null) return alias;
  return slugOf(alias) || alias;
}

export type FullTemplate = z.output<typeof templateAnswer>['template'];

/**
 * Makes a template through the API. One without an alias gets a slug of its name, and another when that is taken.
 * @param body in our terms
 * @throws Problem the API's own
 */
export async function makeTemplate(c: Call, body: Record<string, unknown>): Promise<FullTemplate> {
  const make = async (slug: Record<string, string>) => {
    const request = { method: 'POST', path: '/templates', body: { ...body, ...slug } } as const;
    return (await callApi(c, null, request, templateAnswer)).template;
  };
  const own =
    typeof body.name === 'string' ? slugOf(body.name.slice(0, templateLimits.nameCharacters)) : null;
  if (body.slug !== undefined || own === null) return await make({});
  try {
    return await make({ slug: own || 'template' });
  } catch (error) {
    const isTaken = error instanceof Problem && error.errors.some(({ pointer }) => pointer === '/slug');
    if (!isTaken) throw error;
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    return await make({ slug: `${(own || 'template').slice(0, 80)}-${random.toString(36)}` });
  }
}
