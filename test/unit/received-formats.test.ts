import { createHmac } from 'node:crypto';
import type { IncomingMail } from 'cloudmailin';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { cloudmailinPayload, inlineAttachmentBytes } from '#domain/inbound/formats/cloudmailin.ts';
import { type BodyPieces, multipartBody } from '#domain/inbound/formats/form-data.ts';
import { type ReceivedFormat, receivedFormats, receivedPayload } from '#domain/inbound/formats/payload.ts';
import { postscaleSignature } from '#domain/inbound/formats/postscale.ts';
import type { PayloadSource } from '#domain/inbound/formats/source.ts';
import type { ReceivedMail } from '#domain/inbound/received.ts';
import { goldenNames, goldenOf, seenOf } from '../support/golden.ts';
import { receivedMail } from '../support/received.ts';

const boundary = 'frontier';
const text = 'Yes, please.\r\n\r\nOn Mon, 23 Nov 2026, Shop wrote:\r\n> Shall we?\r\n';
const raw = [
  'Received: from a.example.org by mx.example.com; Thu, 26 Nov 2026 12:00:00 +0000',
  'Received: from b.example.org by a.example.org; Thu, 26 Nov 2026 11:59:59 +0000',
  'From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>',
  'To: Support <support+42@example.com>',
  'Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Message-ID: <reply-1@example.org>',
  'In-Reply-To: <01a1fbb4-0000-7000-8000-000000000000@example.com>',
  'List-Id: <list.example.org>',
  'X-Mailer: Test',
  `Content-Type: multipart/mixed; boundary=${boundary}`,
  '',
  `--${boundary}`,
  'Content-Type: multipart/alternative; boundary=inner',
  '',
  '--inner',
  'Content-Type: text/plain; charset=utf-8',
  '',
  text,
  '--inner',
  'Content-Type: text/html',
  '',
  '<p>Yes, please.</p>',
  '--inner--',
  `--${boundary}`,
  'Content-Type: image/png; name="dot.png"',
  'Content-Disposition: inline; filename="dot.png"',
  'Content-ID: <dot@example.org>',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC/w==',
  `--${boundary}`,
  'Content-Type: application/pdf',
  'Content-Disposition: attachment; filename="large.pdf"',
  '',
  'x'.repeat(inlineAttachmentBytes + 100),
  `--${boundary}--`,
  '',
].join('\r\n');

async function richMail(): Promise<ReceivedMail> {
  return receivedMail(raw, {
    inReplyToMessage: '01a1fbb4-0000-7000-8000-000000000000',
    verdicts: {
      spf: { result: 'pass', domain: 'example.org' },
      dkim: {
        result: 'pass',
        signatures: [
          { result: 'pass', domain: 'example.org', selector: 's1', algorithm: 'rsa-sha256', aligned: true },
        ],
      },
      dmarc: {
        result: 'pass',
        domain: 'example.org',
        policy: 'reject',
        spfAligned: true,
        dkimAligned: true,
      },
      arc: { result: 'none', instance: 0 },
      reverse: null,
      spam: { score: 1.5, action: 'no action', symbols: ['R_SPF_ALLOW'] },
    },
  });
}
const mail = await richMail();
const source: PayloadSource = {
  mail,
  attachmentUrl: ({ id }) => `https://api.test/v1/inbound-emails/${mail.id}/attachments/${id}/download`,
  rawUrl: `https://api.test/v1/inbound-emails/${mail.id}/raw`,
};
const url = (id: number) => source.attachmentUrl(mail.attachments[id] ?? ({ id: '' } as never));
const rawBytes = new TextEncoder().encode(raw);

async function bytesOf(body: BodyPieces): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Blob(body).arrayBuffer());
}
async function posted(format: ReceivedFormat, of = source) {
  const { contentType, body } = await receivedPayload(format, of, async () => rawBytes);
  return { contentType, body: await bytesOf(body) };
}
async function jsonOf(format: ReceivedFormat, of = source) {
  return JSON.parse(new TextDecoder().decode((await posted(format, of)).body));
}
/** What a receiver of a form sees: read by the runtime's own parser. */
async function formOf(format: ReceivedFormat, of = source): Promise<[string, string | File][]> {
  const { contentType, body } = await posted(format, of);
  const form = await new Response(body, { headers: { 'Content-Type': contentType } }).formData();
  return [...form] as [string, string | File][];
}
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce((of, key) => (of as Record<string, unknown>)?.[key], value);
}
/** Every path of a value that leads to no further object; lists count whole. */
function paths(value: unknown, of = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [of];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, of === '' ? key : `${of}.${key}`));
}

