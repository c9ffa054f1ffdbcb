import type { Fields } from './dialect.ts';

/** A message of Resend's API. Its tags are names with values: our metadata. */
export const messageFields: Fields = [
  ['from', 'from'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['reply_to', 'reply_to'],
  ['subject', 'subject'],
  ['text', 'text_body'],
  ['html', 'html_body'],
  ['headers', 'headers'],
  ['attachments', 'attachments'],
  ['tags', 'metadata'],
  ['scheduled_at', 'send_at'],
  ['template.id', 'template'],
  ['template.variables', 'variables'],
];

/** A template of Resend's API. */
export const templateFields: Fields = [
  ['name', 'name'],
  ['alias', 'slug'],
  ['from', 'from'],
  ['reply_to', 'reply_to'],
  ['subject', 'subject'],
  ['html', 'html_body'],
  ['text', 'text_body'],
  ['variables', 'variables'],
  ['variables[].key', 'variables[].name'],
  ['variables[].type', 'variables[].type'],
  ['variables[].fallback_value', 'variables[].default'],
];

/** One variable of it. */
export const variableFields: Fields = [
  ['key', 'name'],
  ['type', 'type'],
  ['fallback_value', 'default'],
];

/** The fields that a request to a path has. */
export function fieldsAt(path: string): Fields {
  return /^\/resend\/templates(\/|$)/.test(path) ? templateFields : messageFields;
}
