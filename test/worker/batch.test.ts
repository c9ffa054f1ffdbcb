import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, mail, migrate, newAccount, type TestAccount } from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const batch = (messages: unknown, headers: Record<string, string> = {}) =>
  call('POST', '/v1/send/batch', account.live, messages, headers);

describe('a batch', () => {
  it('gives one answer a message, in order', async () => {
    const { status, body } = await batch(
      Array.from({ length: 100 }, (_, i) => mail(account, { subject: `number ${i}` })),
    );
    expect(status).toBe(202);
    expect(body).toHaveLength(100);
    const listed = await call('GET', '/v1/emails?limit=100', account.live);
    const subjects = new Map(listed.body.data.map((m: Answer) => [m.id, m.subject]));
    expect(body.map((a: Answer) => subjects.get(a.message_id))).toEqual(
      Array.from({ length: 100 }, (_, i) => `number ${i}`),
    );
  });

  it('takes the good ones and says of each bad one what is wrong with it', async () => {
    const { status, body } = await batch([
      mail(account, { to: 'nobody' }),
      mail(account, { subject: 'good 1' }),
      mail(account, { from: 'a@not-ours.example' }),
      7,
      mail(account, { subject: 'good 2', send_at: '2999-01-01T00:00:00Z' }),
      mail(account, { subject: 'good 3', class: 'digest' }),
      mail(account, { attachments: [{ filename: 'a.exe', content: '' }] }),
    ]);
    expect(status).toBe(202);
    expect(body.map((a: Answer) => a.status)).toEqual([400, 'queued', 403, 400, 400, 'queued', 400]);
    expect(body[0]).toMatchObject({ code: 'invalid_body', errors: [{ pointer: '/0/to/0' }] });
    expect(body[2]).toMatchObject({ code: 'domain_not_allowed' });
    expect(body[3].errors[0].pointer).toMatch(/^\/3/);
    expect(body[4].errors[0].pointer).toBe('/4/send_at');
    expect(body[6].errors[0].pointer).toBe('/6/attachments/0/filename');
  });

  it.each([[[]], [Array(101).fill({})], [{}], [null]])('is not %j', async (messages) => {
    const { status, body } = await batch(messages);
    expect(status).toBe(400);
    expect(body.code).toBe('invalid_body');
  });

  it('of nothing good accepts nothing and still answers each', async () => {
    const { status, body } = await batch([{}, mail(account, { from: 'a@not-ours.example' })]);
    expect(status).toBe(202);
    expect(body.map((a: Answer) => a.code)).toEqual(['invalid_body', 'domain_not_allowed']);
  });

  it('needs a good key even when nothing in it is good', async () => {
    const answer = await call('POST', '/v1/send/batch', 'pp_live_0123456789abcdefghijABCDEFGHIJ00', [{}]);
    expect(answer.status).toBe(401);
  });
});

describe('a batch that is repeated with its idempotency key', () => {
  it('gets the first answers again, problems included, and sends nothing', async () => {
    const messages = [mail(account), mail(account, { to: 'nobody' }), mail(account, { from: 'a@b.example' })];
    const first = await batch(messages, { 'Idempotency-Key': 'batch-1' });
    const again = await batch(messages, { 'Idempotency-Key': 'batch-1' });
    expect(again.status).toBe(202);
    expect(again.headers.get('Idempotent-Replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    const other = await batch([mail(account)], { 'Idempotency-Key': 'batch-1' });
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
  });

  it('at the same time is carried out once', async () => {
    const messages = [mail(account, { subject: 'once' }), mail(account, { subject: 'once' })];
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => batch(messages, { 'Idempotency-Key': 'batch-2' })),
    );
    const good = answers.filter((a) => a.status === 202);
    expect(good.length).toBeGreaterThan(0);
    expect(new Set(good.map((a) => JSON.stringify(a.body))).size).toBe(1);
    for (const answer of answers) expect([202, 409]).toContain(answer.status);
    const { body } = await call('GET', '/v1/emails?subject=once', account.live);
    expect(body.data).toHaveLength(2);
  });
});
