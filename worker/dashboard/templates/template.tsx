import { z } from 'zod';
import { templatesAnswer } from '../../api/answers/templates.ts';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Area, Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Head } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { changesOf, Editor } from './template-editor.tsx';
import { exampleFor } from './template-example.ts';
import { type Detail, detailOf, pathOf } from './template-path.ts';
import { renderField, source, sourceForm } from './template-preview.tsx';
import { TemplateState } from './templates.tsx';
import { exampleIn, variableLines } from './variables.ts';

/** One template: changing it while it is looked at, publishing, sending a test, and taking it away. */
export const templatePages = new Board();

templatePages.page('/templates/:id', async (c, viewer) => {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  const [template, { templates: layouts }] = await Promise.all([
    detailOf(c, viewer, path),
    callApi(c, accountId, { method: 'GET', path: '/templates?type=layout&limit=100' }, templatesAnswer),
  ]);
  const example = JSON.stringify(await exampleFor(c, viewer, template), null, 2);
  return html(
    c,
    <Page title={template.name} viewer={viewer} url={c.req.url}>
      <Head
        title={template.name}
        crumb={{ href: '/templates', text: 'Templates' }}
        lead={
          <>
            {template.type === 'layout' ? 'A layout, named ' : 'Sent by the name '}
            <code>{template.slug}</code>
            {template.description !== '' && `. ${template.description}`}
          </>
        }
      >
        <div class="row">
          <TemplateState template={template} />
          <a class="button" href={`${path}/versions`}>
            Versions
          </a>
        </div>
      </Head>
      {may(viewer, 'developer') ? (
        <>
          <Editor
            {...{ template, path, example }}
            layouts={layouts}
            refused={c.get('refused')?.problem.errors ?? []}
          />
          {template.type === 'template' && <SendTest {...{ template, path, example, viewer }} />}
          <Card id="remove" title="Remove">
            <p>Messages that name it are refused from then on; what was sent with it stays as it is.</p>
            <Post
              action={`${path}/remove`}
              label="Remove"
              sure={`All ${template.version} versions of ${template.name} go.`}
              tone="danger"
            />
          </Card>
        </>
      ) : (
        <Shown template={template} path={path} />
      )}
    </Page>,
  );
});

/** For those who may only look at it. */
function Shown({ template, path }: { template: Detail; path: string }) {
  return (
    <>
      <Card id="preview" title={template.subject || 'Preview'}>
        <iframe class="mail" title="Preview" sandbox="" src={`${path}/html`} />
      </Card>
      <Card id="source" title="Source">
        {template.html_body !== null && <Code id="source-html" what="HTML" text={template.html_body} wrap />}
        {template.text_body !== null && <Code id="source-text" what="Text" text={template.text_body} wrap />}
        {template.variables.length > 0 && (
          <Code id="source-variables" what="Variables" text={variableLines(template.variables)} wrap />
        )}
      </Card>
    </>
  );
}

function SendTest({
  template,
  path,
  example,
  viewer,
}: {
  template: Detail;
  path: string;
  example: string;
  viewer: Viewer;
}) {
  return (
    <Card id="test" title="Send a test">
      <Fields action={`${path}/test`} submit="Send" plain fieldOf={fieldOfTest}>
        <Field
          label="From"
          name="test_from"
          required={template.from === null}
          maxlength={1000}
          hint={template.from === null ? 'The template does not say.' : `Empty: ${template.from}`}
        />
        <Field label="To" name="to" type="email" value={viewer.user.email} />
        {template.has_draft && (
          <Select
            label="Version"
            name="version"
            options={[
              { value: 'draft', text: `${template.version}, the newest that is saved` },
              { value: 'published', text: `${template.published_version}, which is published` },
            ]}
          />
        )}
        <Area
          label="Example of the variables"
          name="test_example"
          value={example}
          rows={6}
          required={false}
          hint="JSON, as above."
        />
      </Fields>
    </Card>
  );
}

function fieldOfTest(parts: readonly string[]): string {
  const field = renderField(parts);
  if (field === 'example' || field === 'test_example') return 'test_example';
  return field === 'from' ? 'test_from' : field;
}

templatePages.action(
  '/templates/:id',
  async (c, viewer, form) => {
    const path = pathOf(c);
    const template = await detailOf(c, viewer, path);
    const publish = form.text('publish') === 'true';
    const changes = changesOf(template, form);
    const body = { ...changes, publish };
    await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
    return c.redirect(`${path}?done=template-${publish ? 'published' : 'saved'}`, 303);
  },
  sourceForm,
);

templatePages.action('/templates/:id/test', async (c, viewer, form) => {
  const path = pathOf(c);
  const body = {
    variables: exampleIn(source(form, 'test_example'), '/test_example'),
    version: form.text('version') || 'draft',
    ...(form.text('test_from') && { from: form.text('test_from') }),
    to: form.text('to'),
  };
  const request = { method: 'POST', path: `${path}/test`, body } as const;
  const { message_id: id } = await callApi(
    c,
    viewer.account.accountId,
    request,
    z.object({ message_id: z.string() }),
  );
  return c.redirect(`/messages/${id}?done=sent`, 303);
});

templatePages.action('/templates/:id/remove', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path }, z.unknown());
  return c.redirect('/templates?done=template-removed', 303);
});
