import { z } from '@hono/zod-openapi';
import { mailboxes, oneLine } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import {
  contentFields,
  slugOf,
  slugSchema,
  templateKinds,
  templateLimits,
} from '#domain/template/template.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { parseBody, readJson } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { AlreadyThere } from '../store/domains.ts';
import {
  createTemplate,
  deleteTemplate,
  listTemplates,
  listVersions,
  publishVersion,
  saveTemplate,
  usesOfLayout,
} from '../store/templates.ts';
import { offsetQuery } from './queries.ts';
import { acceptDraft, readDraft } from './send.ts';
import { contentFor, contentOf, detailOf, layoutSlugs, renderedOf, templateOf } from './template-content.ts';
import { templateSummary, versionView } from './template-views.ts';

/** `/v1/templates…`: templates of mail, and the layouts around them. */
export const templatesApp = newApp();

/** JSON escapes what a source may have at its largest. */
export const templateJsonBytes = 4 * 1024 * 1024;

export const templatesQuery = z.object({
  query: z.string().max(200).default('').meta({ description: 'A part of the name or slug.' }),
  type: z.enum(templateKinds).nullable().default(null),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: offsetQuery,
});

const slug = slugSchema.meta({ description: 'What a message names it by. Left out: made of the name.' });
const layout = z
  .string()
  .max(100)
  .nullable()
  .meta({ description: 'Slug or id of the layout around it; null: none.' });
const publish = z.boolean().default(true).meta({
  description: '`false`: it is kept as the draft, and what is published goes on being sent.',
});
const named = {
  name: oneLine(templateLimits.nameCharacters).trim().min(1),
  description: z.string().max(templateLimits.descriptionCharacters),
  active: z.boolean().meta({ description: '`false`: nothing is sent with it.' }),
};
export const newTemplate = z.strictObject({
  ...named,
  type: z.enum(templateKinds).default('template'),
  slug: slug.optional(),
  description: named.description.default(''),
  active: named.active.default(true),
  subject: contentFields.subject.default(''),
  html_body: contentFields.html_body.default(null),
  text_body: contentFields.text_body
    .default(null)
    .meta({ description: 'null: it is made of the HTML when a message is sent.' }),
  variables: contentFields.variables.default([]),
  from: contentFields.from
    .default(null)
    .meta({ description: 'Who the mail is from where the message does not say.' }),
  reply_to: contentFields.reply_to.default([]),
  layout: layout.default(null),
  publish,
});
export const templateChange = z
  .strictObject({ ...named, slug, ...contentFields, layout, publish: z.boolean() })
  .partial();

export const renderRequest = z.strictObject({
  variables: z.record(z.string(), z.unknown()).default({}),
  version: z
    .union([z.enum(['published', 'draft']), z.int().min(1)])
    .default('published')
    .meta({ description: '`draft`: the newest version, published or not.' }),
  html_body: z
    .string()
    .nullable()
    .optional()
    .meta({ description: 'Instead of what the version has, as subject and text_body.' }),
  text_body: z.string().nullable().optional(),
  subject: z.string().max(templateLimits.subjectCharacters).optional(),
  layout: layout
    .optional()
    .meta({ description: 'Slug or id of the layout instead of what the version has.' }),
  declared: contentFields.variables
    .optional()
    .meta({ description: 'Instead of the variables that the version declares.' }),
});

export const testRequest = z.strictObject({
  ...renderRequest.shape,
  from: z.string().max(1000).optional().meta({ description: 'Left out: as the template says.' }),
  to: mailboxes.meta({ description: 'Who gets the test.' }),
});

templatesApp.get('/templates', async (c) => {
  const { query, type: kind, limit, offset } = queryOf(c, templatesQuery);
  const of = { kind, query, limit, offset, before: null };
  const { templates, total } = await listTemplates(c.get('store'), c.get('credential').accountId, of);
  return c.json({ templates: templates.map(templateSummary), total, limit, offset });
});

templatesApp.post('/templates', async (c) => {
  const body = parseBody(newTemplate, await readJson(c, templateJsonBytes));
  const { accountId } = c.get('credential');
  const store = c.get('store');
  const { total } = await listTemplates(store, accountId, {
    kind: null,
    query: '',
    limit: 1,
    offset: 0,
    before: null,
  });
  if (total >= templateLimits.templates)
    throw new Problem('conflict', `An account may have ${templateLimits.templates} templates; remove one.`);
  const { name, description, active, type: kind } = body;
  const own = body.slug ?? slugOf(name);
  if (own === '')
    throw invalidBody([{ path: ['slug'], message: 'is required: the name has no letters for one' }]);
  const content = await contentOf(c, { kind }, body);
  const template = await unlessTaken(own, () =>
    createTemplate(
      store,
      { accountId, kind, slug: own, name, description, active },
      content,
      body.publish,
      Date.now(),
    ),
  );
  noted(c, { template: own, version: '1' });
  return c.json({ template: await detailOf(c, template) }, 201);
});

