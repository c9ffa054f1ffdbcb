import type { Child } from 'hono/jsx';
import { Problem } from '#domain/problem.ts';
import { templateLimits } from '#domain/template/template.ts';
import { renderedAnswer } from '../../api/answers/templates.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import type { Typed } from '../../http/refused-form.ts';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { mailFrame } from '../mail-frame.ts';
import { exampleFor } from './template-example.ts';
import { type Detail, detailOf, pathOf, versionNamed } from './template-path.ts';
import { exampleIn, variablesIn } from './variables.ts';

/**
 * What a template comes to, for the frame of its page: as it is kept, or as it is being typed. A form posts itself into a
 * frame without a script; with one it first asks for the faults, to say them at the fields.
 */
export const templatePreviewPages = new Board();

/** URL encoding makes up to three octets of one. */
export const sourceForm = {
  bytes: 4 * templateLimits.sourceBytes,
  advice: `A template may have at most ${templateLimits.sourceBytes} bytes.`,
};

/** What the fields are called that a preview looks at. */
const judged: Record<string, string> = {
  subject: 'Subject',
  html_body: 'HTML',
  text_body: 'Text',
  layout: 'Layout',
  variables: 'Variables',
  example: 'Example',
};

/** A text of several lines as it is kept: the line ends of forms are CR LF (HTML §4.10.21.4). */
export function source(typed: Typed, name: string): string {
  return typed.text(name).replace(/\r\n?/g, '\n');
}

interface Rendered {
  subject: string;
  html: string | null;
  text: string | null;
}

/** @throws Problem the API's own */
export async function renderedOf(c: Call, viewer: Viewer, path: string, body: object): Promise<Rendered> {
  const request = { method: 'POST', path: `${path}/render`, body } as const;
  const answer = await callApi(c, viewer.account.accountId, request, renderedAnswer);
  return { subject: answer.subject, html: answer.html_body, text: answer.text_body };
}

/** What is typed, as the API takes it. @throws Problem of the fields that cannot be read */
function typedBody(form: Typed, { type }: Detail): object {
  return {
    version: 'draft',
    variables: exampleIn(source(form, 'example')),
    declared: variablesIn(source(form, 'variables')),
    html_body: source(form, 'html_body') || null,
    text_body: source(form, 'text_body') || null,
    ...(type === 'template' && { subject: form.text('subject'), layout: form.text('layout') || null }),
  };
}

/** The field of a fault in what a rendering was asked for. */
export function renderField([first = '']: readonly string[]): string {
  if (first === 'variables' || first === 'template') return 'example';
  return first === 'declared' ? 'variables' : first;
}

interface Fault {
  field: string;
  detail: string;
}

function faultsOf(problem: Problem, fieldOf: (parts: readonly string[]) => string): Fault[] {
  const faults = problem.errors.map(({ pointer, detail }) => ({
    field: fieldOf(pointer.split('/').filter((part) => part !== '')),
    detail,
  }));
  return faults.length > 0 ? faults : [{ field: '', detail: problem.detail }];
}

/** What comes of work, or why it is refused. */
async function orFaults<T>(
  work: () => T | Promise<T>,
  fieldOf: (parts: readonly string[]) => string,
): Promise<T | Fault[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'not_found') throw error;
    return faultsOf(error, fieldOf);
  }
}

templatePreviewPages.action(
  '/templates/:id/preview',
  async (c, viewer, form) => {
    const path = pathOf(c);
    const template = await detailOf(c, viewer, path);
    const body = await orFaults(
      () => typedBody(form, template),
      ([first = '']) => first,
    );
    const rendered = Array.isArray(body)
      ? body
      : await orFaults(() => renderedOf(c, viewer, path, body), renderField);
    if (form.text('answer') === 'json')
      return c.json(
        Array.isArray(rendered)
          ? { judged: Object.keys(judged), faults: rendered }
          : { judged: Object.keys(judged), faults: [], subject: rendered.subject },
      );
    return frameOf(rendered, form.text('view'));
  },
  sourceForm,
);

templatePreviewPages.page('/templates/:id/html', async (c, viewer) => {
  const path = pathOf(c);
  const template = await detailOf(c, viewer, path);
  const version = c.req.query('version') ?? 'draft';
  const content = version === 'draft' ? template : await versionNamed(c, viewer, path, version);
  const variables = await exampleFor(c, viewer, { ...template, ...content });
  const body = { version: version === 'draft' ? version : Number(version), variables };
  return frameOf(
    await orFaults(() => renderedOf(c, viewer, path, body), renderField),
    c.req.query('view') ?? '',
  );
});

function frameOf(rendered: Rendered | Fault[], view: string): Response {
  if (Array.isArray(rendered))
    return mailFrame(
      textPage(
        'What is wrong',
        <ul>
          {rendered.map(({ field, detail }) => (
            <li>
              {judged[field] !== undefined && <b>{judged[field]}: </b>}
              {detail}
            </li>
          ))}
        </ul>,
      ),
    );
  if (view !== 'text' && rendered.html !== null) return mailFrame(rendered.html);
  return mailFrame(
    textPage('Plain text', <pre style="white-space: pre-wrap; margin: 0">{rendered.text ?? ''}</pre>),
  );
}

function textPage(title: string, content: Child): string {
  return `<!doctype html>${(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
      </head>
      <body style="font: 15px/1.5 sans-serif; margin: 16px; overflow-wrap: anywhere">{content}</body>
    </html>
  )}`;
}
