import type { OperationGroup } from '../api/operations/operation.ts';
import type { Guide } from './guides.ts';
import { groupHref } from './reference.tsx';
import type { Findable } from './search.ts';

/** All that the documentation's search finds: sections of guides, and calls. */
export function findables(guides: readonly Guide[], groups: readonly OperationGroup[]): Findable[] {
  return [
    ...guides.flatMap((guide) =>
      guide.page().sections.map(({ anchor, title, text }) => ({
        href: `/docs/${guide.slug}${anchor && `#${anchor}`}`,
        title,
        page: guide.title,
        text,
      })),
    ),
    ...groups.flatMap((group) =>
      group.operations.map(({ id, method, path, summary, about, query, problems }) => ({
        href: `${groupHref(group)}#${id}`,
        title: summary,
        page: `API reference, ${group.name}`,
        text: [
          `${method.toUpperCase()} ${path}`,
          about.replaceAll('`', ''),
          ...Object.keys(query?.shape ?? {}),
          ...problems,
        ].join(' '),
      })),
    ),
  ];
}
