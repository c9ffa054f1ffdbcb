import type { z } from 'zod';
import { templateKinds } from '#domain/template/template.ts';
import { templatesAnswer } from '../../api/answers/templates.ts';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Field, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State, Time } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { pathOfTemplate } from './template-path.ts';

/** The templates and layouts of an account. */
export const templatesPages = new Board();

const pageSize = 50;
type Summary = z.output<typeof templatesAnswer>['templates'][number];

templatesPages.page('/templates', async (c, viewer) => {
  const query = (c.req.query('q') ?? '').trim().slice(0, 200);
  const type = templateKinds.find((kind) => kind === c.req.query('type')) ?? '';
  const offset = /^\d{1,5}$/.test(c.req.query('offset') ?? '') ? Number(c.req.query('offset')) : 0;
  const asked = { ...(query && { query }), ...(type && { type }) };
  const search = new URLSearchParams({ ...asked, limit: String(pageSize), offset: String(offset) });
  const { templates, total } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'GET', path: `/templates?${search}` },
    templatesAnswer,
  );
  const isAsked = query !== '' || type !== '';
  return html(
    c,
    <Page title="Templates" viewer={viewer} url={c.req.url}>
      <Head
        title="Templates"
        lead="Mail that your programs send by its name, with variables; layouts stand around them."
      >
        {may(viewer, 'developer') && (
          <a class="button primary" href="/templates/new">
            New template
          </a>
        )}
      </Head>
      {(total > 0 || isAsked) && (
        <form method="get" action="/templates" class="card" aria-label="Search">
          <div class="filters">
            <Field label="Name or slug" name="q" type="search" value={query} required={false} />
            <Select
              label="Kind"
              name="type"
              value={type}
              options={[
                { value: '', text: 'all' },
                { value: 'template', text: 'templates' },
                { value: 'layout', text: 'layouts' },
              ]}
            />
            <div class="row">
              <button type="submit">Search</button>
              {isAsked && <a href="/templates">Clear</a>}
            </div>
          </div>
        </form>
      )}
      <section class="card flush" aria-label="Templates">
        {templates.length === 0 ? (
          <Empty title={isAsked ? 'Nothing matches' : 'No template yet'}>
            {!isAsked && (
              <p>
                A message may name a template instead of bringing its text.{' '}
                <a href="/docs/sending">Sending</a> tells how.
              </p>
            )}
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Name', 'State', 'Versions', 'Changed']} />
            <tbody>
              {templates.map((template) => (
                <Row template={template} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      {total > offset + templates.length && (
        <p>
          <a
            class="button"
            href={`/templates?${new URLSearchParams({
              ...(query && { q: query }),
              ...(type && { type }),
              offset: String(offset + pageSize),
            })}`}
          >
            Older
          </a>
        </p>
      )}
    </Page>,
  );
});

function Row({ template }: { template: Summary }) {
  const path = pathOfTemplate(template);
  return (
    <tr>
      <td class="break">
        <a href={path}>{template.name}</a> {template.type === 'layout' && <span class="tag">layout</span>}
        <div class="small quiet mono">{template.slug}</div>
        {template.description !== '' && <div class="small quiet">{template.description}</div>}
      </td>
      <td>
        <TemplateState template={template} />
      </td>
      <td data-label="Versions">
        <a href={`${path}/versions`} aria-label={`${template.version}: versions of ${template.name}`}>
          {template.version}
        </a>
      </td>
      <td class="nowrap" data-label="Changed">
        <Time ms={Date.parse(template.updated_at)} />
      </td>
    </tr>
  );
}

/** Whether it is sent, and what of it is not yet. */
export function TemplateState({
  template,
}: {
  template: Pick<Summary, 'active' | 'status' | 'has_draft' | 'published_version'>;
}) {
  return (
    <div class="row">
      {!template.active && <State tone="bad">switched off</State>}
      {template.status === 'draft' ? (
        <State tone="wait">draft</State>
      ) : (
        <State tone="good">version {template.published_version} published</State>
      )}
      {template.has_draft && <State tone="warn">newer version not published</State>}
    </div>
  );
}
