import { Problem } from '#domain/problem.ts';
import { filledVariables, type TemplateContent, templateLimits } from '#domain/template/template.ts';
import { inlineCss } from './inline-css.ts';
import { namesIn, type Part, parseTemplate, TemplateFault } from './parse.ts';
import { type Budget, newBudget, render } from './render.ts';
import { textPartOf } from './text-part.ts';

/** What a template and its layout come to with values. */
export interface Rendered {
  subject: string;
  htmlBody: string | null;
  textBody: string | null;
}

type Source = Pick<TemplateContent, 'subject' | 'htmlBody' | 'textBody' | 'variables'>;
type LayoutSource = Pick<TemplateContent, 'htmlBody' | 'textBody' | 'variables'>;

const encoder = new TextEncoder();

/**
 * Looks at a template before it is kept.
 * @throws Problem 400 that names the field, what is wrong and on which line
 */
export function checkContent(content: Source, of: { layout: boolean }): void {
  const { subject, htmlBody, textBody } = content;
  const bytes = [subject, htmlBody, textBody].reduce(
    (sum, text) => sum + encoder.encode(text ?? '').length,
    0,
  );
  if (bytes > templateLimits.sourceBytes)
    throw fault(
      '/html_body',
      `with subject and text it may have at most ${templateLimits.sourceBytes} bytes, not ${bytes}`,
    );
  if (htmlBody === null && textBody === null)
    throw fault('/html_body', 'one of html_body and text_body is required');
  read('/subject', subject, { layout: false });
  for (const [name, source] of [
    ['/html_body', htmlBody],
    ['/text_body', textBody],
  ] as const) {
    if (source === null) continue;
    const parts = read(name, source, of);
    if (of.layout && !holdsContent(parts)) throw fault(name, contentMissing);
  }
}

/** The names that a template reads, in their order. */
export function namesOf(
  { subject, htmlBody, textBody }: Omit<Source, 'variables'>,
  of: { layout: boolean },
): string[] {
  const sources = [subject, htmlBody ?? '', textBody ?? ''];
  return [...new Set(sources.flatMap((source) => namesIn(parseTemplate(source, of))))];
}

/**
 * The content of a message. A text that is not there is made of the HTML.
 * @throws Problem 400 that names a variable that is missing, or the bound that is passed
 */
export function renderContent(
  template: Source,
  layout: LayoutSource | null,
  given: Readonly<Record<string, unknown>>,
  { root = '/', reader = new Reader() }: Where = {},
): Rendered {
  const values = filledVariables(
    [...template.variables, ...(layout?.variables ?? [])],
    given,
    `${root}variables`,
  );
  const writing = new Writing(values, newBudget(), `${root}variables`, reader);
  const subject = writing
    .write('subject', template.subject, 'text')
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll('\0', '');
  const html = template.htmlBody === null ? null : writing.write('html_body', template.htmlBody, 'html');
  const text = template.textBody === null ? null : writing.write('text_body', template.textBody, 'text');
  return { subject, ...inLayout({ html, text }, layout, writing) };
}

/**
 * Content that is there already, put into a layout.
 * @throws Problem as `renderContent`
 */
export function renderInLayout(
  content: { html: string | null; text: string | null },
  layout: LayoutSource,
  given: Readonly<Record<string, unknown>>,
  { root = '/', reader = new Reader() }: Where = {},
): Omit<Rendered, 'subject'> {
  const values = filledVariables(layout.variables, given, `${root}variables`);
  return inLayout(content, layout, new Writing(values, newBudget(), `${root}variables`, reader));
}

function inLayout(
  { html, text }: { html: string | null; text: string | null },
  layout: LayoutSource | null,
  writing: Writing,
): Omit<Rendered, 'subject'> {
  const around = (source: string | null | undefined, content: string | null, mode: 'html' | 'text') =>
    content === null || source === null || source === undefined
      ? content
      : writing.write(mode === 'html' ? 'html_body' : 'text_body', source, mode, content);
  const put = around(layout?.htmlBody, html, 'html');
  const htmlBody = put && inlineCss(put);
  const ownText = text ?? (html === null || layout?.textBody == null ? null : textPartOf(html));
  const textBody = around(layout?.textBody, ownText, 'text');
  return { htmlBody, textBody: textBody ?? (htmlBody === null ? null : textPartOf(htmlBody)) };
}

/** Reads each source once, however many messages are made of it. */
export class Reader {
  readonly #read = new Map<string, readonly Part[]>();

  read(pointer: string, source: string, of: { layout: boolean }): readonly Part[] {
    const key = `${of.layout} ${source}`;
    const parts = this.#read.get(key) ?? read(pointer, source, of);
    this.#read.set(key, parts);
    return parts;
  }
}

/** Where the variables stand in the body, and who reads. */
interface Where {
  root?: string;
  reader?: Reader;
}

class Writing {
  readonly #values: unknown;
  readonly #budget: Budget;
  readonly #root: string;
  readonly #reader: Reader;

  constructor(values: unknown, budget: Budget, root: string, reader: Reader) {
    this.#reader = reader;
    this.#values = values;
    this.#budget = budget;
    this.#root = root;
  }

  write(name: string, source: string, mode: 'html' | 'text', content?: string): string {
    const parts = this.#reader.read(`/${name}`, source, { layout: content !== undefined });
    return render(parts, {
      values: this.#values,
      mode,
      budget: this.#budget,
      root: this.#root,
      ...(content === undefined ? {} : { content }),
    });
  }
}

function read(pointer: string, source: string, of: { layout: boolean }): readonly Part[] {
  try {
    return parseTemplate(source, of);
  } catch (error) {
    if (error instanceof TemplateFault) throw fault(pointer, error.message);
    throw error;
  }
}

export const contentMissing = 'a layout must have {{{@content}}}, where the content of a template goes';

export function holdsContent(parts: readonly Part[]): boolean {
  return parts.some((part) =>
    part.kind === 'print'
      ? part.value.kind === 'path' && part.value.data && part.value.parts[0] === 'content'
      : part.kind === 'block' && (holdsContent(part.body) || holdsContent(part.otherwise)),
  );
}

function fault(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
