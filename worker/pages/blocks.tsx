import type { Child, PropsWithChildren } from 'hono/jsx';
import { AnchorContext } from './forms.tsx';

/** What pages are built of: a card under its heading, the heads of a table. */

/**
 * A block of a page, named by its heading, whose id is an anchor. `flush`: what is inside goes to the edges (a
 * table). `refresh`: it is fetched again so often while it is looked at, from the page itself or from `from`.
 */
export function Card({
  id,
  title,
  level = 2,
  aside,
  flush = false,
  refresh,
  children,
}: PropsWithChildren<{
  id: string;
  title: Child;
  level?: 2 | 3;
  aside?: Child;
  flush?: boolean;
  refresh?: { id: string; seconds: number; from?: string };
}>) {
  const Heading = level === 2 ? 'h2' : 'h3';
  const heading = <Heading id={id}>{title}</Heading>;
  return (
    <section
      class={flush ? 'card flush' : 'card'}
      aria-labelledby={id}
      id={refresh?.id}
      data-refresh={refresh && String(refresh.seconds)}
      data-from={refresh?.from}
    >
      {flush || aside ? (
        <div class="card-head">
          {heading}
          {aside}
        </div>
      ) : (
        heading
      )}
      <AnchorContext.Provider value={id}>{children}</AnchorContext.Provider>
    </section>
  );
}

/** The heads of a table's columns. `num`: of numbers. `actions`: a last column without a visible head. */
export function Columns({
  names,
  actions = false,
}: {
  names: readonly (string | { num: string })[];
  actions?: boolean;
}) {
  return (
    <thead>
      <tr>
        {names.map((name) =>
          typeof name === 'string' ? (
            <th scope="col">{name}</th>
          ) : (
            <th scope="col" class="num">
              {name.num}
            </th>
          ),
        )}
        {actions && (
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        )}
      </tr>
    </thead>
  );
}
