/** CloudMailin's message API as its own client package speaks it, field by field. */

import cloudmailin from 'cloudmailin';
import { CloudMailinError } from 'cloudmailin/dist/models/errors.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EdgeFixture, startEdgeFixture } from '../../support/edge-fixture.ts';
import { clientOf, guideCode } from '../../support/guide-code.ts';
import { MethodTable } from '../../support/method-table.ts';

let edge: EdgeFixture;
const table = new MethodTable('cloudmailin');
beforeAll(async () => {
  edge = await startEdgeFixture();
});
afterAll(() => edge.stop());

type Fields = Record<string, unknown>;
const client = (more: Fields = {}) =>
  new cloudmailin.MessageClient({
    username: edge.username,
    apiKey: edge.liveKey,
    baseURL: `${edge.url}/api/v0.1`,
    ...more,
  });
const from = () => `shop@${edge.domain}`;
const fields = (more: Fields = {}) => ({
  from: from(),
  to: 'user@example.net',
  subject: 'Hello',
  plain: 'Thank you.',
  ...more,
});
type Sent = Parameters<ReturnType<typeof client>['sendMessage']>[0];
/** What the client gets back; the fields may be wrong on purpose, so the package's types are not asked. */
const send = async (more: Fields = {}): Promise<Fields & { id: string }> =>
  z.looseObject({ id: z.string() }).parse(await client().sendMessage(fields(more) as Sent));
const answered = z.looseObject({
  response: z.looseObject({ data: z.strictObject({ status: z.number(), error: z.string() }) }),
});
const refusal = async (request: Promise<unknown>): Promise<{ status: number; error: string }> => {
  const error: unknown = await request.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CloudMailinError)) throw new Error(`no refusal: ${String(error)}`);
  const body = answered.parse(error.baseError).response.data;
  expect(error.status).toBe(body.status);
  return body;
};
const email = async (id: string) =>
  z
    .looseObject({
      class: z.string(),
      tags: z.array(z.string()),
      environment: z.string(),
      cc: z.array(z.string()),
      deliveries: z.array(z.looseObject({ recipient: z.string(), status: z.string() })),
    })
    .parse(await edge.get(`/v1/emails/${id}`));
const raw = (more = '') =>
  `From: Shop <${from()}>\r\nTo: user@example.net\r\nSubject: Own\r\n${more}\r\nRaw body\r\n`;

describe('a message of the cloudmailin package', () => {
  it('sendMessage: is accepted and comes back with its id', async () => {
    const message = fields({ tags: ['a', 'b'] });
    const answer = await client().sendMessage(message);
    expect(answer).toEqual({
      ...message,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      test_mode: false,
    });
    table.note('sendMessage', 'ok');
  });
  it('sendRawMessage: is accepted and comes back with its id', async () => {
    const answer = await client().sendRawMessage({ from: from(), to: ['user@example.net'], raw: raw() });
    expect(answer).toEqual({
      id: expect.any(String),
      from: from(),
      to: ['user@example.net'],
      test_mode: false,
    });
    expect(await edge.rawOf(answer.id ?? '')).toContain('\r\n\r\nRaw body\r\n');
    table.note('sendRawMessage', 'ok');
  });
  it('is sent by the client that the guide makes, and both of its methods are tried', async () => {
    const code = guideCode('from-cloudmailin', 'js', edge);
    const made = clientOf(code, 'client', cloudmailin, cloudmailin.MessageClient);
    expect((await made.sendMessage(fields())).id).toEqual(expect.any(String));
    const own = Object.getOwnPropertyNames(cloudmailin.MessageClient.prototype);
    table.print(own.filter((method) => /^send/.test(method)));
  });
});

