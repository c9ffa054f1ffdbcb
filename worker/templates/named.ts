import { z } from 'zod';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { slugSchema } from '#domain/template/template.ts';
import type { UsedTemplate } from '#domain/template/used-template.ts';
import type { Caller } from '../store/acceptance.ts';
import type { Store } from '../store/store.ts';
import { readSendable, type SendableTemplate, type TemplateRef } from '../store/templates.ts';
import { Reader, type Rendered, renderContent, renderInLayout } from './content.ts';

/**
 * Messages that name a template or a layout: what they come to is put where inline content stands, and goes the one way
 * from there. A message that names none passes as it is, and nothing is read for it.
 */

/** A template by its slug, UUID or number; null: it is none of these. */
export function refOf(text: string): TemplateRef | null {
  const id = numberOfUuid('template', text) ?? (/^\d{1,15}$/.test(text) ? Number(text) : null);
  if (id !== null) return { id };
  return slugSchema.safeParse(text).success ? { slug: text } : null;
}

/** What a message says of templates, beside the rest. */
const wish = z.looseObject({
  template: z.string().max(100).nullish(),
  template_id: z.union([z.string().max(100), z.int().transform(String)]).nullish(),
  variables: z.record(z.string(), z.unknown(), 'must be an object of names with values').nullish(),
  layout: z.string().max(100).nullish(),
  subject: z.unknown().optional(),
  html_body: z.unknown().optional(),
  text_body: z.unknown().optional(),
  from: z.unknown().optional(),
  reply_to: z.unknown().optional(),
});
type Wish = z.output<typeof wish>;

/** A message with its content in it, and what it was made of. */
export interface Filled {
  value: unknown;
  template: UsedTemplate | null;
}

/** The fields by which a message names one. */
const names = ['template', 'template_id', 'variables', 'layout'] as const;

export function namesTemplate(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && names.some((name) => Object.hasOwn(value, name));
}

/** Whose templates and layouts a message may name. */
export interface TemplateSource {
  store: Store;
  by: Caller | null;
}

/**
 * Puts content that is there already into the layout that a message names. One D1 round trip.
 * @param source null: nobody's
 * @param pointer where it is named
 * @throws Problem 400 that names the layout, and what it needs
 */
export async function putInLayout(
  source: TemplateSource | null,
  name: string,
  content: { html: string | null; text: string | null },
  pointer: string,
): Promise<Omit<Rendered, 'subject'> & { template: UsedTemplate }> {
  const ref = refOf(name);
  const found = ref && source?.by ? await readSendable(source.store, source.by, [ref]) : [];
  const layout = sendable(name, 'layout', found, pointer);
  const put = orProblem(() => renderInLayout(content, layout.content, {}));
  if (put instanceof Problem)
    throw fault(pointer, `the layout “${layout.template.slug}” cannot be filled: ${put.detail}`);
  return { ...put, template: usedOf(layout) };
}

/**
 * Puts what templates and layouts come to into the messages that name them. One D1 round trip for all of them; none when
 * none does.
 * @param rootOf where the n-th message stands in the body
 */
export async function fillTemplates(
  of: TemplateSource,
  values: readonly unknown[],
  rootOf: (n: number) => string,
): Promise<(Filled | Problem)[]> {
  if (!values.some(namesTemplate)) return values.map((value) => ({ value, template: null }));
  const wishes = values.map((value, n) => (namesTemplate(value) ? wishIn(value, rootOf(n)) : null));
  const refs = wishes.flatMap((one) => (one === null || one instanceof Problem ? [] : refsOf(one)));
  const found = refs.length > 0 && of.by ? await readSendable(of.store, of.by, refs) : [];
  const reader = new Reader();
  return values.map((value, n) => {
    const one = wishes[n];
    if (!one) return { value, template: null };
    return one instanceof Problem ? one : orProblem(() => filled(one, found, reader, rootOf(n)));
  });
}