const headerList = [
  { name: 'Received', value: 'from a.example.org by mx.example.com; Thu, 26 Nov 2026 12:00:00 +0000' },
  { name: 'Received', value: 'from b.example.org by a.example.org; Thu, 26 Nov 2026 11:59:59 +0000' },
  { name: 'From', value: 'Jörg <joerg@example.org>' },
  { name: 'To', value: 'Support <support+42@example.com>' },
  { name: 'Subject', value: 'Re: Grüße' },
  { name: 'Message-ID', value: '<reply-1@example.org>' },
  { name: 'In-Reply-To', value: '<01a1fbb4-0000-7000-8000-000000000000@example.com>' },
  { name: 'List-Id', value: '<list.example.org>' },
  { name: 'X-Mailer', value: 'Test' },
  { name: 'Content-Type', value: `multipart/mixed; boundary=${boundary}` },
];
const largeSize = inlineAttachmentBytes + 100 + 1;
const plain = `${text.replaceAll('\r\n', '\n')}\n`;
const html = '<p>Yes, please.</p>\n';
const answered = '01a1fbb4-0000-7000-8000-000000000000';

describe('the format event', async () => {
  const fields: [string, unknown][] = [
    ['id', mail.id],
    ['type', 'email.received'],
    ['created_at', '2026-11-26T12:00:00.000Z'],
    ['data.email_id', mail.id],
    ['data.message_id', '<reply-1@example.org>'],
    ['data.from', 'Jörg <joerg@example.org>'],
    ['data.to', 'Support <support+42@example.com>'],
    ['data.subject', 'Re: Grüße'],
    ['data.text', plain],
    ['data.html', html],
    ['data.reply_text', 'Yes, please.'],
    ['data.headers', headerList],
    [
      'data.attachments',
      [
        {
          id: '0',
          filename: 'dot.png',
          content_type: 'image/png',
          size: 4,
          content_id: 'dot@example.org',
          url: url(0),
        },
        {
          id: '1',
          filename: 'large.pdf',
          content_type: 'application/pdf',
          size: largeSize,
          content_id: null,
          url: url(1),
        },
      ],
    ],
    ['data.spf', 'pass'],
    ['data.dkim', 'pass'],
    ['data.dmarc', 'pass'],
    ['data.spam.score', 1.5],
    ['data.spam.action', 'no action'],
    ['data.spam.symbols', ['R_SPF_ALLOW']],
    ['data.automatic', true],
    ['data.in_reply_to_message', answered],
    ['data.disposable', '42'],
    ['data.envelope.from', 'sender@example.org'],
    ['data.envelope.to', ['support+42@example.com']],
    ['data.envelope.remote_ip', '192.0.2.1'],
    ['data.envelope.helo', 'mail.example.org'],
    ['data.envelope.tls', true],
    ['data.received_at', '2026-11-26T12:00:00.000Z'],
  ];
  const body = await jsonOf('event');
  it.each(fields)('%s', (path, expected) => {
    expect(at(body, path)).toEqual(expected);
  });
  it('has no other field', () => {
    expect(paths(body)).toEqual(fields.map(([path]) => path));
  });
});

describe('the format postscale', async () => {
  const fields: [string, unknown][] = [
    ['event', 'email.received'],
    ['timestamp', '2026-11-26T12:00:00.000Z'],
    ['email_id', mail.id],
    ['message_id', '<reply-1@example.org>'],
    ['from', 'Jörg <joerg@example.org>'],
    ['to', 'Support <support+42@example.com>'],
    ['subject', 'Re: Grüße'],
    ['text', plain],
    ['html', html],
    ['headers', headerList],
    [
      'attachments',
      [
        { id: '0', filename: 'dot.png', content_type: 'image/png', size: 4, url: url(0) },
        { id: '1', filename: 'large.pdf', content_type: 'application/pdf', size: largeSize, url: url(1) },
      ],
    ],
    ['spf', 'pass'],
    ['dkim', 'pass'],
    ['spam.score', 1.5],
    ['spam.action', 'no action'],
    ['spam.symbols', ['R_SPF_ALLOW']],
    ['in_reply_to_message', answered],
    ['disposable', '42'],
  ];
  const body = await jsonOf('postscale');
  it.each(fields)('%s', (path, expected) => {
    expect(at(body, path)).toEqual(expected);
  });
  it('has no other field', () => {
    expect(paths(body)).toEqual(fields.map(([path]) => path));
  });
});