describe('the field', () => {
  it('from: with a name', async () => {
    const { id } = await send({ from: `Jörg <${from()}>` });
    expect((await edge.mailOf(id)).from).toMatchObject({ name: 'Jörg', address: from() });
  });
  it('to: one string or an array', async () => {
    const { id } = await send({ to: ['a@example.net', 'B <b@example.net>'] });
    expect((await email(id)).deliveries.map((d) => d.recipient)).toEqual(['a@example.net', 'b@example.net']);
    const mail = await edge.mailOf(id);
    expect(mail.to).toMatchObject([{ address: 'a@example.net' }, { name: 'B', address: 'b@example.net' }]);
  });
  it('cc: one string or an array', async () => {
    const { id } = await send({ cc: 'c@example.net' });
    expect((await edge.mailOf(id)).cc).toMatchObject([{ address: 'c@example.net' }]);
    const two = await email((await send({ cc: ['c@example.net', 'd@example.net'] })).id);
    expect(two.cc).toEqual(['c@example.net', 'd@example.net']);
    expect(two.deliveries).toHaveLength(3);
  });
  it('subject', async () => {
    expect((await edge.mailOf((await send({ subject: 'Übung 🎉' })).id)).subject).toBe('Übung 🎉');
  });
  it('plain', async () => {
    const mail = await edge.mailOf((await send({ plain: 'Grüße' })).id);
    expect(mail.text).toBe('Grüße\n');
    expect(mail.html).toBeUndefined();
  });
  it('html', async () => {
    const mail = await edge.mailOf((await send({ plain: undefined, html: '<p>Grüße</p>' })).id);
    expect(mail.html).toContain('<p>Grüße</p>');
  });
  it('markdown: as HTML and as text', async () => {
    const markdown =
      '# Title\n\nA *b* [link](https://example.com/x).\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n';
    const mail = await edge.mailOf((await send({ plain: undefined, markdown })).id);
    expect(mail.html).toContain('<h1>Title</h1>');
    expect(mail.html).toContain('<a href="https://example.com/x">link</a>');
    expect(mail.html).toContain('<table>');
    expect(mail.text?.trimEnd()).toBe(
      'Title\n=====\n\nA b link (https://example.com/x).\n\n- one\n- two\n\na | b\n1 | 2',
    );
  });
  it('markdown: leaves plain and html to what is given', async () => {
    const mail = await edge.mailOf((await send({ plain: 'own text', markdown: '**b**' })).id);
    expect(mail.text).toBe('own text\n');
    expect(mail.html).toContain('<strong>b</strong>');
  });
  it('headers', async () => {
    const { id } = await send({ headers: { 'X-Order': '42' } });
    expect(await edge.rawOf(id)).toMatch(/^X-Order: 42\r\n/m);
  });
  it('headers: a From that matches gives the name', async () => {
    const { id } = await send({ headers: { From: `Shop <${from()}>` } });
    expect((await edge.mailOf(id)).from).toMatchObject({ name: 'Shop', address: from() });
    expect((await refusal(send({ headers: { From: 'other@client.example' } }))).status).toBe(422);
  });
  it('headers: several values are several fields', async () => {
    const { id } = await send({ headers: { 'x-agent': ['a', 'b'], 'X-One': ['c'] } });
    const text = await edge.rawOf(id);
    expect(text.match(/^x-agent: .*$/gm)).toEqual(['x-agent: a', 'x-agent: b']);
    expect(text).toMatch(/^X-One: c\r\n/m);
  });
  it('headers: Reply-To and Sender are set', async () => {
    const sender = `Robot <robot@${edge.domain}>`;
    const replyTo = ['Help <help@elsewhere.example>', 'b@elsewhere.example'];
    const mail = await edge.mailOf((await send({ headers: { 'Reply-To': replyTo, Sender: sender } })).id);
    expect(mail.replyTo).toMatchObject([
      { name: 'Help', address: 'help@elsewhere.example' },
      { address: 'b@elsewhere.example' },
    ]);
    expect(mail.sender).toMatchObject({ name: 'Robot', address: `robot@${edge.domain}` });
    expect(mail.headers.filter(({ key }) => key === 'reply-to' || key === 'sender')).toHaveLength(2);
  });
  it('headers: To, Cc and Subject that match are there once, with the names that they give', async () => {
    const headers = {
      To: '"B, or so" <B@example.net>, a@example.net',
      Cc: ['c@example.net'],
      subject: 'Hello',
    };
    const { id } = await send({ to: ['a@example.net', 'b@example.net'], cc: 'c@example.net', headers });
    const mail = await edge.mailOf(id);
    expect(mail.to).toMatchObject([
      { name: 'B, or so', address: 'B@example.net' },
      { address: 'a@example.net' },
    ]);
    for (const key of ['to', 'cc', 'subject'])
      expect(mail.headers.filter((field) => field.key === key)).toHaveLength(1);
  });
  it('headers: a Subject is enough', async () => {
    const { id } = await send({ subject: null, headers: { Subject: 'Of the header' } });
    expect((await edge.mailOf(id)).subject).toBe('Of the header');
  });
  it('to, cc: one string of several addresses', async () => {
    const { id } = await send({
      to: 'a@example.net, "B, b" <b@example.net>,',
      cc: 'c@example.net,d@example.net',
    });
    expect((await email(id)).deliveries.map((d) => d.recipient)).toEqual([
      'a@example.net',
      'b@example.net',
      'c@example.net',
      'd@example.net',
    ]);
  });
  it('null is as if it were not there', async () => {
    const names = [
      'cc',
      'html',
      'markdown',
      'headers',
      'tags',
      'priority',
      'test_mode',
      'attachments',
      'raw',
    ];
    const { id } = await send(Object.fromEntries(names.map((name) => [name, null])));
    expect((await edge.mailOf(id)).text).toBe('Thank you.\n');
    const attachments = [{ file_name: 'a.txt', content: 'YQ', content_type: null, content_id: null }];
    const [attachment] = (await edge.mailOf((await send({ attachments })).id)).attachments;
    expect(attachment).toMatchObject({ filename: 'a.txt', disposition: 'attachment' });
  });
  it('tags: an array, or a string with commas', async () => {
    expect((await email((await send({ tags: ['a', 'b'] })).id)).tags).toEqual(['a', 'b']);
    expect((await email((await send({ tags: 'a, b,' })).id)).tags).toEqual(['a', 'b']);
  });
  it.each(['standard', 'priority', 'digest'])('priority: %s', async (priority) => {
    expect((await email((await send({ priority })).id)).class).toBe(priority);
  });
  it('test_mode: is recorded and not delivered', async () => {
    const answer = await send({ test_mode: true });
    expect(answer.test_mode).toBe(true);
    expect(await email(answer.id)).toMatchObject({
      environment: 'test',
      deliveries: [{ status: 'simulated' }],
    });
  });
  it('test_mode: always with a test key', async () => {
    const answer = await client({ apiKey: edge.testKey }).sendMessage(fields());
    expect(answer.test_mode).toBe(true);
  });
  it('attachments: file_name, content, content_type', async () => {
    const content = Buffer.from('%PDF-\0\xff', 'latin1').toString('base64');
    const { id } = await send({
      attachments: [{ file_name: 'März.pdf', content, content_type: 'application/pdf' }],
    });
    const [attachment] = (await edge.mailOf(id)).attachments;
    expect(attachment).toMatchObject({
      filename: 'März.pdf',
      mimeType: 'application/pdf',
      disposition: 'attachment',
    });
    expect(Buffer.from(new Uint8Array(attachment?.content as ArrayBuffer)).toString('base64')).toBe(content);
  });
  it('attachments: content_id makes it inline', async () => {
    const { id } = await send({
      html: '<img src="cid:logo">',
      attachments: [
        { file_name: 'l.png', content: 'iVBORw==', content_type: 'image/png', content_id: 'logo' },
      ],
    });
    expect((await edge.mailOf(id)).attachments).toMatchObject([
      { contentId: '<logo>', disposition: 'inline' },
    ]);
  });
  it('raw: is kept as it came', async () => {
    const { id } = await send({ plain: undefined, subject: undefined, raw: raw('X-Own: 1\r\n') });
    const text = await edge.rawOf(id);
    expect(text).toContain('\r\nSubject: Own\r\nX-Own: 1\r\n\r\nRaw body\r\n');
  });
  it('raw: with subject, tags, priority and test_mode, which go before its own', async () => {
    const own = 'x-cloudmta-class: digest\r\nx-cloudmta-tags: own\r\n';
    const message = { plain: undefined, subject: 'Né', raw: raw(own), tags: 'given', priority: 'priority' };
    const { id } = await send({ ...message, test_mode: true });
    expect(await email(id)).toMatchObject({ class: 'priority', tags: ['given'], environment: 'test' });
    const mail = await edge.mailOf(id);
    expect(mail.subject).toBe('Né');
    expect(mail.headers.filter(({ key }) => key === 'subject')).toHaveLength(1);
    const { id: kept } = await send({ plain: undefined, subject: undefined, raw: raw(own) });
    expect(await email(kept)).toMatchObject({ class: 'digest', tags: ['own'] });
  });
  it('raw: non-ASCII text arrives as it was given', async () => {
    const { id } = await send({ plain: undefined, raw: raw().replace('Raw body', 'Grüße') });
    expect(Buffer.from(await edge.rawOf(id), 'latin1').toString('utf8')).toContain('Grüße\r\n');
  });
});

