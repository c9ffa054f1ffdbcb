import type { Fields } from './dialect.ts';

const common: Fields = [
  ['From', 'from'],
  ['To', 'to'],
  ['Cc', 'cc'],
  ['Bcc', 'bcc'],
  ['ReplyTo', 'reply_to'],
  ['Headers', 'headers'],
  ['Attachments', 'attachments'],
  ['Tag', 'tags'],
  ['Metadata', 'metadata'],
  ['TrackOpens', 'track_opens'],
  ['TrackLinks', 'track_clicks'],
  ['MessageStream', 'stream'],
];

/** A message of Postmark's API. */
export const messageFields: Fields = [
  ...common,
  ['Subject', 'subject'],
  ['TextBody', 'text_body'],
  ['HtmlBody', 'html_body'],
];

/** A message that names a template. `InlineCss` is read and changes nothing: CSS is always inlined. */
export const templatedFields: Fields = [
  ...common,
  ['TemplateId', 'template_id'],
  ['TemplateAlias', 'template'],
  ['TemplateModel', 'variables'],
  ['InlineCss', 'inline_css'],
];

/** A template or a layout. */
export const templateFields: Fields = [
  ['Name', 'name'],
  ['Alias', 'slug'],
  ['Subject', 'subject'],
  ['HtmlBody', 'html_body'],
  ['TextBody', 'text_body'],
  ['TemplateType', 'type'],
  ['LayoutTemplate', 'layout'],
];

/** The fields that a request to a path has. */
export function fieldsAt(path: string): Fields {
  if (/^\/postmark\/templates(\/|$)/.test(path)) return templateFields;
  return [...messageFields, ...templatedFields];
}