const cloudmailinFields: [string, unknown][] = [
  ['envelope.to', 'support+42@example.com'],
  ['envelope.recipients', ['support+42@example.com']],
  ['envelope.from', 'sender@example.org'],
  ['envelope.helo_domain', 'mail.example.org'],
  ['envelope.remote_ip', '192.0.2.1'],
  ['envelope.spf.result', 'pass'],
  ['envelope.spf.domain', 'example.org'],
  ['envelope.tls', true],
  ['envelope.store_url', source.rawUrl],
  ['envelope.dkim.success', true],
  ['envelope.dkim.result', [{ result: 'pass', domain: 'example.org', selector: 's1' }]],
  ['envelope.dmarc.success', true],
  ['envelope.dmarc.result', 'pass'],
  ['envelope.dmarc.details.domain', 'example.org'],
  ['envelope.dmarc.details.policy', 'reject'],
  ['envelope.dmarc.details.spf_result', 'pass'],
  ['envelope.dmarc.details.dmarc_spf_result', 'pass'],
  ['envelope.dmarc.details.dmarc_dkim_result', 'pass'],
  ['envelope.dmarc.details.dkim_results', [{ result: 'pass', domain: 'example.org' }]],
  ['envelope.spamd.score', '1.5'],
  ['envelope.spamd.success', true],
  ['envelope.spamd.symbols', ['R_SPF_ALLOW']],
  ['envelope.spamd.description', 'action: no action'],
  ['headers.received', [headerList[0]?.value, headerList[1]?.value]],
  ['headers.from', 'Jörg <joerg@example.org>'],
  ['headers.to', 'Support <support+42@example.com>'],
  ['headers.subject', 'Re: Grüße'],
  ['headers.message_id', '<reply-1@example.org>'],
  ['headers.in_reply_to', `<${answered}@example.com>`],
  ['headers.list_id', '<list.example.org>'],
  ['headers.x_mailer', 'Test'],
  ['headers.content_type', `multipart/mixed; boundary=${boundary}`],
  ['plain', plain],
  ['html', html],
  ['reply_plain', 'Yes, please.'],
  [
    'attachments',
    [
      {
        file_name: 'dot.png',
        content_type: 'image/png',
        size: 4,
        disposition: 'inline',
        content_id: 'dot@example.org',
        content: 'AAEC/w==',
      },
      {
        file_name: 'large.pdf',
        content_type: 'application/pdf',
        size: largeSize,
        disposition: 'attachment',
        url: url(1),
      },
    ],
  ],
  ['in_reply_to_message', answered],
  ['disposable', '42'],
];

describe('the format cloudmailin', async () => {
  const body = await jsonOf('cloudmailin');
  it.each(cloudmailinFields)('%s', (path, expected) => {
    expect(at(body, path)).toEqual(expected);
  });
  it('has no other field', () => {
    expect(paths(body)).toEqual(cloudmailinFields.map(([path]) => path));
  });
  it('is the IncomingMail of the npm package cloudmailin', () => {
    const incoming: IncomingMail = cloudmailinPayload(source);
    expect(incoming.headers.subject).toBe('Re: Grüße');
  });
  it('has an empty list without attachments, no store_url where nothing is kept, and no scan where there was none', async () => {
    const bare = await receivedMail('Subject: hi\r\n\r\nhi\r\n');
    const told = await jsonOf('cloudmailin', { ...source, mail: bare, rawUrl: null });
    expect(told.attachments).toEqual([]);
    expect(told.envelope).not.toHaveProperty('store_url');
    expect(told.envelope.spamd).toEqual({ score: '0', success: false, symbols: [], description: '' });
  });
  it('takes a field of any name', async () => {
    const odd = await receivedMail('__proto__: a\r\nconstructor: b\r\nX: c\r\nX: d\r\n\r\nhi\r\n');
    const told = await jsonOf('cloudmailin', { ...source, mail: odd });
    expect(Object.entries(told.headers)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['x', ['c', 'd']],
    ]);
  });
});

/** The same fields as a form has them: `a.b` is `a[b]`, lists are numbered. */
function bracketed(path: string, value: unknown): [string, string][] {
  const [first = '', ...rest] = path.split('.');
  const name = first + rest.map((key) => `[${key}]`).join('');
  const flat = (of: string, inner: unknown): [string, string][] =>
    inner !== null && typeof inner === 'object'
      ? Object.entries(inner).flatMap(([key, deeper]) => flat(`${of}[${key}]`, deeper))
      : [[of, String(inner)]];
  return flat(name, value);
}

