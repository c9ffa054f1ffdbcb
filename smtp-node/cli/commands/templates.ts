import { z } from 'zod';
import { templateKinds } from '#domain/template/template.ts';
import { queryOf } from '../api.ts';
import { type Command, type Context, text, texts, type Values } from '../command.ts';
import { Fault } from '../fault.ts';
import { contentOf, jsonOf } from '../files.ts';
import { plain, table } from '../print.ts';
import { accepted, variablesIn } from './send.ts';

const summary = z.looseObject({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  slug: z.string(),
  status: z.string(),
  has_draft: z.boolean(),
  version: z.number(),
  published_version: z.number().nullable(),
  updated_at: z.string(),
});
const list = z.looseObject({ templates: z.array(summary), total: z.number() });
const one = z.looseObject({
  template: summary.extend({
    subject: z.string(),
    html_body: z.string().nullable(),
    text_body: z.string().nullable(),
    layout: z.string().nullable(),
    names: z.array(z.string()),
  }),
});
type Full = z.output<typeof one>['template'];
const rendered = z.looseObject({
  subject: z.string(),
  html_body: z.string().nullable(),
  text_body: z.string().nullable(),
});

const string = { type: 'string' } as const;
const which = { args: 'SLUG|ID' };
const content = {
  slug: { ...string, value: 'SLUG', about: 'what messages name it by' },
  description: { ...string, value: 'TEXT', about: 'what it is for' },
  subject: { ...string, value: 'TEXT', about: 'the subject, with {{variables}}' },
  'html-file': { ...string, value: 'FILE', about: 'the HTML of a file' },
  'text-file': { ...string, value: 'FILE', about: 'the text of a file; without it, it is made of the HTML' },
  'declare-file': {
    ...string,
    value: 'FILE',
    about: 'JSON: [{"name", "type"?, "default"?}] of its variables',
  },
  layout: { ...string, value: 'SLUG', about: 'the layout around it; "" for none' },
  from: { ...string, value: 'ADDRESS', about: 'who the mail is from where the message does not say' },
  'reply-to': { ...string, multiple: true, value: 'ADDRESS', about: 'where answers go; may be repeated' },
  draft: { type: 'boolean', about: 'is not published: what is published goes on being sent' },
} as const;
const filling = {
  variables: { ...string, value: 'JSON', about: 'values of its variables' },
  'variables-file': { ...string, value: 'FILE', about: 'the same from a file' },
  version: { ...string, value: 'N|draft|published', about: 'which one; without it the published one' },
} as const;

function nameOf(args: readonly string[], command: string): string {
  const [name] = args;
  if (name === undefined || name === '') throw new Fault(`${command} needs a slug or an id`);
  return `/v1/templates/${encodeURIComponent(name)}`;
}

