import type { z } from 'zod';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { templateAnswer, versionsAnswer } from '../../api/answers/templates.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import type { Viewer } from '../../store/auth.ts';

export type Detail = z.output<typeof templateAnswer>['template'];

export type Version = z.output<typeof versionsAnswer>['versions'][number];

/** The page of a template, by the id that the API gives. */
export function pathOfTemplate({ id }: { id: string }): string {
  return `/templates/${numberOfUuid('template', id)}`;
}

/**
 * The path of the template that a page is about: pages name it by its number, and take the UUID of the API as well.
 * @throws Problem `not_found` for what is neither
 */
export function pathOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  const number = /^\d{1,15}$/.test(id) ? id : numberOfUuid('template', id);
  if (number === null) throw new Problem('not_found', 'There is no such template in this account.');
  return `/templates/${number}`;
}

/** The template that a page is about, with what its newest version says. */
export async function detailOf(c: Call, viewer: Viewer, path = pathOf(c)): Promise<Detail> {
  const { template } = await callApi(c, viewer.account.accountId, { method: 'GET', path }, templateAnswer);
  return template;
}

/** The versions of a template, newest first. */
export async function versionsOf(c: Call, viewer: Viewer, path: string): Promise<Version[]> {
  const request = { method: 'GET', path: `${path}/versions` } as const;
  return (await callApi(c, viewer.account.accountId, request, versionsAnswer)).versions;
}

/** @throws Problem `not_found` */
export async function versionNamed(c: Call, viewer: Viewer, path: string, name: string): Promise<Version> {
  const found = (await versionsOf(c, viewer, path)).find(({ version }) => String(version) === name);
  if (!found) throw new Problem('not_found', 'There is no such version.');
  return found;
}