function wishIn(value: unknown, root: string): Wish | Problem {
  const read = wish.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return fault(root + (issue?.path ?? []).join('/'), issue?.message ?? 'is not valid');
}

function refsOf({ template, template_id: id, layout }: Wish): TemplateRef[] {
  return [template, id, layout].flatMap((text) => (text ? (refOf(text) ?? []) : []));
}

function filled(
  { template, template_id: id, variables, layout: layoutName, ...rest }: Wish,
  found: readonly SendableTemplate[],
  reader: Reader,
  root: string,
): Filled {
  const given = variables ?? {};
  const own = layoutName ? sendable(layoutName, 'layout', found, `${root}layout`) : null;
  const named = template ?? id;
  const where = { root, reader };
  if (named === null || named === undefined) {
    if (own === null) return { value: variables ? { ...rest, variables } : rest, template: null };
    const content = { html: textIn(rest.html_body), text: textIn(rest.text_body) };
    if (content.html === null && content.text === null) return { value: rest, template: null };
    const put = renderInLayout(content, own.content, given, where);
    return { value: { ...rest, ...bodies(put) }, template: usedOf(own) };
  }
  const pointer = `${root}${template ? 'template' : 'template_id'}`;
  if (template && id)
    throw fault(pointer, 'must not be given together with template_id; one of them names it');
  for (const name of ['html_body', 'text_body'] as const)
    if (rest[name] !== undefined && rest[name] !== null)
      throw fault(`${root}${name}`, 'must not be given together with a template; leave one of them out');
  const chosen = sendable(named, 'template', found, pointer);
  const around = own ?? layoutOf(chosen, found, pointer);
  const { content } = chosen;
  const put = renderContent(content, around?.content ?? null, given, where);
  return {
    value: {
      ...(content.from === null ? {} : { from: content.from }),
      ...(content.replyTo.length === 0 ? {} : { reply_to: content.replyTo }),
      ...said(rest),
      subject: typeof rest.subject === 'string' && rest.subject !== '' ? rest.subject : put.subject,
      ...bodies(put),
    },
    template: usedOf(chosen),
  };
}

/** Fields that say something: null is as if it were not there. */
function said(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  );
}

function bodies({ htmlBody, textBody }: { htmlBody: string | null; textBody: string | null }) {
  return {
    ...(htmlBody === null ? {} : { html_body: htmlBody }),
    ...(textBody === null ? {} : { text_body: textBody }),
  };
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

type Published = SendableTemplate & { content: NonNullable<SendableTemplate['content']> };

/** @throws Problem 400 that says why nothing is sent with it */
function sendable(
  name: string,
  kind: 'template' | 'layout',
  found: readonly SendableTemplate[],
  pointer: string,
): Published {
  const ref = refOf(name);
  const one = found.find(
    ({ template }) => ref && ('id' in ref ? template.id === ref.id : template.slug === ref.slug),
  );
  if (!one || one.template.kind !== kind) throw fault(pointer, `there is no ${kind} “${name.slice(0, 100)}”`);
  return published(one, pointer);
}

function published(one: SendableTemplate, pointer: string): Published {
  const { template, content } = one;
  if (!template.active) throw fault(pointer, `the ${template.kind} “${template.slug}” is switched off`);
  if (!content)
    throw fault(pointer, `the ${template.kind} “${template.slug}” has no published version; publish one`);
  return { template, content };
}

function layoutOf(
  { content }: Published,
  found: readonly SendableTemplate[],
  pointer: string,
): Published | null {
  if (content.layoutId === null) return null;
  const layout = found.find(({ template }) => template.id === content.layoutId);
  if (!layout) throw fault(pointer, 'the layout of the template is not there any more; choose another');
  return published(layout, pointer);
}

function usedOf({ template, content }: Published): UsedTemplate {
  return { id: template.id, version: content.version };
}

function orProblem<T>(work: () => T): T | Problem {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function fault(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
