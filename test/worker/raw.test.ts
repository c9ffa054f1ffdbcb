import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  bytesOf,
  call,
  latin1,
  migrate,
  newAccount,
  rawOf,
  sendRaw,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
let from: string;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  from = `From: Shop <shop@${account.domain}>\r\n`;
});

const envelope = 'mail_from=app@x.example&rcpt_to=user@example.net';
const complete = 'Date: Mon, 16 Nov 2026 12:00:00 +0000\r\nMessage-ID: <one@x.example>\r\n';
const send = (message: string | Uint8Array, query = envelope, headers: Record<string, string> = {}) =>
  sendRaw(account.live, message, query, headers);
const keptOf = async (message: string, query?: string) => {
  const { status, body } = await send(message, query);
  expect([status, body]).toEqual([202, { message_id: expect.any(String), status: 'queued' }]);
  return await rawOf(body.message_id);
};
const utf8 = (text: string) => latin1(new TextEncoder().encode(text));

describe('a raw message', () => {
  it('is kept byte for byte, odd spacing, folding, trace fields and 8-bit bytes included', async () => {
    const message =
      `Received: from a by b;\r\n\tMon, 16 Nov 2026 12:00:00 +0000\r\n${complete}subject:no space  \r\n${from}` +
      'X-Empty:\r\nX-Folded: a\r\n \r\n  b\r\nDKIM-Signature: v=1; d=x\r\nTo: undisclosed:;\r\n' +
      'MIME-Version: 1.0\r\n\r\n\r\n.\r\n..two\r\nFrom x\r\nBcc: in the body\r\n\xe9\xff trailing  \r\nno end';
    expect(await keptOf(message)).toBe(message);
  });

  it('over 32 KiB is kept byte for byte as well', async () => {
    const message = `${complete}${from}\r\n${'0123456789\xe9\r\n'.repeat(20_000)}`;
    expect(await keptOf(message)).toBe(message);
  });

  it('loses its Bcc fields, folded ones too, and nothing else', async () => {
    const rest = `${complete}${from}X-Bcc: stays\r\n\r\nBody\r\n`;
    const message = `BCC: a@example.com,\r\n b@example.com\r\n${rest.replace('X-Bcc', 'bcc: c@example.com\r\nX-Bcc')}`;
    expect(await keptOf(message)).toBe(rest);
  });

  it('loses its control fields and is handled as they say', async () => {
    const { body } = await send(
      `X-Pennypost-Class: Priority\r\n${complete}x-pennypost-tags: a, b ,,c\r\n${from}Subject: Hi\r\n` +
        `X-Pennypost-Stream: offers\r\nX-Pennypost-Metadata-Order: 42\r\nX-Pennypost-Metadata-name: ${utf8('Zoë')}\r\n` +
        'X-Pennypost-Idempotency-Key: k1\r\nX-Pennypost-Send-At: 2020-01-01T00:00:00Z\r\n\r\nBody\r\n',
    );
    expect(await rawOf(body.message_id)).toBe(`${complete}${from}Subject: Hi\r\n\r\nBody\r\n`);
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail).toMatchObject({
      class: 'priority',
      stream: 'offers',
      tags: ['a', 'b', 'c'],
      metadata: { Order: '42', name: 'Zoë' },
      source: 'raw',
      status: 'queued',
      send_at: null,
    });
  });

  it('obeys the older spelling of control fields', async () => {
    const { body } = await send(
      `${complete}${from}x-cloudmta-class: digest\r\nx-cloudmta-tags: x\r\n\r\nBody\r\n`,
    );
    expect(await rawOf(body.message_id)).toBe(`${complete}${from}\r\nBody\r\n`);
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail).toMatchObject({ class: 'digest', tags: ['x'] });
  });

  it('obeys the control fields of other services, and hands on none that is for them', async () => {
    const theirs = [
      'X-PM-Tag: receipt',
      'X-PM-Metadata-order: 42',
      'X-PM-Message-Stream: Weekly_News',
      'X-Postscale-Metadata-user: Zoe',
      'X-Postscale-Anything: 1',
      'x-cloudmta-anything: 1',
      'Resend-Idempotency-Key: once',
    ];
    const text = `${complete}${from}${theirs.join('\r\n')}\r\n\r\nBody\r\n`;
    const { body } = await send(text);
    expect(await rawOf(body.message_id)).toBe(`${complete}${from}\r\nBody\r\n`);
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail).toMatchObject({
      stream: 'weekly-news',
      tags: ['receipt'],
      metadata: { order: '42', user: 'Zoe' },
    });
    expect((await send(text)).body.message_id).toBe(body.message_id);
  });

  it('is scheduled by its field', async () => {
    const sendAt = new Date(Date.now() + 3_600_000).toISOString();
    const { body } = await send(`${complete}${from}X-Pennypost-Send-At: ${sendAt}\r\n\r\nBody\r\n`);
    expect(body.status).toBe('scheduled');
  });

  it('gets the Date and Message-ID that it lacks, in front, and keeps those that it has', async () => {
    const bare = await send(`${from}\r\nBody\r\n`);
    const [date, id, ...rest] = (await rawOf(bare.body.message_id)).split('\r\n');
    expect(date).toMatch(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
    expect(id).toBe(`Message-ID: <${bare.body.message_id}@${account.domain}>`);
    expect(rest.join('\r\n')).toBe(`${from}\r\nBody\r\n`);
    const { body } = await call('GET', `/v1/emails/${bare.body.message_id}`, account.live);
    expect(body.message_id_header).toBe(`<${bare.body.message_id}@${account.domain}>`);
  });

  it('without a body gets the empty line that ends its header', async () => {
    expect(await keptOf(`${complete}${from}`)).toBe(`${complete}${from}\r\n`);
  });

  it('with LF or CR alone as line ends gets CRLF, so that nothing can be smuggled', async () => {
    const message = `${complete}${from}\r\na\r\n.\r\nMAIL FROM:<x@y>\r\n`;
    expect(await keptOf(message.replaceAll('\r\n', '\n'))).toBe(message);
    expect(await keptOf(message.replaceAll('\r\n', '\r'))).toBe(message);
    expect(await keptOf(`${complete}${from}\r\na\n.\r\nMAIL FROM:<x@y>\r\n`)).toBe(message);
  });

  it('goes to its envelope and never to its header', async () => {
    const { body } = await send(
      `${complete}${from}To: header@example.com\r\nCc: copy@example.com\r\nBcc: blind@example.com\r\n\r\nBody\r\n`,
      'mail_from=&rcpt_to=a@example.net&rcpt_to=b@example.net&rcpt_to=a@example.net',
    );
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail.deliveries.map((d: Answer) => d.recipient)).toEqual(['a@example.net', 'b@example.net']);
    expect(detail).toMatchObject({ to: ['header@example.com'], cc: ['copy@example.com'] });
  });

  it('is shown with its words decoded', async () => {
    const { body } = await send(
      `${complete}From: =?utf-8?q?J=C3=B6rg?= <shop@${account.domain}>\r\nSubject: ${utf8('Grüße')}\r\n =?utf-8?b?8J+OiQ==?=\r\n\r\nBody\r\n`,
    );
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail.from).toBe(`Jörg <shop@${account.domain}>`);
    expect(detail.subject).toMatch(/^Grüße\s*🎉$/);
  });

  it('tells the node whether header or body need an extension of the peer', async () => {
    const ids = await Promise.all(
      [
        `${complete}${from}\r\nplain\r\n`,
        `${complete}${from}\r\n\xe9\r\n`,
        `${complete}${from}Subject: ${utf8('é')}\r\n\r\nplain\r\n`,
      ].map(async (message) => (await send(message)).body.message_id),
    );
    const { deliveries } = await (await new TestNode().hello()).lease(500);
    const needs = ids.map((id) => {
      const { smtputf8, eightBit } = deliveries.find((d: Answer) => d.messageId === id);
      return { smtputf8, eightBit };
    });
    expect(needs).toEqual([
      { smtputf8: false, eightBit: false },
      { smtputf8: false, eightBit: true },
      { smtputf8: false, eightBit: true },
    ]);
  });

  it('needs SMTPUTF8 for its header only when its client said so or its author is not ASCII', async () => {
    const eight = `${complete}${from}Subject: ${utf8('é')}\r\n\r\nplain\r\n`;
    const author = `${complete}From: ${utf8('jörg')}@${account.domain}\r\n\r\nplain\r\n`;
    const cases = [
      [eight, envelope],
      [eight, `${envelope}&smtputf8=true`],
      [`${complete}${from}\r\n${utf8('é')}\r\n`, `${envelope}&smtputf8=true`],
      [eight, `mail_from=&rcpt_to=${encodeURIComponent('jörg@example.net')}`],
      [author, envelope],
    ] as const;
    const ids = await Promise.all(
      cases.map(async ([text, query]) => (await send(text, query)).body.message_id),
    );
    const { deliveries } = await (await new TestNode().hello()).lease(500);
    const of = (id: string) => deliveries.find((d: Answer) => d.messageId === id).smtputf8;
    expect(ids.map(of)).toEqual([false, true, false, false, true]);
  });

  it('comes from SMTP when the node says so, and gets a trace field that tells nothing of the client', async () => {
    const { body } = await send(`${complete}${from}\r\nBody\r\n`, envelope, {
      'X-Pennypost-Source': 'smtp',
      'X-Pennypost-Received-By': 'mail.node.example',
    });
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail.source).toBe('smtp');
    const [first = '', second = '', ...rest] = (await rawOf(body.message_id)).split('\r\n');
    expect(first).toBe('Received: by mail.node.example with ESMTPSA');
    expect(second).toMatch(
      new RegExp(`^ id ${body.message_id}; \\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d \\+0000$`),
    );
    expect(rest.join('\r\n')).toBe(`${complete}${from}\r\nBody\r\n`);
  });

  it('names the service in its trace field when the node has no name that fits', async () => {
    const { body } = await send(`${complete}${from}\r\nBody\r\n`, `${envelope}&smtputf8=true`, {
      'X-Pennypost-Source': 'smtp',
      'X-Pennypost-Received-By': 'a; evil',
    });
    expect(await rawOf(body.message_id)).toMatch(/^Received: by [a-z.]+ with UTF8SMTPSA\r\n id /);
  });

  it('is written clean where its syntax is obsolete', async () => {
    const kept = await keptOf(
      `From root Wed Nov 25 10:00:00 2026\r\nMessage-ID:\r\nDate : ${new Date(0).toUTCString()}\r\n` +
        `From: "Shop, é" <@relay.example:shop@${account.domain}>,\r\nResent-Bcc: blind@example.com\r\n` +
        'Return-Path: <x@y.example>\r\nSubject : a\r\n\r\nBody\r\n',
    );
    const [id, ...rest] = kept.split('\r\n');
    expect(id).toMatch(/^Message-ID: <[0-9a-f-]{36}@/);
    expect(rest).toEqual([
      'X-Mailbox-Line: From root Wed Nov 25 10:00:00 2026',
      `Date: ${new Date(0).toUTCString()}`,
      `From: "Shop, é" <shop@${account.domain}>`,
      'Subject: a',
      '',
      'Body',
      '',
    ]);
  });

  it.each([
    ['of another domain', () => 'Sender: Boss <ceo@victim.example>', false],
    ['with a name of another domain', () => `Sender: "ceo@victim.example" <x@${account.domain}>`, false],
    ['that a local program has added', () => 'Sender: www-data@web1.internal', false],
    ['that is no mailbox', () => 'Sender: ceo@victim.example <', false],
    ['in two lines', () => 'Sender:\r\n ceo@victim.example', false],
    ['of the same domain', () => `Sender: List <list@${account.domain}>`, true],
    ['of a domain below', () => `Sender: (a) list@lists.${account.domain}`, true],
  ])('has a Sender %s only where readers may show it', async (_, sender, isKept) => {
    const text = `${complete}${from}${sender()}\r\nX: y\r\n\r\nBody\r\n`;
    expect(await keptOf(text)).toBe(isKept ? text : text.replace(`${sender()}\r\n`, ''));
  });

  it('that came by SMTP in 25 MiB is not too large for the fields that are added to it', async () => {
    const head = `${from}\r\n`;
    const bytes = new Uint8Array(25 * 1024 * 1024).fill(120);
    for (let i = 77; i < bytes.length; i += 78) bytes.set([13, 10], i - 1);
    bytes.set(bytesOf(head));
    expect((await send(bytes, envelope, { 'X-Pennypost-Source': 'smtp' })).status).toBe(202);
  });
});

