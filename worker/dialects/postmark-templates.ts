import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { type TemplateKind, templateLimits } from '#domain/template/template.ts';
import { templateAnswer } from '../api/answers/templates.ts';
import { askApi, callApi } from '../api/own-api.ts';
import { contentFor, layoutSlugs, templateOf } from '../api/template-content.ts';
import { contentView } from '../api/template-views.ts';
import { templateJsonBytes } from '../api/templates.ts';
import { type Call, newApp } from '../http/app.ts';
import { readJson } from '../http/request-body.ts';
import { listTemplates, publishedFacts, type Template } from '../store/templates.ts';
import { fault, type Json, objectOf, renamed } from './dialect.ts';
import { templateFields } from './postmark-fields.ts';
import { validated } from './postmark-validation.ts';
import { postmarkQuery } from './postmark-views.ts';
import { type FullTemplate, makeTemplate, templateName } from './template-names.ts';

/** `/postmark/templates…`: what is written there is sent from then on; Postmark knows no drafts. */
export const postmarkTemplatesApp = newApp();

const typeOf: Record<TemplateKind, string> = { template: 'Standard', layout: 'Layout' };

/** A template in our terms. `null` and '' for alias and layout are as they are there: none. */
function templateBody(value: unknown): Json {
  const body = renamed(templateFields, value, (name, one) => {
    switch (name) {
      case 'Alias':
        return one === '' ? undefined : typeof one === 'string' ? templateName(one) : one;
      case 'LayoutTemplate':
        return typeof one === 'string' && one !== '' ? templateName(one) : one;
      case 'TemplateType':
        return one === 'Standard' ? 'template' : one === 'Layout' ? 'layout' : one;
      default:
        return one;
    }
  });
  const known = objectOf(body);
  if (!known) throw fault('/name', 'must stand in an object: {"Name": "Welcome", "Subject": "…", …}');
  const { LayoutTemplate: layout } = objectOf(value) ?? {};
  return layout === null || layout === '' ? { ...known, layout: null } : known;
}

function shortView({ id, name, active, slug, type, layout }: FullTemplate) {
  return {
    TemplateId: numberOfUuid('template', id),
    Name: name,
    Active: active,
    Alias: slug,
    TemplateType: typeOf[type],
    LayoutTemplate: layout,
  };
}

const makes = async (c: Call) => {
  const body = templateBody(await readJson(c, templateJsonBytes));
  const isLayout = body.type === 'layout';
  if (isLayout && body.subject) throw fault('/subject', 'must not be given for a layout');
  if (!isLayout && !body.subject) throw fault('/subject', 'is required: what a message has as its subject');
  return c.json(shortView(await makeTemplate(c, body)));
};
postmarkTemplatesApp.post('/templates', makes);
postmarkTemplatesApp.post('/templates/', makes);

postmarkTemplatesApp.get('/templates', async (c) => {
  const { count, offset, filter } = postmarkQuery(c);
  const { accountId } = c.get('credential');
  const store = c.get('store');
  const of = { kind: null, query: '', limit: templateLimits.templates, before: null, offset: 0 };
  const { templates } = await listTemplates(store, accountId, of);
  const facts = await publishedFacts(store, accountId);
  const layout = filter.layouttemplate === null ? null : templateName(filter.layouttemplate);
  const all = templates
    .map(({ id, name, slug, active, kind }) => ({
      Active: active,
      TemplateId: id,
      Name: name,
      Alias: slug,
      TemplateType: typeOf[kind],
      LayoutTemplate: facts.get(id)?.layout ?? null,
    }))
    .filter((one) => layout === null || one.LayoutTemplate === layout)
    .filter(({ TemplateType }) => [null, 'All', TemplateType].includes(filter.templatetype));
  return c.json({ TotalCount: all.length, Templates: all.slice(offset, offset + count) });
});

postmarkTemplatesApp.post('/templates/validate', async (c) =>
  c.json(await validated(c, await readJson(c, templateJsonBytes))),
);

/** An account has one set of templates, so that pushing them to where they are changes nothing. */
postmarkTemplatesApp.put('/templates/push', async (c) => {
  const { accountId } = c.get('credential');
  const { SourceServerID: from, DestinationServerID: to } = objectOf(await readJson(c)) ?? {};
  for (const [name, id] of [
    ['SourceServerID', from],
    ['DestinationServerID', to],
  ] as const) {
    if (Number(id) === accountId) continue;
    const detail = `Invalid '${name}': there are no servers here, and one set of templates, of account ${accountId}. Make them with the key of the other account.`;
    throw new Problem('invalid_body', detail, { members: { ErrorCode: 601 } });
  }
  return c.json({ TotalCount: 0, Templates: [] });
});

const ownTemplate = (c: Call) => templateOf(c, templateName(c.req.param('id') ?? ''));

/** What is sent of it; its draft where nothing is. */
async function sentContent(c: Call, template: Template) {
  const content = await contentFor(
    c.get('store'),
    template,
    template.published === null ? 'draft' : 'published',
  );
  if (!content) throw new Error(`template ${template.id} has no content`);
  return contentView(content, await layoutSlugs(c));
}

postmarkTemplatesApp.get('/templates/:id', async (c) => {
  const template = await ownTemplate(c);
  const content = await sentContent(c, template);
  return c.json({
    TemplateId: template.id,
    Name: template.name,
    Subject: content.subject,
    HtmlBody: content.html_body,
    TextBody: content.text_body,
    AssociatedServerId: template.accountId,
    Active: template.active,
    Alias: template.slug,
    TemplateType: typeOf[template.kind],
    LayoutTemplate: content.layout,
  });
});

postmarkTemplatesApp.put('/templates/:id', async (c) => {
  const template = await ownTemplate(c);
  const { type, name, slug, ...change } = templateBody(await readJson(c, templateJsonBytes));
  if (type !== undefined && type !== template.kind)
    throw fault('/type', `cannot be changed: it is ${typeOf[template.kind]}`);
  if (template.kind === 'layout' && change.subject) throw fault('/subject', 'must not be given for a layout');
  // A change goes on top of what is sent, whatever a draft says.
  const before = Object.keys(change).length > 0 ? await sentContent(c, template) : {};
  const body = { name, slug, ...before, ...change };
  const path = `/templates/${template.id}`;
  return c.json(
    shortView((await callApi(c, null, { method: 'PATCH', path, body }, templateAnswer)).template),
  );
});

postmarkTemplatesApp.delete('/templates/:id', async (c) => {
  const { id } = await ownTemplate(c);
  await askApi(c, null, { method: 'DELETE', path: `/templates/${id}` });
  return c.json({ ErrorCode: 0, Message: `Template ${id} removed.` });
});
