import { decodeWords } from 'postal-mime';
import { type Decode, type MimeMail, type MimePart, splitMime } from '#domain/bounce/mime.ts';
import { readReturned } from '#domain/bounce/read-returned.ts';
import type { Returned, ReturnedMail } from '#domain/bounce/returned-mail.ts';

/**
 * How many bytes of a mail are read, so more need not be fetched: a report stands at the beginning, the original
 * below it may be as long as it likes.
 */
export const maxReturnedBytes = 524_288;
const maxTextLength = 262_144;
const bounds = { depth: 24, parts: 40, headerFields: 400, headerBytes: 262_144, partBytes: 262_144 } as const;

/**
 * Reads a mail that came to a return path. Runs in workerd and in Node. Never throws: what cannot be taken apart
 * is read as one text.
 * @param mailFrom the envelope sender, empty for the null sender; left out: it is not known
 */
export function readMail(raw: Uint8Array, mailFrom?: string): Returned {
  return readReturned(takeApart(raw.subarray(0, maxReturnedBytes), mailFrom));
}

/** What every complaint that can be read has somewhere in clear: a report's type, Microsoft's marks, Amazon's JSON. */
const complaintMarks = /feedback-(?:report|type)|x-hmxmroriginalrecipient|complaint/i;

/** False for what surely is no complaint, told without taking the mail apart. */
export function mayComplain(raw: Uint8Array): boolean {
  return complaintMarks.test(utf8.decode(raw.subarray(0, maxReturnedBytes)));
}

function takeApart(raw: Uint8Array, mailFrom: string | undefined): ReturnedMail {
  const mail = splitMime(raw, decodePart, bounds);
  const text = textOf(mail);
  const parts = mail.parts
    .filter((part) => !part.inline)
    .map((part) => ({ type: part.type, text: contentOf(part) }));
  // A type that is broken (`text/plain charset=…` without a semicolon) makes an attachment of the report.
  const broken = parts.filter((part) => /^text\/plain\s/.test(part.type)).map((part) => part.text);
  const attached = text.trim() === '' ? parts.filter((part) => part.type === 'text/plain') : [];
  const whole = [...broken, ...attached.map((part) => part.text), text].join('\n').slice(0, maxTextLength);
  // Boundaries that no line has, or parts without any: the text is there all the same.
  const lost = whole.trim() === '' && parts.length === 0;
  return {
    mailFrom,
    headers: mail.headers.map(({ name, value }) => ({ name, value: wordsOf(value) })),
    text: lost ? bodyOf(decodePart(raw, null)) : whole,
    parts,
  };
}

/** RFC 2047; a field without encoded words stays as it is. */
function wordsOf(value: string): string {
  return value.includes('=?') ? decodeWords(value) : value;
}

/** What a reader would show: of alternatives the plain text, if there is one. */
function textOf({ parts }: MimeMail): string {
  const inline = parts.filter((part) => part.inline);
  const withPlain = new Set(inline.filter((part) => part.type === 'text/plain').map((p) => p.alternative));
  const shown = inline.filter(
    ({ type, alternative }) => type === 'text/plain' || alternative === null || !withPlain.has(alternative),
  );
  return shown
    .map((part) => (part.type === 'text/html' ? fromHtml(contentOf(part)) : contentOf(part)))
    .join('\n');
}

function contentOf({ body, parameters }: MimePart): string {
  return decodePart(body, parameters.get('charset') ?? null);
}

function bodyOf(text: string): string {
  const end = /\r?\n\r?\n/.exec(text);
  return text.slice(end ? end.index : text.length).slice(0, maxTextLength);
}

/**
 * As the charset says; without one UTF-8, or ISO-2022-JP by its escapes (RFC 1468), or the charset that a header
 * outside of ASCII names for the body below it, or Latin-1.
 */
const decodePart: Decode = (bytes, charset) => {
  const named = charset === null ? null : decodeAs(charset, bytes);
  if (named !== null && !named.includes('\ufffd')) return named;
  const text = utf8.decode(bytes);
  if (text.includes('\x1b$')) return decodeAs('iso-2022-jp', bytes) ?? text;
  if (!text.includes('\ufffd')) return text;
  if (named !== null) return named;
  const told = /charset ?= ?"?([\w-]{2,40})/i.exec(text.slice(0, 16_384))?.[1] ?? 'latin1';
  return decodeAs(told, bytes) ?? decodeAs('latin1', bytes) ?? text;
};

const utf8 = new TextDecoder();
const decoders = new Map<string, typeof utf8 | null>([['utf-8', utf8]]);
/** A mail may make up as many names as it likes. */
const mostDecoders = 64;

/** Null when the runtime does not know the charset. */
function decodeAs(charset: string, bytes: Uint8Array): string | null {
  const name = charset.toLowerCase();
  let decoder = decoders.get(name);
  if (decoder === undefined && decoders.size < mostDecoders) {
    decoder = decoderOf(name);
    decoders.set(name, decoder);
  }
  return decoder ? decoder.decode(bytes) : null;
}

function decoderOf(charset: string): typeof utf8 | null {
  try {
    return new TextDecoder(charset);
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
