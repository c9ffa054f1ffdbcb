import PostalMime, { type Attachment, type Email } from 'postal-mime';
import { readReturned } from '#domain/bounce/read-returned.ts';
import type { Returned, ReturnedMail } from '#domain/bounce/returned-mail.ts';

/**
 * How many bytes of a mail are read, so more need not be fetched: a report stands at the beginning, the original
 * below it may be as long as it likes.
 */
export const maxReturnedBytes = 524_288;
/** The parser keeps every line by itself: a megabyte of empty lines would cost it seconds. */
const maxLines = 8000;
const maxTextLength = 262_144;
const maxPartBytes = 131_072;
const maxParts = 40;
const bounds = { maxNestingDepth: 24, maxHeadersSize: 262_144, maxRfc822NestingDepth: 0 } as const;

/**
 * Reads a mail that came to a return path. Runs in workerd and in Node. Never throws: what cannot be taken apart
 * is read as one text.
 * @param mailFrom the envelope sender, empty for the null sender; it may be unknown
 */
export async function readMail(raw: Uint8Array, mailFrom?: string): Promise<Returned> {
  const mail = await takeApart(beginning(raw));
  // RFC 5321 §4.4: whoever makes the final delivery writes the envelope sender so; that is us.
  const headers = mailFrom === '' ? [{ name: 'return-path', value: '<>' }, ...mail.headers] : mail.headers;
  return readReturned({ ...mail, headers });
}

function beginning(raw: Uint8Array): Uint8Array {
  const end = Math.min(raw.length, maxReturnedBytes);
  let lines = 0;
  for (let at = raw.indexOf(10); at !== -1 && at < end; at = raw.indexOf(10, at + 1)) {
    if (++lines === maxLines) return raw.subarray(0, at + 1);
  }
  return raw.subarray(0, end);
}

async function takeApart(raw: Uint8Array): Promise<ReturnedMail> {
  try {
    const mail = returnedMail(await PostalMime.parse(raw, { ...bounds, forceRfc822Attachments: true }));
    // Boundaries that no line has, or parts without any: the text is there all the same.
    const lost = mail.text.trim() === '' && mail.parts.length === 0;
    return lost ? { ...mail, text: bodyOf(decode(raw)) } : mail;
  } catch {
    // Too deep, too many header fields, or broken beyond MIME.
    return { headers: [], text: decode(raw).slice(0, maxTextLength), parts: [] };
  }
}

function returnedMail(email: Email): ReturnedMail {
  const parts = email.attachments
    .slice(0, maxParts)
    .map((part) => ({ type: part.mimeType, text: textOf(part) }));
  const text = email.text ?? fromHtml(email.html ?? '');
  // A type that is broken (`text/plain charset=…` without a semicolon) makes an attachment of the report.
  const broken = parts.filter((part) => /^text\/plain\s/.test(part.type)).map((part) => part.text);
  const attached = text.trim() === '' ? parts.filter((part) => part.type === 'text/plain') : [];
  return {
    headers: email.headers
      .slice(0, 400)
      .map(({ key, value }) => ({ name: key, value: value.slice(0, 8192) })),
    text: [...broken, ...attached.map((part) => part.text), text].join('\n').slice(0, maxTextLength),
    parts,
  };
}

function textOf(part: Attachment): string {
  if (typeof part.content === 'string') return part.content.slice(0, maxPartBytes);
  return decode(new Uint8Array(part.content).subarray(0, maxPartBytes));
}

function bodyOf(text: string): string {
  const end = /\r?\n\r?\n/.exec(text);
  return text.slice(end ? end.index : text.length).slice(0, maxTextLength);
}

/** UTF-8, or ISO-2022-JP by its escapes (RFC 1468) when no charset was told, or Latin-1. */
function decode(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\x1b$')) return decodeAs('iso-2022-jp', bytes) ?? text;
  return text.includes('\ufffd') ? (decodeAs('latin1', bytes) ?? text) : text;
}

/** Null when the runtime does not know the charset. */
function decodeAs(charset: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return null;
  }
}

const breaks = /<(?:br|\/p|\/div|\/tr|\/h[1-6]|\/li|\/table)\b[^<>]{0,200}>/gi;
const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
};

function fromHtml(html: string): string {
  return html
    .slice(0, maxTextLength)
    .replace(breaks, '\n')
    .replace(/<[^<>]{0,2000}>/g, ' ')
    .replace(/&(lt|gt|amp|quot|nbsp|#39);/g, (_, name: string) => entities[name] ?? ' ');
}
