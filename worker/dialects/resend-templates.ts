import { numberOfUuid, uuidOfNumber } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { askApi } from '../api/own-api.ts';
import { contentFor, templateOf } from '../api/template-content.ts';
import { contentView } from '../api/template-views.ts';
import { templateJsonBytes } from '../api/templates.ts';
import { type Call, newApp } from '../http/app.ts';
import { readJson } from '../http/request-body.ts';
import { listTemplates, publishedFacts, type Template } from '../store/templates.ts';
import { fault, type Json, objectOf, renamed } from './dialect.ts';
import type { ListSource } from './pages.ts';
import { templateFields, variableFields } from './resend-fields.ts';
import { listing, resendTime } from './resend-views.ts';
import { makeTemplate, templateName } from './template-names.ts';

/** `/resend/templates…`: what is written there is the draft, until it is published. */
export const resendTemplatesApp = newApp();

/** A template in our terms. */
function templateBody(value: unknown): Json {
  const body = objectOf(
    renamed(templateFields, value, (name, one) => {
      switch (name) {
        case 'alias':
          return typeof one === 'string' ? templateName(one) : one;
        case 'reply_to':
          return typeof one === 'string' ? [one] : one;
        case 'variables':
          return Array.isArray(one) ? one.map((variable) => renamed(variableFields, variable)) : one;
        default:
          return one;
      }
    }),
  );
  if (!body) throw fault('/name', 'must stand in an object: {"name": "Welcome", "html": "<p>…</p>"}');
  return body;
}

/** The template of the path; layouts are none there. @throws Problem 404 */
async function ownTemplate(c: Call): Promise<Template> {
  const given = c.req.param('id') ?? '';
  const template = await templateOf(c, templateName(given));
  if (template.kind === 'template') return template;
  throw new Problem('not_found', `There is no template ${given.slice(0, 100)}.`);
}

const idOf = ({ id }: Pick<Template, 'id'>) => uuidOfNumber('template', id);
const pathOf = (template: Template, more = '') => `/templates/${template.id}${more}`;

function summary(template: Template, publishedAtMs: number | null) {
  return {
    id: idOf(template),
    name: template.name,
    alias: template.slug,
    status: template.published === null ? 'draft' : 'published',
    published_at: publishedAtMs === null ? null : resendTime(publishedAtMs),
    created_at: resendTime(template.createdAtMs),
    updated_at: resendTime(template.updatedAtMs),
  };
}

resendTemplatesApp.post('/templates', async (c) => {
  const body = templateBody(await readJson(c, templateJsonBytes));
  const { id } = await makeTemplate(c, { ...body, publish: false });
  return c.json({ object: 'template', id }, 201);
});

resendTemplatesApp.get('/templates', async (c) => {
  const { accountId } = c.get('credential');
  const store = c.get('store');
  const source: ListSource<Template, number> = {
    idOf,
    read: async (before, limit) => {
      const of = { kind: 'template', query: '', limit: limit + 1, before, offset: 0 } as const;
      const { templates } = await listTemplates(store, accountId, of);
      const entries = templates.slice(0, limit);
      return { entries, next: templates.length > limit ? (entries.at(-1)?.id ?? null) : null };
    },
    behind: async (id) => numberOfUuid('template', id),
  };
  const facts = await publishedFacts(store, accountId);
  return await listing(c, source, (one) => summary(one, facts.get(one.id)?.publishedAtMs ?? null));
});

resendTemplatesApp.get('/templates/:id', async (c) => {
  const store = c.get('store');
  const template = await ownTemplate(c);
  const draft = await contentFor(store, template, 'draft');
  if (!draft) throw new Problem('not_found', `There is no template ${template.slug}.`);
  const published = await contentFor(store, template, 'published');
  const content = contentView(draft, new Map());
  const times = {
    created_at: resendTime(draft.createdAtMs),
    updated_at: resendTime(draft.createdAtMs),
  };
  return c.json({
    object: 'template',
    ...summary(template, published?.publishedAtMs ?? null),
    current_version_id: String(draft.version),
    has_unpublished_versions: template.latest !== template.published,
    from: content.from,
    reply_to: content.reply_to,
    subject: content.subject,
    html: content.html_body ?? '',
    text: content.text_body,
    variables: content.variables.map(({ name, type, default: fallback }) => ({
      key: name,
      type,
      fallback_value: fallback ?? null,
      ...times,
    })),
  });
});

resendTemplatesApp.patch('/templates/:id', async (c) => {
  const template = await ownTemplate(c);
  const body = { ...templateBody(await readJson(c, templateJsonBytes)), publish: false };
  await askApi(c, null, { method: 'PATCH', path: pathOf(template), body });
  return c.json({ object: 'template', id: idOf(template) });
});

resendTemplatesApp.post('/templates/:id/publish', async (c) => {
  const template = await ownTemplate(c);
  await askApi(c, null, { method: 'POST', path: pathOf(template, '/publish') });
  return c.json({ object: 'template', id: idOf(template) });
});

/** A draft with what the newest version says. */
resendTemplatesApp.post('/templates/:id/duplicate', async (c) => {
  const template = await ownTemplate(c);
  const store = c.get('store');
  const content = await contentFor(store, template, 'draft');
  if (!content) throw new Problem('not_found', `There is no template ${template.slug}.`);
  const { layout: _, ...said } = contentView(content, new Map());
  const { id } = await makeTemplate(c, {
    name: `${template.name.slice(0, 180)} (Copy)`,
    description: template.description,
    ...said,
    layout: content.layoutId === null ? null : uuidOfNumber('template', content.layoutId),
    publish: false,
  });
  return c.json({ object: 'template', id }, 201);
});

resendTemplatesApp.delete('/templates/:id', async (c) => {
  const template = await ownTemplate(c);
  await askApi(c, null, { method: 'DELETE', path: pathOf(template) });
  return c.json({ object: 'template', id: idOf(template), deleted: true });
});
