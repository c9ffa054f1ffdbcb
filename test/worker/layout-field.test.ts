import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  call,
  costOf,
  latin1,
  migrate,
  newAccount,
  rawOf,
  sendRaw,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
let other: TestAccount;
let head: string;
beforeAll(async () => {
  await migrate();
  [account, other] = [await newAccount(), await newAccount()];
  head = `Date: Mon, 16 Nov 2026 12:00:00 +0000\r\nMessage-ID: <one@x.example>\r\nFrom: shop@${account.domain}\r\n`;
  await layout('frame', {
    html_body: '<main>{{{@content}}}<i>{{shop}}</i></main>',
    text_body: '{{{@content}}}-- {{shop}}',
    variables: [{ name: 'shop', default: 'Us' }],
  });
  await layout('needy', { html_body: '{{{@content}}}{{shop}}' });
  await layout('html', { html_body: '<main>{{{@content}}}</main>' });
});

async function layout(slug: string, more: object): Promise<void> {
  const body = { name: slug, slug, type: 'layout', ...more };
  const { status } = await call('POST', '/v1/templates', account.live, body);
  expect(status).toBe(201);
}

const envelope = 'mail_from=app@x.example&rcpt_to=user@example.net';
const raw = async (message: string, key = account.live) => await sendRaw(key, message, envelope);
const keptOf = async (message: string) => {
  const { status, body } = await raw(message);
  expect([status, body]).toEqual([202, { message_id: expect.any(String), status: 'queued' }]);
  return await rawOf(body.message_id);
};

