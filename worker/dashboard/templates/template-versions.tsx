import { z } from 'zod';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head, State, Time, type Tone } from '../../pages/parts.tsx';
import { type DiffLine, lineDiff } from '../../templates/line-diff.ts';
import { Board } from '../board.tsx';
import { detailOf, pathOf, type Version, versionNamed, versionsOf } from './template-path.ts';
import { variableLines } from './variables.ts';

/** The versions of a template: which one is sent, what each changed, and going back to one. */
export const templateVersionPages = new Board();

const toneOf: Record<Version['status'], Tone> = { published: 'good', draft: 'wait', earlier: 'quiet' };

templateVersionPages.page('/templates/:id/versions', async (c, viewer) => {
  const path = pathOf(c);
  const [template, versions] = await Promise.all([detailOf(c, viewer, path), versionsOf(c, viewer, path)]);
  const change = may(viewer, 'developer');
  const numbered = (asked: string | undefined) => versions.find((one) => String(one.version) === asked);
  const to = numbered(c.req.query('to')) ?? versions[0];
  const from = numbered(c.req.query('from')) ?? versions.find((one) => to && one.version < to.version) ?? to;
  const options = versions.map(({ version, status }) => ({
    value: String(version),
    text: `${version}, ${status}`,
  }));
  return html(
    c,
    <Page title={`Versions of ${template.name}`} viewer={viewer} url={c.req.url}>
      <Head
        title={`Versions of ${template.name}`}
        lead="The published one is sent. A version that was published is never changed: what is saved after it is a new one."
        crumb={{ href: path, text: template.name }}
      />
      <section class="card flush" aria-label="Versions">
        <table class="cards">
          <Columns names={['Version', 'State', 'Saved', 'Published']} actions />
          <tbody>
            {versions.map((version, i) => (
              <Row {...{ version, path, change }} newest={i === 0} before={versions[i + 1]?.version} />
            ))}
          </tbody>
        </table>
      </section>
      {versions.length > 1 && from && to && (
        <Card id="compare" title={`Version ${from.version} and version ${to.version}`}>
          <form method="get" action={`${path}/versions#compare`} aria-label="Compare">
            <div class="filters">
              <Select label="From" name="from" value={String(from.version)} options={options} />
              <Select label="To" name="to" value={String(to.version)} options={options} />
              <button type="submit">Compare</button>
            </div>
          </form>
          <Differences from={from} to={to} />
        </Card>
      )}
    </Page>,
  );
});

function Row({
  version: { version, status, created_at, published_at },
  path,
  change,
  newest,
  before,
}: {
  version: Version;
  path: string;
  change: boolean;
  newest: boolean;
  before: number | undefined;
}) {
  const own = `${path}/versions/${version}`;
  return (
    <tr>
      <td>
        <a href={`${path}/html?version=${version}`} aria-label={`Version ${version}, as it looks`}>
          {version}
        </a>
      </td>
      <td>
        <State tone={toneOf[status]}>{status}</State>
      </td>
      <td class="nowrap" data-label="Saved">
        <Time ms={Date.parse(created_at)} />
      </td>
      <td class="nowrap" data-label="Published">
        {published_at === null ? 'never' : <Time ms={Date.parse(published_at)} />}
      </td>
      <td>
        <div class="row">
          {before !== undefined && (
            <a class="button small" href={`${path}/versions?from=${before}&to=${version}#compare`}>
              What it changed
            </a>
          )}
          {change && status !== 'published' && (
            <Post
              action={`${own}/publish`}
              label={status === 'draft' ? 'Publish' : 'Go back to it'}
              sure={`Messages are made of version ${version} from then on.`}
            />
          )}
          {change && !newest && <Post action={`${own}/restore`} label="Edit from it" />}
        </div>
      </td>
    </tr>
  );
}

const fields: [name: string, of: (version: Version) => string][] = [
  ['Subject', ({ subject }) => subject],
  ['From', ({ from }) => from ?? ''],
  ['Reply-To', ({ reply_to }) => reply_to.join('\n')],
  ['Layout', ({ layout }) => layout ?? ''],
  ['HTML', ({ html_body }) => html_body ?? ''],
  ['Text', ({ text_body }) => text_body ?? ''],
  ['Variables', ({ variables }) => variableLines(variables)],
];

function Differences({ from, to }: { from: Version; to: Version }) {
  const changed = fields.flatMap(([name, of]) => {
    const lines = lineDiff(of(from), of(to));
    return lines.length === 0 ? [] : [{ name, lines }];
  });
  if (changed.length === 0) return <p>They say the same.</p>;
  return (
    <>
      {changed.map(({ name, lines }) => (
        <div class="stack tight">
          <h3>{name}</h3>
          <section class="diff code" tabindex={0} aria-label={`Changes of ${name}`}>
            {lines.map((line) => (
              <Line line={line} />
            ))}
          </section>
        </div>
      ))}
    </>
  );
}

const signs = { same: ' ', removed: '−', added: '+' } as const;

function Line({ line }: { line: DiffLine }) {
  if (line.kind === 'gap')
    return <div class="gap">{`${line.lines} more ${line.lines === 1 ? 'line' : 'lines'}`}</div>;
  const text = line.pieces.map(({ text, changed }) => (changed ? <mark>{text}</mark> : text));
  return (
    <div class={line.kind}>
      <span>{signs[line.kind]}</span>
      {line.kind === 'removed' ? (
        <del>{text}</del>
      ) : line.kind === 'added' ? (
        <ins>{text}</ins>
      ) : (
        <span>{text}</span>
      )}
    </div>
  );
}

templateVersionPages.action('/templates/:id/versions/:version/publish', async (c, viewer) => {
  const path = pathOf(c);
  const { version } = await versionNamed(c, viewer, path, c.req.param('version') ?? '');
  const request = { method: 'POST', path: `${path}/versions/${version}/publish` } as const;
  await callApi(c, viewer.account.accountId, request, z.unknown());
  return c.redirect(`${path}/versions?done=template-published`, 303);
});

templateVersionPages.action('/templates/:id/versions/:version/restore', async (c, viewer) => {
  const path = pathOf(c);
  const version = await versionNamed(c, viewer, path, c.req.param('version') ?? '');
  const { subject, html_body, text_body, variables, layout, from, reply_to } = version;
  const body = { subject, html_body, text_body, variables, layout, from, reply_to, publish: false };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(`${path}?done=template-restored`, 303);
});
