import type { PropsWithChildren } from 'hono/jsx';
import type { OperationGroup } from '../api/operations/operation.ts';
import { Brand, Document } from '../pages/layout.tsx';
import type { Guide } from './guides.ts';
import { groupHref } from './reference.tsx';

/** What the menu names. */
export interface Contents {
  guideGroups: readonly { name: string; guides: readonly Guide[] }[];
  apiGroups: readonly OperationGroup[];
}

/** A page of the documentation: the same for everybody, whole without a script. */
export function DocsPage({
  title,
  path,
  contents,
  words = '',
  children,
}: PropsWithChildren<{ title: string; path: string; contents: Contents; words?: string }>) {
  return (
    <Document title={title} styles={['style.css', 'docs.css']}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <div class="frame docs">
        <header class="side">
          <Brand />
          <SearchForm words={words} id="search" />
          <Menu path={path} contents={contents} label="Documentation" />
        </header>
        <header class="bar">
          <details>
            <summary>
              <span>Pennypost documentation</span>
              <span>Menu</span>
            </summary>
            <div class="menu stack">
              <SearchForm words={words} id="search-small" />
              <Menu path={path} contents={contents} label="Menu" />
            </div>
          </details>
        </header>
        <main id="main" tabindex={-1} class="prose">
          {children}
        </main>
      </div>
    </Document>
  );
}

function SearchForm({ words, id }: { words: string; id: string }) {
  return (
    <search>
      <form class="search" action="/docs/search" method="get">
        <label for={id}>Search the documentation</label>
        <input id={id} type="search" name="q" value={words} maxlength={200} required />
        <button type="submit">Search</button>
      </form>
    </search>
  );
}

function Menu({ path, contents, label }: { path: string; contents: Contents; label: string }) {
  const current = (href: string) => (path === href ? 'page' : undefined);
  return (
    <nav class="nav" aria-label={label}>
      {contents.guideGroups.map(({ name, guides }) => (
        <>
          <p>{name}</p>
          {guides.map(({ slug, title }) => (
            <a href={`/docs/${slug}`} aria-current={current(`/docs/${slug}`)}>
              {title}
            </a>
          ))}
        </>
      ))}
      <p>API reference</p>
      <a href="/docs/api" aria-current={current('/docs/api')}>
        All calls
      </a>
      {contents.apiGroups.map((group) => (
        <a href={groupHref(group)} aria-current={current(groupHref(group))}>
          {group.name}
        </a>
      ))}
      <p>Pennypost</p>
      <a href="/">Dashboard</a>
    </nav>
  );
}
