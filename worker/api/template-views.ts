import { uuidOfNumber } from '#domain/number-id.ts';
import type { Variable } from '#domain/template/template.ts';
import type { Template, TemplateVersion } from '../store/templates.ts';

export const iso = (ms: number) => new Date(ms).toISOString();

/** A template as lists tell of it. */
export function templateSummary(template: Template) {
  return {
    id: uuidOfNumber('template', template.id),
    org_id: template.accountId,
    type: template.kind,
    name: template.name,
    slug: template.slug,
    description: template.description,
    active: template.active,
    status: template.published === null ? ('draft' as const) : ('published' as const),
    has_draft: template.published !== null && template.latest > template.published,
    version: template.latest,
    published_version: template.published,
    created_at: iso(template.createdAtMs),
    updated_at: iso(template.updatedAtMs),
  };
}

/** What a version says. @param layouts their slugs, by number */
export function contentView(content: TemplateVersion, layouts: ReadonlyMap<number, string>) {
  return {
    subject: content.subject,
    html_body: content.htmlBody,
    text_body: content.textBody,
    variables: content.variables.map(variableView),
    layout: content.layoutId === null ? null : (layouts.get(content.layoutId) ?? null),
    from: content.from,
    reply_to: content.replyTo,
  };
}

function variableView({ name, type, default: fallback }: Variable) {
  return { name, type, ...(fallback === undefined ? {} : { default: fallback }) };
}

export function versionView(
  content: TemplateVersion,
  layouts: ReadonlyMap<number, string>,
  template: Template,
) {
  return {
    version: content.version,
    status:
      content.version === template.published
        ? ('published' as const)
        : content.publishedAtMs === null
          ? ('draft' as const)
          : ('earlier' as const),
    ...contentView(content, layouts),
    created_at: iso(content.createdAtMs),
    published_at: content.publishedAtMs === null ? null : iso(content.publishedAtMs),
  };
}
