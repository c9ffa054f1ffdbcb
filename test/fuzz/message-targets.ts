import { domainInName, parseMailbox } from '#domain/message/address.ts';
import { fileNamesIn, isRefusedAttachment } from '#domain/message/attachment-name.ts';
import { readAuthor } from '#domain/message/author.ts';
import { cleanHeader, headerFault, withoutMailboxLine } from '#domain/message/clean-header.ts';
import { cloudmailinSchema } from '#domain/message/cloudmailin.ts';
import { decodePercent, decodeWords } from '#domain/message/encoded-word.ts';
import { hasShortLines, tooLongField } from '#domain/message/fold.ts';
import { bareLineEnds, joinMessage, splitMessage, toCrlf } from '#domain/message/header.ts';
import { shownTexts } from '#domain/message/shown-text.ts';
import { limits, sendAtFault, sendSchema } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { readDate } from '#domain/time.ts';
import { invalidBody } from '../../worker/http/app.ts';
import { jsonShapeFault, mostJsonDepth, mostJsonValues } from '../../worker/http/json-shape.ts';
import { parseBody } from '../../worker/http/request-body.ts';
import { attachedNames, TooManyParts } from '../../worker/intake/attached-names.ts';
import { cloudmailinDraftOf } from '../../worker/intake/cloudmailin.ts';
import { draftOf } from '../../worker/intake/compose.ts';
import type { Draft } from '../../worker/intake/draft.ts';
import { linkTarget } from '../../worker/intake/link-target.ts';
import { renderMarkdown } from '../../worker/intake/markdown.ts';
import { rawDraftOf } from '../../worker/intake/raw-message.ts';
import { octets, type Target } from './target.ts';

const nowMs = Date.UTC(2026, 10, 26);
const isProblem = (error: unknown) => error instanceof Problem && error.status < 500;

const addresses = [
  'a@b.example', '<a@b.example>', '"a b" <a@b.example>', 'Team: a@b.example;', '"a\\"b"@c.example', '(comment)', '((', '\\',
  '@r.example:', 'ceo@victim.test', '=?utf-8?b?YUBiLmV4YW1wbGU=?=', 'ａ＠ｂ．example', '\u200b', 'xn--a', 'ü.example',
]; // biome-ignore format: a list of words
const fields = [
  'From: a@b.example\r\n', 'To: c@d.example\r\n', 'Subject: x\r\n', 'Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n', ' folded\r\n',
  '\tfolded\r\n', 'Received: from a by b; x\r\n', 'From x Thu Nov 26\r\n', 'Bcc: e@f.example\r\n', 'Return-Path: <>\r\n',
  'Message-ID: <a@b>\r\n', 'Message-ID:\r\n', 'Subject :x\r\n', 'X-Pennypost-Tag: a, b\r\n', 'X-Pennypost-Class: digest\r\n',
  'X-Pennypost-Send-At: 2026-11-27T00:00:00Z\r\n', 'X-Pennypost-Metadata: {"a":"b"}\r\n', 'X-Cloudmta-Tags: a\r\n',
  'X-Pennypost-Idempotency-Key: k\r\n', '\r\n', 'Content-Type: multipart/mixed; boundary=b\r\n', '--b\r\n', '--b--\r\n',
  'Content-Type: message/rfc822\r\n\r\n', 'Content-Transfer-Encoding: base64\r\n', 'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n', 'Content-Type: x; name="a.exe"\r\n',
  "Content-Disposition: attachment; filename*0*=utf-8'en'a%2e; filename*1=exe\r\n", 'Content-Type: x; name*=\r\n', '=\r\n', '=3D',
]; // biome-ignore format: a list of words
const raw = 'From: a@b.example\r\nTo: c@d.example\r\n';

/** What a draft is, and the message that it makes. */
async function made({ build, ...draft }: Draft): Promise<unknown> {
  const { raw: message } = await build({
    id: '0198c0de-0000-7000-8000-000000000000',
    nowMs,
    tracking: null,
  });
  return [draft, message];
}

