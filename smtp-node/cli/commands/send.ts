import { basename } from 'node:path';
import { z } from 'zod';
import { classNames } from '#domain/message/class.ts';
import { type Command, type Context, text, texts, type Values } from '../command.ts';
import { Fault } from '../fault.ts';
import { contentOf, jsonOf } from '../files.ts';
import { plain } from '../print.ts';

export const accepted = z.looseObject({ message_id: z.string(), status: z.string() });
const rehearsed = z.looseObject({
  would_send: z.boolean(),
  recipients: z.array(z.looseObject({ recipient: z.string(), would: z.string(), why: z.string() })),
});
const many = { type: 'string', multiple: true } as const;
const one = { type: 'string' } as const;

export const send: Command = {
  name: 'send',
  about:
    'sends a message; without --text, --html, --html-file and --template the text is read from standard input',
  options: {
    from: { ...one, value: 'ADDRESS', about: 'who it is from' },
    to: { ...many, value: 'ADDRESS', about: 'whom it goes to; may be repeated' },
    cc: { ...many, value: 'ADDRESS', about: 'who gets a copy' },
    bcc: { ...many, value: 'ADDRESS', about: 'who gets one that nobody sees' },
    'reply-to': { ...many, value: 'ADDRESS', about: 'where answers go' },
    subject: { ...one, value: 'TEXT', about: 'the subject' },
    text: { ...one, value: 'TEXT', about: 'the text' },
    html: { ...one, value: 'HTML', about: 'the same as HTML' },
    'html-file': { ...one, value: 'FILE', about: 'the HTML of a file' },
    template: { ...one, value: 'SLUG', about: 'a template instead of subject, text and HTML' },
    variables: { ...one, value: 'JSON', about: 'values of its variables' },
    'variables-file': { ...one, value: 'FILE', about: 'the same from a file' },
    attach: { ...many, value: 'FILE', about: 'a file to attach' },
    header: { ...many, value: '"NAME: VALUE"', about: 'a further header field' },
    stream: { ...one, value: 'NAME', about: 'what the mail is for' },
    tag: { ...many, value: 'TAG', about: 'for filters and statistics' },
    metadata: { ...many, value: 'KEY=VALUE', about: 'comes back in every event' },
    class: { ...one, value: classNames.join('|'), about: 'how urgent it is' },
    at: { ...one, value: 'TIME', about: 'when delivery may begin, as 2030-01-31T09:30:00Z' },
    test: { type: 'boolean', about: 'recorded, not delivered' },
    'dry-run': { type: 'boolean', about: 'says what would be, and stores nothing' },
    'idempotency-key': { ...one, value: 'KEY', about: 'the same key sends once' },
  },
  async run(context) {
    const { values } = context;
    const body = await bodyOf(context);
    const key = text(values, 'idempotency-key');
    const api = await context.api();
    if (values['dry-run'] === true) {
      const answer = await api.ask('POST', '/v1/send?dry_run=true', rehearsed, body);
      const lines = answer.recipients.map(({ recipient, would, why }) =>
        plain(`${recipient}: ${would}. ${why}`),
      );
      return { json: answer, text: lines.join('\n'), failed: !answer.would_send };
    }
    const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
    const answer = await api.ask('POST', '/v1/send', accepted, body, headers);
    return { json: answer, text: `${answer.status} ${answer.message_id}` };
  },
};

/** The body of `POST /v1/send`; what is missing in it the API says. */
async function bodyOf({ values, input }: Context): Promise<Record<string, unknown>> {
  const file = text(values, 'html-file');
  const html = text(values, 'html') ?? (file === undefined ? undefined : await contentOf(file, 'utf8'));
  const template = text(values, 'template');
  const isWritten = html === undefined && template === undefined;
  const plainText = text(values, 'text') ?? (isWritten ? await input() : undefined);
  const attachments = await Promise.all(
    texts(values, 'attach').map(async (path) => ({
      filename: basename(path),
      content: await contentOf(path, 'base64'),
    })),
  );
  const headers = Map.groupBy(
    texts(values, 'header').map((field) => pairOf('header', field, ':')),
    ([name]) => name,
  );
  return {
    ...(template !== undefined && text(values, 'from') === undefined
      ? {}
      : { from: text(values, 'from') ?? '' }),
    ...Object.fromEntries((['to', 'cc', 'bcc'] as const).map((name) => [name, texts(values, name)] as const)),
    reply_to: texts(values, 'reply-to'),
    ...(template === undefined ? {} : { template, ...(await variablesIn(values)) }),
    ...(template !== undefined && text(values, 'subject') === undefined
      ? {}
      : { subject: text(values, 'subject') ?? '' }),
    ...(plainText === undefined ? {} : { text_body: plainText }),
    ...(html === undefined ? {} : { html_body: html }),
    headers: Object.fromEntries([...headers].map(([name, all]) => [name, all.map(([, value]) => value)])),
    tags: texts(values, 'tag'),
    metadata: Object.fromEntries(texts(values, 'metadata').map((pair) => pairOf('metadata', pair, '='))),
    attachments,
    ...(text(values, 'stream') === undefined ? {} : { stream: text(values, 'stream') }),
    ...(text(values, 'class') === undefined ? {} : { class: text(values, 'class') }),
    ...(text(values, 'at') === undefined ? {} : { send_at: text(values, 'at') }),
    test_mode: values.test === true,
  };
}

function pairOf(option: string, pair: string, mark: string): [string, string] {
  const at = pair.indexOf(mark);
  if (at < 1) throw new Fault(`--${option} "${pair.slice(0, 80)}" has no "${mark}" behind a name`);
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

/** Values that fill a template. @throws Fault when they are no JSON */
export async function variablesIn(values: Values): Promise<{ variables?: unknown }> {
  const inline = text(values, 'variables');
  if (inline !== undefined) return { variables: jsonOf('variables', inline) };
  const file = text(values, 'variables-file');
  return file === undefined ? {} : { variables: jsonOf('variables-file', await contentOf(file, 'utf8')) };
}