templatesApp.get('/templates/:id', async (c) => c.json({ template: await detailOf(c, await templateOf(c)) }));

templatesApp.patch('/templates/:id', async (c) => {
  const template = await templateOf(c);
  const value = await readJson(c, templateJsonBytes);
  const read = templateChange.safeParse(value);
  if (!read.success) throw invalidBody(read.error.issues);
  const { publish: wanted = true, name, slug: own, description, active, ...change } = read.data;
  const store = c.get('store');
  const hasContent = Object.keys(change).length > 0;
  const before = await contentFor(store, template, 'draft');
  const content = hasContent ? await contentOf(c, template, change, before) : null;
  const isDraft = before?.publishedAtMs === null;
  const fields = Object.fromEntries(
    Object.entries({ name, slug: own, description, active }).filter(([, one]) => one !== undefined),
  );
  const changed = await unlessTaken(own ?? template.slug, () =>
    saveTemplate(store, template, { fields, content, publish: content !== null && wanted }, Date.now()),
  );
  const after =
    content === null && isDraft && read.data.publish === true
      ? ((await publishVersion(store, changed, changed.latest, Date.now())) ?? changed)
      : changed;
  noted(c, { template: after.slug, version: String(after.latest) });
  return c.json({ template: await detailOf(c, after) });
});

templatesApp.delete('/templates/:id', async (c) => {
  const template = await templateOf(c);
  const uses = template.kind === 'layout' ? await usesOfLayout(c.get('store'), template.id) : 0;
  if (uses > 0)
    throw new Problem(
      'conflict',
      `The layout ${template.slug} is around ${uses} templates; give them another first.`,
    );
  await deleteTemplate(c.get('store'), template.id);
  noted(c, { template: template.slug });
  return c.body(null, 204);
});

templatesApp.get('/templates/:id/versions', async (c) => {
  const template = await templateOf(c);
  const layouts = await layoutSlugs(c);
  const all = await listVersions(c.get('store'), template.id);
  return c.json({ versions: all.map((one) => versionView(one, layouts, template)) });
});

templatesApp.post('/templates/:id/publish', (c) => published(c, 'draft'));
templatesApp.post('/templates/:id/versions/:version/publish', (c) => {
  const version = c.req.param('version');
  return published(c, /^\d{1,9}$/.test(version) ? Number(version) : 0);
});

async function published(c: Call, which: number | 'draft'): Promise<Response> {
  const template = await templateOf(c);
  const version = which === 'draft' ? template.latest : which;
  const changed = await publishVersion(c.get('store'), template, version, Date.now());
  if (!changed) throw new Problem('not_found', 'There is no such version.');
  noted(c, { template: template.slug, version: String(version) });
  return c.json({ template: await detailOf(c, changed) });
}

templatesApp.post('/templates/:id/render', async (c) => {
  const template = await templateOf(c);
  const { rendered, version } = await renderedOf(
    c,
    template,
    parseBody(renderRequest, await readJson(c, templateJsonBytes)),
  );
  return c.json({
    version,
    subject: rendered.subject,
    html_body: rendered.htmlBody,
    text_body: rendered.textBody,
  });
});

/** A test goes the way of every message, and says so in its subject. */
templatesApp.post('/templates/:id/test', async (c) => {
  const template = await templateOf(c);
  const value = await readJson(c, templateJsonBytes);
  const { to, from: given, ...body } = parseBody(testRequest, value);
  const { rendered, version, content } = await renderedOf(c, template, body);
  const from = given ?? content.from;
  if (!from)
    throw invalidBody([{ path: ['from'], message: 'is required: the template does not say who it is from' }]);
  const message = {
    from,
    to: to.map(({ address }) => address),
    ...(content.replyTo.length === 0 ? {} : { reply_to: content.replyTo }),
    subject: `[Test] ${rendered.subject}`.slice(0, templateLimits.subjectCharacters),
    ...(rendered.htmlBody === null ? {} : { html_body: rendered.htmlBody }),
    ...(rendered.textBody === null ? {} : { text_body: rendered.textBody }),
    tags: ['template-test'],
  };
  const draft = readDraft(message, Date.now());
  if (draft instanceof Problem) throw draft;
  const answer = await acceptDraft(c, { ...draft, template: { id: template.id, version } }, null);
  noted(c, { template: template.slug, version: String(version) });
  return c.json(answer, 202);
});

async function unlessTaken<T>(own: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', `There is a template with the slug ${own} already; choose another.`, {
      errors: [{ pointer: '/slug', detail: 'is taken; choose another' }],
    });
  }
}
