import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { contentFor, templateOf } from '../api/template-content.ts';
import { type Call, parsed } from '../http/app.ts';
import { contentMissing, holdsContent, renderContent, renderInLayout } from '../templates/content.ts';
import { type Part, parseTemplate, TemplateFault } from '../templates/parse.ts';
import { suggestedModel } from '../templates/suggested-model.ts';
import { fault, type Json, objectOf } from './dialect.ts';
import { templateName } from './template-names.ts';

const asked = z.object({
  Subject: z.string().nullish(),
  HtmlBody: z.string().nullish(),
  TextBody: z.string().nullish(),
  TestRenderModel: z.record(z.string(), z.unknown()).nullish(),
  TemplateType: z.enum(['Standard', 'Layout']).nullish(),
  LayoutTemplate: z.string().nullish(),
  InlineCssForHtmlTestRender: z.boolean().nullish(),
});

type Name = 'Subject' | 'HtmlBody' | 'TextBody';

/** What is wrong with a text, as Postmark tells of it. */
interface Section {
  ContentIsValid: boolean;
  ValidationErrors: { Message: string; Line: number; CharacterPosition: number }[];
  RenderedContent: string;
}

/**
 * Looks at the content of a template that is not kept: `POST /templates/validate`. What is not given is good.
 * @throws Problem when there is nothing to look at, or the layout is not there
 */
export async function validated(c: Call, value: unknown) {
  const given = parsed(asked, value);
  const texts: [Name, string | null][] = [
    ['Subject', given.Subject ?? null],
    ['HtmlBody', given.HtmlBody || null],
    ['TextBody', given.TextBody || null],
  ];
  if (texts.every(([, text]) => text === null))
    throw fault('/html_body', 'is required, or TextBody or Subject');
  const isLayout = given.TemplateType === 'Layout';
  const around = given.LayoutTemplate ? await layoutOf(c, given.LayoutTemplate) : null;
  const read = new Map(texts.map(([name, text]) => [name, readText(text ?? '', name, isLayout)]));
  const trees = [...read.values()].flatMap((one) => (typeof one === 'string' ? [] : [one]));
  const ofLayout = [around?.htmlBody, around?.textBody].map((text) =>
    text ? parseTemplate(text, { layout: true }) : [],
  );
  const model = merged(suggestedModel([...trees, ...ofLayout]), given.TestRenderModel ?? {});
  const rendered = (name: Name, text: string): string => {
    const none = { subject: '', htmlBody: null, textBody: null, variables: [] };
    if (isLayout && name !== 'Subject') {
      const layout = { ...none, [name === 'HtmlBody' ? 'htmlBody' : 'textBody']: text };
      const content = name === 'HtmlBody' ? { html: '', text: null } : { html: null, text: '' };
      const put = renderInLayout(content, layout, model);
      return (name === 'HtmlBody' ? put.htmlBody : put.textBody) ?? '';
    }
    const source = {
      ...none,
      [name === 'Subject' ? 'subject' : name === 'HtmlBody' ? 'htmlBody' : 'textBody']: text,
    };
    const put = renderContent(source, around, model);
    return (name === 'Subject' ? put.subject : name === 'HtmlBody' ? put.htmlBody : put.textBody) ?? '';
  };
  const sections = Object.fromEntries(
    texts.map(([name, text]): [string, Section] => {
      const tree = read.get(name);
      if (text === null) return [name, good('')];
      if (typeof tree === 'string') return [name, bad(tree)];
      try {
        return [name, good(rendered(name, text))];
      } catch (error) {
        if (error instanceof Problem) return [name, bad(error.errors[0]?.detail ?? error.detail)];
        throw error;
      }
    }),
  );
  return {
    AllContentIsValid: Object.values(sections).every(({ ContentIsValid }) => ContentIsValid),
    ...sections,
    SuggestedTemplateModel: model,
  };
}

function good(text: string): Section {
  return { ContentIsValid: true, ValidationErrors: [], RenderedContent: text };
}

function bad(message: string): Section {
  const [, line = '1'] = /\bline (\d+)/.exec(message) ?? [];
  return {
    ContentIsValid: false,
    ValidationErrors: [{ Message: message, Line: Number(line), CharacterPosition: 0 }],
    RenderedContent: '',
  };
}

/** Its parts, or what is wrong with it. */
function readText(text: string, name: Name, isLayout: boolean): readonly Part[] | string {
  try {
    const inLayout = isLayout && name !== 'Subject';
    const parts = parseTemplate(text, { layout: inLayout });
    return inLayout && text !== '' && !holdsContent(parts) ? contentMissing : parts;
  } catch (error) {
    if (error instanceof TemplateFault) return error.message;
    throw error;
  }
}

async function layoutOf(c: Call, name: string) {
  const missing = fault('/layout', `there is no layout “${name.slice(0, 100)}”`);
  const template = await templateOf(c, templateName(name)).catch(() => null);
  if (template?.kind !== 'layout') throw missing;
  const content = await contentFor(
    c.get('store'),
    template,
    template.published === null ? 'draft' : 'published',
  );
  if (!content) throw missing;
  return content;
}

/** What is suggested, with what is given in place of it. */
function merged(suggested: Json, given: Json): Json {
  return Object.fromEntries([
    ...Object.entries(suggested),
    ...Object.entries(given).map(([name, one]) => {
      const inner = Object.hasOwn(suggested, name) ? objectOf(suggested[name]) : null;
      const own = objectOf(one);
      return [name, inner && own ? merged(inner, own) : one];
    }),
  ]);
}
