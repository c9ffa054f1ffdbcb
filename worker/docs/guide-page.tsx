import { raw } from 'hono/html';
import type { Contents } from './frame.tsx';
import type { Guide } from './guides.ts';

/** A guide of more than so many parts begins with a list of them. */
const partsWithoutList = 3;

/** The first page: what there is to read. */
export function Home({ contents }: { contents: Contents }) {
  return (
    <>
      <h1>Documentation</h1>
      <p>
        New here? Begin with the <a href="/docs/quick-start">quick start</a>. Each call of the API with its
        fields, answers and errors is in the <a href="/docs/api">API reference</a>.
      </p>
      {contents.guideGroups.map(({ name, guides }) => (
        <>
          <h2>{name}</h2>
          <ul>
            {guides.map((guide) => (
              <li>
                <a href={`/docs/${guide.slug}`}>{guide.title}</a>
                <span class="quiet small">
                  {' '}
                  {partsOf(guide)
                    .map(({ title }) => title)
                    .join(' · ')}
                </span>
              </li>
            ))}
          </ul>
        </>
      ))}
    </>
  );
}

/** A guide with its contents, and the ways to the one before and the next. */
export function GuidePage({ guide, all }: { guide: Guide; all: readonly Guide[] }) {
  const { html } = guide.page();
  const [head = '', rest = ''] = splitAfter(html, '</h1>\n');
  const at = all.indexOf(guide);
  const [before, next] = [all[at - 1], all[at + 1]];
  const parts = partsOf(guide);
  return (
    <>
      {raw(head)}
      {parts.length > partsWithoutList && (
        <ul class="contents">
          {parts.map(({ anchor, title }) => (
            <li>
              <a href={`#${anchor}`}>{title}</a>
            </li>
          ))}
        </ul>
      )}
      {raw(rest)}
      <nav class="onward" aria-label="Other guides">
        {before ? <a href={`/docs/${before.slug}`}>← {before.title}</a> : <span />}
        {next && <a href={`/docs/${next.slug}`}>{next.title} →</a>}
      </nav>
    </>
  );
}

function partsOf(guide: Guide) {
  return guide.page().sections.filter(({ level }) => level === 2);
}

function splitAfter(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark) + mark.length;
  return [text.slice(0, at), text.slice(at)];
}
