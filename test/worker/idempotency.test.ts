import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Answer,
  bindings,
  call,
  incompressible,
  mail,
  migrate,
  newAccount,
  newKey,
  request,
  sendRaw,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
});

const hourMs = 3_600_000;
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};
const send = (key: string, more: Record<string, unknown> = {}, by = account.live) =>
  call('POST', '/v1/send', by, mail(account, more), { 'Idempotency-Key': key });
const countOf = async (subject: string) =>
  (await call('GET', `/v1/emails?subject=${encodeURIComponent(subject)}`, account.live)).body.data.length;

describe('a request that is repeated with its idempotency key', () => {
  it('gets the first answer again, says so, and sends nothing', async () => {
    const first = await send('again', { subject: 'again' });
    expect(first.headers.get('Idempotent-Replayed')).toBeNull();
    const second = await send('again', { subject: 'again' });
    expect(second.status).toBe(202);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    expect(await countOf('again')).toBe(1);
  });

  it('gets the first answer whatever the order of its fields and the blanks between them', async () => {
    const body = mail(account, { subject: 'order', metadata: { a: '1', b: '2' } });
    const spelled = JSON.stringify(
      { ...Object.fromEntries(Object.entries(body).reverse()), metadata: { b: '2', a: '1' } },
      null,
      2,
    );
    const headers = {
      Authorization: `Bearer ${account.live}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': 'order',
    };
    const first = await call('POST', '/v1/send', account.live, body, { 'Idempotency-Key': 'order' });
    const second = await request('/v1/send', { method: 'POST', headers, body: spelled });
    expect(await second.json()).toEqual(first.body);
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    const other = spelled.replace('"1"', '"3"');
    expect((await request('/v1/send', { method: 'POST', headers, body: other })).status).toBe(409);
  });

  it('gets the first answer by another key of the account as well', async () => {
    const { secret } = await newKey(account);
    const first = await send('shared', { subject: 'shared' });
    const second = await send('shared', { subject: 'shared' }, secret);
    expect(second.body).toEqual(first.body);
    expect(await countOf('shared')).toBe(1);
  });

  it('is refused when it asks for something else, of whatever kind', async () => {
    await send('other');
    expect(await send('other', { subject: 'Changed' })).toMatchObject({
      status: 409,
      body: { code: 'idempotency_conflict' },
    });
    const batch = await call('POST', '/v1/send/batch', account.live, [mail(account)], {
      'Idempotency-Key': 'other',
    });
    expect(batch.status).toBe(409);
  });

  it('is another request when another account makes it', async () => {
    const neighbour = await newAccount();
    const ours = await send('neighbours');
    const theirs = await call('POST', '/v1/send', neighbour.live, mail(neighbour), {
      'Idempotency-Key': 'neighbours',
    });
    expect(theirs.status).toBe(202);
    expect(theirs.body.message_id).not.toBe(ours.body.message_id);
  });

  it('may be carried out after a failure, which is not kept', async () => {
    expect((await send('failed', { from: 'a@not-ours.example' })).status).toBe(403);
    expect((await send('failed', { subject: 'failed first' })).status).toBe(202);
  });

  it.each(['', 'x'.repeat(257)])('may not have the key %j', async (key) => {
    const answer = await send(key);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: 'Idempotency-Key' }] } });
    const raw = await sendRaw(account.live, 'From: a@b.example\r\n\r\n', 'rcpt_to=u@example.net', {
      'Idempotency-Key': key,
    });
    expect(raw).toMatchObject({ status: 400, body: { errors: [{ pointer: 'Idempotency-Key' }] } });
  });

  it('may have a key of 256 characters', async () => {
    expect((await send('x'.repeat(256))).status).toBe(202);
  });
});

describe('the same key at the same time', () => {
  it('never makes two messages: each gets the one answer, or hears that it is in flight', async () => {
    const answers = await Promise.all(Array.from({ length: 25 }, () => send('race', { subject: 'race' })));
    const accepted = answers.filter((a) => a.status === 202);
    expect(accepted.length).toBeGreaterThan(0);
    expect(new Set(accepted.map((a) => a.body.message_id)).size).toBe(1);
    for (const { status, body } of answers) {
      if (status !== 202) expect([status, body.code]).toEqual([409, 'idempotency_in_flight']);
    }
    expect(answers.some((a) => a.status === 409 && a.body.detail.includes('in flight'))).toBe(true);
    expect(await countOf('race')).toBe(1);
  });

  it('never makes two messages by two keys of the account, which the table alone can tell', async () => {
    const secrets = await Promise.all(
      Array.from({ length: 12 }, async () => (await newKey(account)).secret as string),
    );
    const large = incompressible(60_000);
    const answers = await Promise.all(
      secrets.map((secret) => send('race 2', { subject: 'race two', text_body: large }, secret)),
    );
    expect(answers.map((a) => a.status)).toEqual(secrets.map(() => 202));
    expect(new Set(answers.map((a) => a.body.message_id)).size).toBe(1);
    expect(await countOf('race two')).toBe(1);
    const { objects } = await bindings.RAW.list({ prefix: 'raw/' });
    expect(objects.map((o) => o.key.split('/')[2])).toEqual([answers[0]?.body.message_id]);
  });
});

describe('an idempotency key', () => {
  it('is kept for 24 hours, and not longer', async () => {
    const startMs = Date.now();
    at(startMs);
    const first = await send('day', { subject: 'day' });
    at(startMs + 24 * hourMs - 1);
    expect((await send('day', { subject: 'day' })).body).toEqual(first.body);
    at(startMs + 24 * hourMs);
    const next = await send('day', { subject: 'day' });
    expect(next.status).toBe(202);
    expect(next.headers.get('Idempotent-Replayed')).toBeNull();
    expect(next.body.message_id).not.toBe(first.body.message_id);
    expect((await send('day', { subject: 'day' })).body).toEqual(next.body);
  });

  it('gives a batch the answers of its first time, though the clock would give others now', async () => {
    const startMs = Date.now();
    at(startMs);
    const messages = [
      mail(account, { send_at: new Date(startMs + 30 * 24 * hourMs + 1000).toISOString() }),
      mail(account),
    ];
    const batch = () =>
      call('POST', '/v1/send/batch', account.live, messages, { 'Idempotency-Key': 'clock' });
    const first = await batch();
    expect(first.body.map((a: Answer) => a.status)).toEqual([400, 'queued']);
    at(startMs + hourMs);
    expect((await batch()).body).toEqual(first.body);
  });
});

describe('a raw message with an idempotency key', () => {
  const query = 'mail_from=a@x.example&rcpt_to=u@example.net';
  const message = (more: string, subject: string) =>
    `From: a@${account.domain}\r\nSubject: ${subject}\r\n${more}\r\nHello\r\n`;
  const control = 'X-Pennypost-Idempotency-Key: raw-1\r\n';

  it('in its header is carried out once, whatever a client renews at each try', async () => {
    const first = await sendRaw(
      account.live,
      message(`${control}Date: Mon, 16 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>\r\n`, 'raw one'),
      query,
    );
    const again = await sendRaw(
      account.live,
      message(`${control}Date: Mon, 16 Nov 2026 12:05:00 +0000\r\nMessage-ID: <2@x>\r\n`, 'raw one'),
      query,
    );
    expect(first.status).toBe(202);
    expect(again.headers.get('Idempotent-Replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect(await countOf('raw one')).toBe(1);
  });

  it('is refused with another body, envelope or handling under the same key', async () => {
    const headers = { 'Idempotency-Key': 'raw-2' };
    expect((await sendRaw(account.live, message('', 'raw two'), query, headers)).status).toBe(202);
    expect((await sendRaw(account.live, message('', 'raw three'), query, headers)).status).toBe(409);
    expect(
      (await sendRaw(account.live, message('', 'raw two'), `${query}&rcpt_to=v@example.net`, headers)).status,
    ).toBe(409);
    expect(
      (await sendRaw(account.live, message('X-Pennypost-Class: digest\r\n', 'raw two'), query, headers))
        .status,
    ).toBe(409);
    expect((await sendRaw(account.live, message('', 'raw two'), query, headers)).status).toBe(202);
  });
});