describe('is refused as documented:', () => {
  const unprocessable: [string, Fields, RegExp][] = [
    ['an unknown field', { colour: 'red' }, /colour/],
    ['from of a wrong type', { from: 1 }, /\/from/],
    ['from that is no address', { from: 'nobody' }, /\/from.*"@"/],
    ['no recipient', { to: [] }, /\/to/],
    ['to of a wrong type', { to: { a: 1 } }, /\/to/],
    ['cc that is no address', { cc: 'x' }, /\/cc/],
    ['51 recipients', { to: Array.from({ length: 51 }, (_, i) => `u${i}@example.net`) }, /\/to/],
    ['no subject', { subject: undefined }, /\/subject/],
    ['a subject with a line end', { subject: 'a\r\nBcc: x@example.net' }, /\/subject/],
    ['no content', { plain: undefined }, /plain, html, markdown and raw/],
    ['plain of a wrong type', { plain: 1 }, /\/plain/],
    ['html of a wrong type', { html: [] }, /\/html/],
    ['markdown of a wrong type', { markdown: {} }, /\/markdown/],
    ['an unsafe header', { headers: { Bcc: 'x@example.net' } }, /\/headers\/Bcc/],
    [
      'a To that is another',
      { headers: { To: 'x@example.net' } },
      /\/headers\/To.*must match to, which is user@example.net/,
    ],
    [
      'a Subject that is another',
      { headers: { Subject: 'Other' } },
      /\/headers\/Subject.*must match subject/,
    ],
    ['a Reply-To that is no address', { headers: { 'Reply-To': 'nobody' } }, /\/headers\/Reply-To.*"@"/],
    ['a Sender of somebody else', { headers: { Sender: 'x@elsewhere.example' } }, /\/headers\/Sender/],
    [
      'a Sender by the name of somebody else',
      { headers: { Sender: '"x@elsewhere.example" <x@demo.pennypost.test>' } },
      /\/headers\/Sender/,
    ],
    ['a header of a wrong type', { headers: { 'X-A': { a: 1 } } }, /\/headers\/X-A.*must be a text/],
    ['a second value with a line end', { headers: { 'X-A': ['a', 'b\r\nBcc: x'] } }, /\/headers\/X-A\/1.*CR/],
    ['eleven tags', { tags: Array(11).fill('t') }, /\/tags/],
    ['a long tag', { tags: 't'.repeat(65) }, /\/tags/],
    ['an unknown priority', { priority: 'bulk' }, /\/priority/],
    ['test_mode of a wrong type', { test_mode: 'yes' }, /\/test_mode/],
    [
      'an attachment that is not base64',
      { attachments: [{ file_name: 'a', content: '%', content_type: 'a/b' }] },
      /content.*base64/,
    ],
    [
      'an attachment of a refused name',
      { attachments: [{ file_name: 'a.exe', content: '', content_type: 'a/b' }] },
      /file_name/,
    ],
    ['raw together with plain', { raw: 'From: a@b.example\r\n\r\n' }, /together with raw/],
    ['raw without a From', { plain: undefined, raw: 'Subject: a\r\n\r\n' }, /From/],
    [
      'raw whose From is another',
      { plain: undefined, raw: 'From: x@client.example\r\n\r\n' },
      /from must match the From header/,
    ],
  ];
  it.each(unprocessable)('%s: 422', async (_, more, said) => {
    const { status, error } = await refusal(send(more));
    expect(status).toBe(422);
    expect(error).toMatch(said);
  });
  it('every recipient suppressed or not JSON: 422, an unknown key: 401', async () => {
    const response = await fetch(`${edge.url}/api/v0.1/${edge.username}/messages`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${edge.liveKey}`, 'Content-Type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ status: 422, error: expect.stringContaining('JSON') });
    const unknown = client({ apiKey: `pp_live_${'x'.repeat(32)}` }).sendMessage(fields());
    expect(await refusal(unknown)).toEqual({ status: 401, error: expect.stringContaining('API key') });
  });
  it('a domain of somebody else: 403', async () => {
    const { status, error } = await refusal(send({ from: 'a@elsewhere.example' }));
    expect({ status, error }).toEqual({ status: 403, error: expect.stringContaining('elsewhere.example') });
  });
  it('the username of somebody else: 404, whatever the body', async () => {
    const other = client({ username: 'somebody' });
    expect((await refusal(other.sendMessage(fields()))).status).toBe(404);
    expect((await refusal(other.sendMessage({} as Sent))).status).toBe(404);
  });
});
