import { type TemplateKind, templateKinds, templateLimits } from '#domain/template/template.ts';
import { templateAnswer } from '../../api/answers/templates.ts';
import { callApi } from '../../api/own-api.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Field, Fields, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { pathOfTemplate } from './template-path.ts';

/** A new template, which begins with something to change. */
export const newTemplatePages = new Board();

const beginnings: Record<TemplateKind, { subject: string; html_body: string }> = {
  template: {
    subject: 'Thank you, {{name}}',
    html_body: [
      '<h1>Thank you, {{name}}</h1>',
      '<p>This is what you ordered:</p>',
      '<ul>',
      '  {{#each items}}',
      '  <li>{{title}}: {{price}}</li>',
      '  {{/each}}',
      '</ul>',
    ].join('\n'),
  },
  layout: {
    subject: '',
    html_body: [
      '<!doctype html>',
      '<html lang="en">',
      '<head>',
      '  <meta charset="utf-8">',
      '  <meta name="viewport" content="width=device-width, initial-scale=1">',
      '  <meta name="color-scheme" content="light dark">',
      '</head>',
      '<body style="margin: 0; padding: 24px; font-family: sans-serif">',
      '  <div style="max-width: 600px; margin: 0 auto">',
      '    {{{@content}}}',
      '    <hr>',
      '    <p style="font-size: 13px">Example Ltd, 1 Example Street</p>',
      '  </div>',
      '</body>',
      '</html>',
    ].join('\n'),
  },
};

newTemplatePages.page('/templates/new', (c, viewer) =>
  html(
    c,
    <Page title="New template" viewer={viewer} url={c.req.url}>
      <Head title="New template" crumb={{ href: '/templates', text: 'Templates' }} />
      <Card id="new" title="What it is">
        <Fields action="/templates/new" submit="Make">
          <Select
            label="Kind"
            name="type"
            options={[
              { value: 'template', text: 'Template: the content of a message' },
              { value: 'layout', text: 'Layout: what stands around the content of templates' },
            ]}
          />
          <Field label="Name" name="name" maxlength={templateLimits.nameCharacters} autofocus />
          <Field
            label="Slug"
            name="slug"
            required={false}
            maxlength={templateLimits.slugCharacters}
            hint="What messages name it by: a-z, 0-9 and hyphens. Empty: made of the name."
          />
          <Field
            label="Description"
            name="description"
            required={false}
            maxlength={templateLimits.descriptionCharacters}
          />
        </Fields>
      </Card>
    </Page>,
  ),
);

newTemplatePages.action('/templates/new', async (c, viewer, form) => {
  const kind = templateKinds.find((one) => one === form.text('type'));
  const body = {
    type: form.text('type'),
    name: form.text('name'),
    ...(form.text('slug') && { slug: form.text('slug') }),
    description: form.text('description'),
    ...beginnings[kind ?? 'template'],
    publish: false,
  };
  const request = { method: 'POST', path: '/templates', body } as const;
  const { template } = await callApi(c, viewer.account.accountId, request, templateAnswer);
  return c.redirect(`${pathOfTemplate(template)}?done=template-added`, 303);
});
