import type { z } from '@hono/zod-openapi';
import { Problem } from '#domain/problem.ts';
import type { contentFields, TemplateContent } from '#domain/template/template.ts';
import { type Call, invalidBody } from '../http/app.ts';
import {
  findTemplate,
  findVersion,
  layoutsNamed,
  type Template,
  type TemplateVersion,
} from '../store/templates.ts';
import { checkContent, namesOf, type Rendered, renderContent, renderInLayout } from '../templates/content.ts';
import { refOf } from '../templates/named.ts';
import { contentView, templateSummary } from './template-views.ts';

/** What stands behind `/v1/templates…`: a template of the account, what a version says, what it comes to. */

/** What is to be rendered: of a version, or of what is given instead. */
interface Rendering {
  variables: Record<string, unknown>;
  version: 'published' | 'draft' | number;
  subject?: string | undefined;
  html_body?: string | null | undefined;
  text_body?: string | null | undefined;
  layout?: string | null | undefined;
  declared?: TemplateContent['variables'] | undefined;
}

/** The template of the path: by slug, UUID or number. */
export async function templateOf(c: Call, given = c.req.param('id') ?? ''): Promise<Template> {
  const ref = refOf(given);
  const template = ref && (await findTemplate(c.get('store'), c.get('credential').accountId, ref));
  if (!template) throw new Problem('not_found', `There is no template ${given.slice(0, 100)}.`);
  return template;
}

export async function contentFor(
  store: Parameters<typeof findVersion>[0],
  template: Template,
  which: 'published' | 'draft' | number,
): Promise<TemplateVersion | null> {
  const version = which === 'draft' ? template.latest : which === 'published' ? template.published : which;
  return version === null ? null : await findVersion(store, template.id, version);
}

export async function layoutSlugs(c: Call): Promise<Map<number, string>> {
  const all = await layoutsNamed(c.get('store'), c.get('credential').accountId);
  return new Map(all.map(({ id, slug: own }) => [id, own]));
}

/** A template with what its newest version says, and the names that this reads. */
export async function detailOf(c: Call, template: Template) {
  const [content, layouts] = await Promise.all([
    contentFor(c.get('store'), template, 'draft'),
    layoutSlugs(c),
  ]);
  if (!content) throw new Error(`template ${template.id} has no version ${template.latest}`);
  return {
    ...templateSummary(template),
    ...contentView(content, layouts),
    names: namesOf(content, { layout: template.kind === 'layout' }),
  };
}

/** What is kept of a body. @throws Problem 400 when it cannot be sent */
export async function contentOf(
  c: Call,
  { kind }: Pick<Template, 'kind'>,
  body: Partial<z.output<z.ZodObject<typeof contentFields>>> & { layout?: string | null | undefined },
  before: TemplateVersion | null = null,
): Promise<TemplateContent> {
  const content = {
    subject: body.subject ?? before?.subject ?? '',
    htmlBody: body.html_body === undefined ? (before?.htmlBody ?? null) : body.html_body || null,
    textBody: body.text_body === undefined ? (before?.textBody ?? null) : body.text_body || null,
    variables: body.variables ?? before?.variables ?? [],
    from: body.from === undefined ? (before?.from ?? null) : body.from || null,
    replyTo: body.reply_to ?? before?.replyTo ?? [],
    layoutId: body.layout === undefined ? (before?.layoutId ?? null) : await layoutIdOf(c, body.layout),
  };
  if (kind === 'layout' && content.layoutId !== null)
    throw invalidBody([
      { path: ['layout'], message: 'must not be given for a layout: layouts are not put into others' },
    ]);
  checkContent(content, { layout: kind === 'layout' });
  return content;
}

async function layoutIdOf(c: Call, name: string | null): Promise<number | null> {
  if (name === null || name === '') return null;
  const ref = refOf(name);
  const found = ref && (await findTemplate(c.get('store'), c.get('credential').accountId, ref));
  if (found?.kind === 'layout') return found.id;
  throw invalidBody([{ path: ['layout'], message: `there is no layout “${name.slice(0, 100)}”` }]);
}

/** What a template comes to, of a version or of what the request says instead. */
export async function renderedOf(
  c: Call,
  template: Template,
  body: Rendering,
): Promise<{ rendered: Rendered; version: number; content: TemplateVersion }> {
  const store = c.get('store');
  const kept = await contentFor(store, template, body.version);
  if (!kept)
    throw typeof body.version === 'number'
      ? new Problem('not_found', `The template ${template.slug} has no version ${body.version}.`)
      : invalidBody([{ path: ['version'], message: 'no version of it is published; ask for "draft"' }]);
  const content = {
    ...kept,
    subject: body.subject ?? kept.subject,
    htmlBody: body.html_body === undefined ? kept.htmlBody : body.html_body || null,
    textBody: body.text_body === undefined ? kept.textBody : body.text_body || null,
    layoutId: body.layout === undefined ? kept.layoutId : await layoutIdOf(c, body.layout),
    variables: body.declared ?? kept.variables,
  };
  const isLayout = template.kind === 'layout';
  checkContent(content, { layout: isLayout });
  const rendered = isLayout
    ? {
        subject: '',
        ...renderInLayout({ html: '<p>The content stands here.</p>', text: null }, content, body.variables),
      }
    : renderContent(content, await layoutContent(c, content), body.variables);
  return { rendered, version: kept.version, content };
}

async function layoutContent(c: Call, { layoutId }: TemplateVersion): Promise<TemplateVersion | null> {
  if (layoutId === null) return null;
  const store = c.get('store');
  const layoutTemplate = await findTemplate(store, c.get('credential').accountId, { id: layoutId });
  return (
    layoutTemplate &&
    ((await contentFor(store, layoutTemplate, 'published')) ??
      (await contentFor(store, layoutTemplate, 'draft')))
  );
}