describe('a raw message that is refused', () => {
  const later = new Date(Date.now() + 31 * 86_400_000).toISOString();
  it.each([
    ['with a NUL', () => `${from}\r\na\0b`, 'body'],
    ['without From', () => 'Subject: x\r\n\r\nBody', 'From'],
    ['with two From fields', () => `${from}${from}\r\nBody`, 'From'],
    ['with two authors', () => `From: a@${account.domain}, b@${account.domain}\r\n\r\nBody`, 'From'],
    ['with a From that is no address', () => 'From: nobody\r\n\r\nBody', 'From'],
    ['with a line in its header that is no field', () => `${from}no field\r\n\r\nBody`, 'header'],
    ['with two subjects, the same', () => `${from}Subject: a\r\nsubject: a\r\n\r\nBody`, 'Subject'],
    [
      'with two Content-Type fields',
      () => `${from}${'Content-Type: text/plain\r\n'.repeat(2)}\r\n`,
      'Content-Type',
    ],
    ['that goes in a circle', () => `${from}${'Received: by a\r\n'.repeat(101)}\r\nBody`, 'Received'],
    [
      'with a header section of over 64 KiB',
      () => `${from}X-A: ${'x '.repeat(33_000)}\r\n\r\nBody`,
      'header',
    ],
    ['that is empty', () => '', 'From'],
    ['with an unknown class', () => `${from}X-Pennypost-Class: urgent\r\n\r\nBody`, 'X-Pennypost-Class'],
    [
      'with an unknown class in the older spelling',
      () => `${from}x-cloudmta-class: bulk\r\n\r\nBody`,
      'x-cloudmta-class',
    ],
    ['with no name of a stream', () => `${from}X-Pennypost-Stream: a b\r\n\r\nBody`, 'X-Pennypost-Stream'],
    ['with an empty class', () => `${from}X-Pennypost-Class:\r\n\r\nBody`, 'X-Pennypost-Class'],
    [
      'with eleven tags',
      () => `${from}X-Pennypost-Tags: a,b,c,d,e,f,g,h,i,j,k\r\n\r\nBody`,
      'X-Pennypost-Tags',
    ],
    [
      'with a tag of 65 characters',
      () => `${from}X-Pennypost-Tags: ${'x'.repeat(65)}\r\n\r\nBody`,
      'X-Pennypost-Tags',
    ],
    [
      'with an empty metadata key',
      () => `${from}X-Pennypost-Metadata-: a\r\n\r\nBody`,
      'X-Pennypost-Metadata-',
    ],
    [
      'with a long metadata value',
      () => `${from}X-Pennypost-Metadata-a: ${'x'.repeat(1025)}\r\n\r\nBody`,
      'X-Pennypost-Metadata-a',
    ],
    [
      'with 21 metadata fields',
      () =>
        `${from}${Array.from({ length: 21 }, (_, i) => `X-Pennypost-Metadata-${i}: x\r\n`).join('')}\r\nBody`,
      'x-pennypost-metadata-',
    ],
    [
      'with an empty idempotency key',
      () => `${from}X-Pennypost-Idempotency-Key:\r\n\r\nBody`,
      'X-Pennypost-Idempotency-Key',
    ],
    [
      'to be sent at no time',
      () => `${from}X-Pennypost-Send-At: tomorrow\r\n\r\nBody`,
      'X-Pennypost-Send-At',
    ],
    [
      'to be sent at a time that can be read in two ways',
      () => `${from}X-Pennypost-Send-At: 10\r\n\r\nBody`,
      'X-Pennypost-Send-At',
    ],
    [
      'to be sent in 31 days',
      () => `${from}X-Pennypost-Send-At: ${later}\r\n\r\nBody`,
      'X-Pennypost-Send-At',
    ],
    [
      'with a header section of a megabyte',
      () => `${from}X-A: ${'x'.repeat(1_000_000)}\r\n\r\nBody`,
      'header',
    ],
    [
      'with ten thousand To fields',
      () => `${from}${`To: ${'x'.repeat(400)}@example.net\r\n`.repeat(10_000)}\r\nBody`,
      'header',
    ],
    [
      'with a Message-ID of three megabytes',
      () => `${from}Message-ID: <${'x'.repeat(3_000_000)}>\r\n\r\nBody`,
      'header',
    ],
  ])('%s: 400', async (_, message, pointer) => {
    const { status, body } = await send(message());
    expect(body).toMatchObject({ code: 'invalid_message', errors: [{ pointer }] });
    expect(status).toBe(400);
  });

  it.each([
    ['', 'invalid_body', 'rcpt_to'],
    ['mail_from=a@x.example', 'invalid_body', 'rcpt_to'],
    ['rcpt_to=', 'invalid_address', 'rcpt_to'],
    ['rcpt_to=nobody', 'invalid_address', 'rcpt_to'],
    ['rcpt_to=a@example.net%0d%0aRCPT', 'invalid_address', 'rcpt_to'],
    ['rcpt_to=a@example.net&mail_from=nobody', 'invalid_address', 'mail_from'],
    [Array.from({ length: 51 }, (_, i) => `rcpt_to=u${i}@example.net`).join('&'), 'invalid_body', 'rcpt_to'],
  ])('for its envelope %j: 400', async (query, code, pointer) => {
    const { status, body } = await send(`${from}\r\nBody`, query);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('for its From domain: 403', async () => {
    const { status, body } = await send('From: a@not-ours.example\r\n\r\nBody');
    expect([status, body.code]).toEqual([403, 'domain_not_allowed']);
  });

  it('for its size: 413, and 25 MiB exactly are taken', async () => {
    const head = `${complete}${from}\r\n`;
    const most = 25 * 1024 * 1024;
    const fill = (size: number) => {
      const bytes = new Uint8Array(size).fill(120);
      for (let i = 77; i < size; i += 78) bytes.set([13, 10], i - 1);
      bytes.set(bytesOf(head));
      return bytes;
    };
    const over = await send(fill(most + 1));
    expect([over.status, over.body.code]).toEqual([413, 'too_large']);
    expect((await send(fill(most))).status).toBe(202);
  });
});

describe('an attachment in a raw message', () => {
  const part = (headers: string, body = 'x') =>
    `${complete}${from}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n` +
    `Content-Type: text/plain\r\n\r\nHi\r\n--b\r\n${headers}\r\n\r\n${body}\r\n--b--\r\n`;
  const inner = `From: x@y.example\r\n${part('Content-Disposition: attachment; filename=evil.exe').slice(complete.length)}`;

  it.each([
    ['in clear', 'Content-Disposition: attachment; filename="evil.exe"'],
    ['unquoted, in capitals', 'Content-Disposition: attachment; filename=EVIL.EXE'],
    ['in the content type', 'Content-Type: application/octet-stream; name="evil.vbs"'],
    ['with dots behind', 'Content-Disposition: attachment; filename="evil.exe. ."'],
    ['by RFC 2231', "Content-Disposition: attachment; filename*=utf-8''evil%2Eexe"],
    ['in pieces by RFC 2231', 'Content-Disposition: attachment; filename*0="evil.e";\r\n filename*1="xe"'],
    ['in an encoded word', 'Content-Disposition: attachment; filename="=?utf-8?B?ZXZpbC5leGU=?="'],
    [
      'in an encoded word, folded',
      'Content-Disposition: attachment; filename="a\r\n =?utf-8?Q?evil=2Eexe?="',
    ],
    [
      'in an encoded word on its own line',
      'Content-Disposition: attachment; filename=\r\n "=?utf-8?Q?evil=2Eexe?="',
    ],
    ['with quoted letters', 'Content-Disposition: attachment; filename="evil.e\\xe"'],
  ])('is refused by its name %s', async (_, headers) => {
    const { status, body } = await send(part(headers));
    expect([status, body.code]).toEqual([400, 'invalid_message']);
    expect(body.errors[0].pointer).toBe('attachments');
  });

  it.each([
    ['', 'Content-Type: message/rfc822'],
    [
      ', itself an attachment',
      'Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=m.eml',
    ],
  ])('is refused inside of an attached message%s', async (_, headers) => {
    const { status, body } = await send(part(headers, inner));
    expect([status, body.code]).toEqual([400, 'invalid_message']);
  });

  it.each([
    'Content-Disposition: attachment; filename="report.pdf"',
    'Content-Disposition: attachment; filename="evil.exe.txt"',
    "Content-Disposition: attachment; filename*=utf-8''B%C3%A9la.pdf",
  ])('is taken as %s', async (headers) => {
    const message = part(headers);
    expect(await keptOf(message)).toBe(message);
  });

  it('is not looked for in the text: a talk about evil.exe may be sent', async () => {
    const message = `${complete}${from}Subject: my name\r\n\r\nnever open "evil.exe" ; filename="evil.exe"\r\n`;
    expect(await keptOf(message)).toBe(message);
  });

  it('is looked for at any depth that mail may have; a deeper nest is refused, not an error of ours', async () => {
    const depth = 200;
    let nest = `${complete}${from}MIME-Version: 1.0\r\nX: name\\*=\r\nContent-Type: multipart/mixed; boundary=b0; name*0=x\r\n\r\n`;
    for (let i = 0; i < depth; i++) {
      nest += `--b${i}\r\nContent-Type: multipart/mixed; boundary=b${i + 1}\r\n\r\n`;
    }
    const { status, body } = await send(`${nest}x\r\n`);
    expect([status, body.code]).toEqual([400, 'invalid_message']);
  });

  it('is looked for in time that grows with the message and not with its square', async () => {
    const body = 'name='.repeat(100_000);
    const { status } = await send(`${complete}${from}Content-Type: text/plain\r\n\r\n${body}\r\n`);
    expect(status).toBe(202);
  });
});