/** What the options say of a template; what they do not say is left out. */
async function contentIn(values: Values): Promise<Record<string, unknown>> {
  const files = { html_body: text(values, 'html-file'), text_body: text(values, 'text-file') };
  const bodies = await Promise.all(
    Object.entries(files).flatMap(([name, path]) =>
      path === undefined ? [] : [contentOf(path, 'utf8').then((body) => [name, body] as const)],
    ),
  );
  const declared = text(values, 'declare-file');
  const layout = text(values, 'layout');
  const given = (['slug', 'description', 'subject', 'from'] as const).flatMap((name) => {
    const value = text(values, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries([...given, ...bodies]),
    ...(declared !== undefined && {
      variables: jsonOf('declare-file', await contentOf(declared, 'utf8')),
    }),
    ...(layout !== undefined && { layout: layout === '' ? null : layout }),
    ...(values['reply-to'] !== undefined && { reply_to: texts(values, 'reply-to') }),
    publish: values.draft !== true,
  };
}

function versionIn(values: Values): { version?: string | number } {
  const version = text(values, 'version');
  if (version === undefined) return {};
  return { version: /^[1-9][0-9]{0,8}$/.test(version) ? Number(version) : version };
}

const stateOf = ({ status, has_draft: hasDraft, published_version: published }: z.output<typeof summary>) =>
  published === null ? status : `version ${published} published${hasDraft ? ', newer draft' : ''}`;

function saidOf(template: Full): string {
  return table(
    ['field', 'value'],
    [
      ['id', template.id],
      ['slug', template.slug],
      ['name', template.name],
      ['type', template.type],
      ['state', stateOf(template)],
      ['subject', template.subject],
      ['layout', template.layout ?? ''],
      ['reads', template.names.join(', ')],
    ],
  );
}

/** Lines of a mail as they are, without what controls a terminal. */
const lines = (body: string) =>
  body
    .split(/\r\n|\r|\n/)
    .map(plain)
    .join('\n');

function bodies({
  html_body: html,
  text_body: words,
}: {
  html_body: string | null;
  text_body: string | null;
}) {
  return [words, html].flatMap((body) => (body === null ? [] : ['', lines(body)]));
}

/** A call about one template, which is shown as it is then. */
async function shown({ api }: Context, method: string, path: string, body?: unknown) {
  const answer = await (await api()).ask(method, path, one, body);
  return { json: answer, text: saidOf(answer.template) };
}

export const templateCommands: readonly Command[] = [
  {
    name: 'templates',
    about: 'lists templates and layouts',
    options: {
      query: { ...string, value: 'TEXT', about: 'a part of the name or slug' },
      type: { ...string, value: templateKinds.join('|'), about: 'by type' },
      limit: { ...string, value: 'N', about: 'how many' },
      offset: { ...string, value: 'N', about: 'behind so many' },
    },
    async run({ values, api }) {
      const filters = (['query', 'type', 'limit', 'offset'] as const).map((name) => [
        name,
        text(values, name),
      ]);
      const query = queryOf(Object.fromEntries(filters));
      const answer = await (await api()).ask('GET', `/v1/templates${query}`, list);
      const rows = answer.templates.map((template) => [
        template.slug,
        template.type,
        stateOf(template),
        template.updated_at,
        template.name,
      ]);
      return { json: answer, text: table(['slug', 'type', 'state', 'changed', 'name'], rows) };
    },
  },
  {
    name: 'templates show',
    ...which,
    about: 'shows a template with the content of its newest version',
    async run({ args, api }) {
      const answer = await (await api()).ask('GET', nameOf(args, 'templates show'), one);
      return { json: answer, text: [saidOf(answer.template), ...bodies(answer.template)].join('\n') };
    },
  },
  {
    name: 'templates create',
    args: 'NAME',
    about: 'makes a template of files',
    options: { type: { ...string, value: templateKinds.join('|'), about: 'what it is' }, ...content },
    async run(context) {
      const type = text(context.values, 'type');
      const body = {
        name: context.args[0] ?? '',
        ...(type && { type }),
        ...(await contentIn(context.values)),
      };
      return await shown(context, 'POST', '/v1/templates', body);
    },
  },
  {
    name: 'templates update',
    ...which,
    about: 'changes what the options name; the rest stays',
    options: { name: { ...string, value: 'NAME', about: 'what it is called' }, ...content },
    async run(context) {
      const path = nameOf(context.args, 'templates update');
      const name = text(context.values, 'name');
      const body = { ...(name !== undefined && { name }), ...(await contentIn(context.values)) };
      return await shown(context, 'PATCH', path, body);
    },
  },
  {
    name: 'templates publish',
    ...which,
    about: 'publishes the draft, or the version named',
    options: { version: { ...string, value: 'N', about: 'an earlier version' } },
    async run(context) {
      const path = nameOf(context.args, 'templates publish');
      const version = text(context.values, 'version');
      const of = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
      return await shown(context, 'POST', `${path}${of}/publish`);
    },
  },
  {
    name: 'templates render',
    ...which,
    about: 'shows what a template comes to, and sends nothing',
    options: filling,
    async run({ args, values, api }) {
      const path = `${nameOf(args, 'templates render')}/render`;
      const body = { ...versionIn(values), ...(await variablesIn(values)) };
      const answer = await (await api()).ask('POST', path, rendered, body);
      return { json: answer, text: [`Subject: ${plain(answer.subject)}`, ...bodies(answer)].join('\n') };
    },
  },
  {
    name: 'templates test',
    ...which,
    about: 'sends a template to try it',
    options: {
      ...filling,
      to: { ...string, multiple: true, value: 'ADDRESS', about: 'who gets it; may be repeated' },
      from: { ...string, value: 'ADDRESS', about: 'without it, as the template says' },
    },
    async run({ args, values, api }) {
      const path = `${nameOf(args, 'templates test')}/test`;
      const from = text(values, 'from');
      const to = { ...(from !== undefined && { from }), to: texts(values, 'to') };
      const body = { ...to, ...versionIn(values), ...(await variablesIn(values)) };
      const answer = await (await api()).ask('POST', path, accepted, body);
      return { json: answer, text: `${answer.status} ${answer.message_id}` };
    },
  },
  {
    name: 'templates remove',
    ...which,
    about: 'removes a template; messages that name it are refused from then on',
    async run({ args, api }) {
      await (await api()).ask('DELETE', nameOf(args, 'templates remove'), z.unknown());
      return { json: { removed: args[0] }, text: 'removed' };
    },
  },
];