/** A body in JSON, in which the text stands where `place` puts it; or the text as the body. */
function readBody(text: string): unknown {
  const bytes = octets(text);
  const fault = jsonShapeFault(bytes);
  if (fault !== null) return fault;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

/** The body with the text in each of its fields, one at a time. */
const inFields = (body: Record<string, unknown>, places: Record<string, (text: string) => unknown>) =>
  Object.entries(places).map(
    ([name, place]) => [name, (text: string) => ({ ...body, [name]: place(text) })] as const,
  );

const inSend = inFields(
  { from: 'a@b.example', to: ['c@d.example'], subject: 'x', text_body: 'x' },
  {
    from: (text) => text,
    to: (text) => text.split('|'),
    reply_to: (text) => text,
    subject: (text) => text,
    text_body: (text) => text,
    html_body: (text) => text,
    headers: (text) => ({ 'X-A': text, [text.slice(0, 50)]: 'x' }),
    tags: (text) => text.split('|'),
    metadata: (text) => ({ [text.slice(0, 20)]: text }),
    send_at: (text) => text,
    attachments: (text) => [
      {
        filename: text.slice(0, 90),
        content: 'AAAA',
        content_type: `a/b; ${text}`,
        content_id: text.slice(0, 90),
      },
      { filename: 'a', content: text },
    ],
  },
);
const inCloudmailin = inFields(
  { from: 'a@b.example', to: 'c@d.example', subject: 'x' },
  {
    markdown: (text) => text,
    html: (text) => text,
    tags: (text) => text,
    headers: (text) => ({ From: text, 'X-A': text }),
    raw: (text) => `${raw}${text}`,
    priority: (text) => text,
  },
);

const sent = async (body: unknown) => {
  const read = parseBody(sendSchema, body);
  const { send_at: at } = read;
  return at === undefined || sendAtFault(at, nowMs) === null ? await made(draftOf(read)) : null;
};
const sentByCloudmailin = async (body: unknown) => {
  const read = cloudmailinSchema.safeParse(body);
  if (!read.success) return invalidBody(read.error.issues).toJSON();
  return await made(await cloudmailinDraftOf(read.data, nowMs, null));
};

const words = [
  ...addresses,
  ...fields,
  '=?utf-8?q?=41?=',
  '=?utf-8?b?QQ==?= ',
  '|',
  ';name=',
  "utf-8''",
  '<a href="https://x.example/?a=1&amp;b=2">',
];

/** What a message is submitted as, and everything that is read of it. */
export const messageTargets: readonly Target[] = [
  { name: 'mailbox', blocks: addresses, read: parseMailbox, tells: true },
  { name: 'address in a display name', blocks: addresses, read: domainInName },
  { name: 'From field', blocks: addresses, read: readAuthor },
  { name: 'encoded words', blocks: words, read: decodeWords },
  {
    name: 'percent encoding',
    blocks: ['%41', '%e2', '%82%ac', '%'],
    read: (text) => decodePercent(text, 'utf-8'),
  },
  { name: 'file names of a field', blocks: words, read: fileNamesIn, grows: 40 },
  {
    name: 'name of an attachment',
    blocks: ['.exe', '::$DATA', '.', ' ', '\u200b', '/'],
    read: isRefusedAttachment,
  },
  {
    name: 'line ends',
    blocks: ['\r', '\n'],
    read: (text) => [toCrlf(text).length, bareLineEnds(text), hasShortLines(text)],
  },
  {
    name: 'header section',
    blocks: fields,
    read: (text) => {
      const message = splitMessage(withoutMailboxLine(toCrlf(text)));
      if (typeof message === 'string') return message;
      const clean = cleanHeader(message);
      return [
        joinMessage(clean).length,
        headerFault(clean.fields),
        tooLongField(joinMessage(clean).slice(0, 70_000)),
      ];
    },
  },
  {
    name: 'names of attached files',
    blocks: fields,
    read: (text) => attachedNames(toCrlf(text)),
    refuses: (error) => error instanceof TooManyParts,
    grows: 40,
  },
  {
    name: 'text of a message that is shown',
    blocks: fields,
    read: (text) => {
      const split = splitMessage(toCrlf(raw + text));
      return typeof split === 'string' ? split : shownTexts(split.fields, split.rest);
    },
  },
  {
    name: 'raw message',
    blocks: fields,
    read: async (text) =>
      await made(
        await rawDraftOf({
          bytes: octets(raw + text),
          mailFrom: '',
          rcptTo: ['c@d.example'],
          source: 'smtp',
          receivedBy: 'mx.example',
          smtpUtf8: true,
          layouts: null,
          requireTls: false,
          nowMs,
        }),
      ),
    refuses: isProblem,
  },
  {
    name: 'envelope of a raw message',
    blocks: addresses,
    read: async (text) => {
      const envelope = {
        mailFrom: text,
        rcptTo: text.split('|'),
        smtpUtf8: false,
        layouts: null,
        requireTls: false,
      };
      return await made(
        await rawDraftOf({ bytes: octets(raw), ...envelope, source: 'raw', receivedBy: null, nowMs }),
      );
    },
    refuses: isProblem,
    // A request line ends there.
    most: 65_536,
  },
  {
    name: 'shape of JSON',
    blocks: ['{"a":', '[', ']', '}', '"', '\\"', '\\\\', ',', '1e999', '-', 'nul', '"\\ud800"'],
    read: (text) => {
      const value = readBody(text);
      if (typeof value === 'string' && value.includes('levels')) return [mostJsonDepth, mostJsonValues];
      return value;
    },
  },
  {
    name: 'body of POST /v1/send',
    blocks: ['{"from":', '"to":', '"a@b.example"', ',', '}', '{', '"subject":1', '"__proto__":'],
    read: (text) => sent(readBody(text)),
    refuses: isProblem,
  },
  ...inSend.map(
    ([name, body]): Target => ({
      name: `/v1/send, ${name}`,
      blocks: words,
      read: (text) => sent(body(text)),
      refuses: isProblem,
      grows: 40,
    }),
  ),
  ...inCloudmailin.map(
    ([name, body]): Target => ({
      name: `/api/v0.1, ${name}`,
      blocks: [
        ...words,
        '> ',
        '* ',
        '1. ',
        '_',
        '*',
        '`',
        '~',
        '![',
        '](',
        '<!--',
        '<a',
        '\n\n',
        '|-|\n',
        '[a]: b\n',
      ],
      read: (text) => sentByCloudmailin(body(text)),
      refuses: isProblem,
      grows: 60,
    }),
  ),
  {
    name: 'Markdown',
    blocks: [
      '> ',
      '* ',
      '1. ',
      '_',
      '*',
      '**',
      '`',
      '```\n',
      '~~',
      '![',
      '[',
      '](',
      ')',
      '<!--',
      '<a',
      '>',
      '\n\n',
      '\n',
      '|-|\n',
      '| ',
      '[a]: b\n',
      'https://',
      'a@b.example',
      '    ',
      '&amp;',
      '# ',
      '---\n',
    ],
    most: limits.markdownCharacters,
    read: renderMarkdown,
    refuses: isProblem,
    grows: 60,
  },
  {
    name: 'target of a link',
    blocks: ['https://', '&amp;', '&#x41;', '&#', '&lt', '%41', 'xn--', '//', '@', ':80'],
    read: linkTarget,
  },
  {
    name: 'time',
    blocks: ['2026-11-26T10:00:00Z', '2026-', '+01:00', 'T', '.', '24:60'],
    read: readDate,
  },
];
