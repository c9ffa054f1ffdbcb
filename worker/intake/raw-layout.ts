import { Buffer } from 'node:buffer';
import { unbase64 } from '#domain/base64.ts';
import { decodeQuoted, encodeBase64, encodeQuoted, octetsText } from '#domain/inbound/transfer-encoding.ts';
import {
  fieldsNamed,
  type HeaderField,
  headerField,
  type SplitMessage,
  toCrlf,
} from '#domain/message/header.ts';
import { type ShownText, shownTexts } from '#domain/message/shown-text.ts';
import type { UsedTemplate } from '#domain/template/used-template.ts';
import { putInLayout, type TemplateSource } from '../templates/named.ts';
import { invalid, type NamedLayout } from './control-fields.ts';

/**
 * A whole message with a layout around the text that its reader shows; all else of it stays byte for byte. A part is
 * written anew in UTF-8.
 * @throws Problem 400 that names the layout when it is not there, or when the message cannot have one
 */
export async function inLayout(
  { fields, rest }: SplitMessage,
  { field, name }: NamedLayout,
  source: TemplateSource | null,
): Promise<{ message: SplitMessage; template: UsedTemplate }> {
  const body = rest.startsWith('\r\n') ? rest.slice(2) : rest;
  const shown = shownTexts(fields, body);
  const refused = (why: string) =>
    invalid(`${field}: the layout “${name.slice(0, 100)}” is not put around: ${why}`, field);
  if (typeof shown === 'string') throw refused(shown);
  const { html, plain } = shown;
  if (!html && !plain) throw refused('the message has no text');
  const textOf = (part: ShownText | null) => {
    const text = part && decoded(part, body.slice(part.from, part.to));
    if (text === undefined) throw refused('its text has a charset that is not known');
    return text;
  };
  const content = { html: textOf(html), text: textOf(plain) };
  const put = await putInLayout(source, name, content, field);
  const edits = [
    { part: html, text: put.htmlBody },
    { part: plain, text: put.textBody },
  ].flatMap(({ part, text }) => (part && text !== null ? [{ part, text }] : []));
  let changed: SplitMessage = { fields, rest: body };
  // From the end on, so that the places in front stay.
  for (const { part, text } of edits.sort((a, b) => b.part.from - a.part.from))
    changed = written(changed, part, text);
  return { message: { fields: changed.fields, rest: `\r\n${changed.rest}` }, template: put.template };
}

/** Its text; undefined: the charset is not known. */
function decoded({ fields }: ShownText, body: string): string | undefined {
  const encoding = fieldsNamed(fields, 'content-transfer-encoding')[0]?.value.trim().toLowerCase();
  const octets =
    encoding === 'base64'
      ? octetsText(unbase64(body))
      : encoding === 'quoted-printable'
        ? decodeQuoted(body)
        : body;
  const bytes = Buffer.from(octets, 'latin1');
  const type = fieldsNamed(fields, 'content-type')[0]?.value ?? '';
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]{1,60})/i.exec(type) ?? [];
  try {
    if (charset !== undefined) return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** The message with another text in one part. */
function written({ fields, rest: body }: SplitMessage, part: ShownText, text: string): SplitMessage {
  const { encoding, content } = encoded(text);
  const own: HeaderField[] = [
    headerField('Content-Type', `${part.media}; charset=utf-8`),
    headerField('Content-Transfer-Encoding', encoding),
  ];
  const names = own.map(({ name }) => name.toLowerCase());
  const others = part.fields.filter(({ name }) => !names.includes(name.toLowerCase()));
  if (part.headAt === null) {
    const version =
      fieldsNamed(fields, 'mime-version').length === 0 ? [headerField('MIME-Version', '1.0')] : [];
    return { fields: [...others, ...version, ...own], rest: `${content}\r\n` };
  }
  const head = [...others, ...own].map(({ raw }) => raw).join('');
  return { fields, rest: `${body.slice(0, part.headAt)}${head}\r\n${content}${body.slice(part.to)}` };
}

/** In the shorter of the two encodings, without a line end behind it. */
function encoded(text: string): { encoding: string; content: string } {
  const octets = Buffer.from(toCrlf(text), 'utf8').toString('latin1');
  const beyond = octets.match(/[\x80-\xff]/g)?.length ?? 0;
  return beyond * 6 > octets.length
    ? { encoding: 'base64', content: encodeBase64(octets).replace(/\r\n$/, '') }
    : { encoding: 'quoted-printable', content: encodeQuoted(octets).replace(/\r\n$/, '') };
}