describe('x-cloudmta-layout in a whole message', () => {
  it('goes around its text, and the field does not leave', async () => {
    const { body } = await raw(`${head}Subject: a\r\nX-CloudMTA-Layout: frame\r\n\r\nHello\r\n`);
    expect(await rawOf(body.message_id)).toBe(
      `${head}Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        'Content-Transfer-Encoding: quoted-printable\r\n\r\nHello\r\n-- Us\r\n',
    );
    const told = (await call('GET', `/v1/emails/${body.message_id}`, account.live)).body;
    expect(told.template).toEqual({ id: expect.any(String), version: 1 });
  });

  it('leaves all else of the parts byte for byte', async () => {
    const before =
      'preamble\r\n--a\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n' +
      'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nX-Own: 1\r\n\r\n';
    const between = '\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    const after =
      '\r\n--b--\r\n\r\n--a\r\nContent-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; ' +
      'filename=a.txt\r\n\r\n  as it is \xe9\r\n--a--\r\nepilogue';
    const own = `${head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n`;
    const message = `${own}x-cloudmta-layout: frame\r\n\r\n${before}Z\xfcrich${between}${btoa('<p>x</p>')}${after}`;
    const kept = await keptOf(message);
    expect(kept).toBe(
      `${own}\r\n${before
        .replace('Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n', '')
        .replace(
          'X-Own: 1\r\n',
          'X-Own: 1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n',
        )}Z=C3=BCrich-- Us${between
        .replace('text/html', 'text/html; charset=utf-8')
        .replace('base64', 'quoted-printable')}<main><p>x</p><i>Us</i></main>${after}`,
    );
  });

  it('reads quoted-printable, and writes text that is mostly not ASCII in base64', async () => {
    const text = 'Привет, как дела сегодня?';
    const quoted = latin1(new TextEncoder().encode(text)).replace(
      /[\x80-\xff]/g,
      (char) => `=${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    const kept = await keptOf(
      `${head}X-Pennypost-Layout: html\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset="utf-8"\r\n` +
        `Content-Transfer-Encoding: quoted-printable\r\n\r\n${quoted}`,
    );
    const [, body = ''] = kept.split('\r\n\r\n');
    expect(kept).toContain('Content-Transfer-Encoding: base64\r\n');
    expect(new TextDecoder().decode(Uint8Array.from(atob(body), (char) => char.charCodeAt(0)))).toBe(
      `<main>${text}</main>`,
    );
  });

  it('of HTML only leaves plain text as it is', async () => {
    const kept = await keptOf(`${head}x-cloudmta-layout: html\r\n\r\nHello\r\n`);
    expect(kept).toContain('\r\n\r\nHello\r\n');
    expect(kept).not.toContain('main');
  });

  it.each<[string, RegExp]>([
    ['x-cloudmta-layout: nothing\r\n\r\nHi', /^x-cloudmta-layout: there is no layout “nothing”$/],
    ['X-Pennypost-Layout: a b\r\n\r\nHi', /^X-Pennypost-Layout: there is no layout “a b”$/],
    [
      'x-cloudmta-layout: needy\r\nContent-Type: text/html\r\n\r\nHi',
      /the layout “needy” cannot be filled: .*shop: is missing/,
    ],
    [
      'x-cloudmta-layout: frame\r\nContent-Type: multipart/signed; boundary=a\r\n\r\n--a--',
      /signed or encrypted/,
    ],
    ['x-cloudmta-layout: frame\r\nContent-Type: image/png\r\n\r\nHi', /has no text/],
    [
      'x-cloudmta-layout: frame\r\nContent-Type: text/plain; charset=x-none\r\n\r\nHi',
      /charset that is not known/,
    ],
  ])('%j is refused', async (message, said) => {
    const { status, body } = await raw(head + message);
    expect([status, body.errors[0].pointer]).toEqual([400, message.split(':')[0]]);
    expect(body.detail).toMatch(said);
  });

  it('of another account is not found', async () => {
    const foreign = head.replace(account.domain, other.domain);
    expect((await raw(`${foreign}x-cloudmta-layout: frame\r\n\r\nHi`, other.live)).status).toBe(400);
  });

  it('costs one round trip', async () => {
    await raw(`${head}\r\nHi`);
    const trips = async (message: string) => costOf(await raw(message)).trips;
    expect([await trips(`${head}\r\nHi`), await trips(`${head}x-cloudmta-layout: frame\r\n\r\nHi`)]).toEqual([
      2, 3,
    ]);
  });

  it('is answered once under an idempotency key, whatever became of the layout', async () => {
    await layout('once', { html_body: '{{{@content}}}' });
    const message = `${head}x-cloudmta-layout: once\r\nX-Pennypost-Idempotency-Key: layout-1\r\n\r\nHi`;
    const first = await raw(message);
    await call('DELETE', '/v1/templates/once', account.live);
    const second = await raw(message);
    expect([second.status, second.body]).toEqual([202, first.body]);
  });
});

describe('x-cloudmta-layout in CloudMailin’s API', () => {
  const send = async (more: object, headers = {}): Promise<{ status: number; body: Answer }> =>
    await call(
      'POST',
      '/api/v0.1/pennypost/messages',
      account.live,
      { from: `shop@${account.domain}`, to: 'user@example.net', ...more },
      headers,
    );

  it('goes around what is given, and the field does not leave', async () => {
    const { status, body } = await send({
      subject: 'a',
      plain: 'Hello',
      html: '<p>Hello</p>',
      headers: { 'X-CloudMTA-Layout': 'frame', 'X-Own': '1' },
    });
    expect(status).toBe(202);
    const kept = await rawOf(body.id);
    expect(kept).toContain('<main><p>Hello</p><i>Us</i></main>');
    expect(kept).toContain('Hello-- Us');
    expect(kept).toContain('X-Own: 1\r\n');
    expect(kept.toLowerCase()).not.toContain('x-cloudmta');
  });

  it('goes around markdown and a raw message', async () => {
    const markdown = await send({
      subject: 'a',
      markdown: '*Hi*',
      headers: { 'x-cloudmta-layout': ['html'] },
    });
    expect(await rawOf(markdown.body.id)).toMatch(/<main><p><em>Hi<\/em><\/p>\s*<\/main>/);
    const whole = await send({ raw: `${head}x-cloudmta-layout: frame\r\n\r\nHi` });
    expect(await rawOf(whole.body.id)).toContain('Hi-- Us');
  });

  it('is refused by its name, in the shape of CloudMailin', async () => {
    const unknown = await send({ subject: 'a', plain: 'b', headers: { 'x-cloudmta-layout': 'nothing' } });
    expect([unknown.status, unknown.body]).toEqual([
      422,
      { status: 422, error: '/headers/x-cloudmta-layout: there is no layout “nothing”' },
    ]);
    const raws = await send({ raw: `${head}x-cloudmta-layout: nothing\r\n\r\nHi` });
    expect([raws.status, raws.body.error]).toEqual([422, 'x-cloudmta-layout: there is no layout “nothing”']);
  });

  it('is answered once under an idempotency key, whatever became of the layout', async () => {
    await layout('again', { html_body: '{{{@content}}}' });
    const message = { subject: 'a', plain: 'b', headers: { 'x-cloudmta-layout': 'again' } };
    const first = await send(message, { 'Idempotency-Key': 'layout-2' });
    await call('DELETE', '/v1/templates/again', account.live);
    expect((await send(message, { 'Idempotency-Key': 'layout-2' })).body.id).toBe(first.body.id);
  });
});
