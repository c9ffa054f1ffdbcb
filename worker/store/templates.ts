import { and, desc, eq, lt, lte, ne, or, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import {
  type TemplateContent,
  type TemplateKind,
  templateLimits,
  type Variable,
} from '#domain/template/template.ts';
import * as control from '../../drizzle/schema/control.ts';
import type { Caller } from './acceptance.ts';
import { AlreadyThere } from './domains.ts';
import { nextNumber } from './numbers.ts';
import { batch } from './sql.ts';
import { isUniqueViolation, type Store } from './store.ts';

const { templates, templateVersions: versions } = control;

/** A template without its content. */
export type Template = typeof templates.$inferSelect;

/** One version, with what it says. */
export interface TemplateVersion extends TemplateContent {
  templateId: number;
  version: number;
  createdAtMs: number;
  /** Null: it is the draft. */
  publishedAtMs: number | null;
}

/** A template by its slug or its number. */
export type TemplateRef = { slug: string } | { id: number };

function named(ref: TemplateRef): SQL {
  return 'slug' in ref ? eq(templates.slug, ref.slug) : eq(templates.id, ref.id);
}

export async function listTemplates(
  store: Store,
  accountId: number,
  of: { kind: TemplateKind | null; query: string; limit: number; before: number | null; offset: number },
): Promise<{ templates: Template[]; total: number }> {
  const like = `%${of.query.replace(/[\\%_]/g, '\\$&')}%`;
  const where = and(
    eq(templates.accountId, accountId),
    of.kind === null ? undefined : eq(templates.kind, of.kind),
    of.query === '' ? undefined : sql`(name LIKE ${like} ESCAPE '\\' OR slug LIKE ${like} ESCAPE '\\')`,
  );
  const [rows, total] = await store.control.batch([
    store.control
      .select()
      .from(templates)
      .where(and(where, of.before === null ? undefined : lt(templates.id, of.before)))
      .orderBy(desc(templates.id))
      .limit(of.limit)
      .offset(of.offset),
    store.control.select({ count: sql<number>`count(*)` }).from(templates).where(where),
  ]);
  return { templates: rows, total: total[0]?.count ?? 0 };
}

export async function findTemplate(
  store: Store,
  accountId: number,
  ref: TemplateRef,
): Promise<Template | null> {
  const [row] = await store.control
    .select()
    .from(templates)
    .where(and(eq(templates.accountId, accountId), named(ref)));
  return row ?? null;
}

/** The versions of a template, newest first. */
export async function listVersions(store: Store, templateId: number): Promise<TemplateVersion[]> {
  const rows = await store.control
    .select()
    .from(versions)
    .where(eq(versions.templateId, templateId))
    .orderBy(desc(versions.version));
  return rows.map(versionOfRow);
}

export async function findVersion(
  store: Store,
  templateId: number,
  version: number,
): Promise<TemplateVersion | null> {
  const [row] = await store.control
    .select()
    .from(versions)
    .where(and(eq(versions.templateId, templateId), eq(versions.version, version)));
  return row ? versionOfRow(row) : null;
}

/** Layouts by number, in any order. */
export async function layoutsNamed(
  store: Store,
  accountId: number,
): Promise<{ id: number; slug: string; name: string }[]> {
  return await store.control
    .select({ id: templates.id, slug: templates.slug, name: templates.name })
    .from(templates)
    .where(and(eq(templates.accountId, accountId), eq(templates.kind, 'layout')))
    .orderBy(templates.name);
}

/** What lists of other services tell of each template, by number: of the version that is sent, or of the newest. */
export async function publishedFacts(
  store: Store,
  accountId: number,
): Promise<Map<number, { layout: string | null; publishedAtMs: number | null }>> {
  const layouts = alias(templates, 'layouts');
  const rows = await store.control
    .select({ id: templates.id, layout: layouts.slug, publishedAtMs: versions.publishedAtMs })
    .from(templates)
    .innerJoin(
      versions,
      and(
        eq(versions.templateId, templates.id),
        eq(versions.version, sql`coalesce(${templates.published}, ${templates.latest})`),
      ),
    )
    .leftJoin(layouts, and(eq(layouts.id, versions.layoutId), eq(layouts.accountId, accountId)))
    .where(eq(templates.accountId, accountId));
  return new Map(rows.map(({ id, ...facts }) => [id, facts]));
}

/** A template that is sent: as it is published, with the layouts that may be around it. */
export interface SendableTemplate {
  template: Template;
  /** Null: nothing of it is published. */
  content: TemplateVersion | null;
}

/** Whose templates: an account's by its number, or by the key of a request, which is looked at elsewhere. */
function accountOf(by: Caller): SQL {
  return 'secretHash' in by
    ? sql`(SELECT account_id FROM credentials WHERE secret_hash = ${by.secretHash})`
    : sql`${by.accountId}`;
}

/** What a send names, each with its published version, and the layouts that these have. One round trip. */
export async function readSendable(
  store: Store,
  by: Caller,
  refs: readonly TemplateRef[],
): Promise<SendableTemplate[]> {
  const account = accountOf(by);
  const slugs = JSON.stringify(refs.flatMap((ref) => ('slug' in ref ? [ref.slug] : [])));
  const ids = JSON.stringify(refs.flatMap((ref) => ('id' in ref ? [ref.id] : [])));
  const [rows = []] = await batch(store.d1, [
    sql`WITH asked AS (
        SELECT t.id, v.layout_id FROM templates t
          LEFT JOIN template_versions v ON v.template_id = t.id AND v.version = t.published
          WHERE t.account_id = ${account} AND t.slug IN (SELECT value FROM json_each(${slugs}))
        UNION SELECT t.id, v.layout_id FROM json_each(${ids}) j
          JOIN templates t ON t.id = j.value AND t.account_id = ${account}
          LEFT JOIN template_versions v ON v.template_id = t.id AND v.version = t.published)
      SELECT t.*, v.version, v.subject, v.html_body, v.text_body, v.variables, v.layout_id, v.from_mailbox, v.reply_to,
        v.published_at_ms
      FROM (SELECT id FROM asked UNION SELECT layout_id FROM asked) a
        JOIN templates t ON t.id = a.id AND t.account_id = ${account}
        LEFT JOIN template_versions v ON v.template_id = t.id AND v.version = t.published`,
  ]);
  return rows.map(sendableOf);
}

function sendableOf(row: Record<string, unknown>): SendableTemplate {
  const text = (value: unknown) => (value === null ? null : String(value));
  const number = (value: unknown) => (value === null ? null : Number(value));
  const template: Template = {
    id: Number(row.id),
    accountId: Number(row.account_id),
    kind: row.kind as Template['kind'],
    slug: String(row.slug),
    name: String(row.name),
    description: String(row.description),
    active: row.active === 1,
    latest: Number(row.latest),
    published: number(row.published),
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
  };
  if (row.version === null) return { template, content: null };
  return {
    template,
    content: {
      templateId: template.id,
      version: Number(row.version),
      subject: String(row.subject),
      htmlBody: text(row.html_body),
      textBody: text(row.text_body),
      variables: JSON.parse(String(row.variables)) as Variable[],
      layoutId: number(row.layout_id),
      from: text(row.from_mailbox),
      replyTo: JSON.parse(String(row.reply_to)) as string[],
      createdAtMs: template.updatedAtMs,
      publishedAtMs: number(row.published_at_ms),
    },
  };
}

/** @throws AlreadyThere when the slug is taken */
export async function createTemplate(
  store: Store,
  of: Pick<Template, 'accountId' | 'kind' | 'slug' | 'name' | 'description' | 'active'>,
  content: TemplateContent,
  publish: boolean,
  nowMs: number,
): Promise<Template> {
  return await unlessThere(async () => {
    const values = {
      ...of,
      latest: 1,
      published: publish ? 1 : null,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    const templateId = sql`(SELECT id FROM templates WHERE account_id = ${of.accountId} AND slug = ${of.slug})`;
    const [[row]] = await store.control.batch([
      store.control
        .insert(templates)
        .values({ ...values, id: nextNumber(templates) })
        .returning(),
      store.control.insert(versions).values({
        ...contentValues(content),
        templateId: templateId as unknown as number,
        version: 1,
        createdAtMs: nowMs,
        publishedAtMs: publish ? nowMs : null,
      }),
    ]);
    if (!row) throw new Error('an insert gave no row');
    return row;
  });
}

/**
 * Changes a template and, with content, its draft: a version that was published stays as it is, and a new one begins. All
 * in one transaction; of more versions than are kept the oldest go.
 * @throws AlreadyThere when the slug is taken
 */
export async function saveTemplate(
  store: Store,
  template: Template,
  change: {
    fields: Partial<Pick<Template, 'slug' | 'name' | 'description' | 'active'>>;
    content: TemplateContent | null;
    publish: boolean;
  },
  nowMs: number,
): Promise<Template> {
  const { fields, content, publish } = change;
  const own = eq(templates.id, template.id);
  const draft = await findVersion(store, template.id, template.latest);
  const isDraft = draft !== null && draft.publishedAtMs === null;
  const version = content === null || isDraft ? template.latest : template.latest + 1;
  const update = store.control
    .update(templates)
    .set({ ...fields, latest: version, updatedAtMs: nowMs, ...(publish ? { published: version } : {}) })
    .where(own)
    .returning();
  const publishedAtMs = publish ? nowMs : null;
  return await unlessThere(async () => {
    const [[row]] = await store.control.batch([
      update,
      ...(content === null
        ? []
        : [
            store.control
              .insert(versions)
              .values({
                ...contentValues(content),
                templateId: template.id,
                version,
                createdAtMs: nowMs,
                publishedAtMs,
              })
              .onConflictDoUpdate({
                target: [versions.templateId, versions.version],
                set: { ...contentValues(content), createdAtMs: nowMs, publishedAtMs },
                setWhere: sql`published_at_ms IS NULL`,
              }),
            store.control
              .delete(versions)
              .where(
                and(
                  eq(versions.templateId, template.id),
                  lte(versions.version, version - templateLimits.versions),
                  ne(versions.version, publish ? version : (template.published ?? 0)),
                ),
              ),
          ]),
    ]);
    if (!row) throw new Error('the template is gone');
    return row;
  });
}

/** Makes a version the one that is sent; null when there is no such version. */
export async function publishVersion(
  store: Store,
  template: Template,
  version: number,
  nowMs: number,
): Promise<Template | null> {
  const there = await findVersion(store, template.id, version);
  if (!there) return null;
  const [[row]] = await store.control.batch([
    store.control
      .update(templates)
      .set({ published: version, updatedAtMs: nowMs })
      .where(eq(templates.id, template.id))
      .returning(),
    store.control
      .update(versions)
      .set({ publishedAtMs: there.publishedAtMs ?? nowMs })
      .where(and(eq(versions.templateId, template.id), eq(versions.version, version))),
  ]);
  return row ?? null;
}

/** How many templates have a layout around them, in the version that is sent or in the newest. */
export async function usesOfLayout(store: Store, layoutId: number): Promise<number> {
  const [row] = await store.control
    .select({ count: sql<number>`count(DISTINCT ${templates.id})` })
    .from(versions)
    .innerJoin(
      templates,
      and(
        eq(templates.id, versions.templateId),
        or(eq(versions.version, templates.published), eq(versions.version, templates.latest)),
      ),
    )
    .where(
      and(
        eq(versions.layoutId, layoutId),
        sql`${templates.accountId} = (SELECT account_id FROM templates WHERE id = ${layoutId})`,
      ),
    );
  return row?.count ?? 0;
}

export async function deleteTemplate(store: Store, templateId: number): Promise<void> {
  await store.control.batch([
    store.control.delete(versions).where(eq(versions.templateId, templateId)),
    store.control.delete(templates).where(eq(templates.id, templateId)),
  ]);
}

function contentValues({ subject, htmlBody, textBody, variables, layoutId, from, replyTo }: TemplateContent) {
  return { subject, htmlBody, textBody, variables, layoutId, from, replyTo };
}

/** Variables are only ever written by `createTemplate` and `saveTemplate`. */
function versionOfRow(row: typeof versions.$inferSelect): TemplateVersion {
  return { ...row, variables: row.variables as Variable[] };
}

async function unlessThere<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error, 'templates')) throw new AlreadyThere('a template with this slug');
    throw error;
  }
}
