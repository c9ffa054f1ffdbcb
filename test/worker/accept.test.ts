import { Buffer } from 'node:buffer';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { decodeWords } from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { dayOf, weekOf } from '#domain/message/home.ts';
import { bodyDictionary } from '../../worker/store/body-dictionary.ts';
import {
  type Answer,
  bindings,
  bytesOf,
  call,
  costOf,
  incompressible,
  latin1,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  nodeToken,
  parsedMail,
  rawOf,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  await call('POST', '/v1/send', account.live, mail(account)); // makes the tables, marks the key as used
});

const send = async (more: Record<string, unknown>, environment = meteredEnv) => {
  const { status, body } = await call('POST', '/v1/send', account.live, mail(account, more), {}, environment);
  expect(body).toEqual({ message_id: expect.any(String), status: 'queued' });
  expect(status).toBe(202);
  return body.message_id as string;
};

const base64 = (bytes: Uint8Array) => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

describe('a message with every field', () => {
  const everything = {
    from: 'Jörg „Shop“ <shop@SENDER>',
    to: ['"Zoë, the first" <zoe@example.net>', 'plain@example.net'],
    cc: 'Ćira <cira@example.org>',
    bcc: ['secret@example.com', 'Hidden <hidden@example.com>'],
    reply_to: 'Support <support@example.com>',
    subject: 'Übung 🎉 macht den Meister, und zwar so lange, bis die Zeile gefaltet werden muss',
    text_body: 'Grüße\n.\n..punkt\nFrom here',
    html_body: '<p>Grüße <img src="cid:logo@shop"></p>',
    headers: { 'X-Order': '42', 'List-Unsubscribe': '<https://example.com/u?id=1>', 'X-Umlaut': 'Köln' },
    attachments: [
      {
        filename: 'Rechnung März.pdf',
        content: base64(bytesOf('%PDF-\0\xff\x80')),
        content_type: 'application/pdf',
      },
      {
        filename: 'logo.png',
        content: base64(bytesOf('\x89PNG')),
        content_type: 'image/png',
        content_id: '<logo@shop>',
      },
      { filename: 'note.txt', content: btoa('hello') },
    ],
    tags: ['receipt', 'täg'],
    metadata: { order: '42', ключ: 'значение' },
    class: 'priority',
  };
  let id: string;
  beforeAll(async () => {
    id = await send({ ...everything, from: everything.from.replace('SENDER', account.domain) });
  });

  it('is composed as it was asked for', async () => {
    const parsed = await parsedMail(id);
    expect(parsed.from).toMatchObject({ name: 'Jörg „Shop“', address: `shop@${account.domain}` });
    expect(parsed.to).toMatchObject([
      { name: 'Zoë, the first', address: 'zoe@example.net' },
      { address: 'plain@example.net' },
    ]);
    expect(parsed.cc).toMatchObject([{ name: 'Ćira', address: 'cira@example.org' }]);
    expect(parsed.replyTo).toMatchObject([{ name: 'Support', address: 'support@example.com' }]);
    expect(parsed.subject).toBe(everything.subject);
    expect(parsed.text?.trimEnd()).toBe(everything.text_body);
    expect(parsed.html?.trimEnd()).toBe(everything.html_body);
    expect(parsed.messageId).toBe(`<${id}@${account.domain}>`);
    const header = (name: string) => parsed.headers.find((h) => h.key === name)?.value;
    expect(header('x-order')).toBe('42');
    expect(header('list-unsubscribe')).toBe('<https://example.com/u?id=1>');
    expect(decodeWords(header('x-umlaut') ?? '')).toBe('Köln');
    expect(header('mime-version')).toBe('1.0');
    expect(Math.abs(Date.parse(parsed.date ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it('carries its attachments byte for byte, the one with a content id inline', async () => {
    const { attachments } = await parsedMail(id);
    const found = attachments.map((a) => ({
      filename: a.filename,
      mimeType: a.mimeType,
      disposition: a.disposition,
      contentId: a.contentId,
      content: String.fromCharCode(...new Uint8Array(a.content as ArrayBuffer)),
    }));
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          filename: 'Rechnung März.pdf',
          mimeType: 'application/pdf',
          disposition: 'attachment',
          content: '%PDF-\0\xff\x80',
        }),
        expect.objectContaining({
          filename: 'logo.png',
          disposition: 'inline',
          contentId: '<logo@shop>',
          content: '\x89PNG',
        }),
        expect.objectContaining({
          filename: 'note.txt',
          mimeType: 'application/octet-stream',
          content: 'hello',
        }),
      ]),
    );
  });

  it('never shows its blind copies, and yet goes to them', async () => {
    const raw = await rawOf(id);
    expect(raw).not.toMatch(/bcc|secret@|hidden@/i);
    const { body } = await call('GET', `/v1/emails/${id}`, account.live);
    expect(body.deliveries.map((d: Answer) => d.recipient)).toEqual([
      'zoe@example.net',
      'plain@example.net',
      'cira@example.org',
      'secret@example.com',
      'hidden@example.com',
    ]);
  });

  it('is ready for the wire: CRLF only, 7-bit, no line over 998 octets', async () => {
    const raw = await rawOf(id);
    expect(raw).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    expect(raw).not.toMatch(/[\x80-\xff]/);
    expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it('is shown to its sender with all that belongs to it', async () => {
    const { body } = await call('GET', `/v1/emails/${id}`, account.live);
    expect(body).toMatchObject({
      id,
      message_id: id,
      status: 'queued',
      from: `Jörg „Shop“ <shop@${account.domain}>`,
      to: ['Zoë, the first <zoe@example.net>', 'plain@example.net'],
      cc: ['Ćira <cira@example.org>'],
      subject: everything.subject,
      class: 'priority',
      tags: everything.tags,
      metadata: everything.metadata,
      environment: 'live',
      source: 'api',
      size_bytes: (await rawOf(id)).length,
      send_at: null,
      message_id_header: `<${id}@${account.domain}>`,
    });
    expect(JSON.stringify(body.to) + JSON.stringify(body.cc)).not.toMatch(/secret|hidden/);
  });

  it('gives each of its recipients an accepted event with class, size, tags and metadata', async () => {
    const { body } = await call('GET', `/v1/emails/${id}/events`, account.live);
    expect(body.data).toHaveLength(5);
    expect(new Set(body.data.map((e: Answer) => e.id)).size).toBe(5);
    expect(body.data[4]).toMatchObject({
      kind: 'accepted',
      type: 'email.sent',
      message_id: id,
      recipient: 'hidden@example.com',
      details: { class: 'priority', sizeBytes: expect.any(Number) },
      tags: everything.tags,
      metadata: everything.metadata,
    });
  });
});

describe('addresses', () => {
  it('that come twice are sent to once', async () => {
    const id = await send({ to: ['a@example.net', 'A@example.net', 'a@EXAMPLE.net'], bcc: 'a@example.net' });
    const { body } = await call('GET', `/v1/emails/${id}`, account.live);
    expect(body.deliveries.map((d: Answer) => d.recipient)).toEqual(['a@example.net', 'A@example.net']);
  });

  it('of international domains go out in A-labels, and need SMTPUTF8 only for a local part', async () => {
    const id = await send({ to: ['user@bücher.example', 'jörg@bücher.example'], class: 'priority' });
    const { deliveries } = await (await new TestNode().hello()).lease(500);
    const own = deliveries.filter((d: Answer) => d.messageId === id);
    expect(own.map((d: Answer) => d.rcptTo)).toEqual([
      'user@xn--bcher-kva.example',
      'jörg@xn--bcher-kva.example',
    ]);
    expect(own.map((d: Answer) => d.smtputf8)).toEqual([true, true]); // one header for both, with jörg in it
    const plain = await send({ to: ['user@bücher.example'] });
    const { deliveries: next } = await (await new TestNode().hello()).lease(500);
    expect(next.find((d: Answer) => d.messageId === plain)).toMatchObject({
      rcptTo: 'user@xn--bcher-kva.example',
      smtputf8: false,
    });
  });

  it('with halves of surrogate pairs do no harm', async () => {
    const sent = await call(
      'POST',
      '/v1/send',
      account.live,
      mail(account, {
        to: ['x\ud800@example.net'],
        subject: 'half \udc00 a pair',
        metadata: { half: '\ud800' },
      }),
    );
    expect([202, 400]).toContain(sent.status);
    const list = await call('GET', '/v1/emails', account.live);
    expect(list.status).toBe(200);
  });
});

describe('bodies', () => {
  it.each([
    ['an empty text', { text_body: '' }],
    ['HTML alone', { text_body: undefined, html_body: '<p>Hi</p>' }],
    ['a NUL in the text', { text_body: 'a\0b' }],
    ['a very long line', { text_body: 'x'.repeat(5000) }],
    [
      'an attached message',
      {
        attachments: [{ filename: 'm.eml', content_type: 'message/rfc822', content: btoa('A: b\n\nc\rd\n') }],
      },
    ],
  ])('with %s are composed into mail that may go on the wire', async (_, more) => {
    const raw = await rawOf(await send(more));
    expect(raw).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
    expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it.each([
    ['a NUL', 'A: b\r\n\r\nc\0d\r\n'],
    ['a bare CR', 'A: b\r\n\r\nc\rd\r\n'],
    ['a line of 3,000 octets', `A: b\r\n\r\n${'x'.repeat(3000)}\r\n`],
  ])(
    'carry an attached message with %s, which cannot go as it is, as a file, byte for byte',
    async (_, text) => {
      const attachments = [{ filename: 'm.eml', content_type: 'message/rfc822', content: btoa(text) }];
      const id = await send({ attachments });
      expect(await rawOf(id)).not.toMatch(/[^\r\n]{999}|\0|\r(?!\n)/);
      const [found] = (await parsedMail(id)).attachments;
      expect(found).toMatchObject({ filename: 'm.eml', mimeType: 'application/octet-stream' });
      expect(latin1(new Uint8Array(found?.content as ArrayBuffer))).toBe(text);
    },
  );

  it('carry an attached message as it is when it may go on the wire', async () => {
    const text = `A: b\r\n\r\n${'x'.repeat(998)}\r\n`;
    const id = await send({
      attachments: [{ filename: 'm.eml', content_type: 'message/rfc822', content: btoa(text) }],
    });
    expect(await rawOf(id)).toContain(`Content-Type: message/rfc822; name=m.eml`);
    expect(await rawOf(id)).toContain(text);
  });

  it.each([
    ['as it is', (inner: string) => inner],
    [
      'encoded, in another message',
      (inner: string) =>
        `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${btoa(inner)}\r\n`,
    ],
  ])('carry no attached message with a file that is not taken by itself: %s', async (_, written) => {
    const inner =
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n' +
      'Content-Disposition: attachment; filename="tool.exe"\r\n\r\nMZ\r\n--b--\r\n';
    const part = { content_type: 'message/rfc822', content: btoa(written(inner)) };
    const said = /\/attachments\/0\/content: an attachment named "tool.exe" is refused/;
    const send = { from: `a@${account.domain}`, to: 'b@example.net', subject: 's', text_body: 't' };
    const one = await call('POST', '/v1/send', account.live, {
      ...send,
      attachments: [{ filename: 'm.eml', ...part }],
    });
    expect([one.status, one.body.detail]).toEqual([400, expect.stringMatching(said)]);
    const several = await call('POST', '/v1/send/batch', account.live, [
      { ...send, attachments: [{ filename: 'm.eml', ...part }] },
      send,
    ]);
    expect(several.body).toMatchObject([
      { code: 'invalid_body', errors: [{ pointer: '/attachments/0/content' }] },
      { status: 'queued' },
    ]);
    const { username } = (await call('GET', '/v1/credential', account.live)).body;
    const dialect = await call('POST', `/api/v0.1/${username}/messages`, account.live, {
      ...{ from: send.from, to: send.to, subject: 's', plain: 't' },
      attachments: [{ file_name: 'm.eml', ...part }],
    });
    expect([dialect.status, dialect.body.error]).toEqual([422, expect.stringMatching(said)]);
  });

  it('over 32 KiB rest in R2 and come back byte for byte', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(48 * 1024));
    const id = await send({ attachments: [{ filename: 'a.dat', content: base64(bytes) }] });
    const objects = await bindings.RAW.list({ prefix: 'raw/' });
    expect(objects.objects.map((o) => o.key.split('/')[2])).toContain(id);
    const parsed = await parsedMail(id);
    expect(new Uint8Array(parsed.attachments[0]?.content as ArrayBuffer)).toEqual(bytes);
    const { deliveries } = await (await new TestNode().hello()).lease(500);
    expect(deliveries.find((d: Answer) => d.messageId === id)).toMatchObject({ raw: null });
  });

  it('up to 32 KiB rest in D1 and come along with the lease', async () => {
    const id = await send({ text_body: 'x\n'.repeat(10_000) });
    const { deliveries } = await (await new TestNode().hello()).lease(500);
    expect(deliveries.find((d: Answer) => d.messageId === id).raw).toBe(await rawOf(id));
  });

  it('has rows that the version before can read, as long as it may be gone back to', async () => {
    const week = weekOf(Date.now());
    const to = 'form@example.net';
    const seen = [];
    for (const form of ['1', '2', '3', '4']) {
      const environment = { ...meteredEnv, WRITES_ROWS: form };
      const id = await send({ to: [to], text_body: 'Zo\u00eb\n'.repeat(400) }, environment);
      const node = await new TestNode().hello();
      const ask = { nodeId: node.nodeId, bootId: node.bootId, max: 500, excludeDomains: [], place: null };
      await call('POST', '/node/v1/lease', await nodeToken(node.nodeId), ask, {}, environment);
      const row = await bindings.DB.prepare(
        `SELECT m.message_id_header, m.addressees, m.from_header, d.timeline, b.gzip, iif(b.gzip = 1, b.raw, hex(b.raw)) AS body
         FROM messages_${week} m JOIN deliveries_${week} d ON d.message_id = m.id
         JOIN bodies_${dayOf(Date.now())} b ON b.id = m.body_id WHERE m.id = ?`,
      )
        .bind(id)
        .first<Record<string, string>>();
      const { timeline = '[]', body = '', ...texts } = row ?? {};
      // As each form is read: the first by the code of the version that had no other.
      const whole = {
        message_id_header: `<${id}@${account.domain}>`,
        addressees: JSON.stringify({ to: [to], cc: [] }),
        from_header: `Shop <shop@${account.domain}>`,
      };
      const short = { message_id_header: '@', addressees: '', from_header: 'Shop <@>' };
      expect(texts).toEqual({ ...(form >= '3' ? short : whole), gzip: { 1: 1, 2: 2, 3: 2, 4: 3 }[form] });
      const packed = Buffer.from(body, form === '1' ? 'base64' : 'hex');
      const opened =
        form === '4'
          ? inflateRawSync(packed, { dictionary: bodyDictionary, maxOutputLength: 9999 })
          : gunzipSync(packed);
      expect(opened.toString('latin1')).toBe(await rawOf(id));
      const dispatched = JSON.parse(timeline).find((one: Answer) => one.kind === 'dispatched');
      expect(dispatched).toMatchObject({ details: { node: node.nodeId } });
      expect('id' in dispatched).toBe(form < '3');
      const read = (await call('GET', `/v1/emails/${id}`, account.live)).body;
      expect(read.message_id_header).toBe(whole.message_id_header);
      const { from, cc } = read;
      seen.push({ from, to: read.to, cc });
    }
    expect(seen[0]).toMatchObject({ to: [to], cc: [] });
    expect(seen).toEqual(Array(4).fill(seen[0]));
  });

  it('are kept compressed where that saves, and come back byte for byte', async () => {
    const html = (rows: number) =>
      Array.from({ length: rows }, (_, i) => `<tr><td>Zo\u00eb ${i}</td><td>${i * 7} \u20ac</td></tr>`).join(
        '\n',
      );
    const kept = async (bodies: Record<string, unknown>, environment = meteredEnv) => {
      const id = await send(bodies, environment);
      const raw = await rawOf(id);
      const { deliveries } = await (await new TestNode().hello()).lease(500);
      expect(deliveries.find((d: Answer) => d.messageId === id)?.raw ?? raw).toBe(raw);
      const row = await bindings.DB.prepare(
        `SELECT b.gzip, length(b.raw) AS length FROM bodies_${dayOf(Date.now())} b
        WHERE b.id = (SELECT body_id FROM messages_${weekOf(Date.now())} WHERE id = ?)`,
      )
        .bind(id)
        .first<{ gzip: number | null; length: number }>();
      return { size: raw.length, row };
    };
    const small = await kept({ text_body: 'x' });
    expect(small.row?.gzip).toBe(3);
    expect(small.row?.length).toBeLessThan(small.size * 0.6);
    const smallBefore = await kept({ text_body: 'x' }, { ...meteredEnv, WRITES_ROWS: '3' });
    expect(smallBefore.row).toEqual({ gzip: null, length: smallBefore.size });
    for (const rows of [40, 400, 3000]) {
      const large = await kept({ html_body: html(rows) });
      expect(large.row?.gzip).toBe(3);
      expect(large.row?.length).toBeLessThan(large.size * 0.5);
    }
    const asBefore = await kept({ html_body: html(400) }, { ...meteredEnv, WRITES_ROWS: '1' });
    expect(asBefore.row?.gzip).toBe(1);
    const letters = await kept({ text_body: incompressible(20_000) });
    expect(letters.row?.gzip).toBe(3);
    expect((await kept({ text_body: incompressible(80_000) })).row).toBeNull();
    expect((await kept({ html_body: html(9000) })).row).toBeNull();
  });

  it('of others are not to be guessed, nor of malformed ids', async () => {
    for (const id of ['0190a6c4-7b1e-7abc-8def-0123456789ab', 'x', "'", '%00', `${'a'.repeat(500)}`]) {
      const answer = await call('GET', `/node/v1/raw/${id}`, await nodeToken());
      expect(answer.status).toBe(404);
    }
  });
});

describe('the cost of one accepted send', () => {
  it('is two round trips and four rows: body, message, delivery, and its place in the index of due work', async () => {
    const sent = await call('POST', '/v1/send', account.live, mail(account));
    expect(costOf(sent)).toEqual({ trips: 2, read: expect.any(Number), written: 4 });
  });

  it('is two round trips with an idempotency key, fifty recipients or a hundred messages as well', async () => {
    const keyed = await call('POST', '/v1/send', account.live, mail(account), { 'Idempotency-Key': 'cost' });
    expect(costOf(keyed).trips).toBe(2);
    const to = Array.from({ length: 50 }, (_, i) => `user${i}@example.net`);
    expect(costOf(await call('POST', '/v1/send', account.live, mail(account, { to }))).trips).toBe(2);
    const batch = await call('POST', '/v1/send/batch', account.live, Array(100).fill(mail(account)));
    expect(batch.body).toHaveLength(100);
    expect(costOf(batch).trips).toBe(2);
  });

  it('of a large one is two round trips, and no body in D1', async () => {
    const sent = await call(
      'POST',
      '/v1/send',
      account.live,
      mail(account, { text_body: incompressible(80_000) }),
    );
    expect(costOf(sent)).toMatchObject({ trips: 2, written: 3 });
  });

  it('reads no more rows when a thousand messages are there', async () => {
    const before = costOf(await call('POST', '/v1/send', account.live, mail(account)));
    for (let i = 0; i < 5; i++) {
      await call('POST', '/v1/send/batch', account.live, Array(100).fill(mail(account)));
    }
    const after = costOf(await call('POST', '/v1/send', account.live, mail(account)));
    expect(after).toEqual(before);
  });
});