describe('the format cloudmailin-multipart', async () => {
  const form = await formOf('cloudmailin-multipart');
  const fields = cloudmailinFields
    .filter(([path]) => path !== 'attachments')
    .flatMap(([path, value]) => bracketed(path, value));
  it.each(fields)('%s', (name, expected) => {
    expect(form.filter(([key]) => key === name)).toEqual([[name, expected]]);
  });
  it('attachments[] is the small one as a file', async () => {
    const [, file] = form.find(([name]) => name === 'attachments[]') ?? [];
    expect(file).toBeInstanceOf(File);
    expect((file as File).name).toBe('dot.png');
    expect((file as File).type).toBe('image/png');
    expect(new Uint8Array(await (file as File).arrayBuffer())).toEqual(new Uint8Array([0, 1, 2, 255]));
  });
  it('attachments[] of one that is larger says where it is', () => {
    expect(form.filter(([name]) => name.startsWith('attachments[]['))).toEqual([
      ['attachments[][file_name]', 'large.pdf'],
      ['attachments[][content_type]', 'application/pdf'],
      ['attachments[][size]', String(largeSize)],
      ['attachments[][disposition]', 'attachment'],
      ['attachments[][url]', url(1)],
    ]);
  });
  it('has no other field', () => {
    const names = form.map(([name]) => name).filter((name) => !name.startsWith('attachments[]'));
    expect(names.toSorted()).toEqual(fields.map(([name]) => name).toSorted());
  });
  it('leaves attachments out when there are none', async () => {
    const bare = await receivedMail('Subject: hi\r\n\r\nhi\r\n');
    const names = (await formOf('cloudmailin-multipart', { ...source, mail: bare })).map(([name]) => name);
    expect(names).toContain('headers[subject]');
    expect(names.filter((name) => name.startsWith('attachments'))).toEqual([]);
  });
});

describe('the format raw', async () => {
  const { contentType, body } = await posted('raw');
  const form = await formOf('raw');
  const fields = cloudmailinFields
    .filter(([path]) => path.startsWith('envelope.') || ['in_reply_to_message', 'disposable'].includes(path))
    .flatMap(([path, value]) => bracketed(path, value));
  it.each(fields)('%s', (name, expected) => {
    expect(form.filter(([key]) => key === name)).toEqual([[name, expected]]);
  });
  it('message is the mail byte for byte', () => {
    const [, boundaryText] = /boundary=(.+)$/.exec(contentType) ?? [];
    const whole = Buffer.from(body);
    const start = whole.indexOf('\r\n\r\n', whole.indexOf('name="message"')) + 4;
    expect(whole.subarray(start, whole.lastIndexOf(`\r\n--${boundaryText}--`)).equals(rawBytes)).toBe(true);
  });
  it('has no other field', () => {
    expect(form.map(([name]) => name).toSorted()).toEqual(
      [...fields.map(([name]) => name), 'message'].toSorted(),
    );
  });
});

describe.each(receivedFormats)('what is posted of real and odd mails as %s', (format) => {
  it.each(goldenNames)('is the JSON beside it: %s', async (name) => {
    expect((await seenOf(name))[format]).toEqual(goldenOf(name)[format]);
  });
  it('is there for at least 60', () => {
    expect(goldenNames.length).toBeGreaterThanOrEqual(60);
  });
});

describe('signatures', () => {
  const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
  it.each(receivedFormats)('the library standardwebhooks verifies what is posted as %s', async (format) => {
    const { body } = await posted(format);
    const now = new Date();
    // The library takes text: bytes beyond UTF-8 (a raw mail of another charset) are not for it.
    const bodyText = new TextDecoder().decode(body);
    const webhook = new Webhook(secret);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': webhook.sign('msg_1', now, bodyText),
    };
    expect(() => webhook.verify(bodyText, headers, { jsonParse: false })).not.toThrow();
    expect(() => webhook.verify(`${bodyText} `, headers, { jsonParse: false })).toThrow();
  });

  it('X-Postscale-Signature is t and an HMAC-SHA256 of t, a dot and the body, for each secret', async () => {
    const { body } = await posted('postscale');
    const secrets = ['whsec_new', 'whsec_old'];
    const hmac = async (key: string, bytes: Uint8Array) => createHmac('sha256', key).update(bytes).digest();
    const field = await postscaleSignature(secrets, 1_795_000_000, body, hmac);
    const [time, ...signatures] = field.split(',').map((part) => part.split('=') as [string, string]);
    expect(time).toEqual(['t', '1795000000']);
    expect(signatures).toEqual(
      secrets.map((key) => [
        'v1',
        createHmac('sha256', key)
          .update(`1795000000.${Buffer.from(body).toString()}`)
          .digest('hex'),
      ]),
    );
  });
});

describe('a form', () => {
  it('is read again as it was, whatever is in it', async () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('\r\n--pennypost-1--\r\n'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.stringMatching(/^[a-z[\]"]{1,20}$/), value)), async (pairs) => {
        const parts = pairs.map(([name, content]) => ({ name, content: content.toWellFormed() }));
        const { contentType, body } = multipartBody(parts, '1');
        const form = await new Response(await bytesOf(body), {
          headers: { 'Content-Type': contentType },
        }).formData();
        expect([...form]).toEqual(parts.map(({ name, content }) => [name, content]));
      }),
      { numRuns: 50 },
    );
  });
});
