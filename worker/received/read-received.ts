import { type Attachment, decodeWords, type Email } from 'postal-mime';
import type { HeaderField, ReceivedAttachment, ReceivedMail } from '#domain/inbound/received.ts';
import { bodyOf, decodeLoosely } from './charset.ts';
import { parseMail } from './lean-parser.ts';
import { withReadableHeader } from './readable-header.ts';
import { decodeUu } from './uuencode.ts';

/** What of a mail is given on; what is beyond is left out, and stays in the raw mail. */
export const receivedBounds = {
  fields: 1000,
  /** Characters of one field's value. */
  value: 16_384,
  /** Characters of the text, and of the HTML. */
  text: 5_242_880,
  attachments: 500,
  filename: 255,
} as const;
const parserBounds = { maxNestingDepth: 24, maxHeadersSize: 262_144, maxRfc822NestingDepth: 0 } as const;

/** What is read from the mail itself. */
export type ReadMail = Pick<
  ReceivedMail,
  'headers' | 'messageId' | 'from' | 'to' | 'subject' | 'text' | 'html' | 'attachments'
>;

/**
 * Takes a received mail apart. Runs in workerd and in Node. Never throws: what cannot be taken apart is one text.
 * Time is linear in the bytes; messages inside of the mail are attachments.
 * @param raw the mail as it came, at most 25 MiB
 */
export async function readReceived(raw: Uint8Array<ArrayBuffer>): Promise<ReadMail> {
  const { bytes: mail, added } = withReadableHeader(raw);
  const email = await parsed(mail);
  if (!email) return asOneText(mail);
  const attachments = email.attachments.slice(0, receivedBounds.attachments).map(attachmentOf);
  const read = {
    ...fieldsOf(email.headers.slice(added).map(({ originalKey, value }) => ({ name: originalKey, value }))),
    text: linesOf(email.text ?? ''),
    html: linesOf(email.html ?? ''),
    attachments,
  };
  // Boundaries that no line has, or parts without any: the text is there all the same.
  const isLost = read.text.trim() === '' && read.html.trim() === '' && attachments.length === 0;
  return isLost ? { ...read, text: asOneText(mail).text } : read;
}

/** Line ends as LF: those that were encoded are CRLF still. */
function linesOf(text: string): string {
  return text.slice(0, receivedBounds.text).replace(/\r\n?/g, '\n');
}

async function parsed(bytes: Uint8Array<ArrayBuffer>): Promise<Email | null> {
  try {
    return await parseMail(bytes, { ...parserBounds, forceRfc822Attachments: true });
  } catch {
    return null; // too deep, too long a header, or broken beyond MIME
  }
}

/** The beginning of the header, and all that follows as it stands. */
function asOneText(mail: Uint8Array): ReadMail {
  const text = decodeLoosely(mail.subarray(0, receivedBounds.text));
  const [header = ''] = text.slice(0, parserBounds.maxHeadersSize).split(/\r?\n\r?\n/, 1);
  const fields = header
    .replace(/\r?\n(?=[ \t])/g, '')
    .split(/\r?\n/, receivedBounds.fields)
    .flatMap((line) => {
      const [, name, value] = /^([!-9;-~]{1,200})[ \t]{0,4}:(.*)$/s.exec(line) ?? [];
      return name === undefined ? [] : [{ name, value: (value ?? '').trim() }];
    });
  return { ...fieldsOf(fields), text: linesOf(bodyOf(text)), html: '', attachments: [] };
}

function fieldsOf(
  raw: readonly HeaderField[],
): Pick<ReadMail, 'headers' | 'messageId' | 'from' | 'to' | 'subject'> {
  const headers = raw
    .filter(({ name }) => /^[!-9;-~]+$/.test(name))
    .slice(0, receivedBounds.fields)
    .map(({ name, value }) => ({ name, value: decodeWords(value).slice(0, receivedBounds.value) }));
  const first = (wanted: string) => headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? '';
  return {
    headers,
    messageId: /<[^<>\s]{1,990}>/.exec(first('message-id'))?.[0] ?? first('message-id'),
    from: first('from'),
    to: first('to'),
    subject: first('subject'),
  };
}

function attachmentOf(part: Attachment, place: number): ReceivedAttachment {
  const contentType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(part.mimeType)
    ? part.mimeType
    : 'application/octet-stream';
  const content = typeof part.content === 'string' ? new Uint8Array() : new Uint8Array(part.content);
  return {
    id: String(place),
    filename: filenameOf(part.filename ?? '') || `attachment-${place + 1}${endings[contentType] ?? ''}`,
    contentType,
    disposition: dispositions.find((one) => one === part.disposition) ?? null,
    contentId: part.contentId?.trim().replace(/^<|>$/g, '').slice(0, 998) || null,
    content: decodeUu(content) ?? content,
  };
}

const dispositions = ['attachment', 'inline'] as const;

/** Without folders and control characters: a name is often used as one. */
function filenameOf(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  return last
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
    .slice(0, receivedBounds.filename);
}

/** Of parts that have no name. */
const endings: Readonly<Record<string, string>> = {
  'message/rfc822': '.eml',
  'message/delivery-status': '.txt',
  'text/calendar': '.ics',
  'text/plain': '.txt',
  'text/html': '.html',
  'text/csv': '.csv',
  'text/rfc822-headers': '.txt',
  'image/jpeg': '.jpg',
  'image/jpg': '.jpg',
  'image/png': '.png',
  'image/gif': '.gif',
  'application/pdf': '.pdf',
  'application/ms-tnef': '.dat',
};
