import { html } from 'hono/html';
import type { Child } from 'hono/jsx';
import { groups } from '../api/operations.ts';
import { type Call, newApp } from '../http/app.ts';
import { once } from '../http/once.ts';
import { anyOrigin, apiOrigin } from '../http/public-origin.ts';
import { findables } from './findables.ts';
import { DocsPage } from './frame.tsx';
import { GuidePage, Home } from './guide-page.tsx';
import { type Guide, guideGroups, guides } from './guides.ts';
import { groupHref, groupSlug, ReferenceGroup, ReferenceOverview } from './reference.tsx';
import { type Found, search, searchLimits } from './search.ts';

/** The documentation, at `/docs`: guides, the reference of the API, and a search over both. Open to everybody. */
export const docsApp = newApp();

const contents = { guideGroups, apiGroups: groups };

/** Pages are the same for everybody but for the origin: each is made once an isolate. */
const made = {
  home: page('/docs', 'Documentation', () => <Home contents={contents} />),
  api: page('/docs/api', 'API reference', () => <ReferenceOverview origin={anyOrigin} groups={groups} />),
  groups: new Map(
    groups.map((group) => [
      groupSlug(group),
      page(groupHref(group), `${group.name} · API reference`, () => (
        <ReferenceGroup group={group} origin={anyOrigin} />
      )),
    ]),
  ),
  guides: new Map(guides.map((guide) => [guide.slug, guidePage(guide)])),
};
const placesOnce = once(() => findables(guides, groups));

function page(path: string, title: string, content: () => Child): () => string {
  return once(() =>
    String(
      <DocsPage title={title} path={path} contents={contents}>
        {content()}
      </DocsPage>,
    ),
  );
}

function guidePage(guide: Guide): () => string {
  return page(`/docs/${guide.slug}`, guide.title, () => <GuidePage guide={guide} all={guides} />);
}

/** A page that stays the same until the next version, as an answer. */
function answer(c: Call, text: string): Response {
  const origin = String(html`${apiOrigin(c)}`);
  c.header('Cache-Control', 'public, max-age=300');
  return c.html(`<!doctype html>${text.replaceAll(anyOrigin, () => origin)}`);
}

docsApp.get('/', (c) => answer(c, made.home()));
docsApp.get('/api', (c) => answer(c, made.api()));
docsApp.get('/api/:group', (c) => {
  const text = made.groups.get(c.req.param('group'));
  return text ? answer(c, text()) : c.notFound();
});
docsApp.get('/search', (c) => {
  const question = (c.req.query('q') ?? '').slice(0, searchLimits.characters);
  return c.html(
    `<!doctype html>${(
      <DocsPage title="Search" path="/docs/search" contents={contents} words={question}>
        <Results question={question} found={search(placesOnce(), question)} />
      </DocsPage>
    )}`,
  );
});
docsApp.get('/:guide', (c) => {
  const text = made.guides.get(c.req.param('guide'));
  return text ? answer(c, text()) : c.notFound();
});

function Results({ question, found }: { question: string; found: readonly Found[] }) {
  return (
    <>
      <h1>Search</h1>
      {question.trim() === '' ? (
        <p>Write what you look for: a word, a field, an error code, a reply.</p>
      ) : found.length === 0 ? (
        <p>
          Nothing has “<bdi>{question}</bdi>”. Try fewer or other words, or look into{' '}
          <a href="/docs">the contents</a>.
        </p>
      ) : (
        <ol class="results">
          {found.map(({ href, title, page: of, excerpt }) => (
            <li>
              <a href={href}>{title}</a> {of !== title && <span class="quiet small">{of}</span>}
              <p>{excerpt.map(({ text, hit }) => (hit ? <mark>{text}</mark> : text))}</p>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
