import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  allEvents,
  bindings,
  call,
  counted,
  incompressible,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  rawOf,
  suppress,
  type TestAccount,
} from './support.ts';

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

describe('a batch of 100 messages to 50 recipients, 49 of them suppressed each (row 15)', () => {
  it('is accepted within 400 statements, and tells of each of them', { timeout: 60_000 }, async () => {
    const own = await newAccount();
    const to = Array.from({ length: 50 }, (_, i) => `user${i}@example.net`);
    for (const address of to.slice(1)) await suppress(own, address);
    const { cost, environment } = counted();
    const { status, body } = await call(
      'POST',
      '/v1/send/batch',
      own.live,
      Array.from({ length: 100 }, () => mail(own, { to })),
      {},
      environment,
    );
    expect(status).toBe(202);
    expect(new Set(body.map((a: Answer) => a.status))).toEqual(new Set(['queued']));
    expect(cost.statements).toBeLessThanOrEqual(400);
    expect(cost.trips).toBeLessThanOrEqual(3);
    const events = await allEvents(own.live);
    const count = (kind: string) => events.filter((event) => event.kind === kind).length;
    expect([count('accepted'), count('suppressed'), events.length]).toEqual([100, 4_900, 5_000]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(5_000);
  });
});

/** The environment with a binding whose calls of some names are counted, and carried out. */
function watched<T extends object>(name: string, binding: T, methods: string[]) {
  const calls: unknown[][] = [];
  const watchedBinding = new Proxy(binding, {
    get(target, method) {
      const value = Reflect.get(target, method);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (methods.includes(String(method))) calls.push(args);
        return value.apply(target, args);
      };
    },
  });
  return { calls, environment: { ...meteredEnv, [name]: watchedBinding } };
}

describe('a batch of messages that differ in everything', () => {
  it('gives each its own body, recipients and place among the events, within 400 statements', {
    timeout: 60_000,
  }, async () => {
    const own = await newAccount();
    await suppress(own, 'gone@example.net');
    const bodyOf = (i: number) =>
      // As it is, compressed, and too large for a row.
      [
        `body ${i}.`,
        `${'again and again '.repeat(1_000)} body ${i}.`,
        `${incompressible(50_000)} body ${i}.`,
      ][i % 3];
    const messages = Array.from({ length: 100 }, (_, i) =>
      mail(own, {
        to: [`user${i}@example.net`, ...(i % 4 === 0 ? ['gone@example.net'] : [])],
        subject: `number ${i} \ud800`,
        text_body: bodyOf(i),
        metadata: { number: `"${i}"\u0000` },
        ...(i % 5 === 0 ? {} : { send_at: new Date(Date.now() + (i % 31) * 86_400_000 - 1).toISOString() }),
        ...(i % 7 === 0 ? { class: 'digest' } : {}),
      }),
    );
    const { cost, environment } = counted();
    const { status, body } = await call('POST', '/v1/send/batch', own.live, messages, {}, environment);
    expect(status).toBe(202);
    expect(cost.statements).toBeLessThanOrEqual(400);
    for (const [i, { message_id: id }] of body.entries()) {
      const { body: told } = await call('GET', `/v1/emails/${id}`, own.live);
      expect(told).toMatchObject({ subject: `number ${i} \ufffd`, metadata: { number: `"${i}"\u0000` } });
      expect(told.deliveries.map((one: Answer) => one.recipient)).toEqual(messages[i]?.to);
      expect((await rawOf(id)).replaceAll('=\r\n', '')).toContain(`body ${i}.`);
    }
    const events = await allEvents(own.live);
    const idsOf = (kind: string) => events.filter((one) => one.kind === kind).map((one) => one.message_id);
    expect(idsOf('accepted')).toEqual(body.map((one: Answer) => one.message_id));
    expect(idsOf('suppressed')).toEqual(
      body.map((one: Answer) => one.message_id).filter((_: string, i: number) => i % 4 === 0),
    );
  });

  it('that waits until as many different times is announced by one call of the queue', async () => {
    const { DELIVERY } = meteredEnv as unknown as { DELIVERY: Queue };
    const { calls, environment } = watched('DELIVERY', DELIVERY, ['send', 'sendBatch']);
    const times = Array.from({ length: 100 }, (_, i) => new Date(Date.now() + (i + 1) * 60_000));
    const messages = times.map((at) => mail(account, { send_at: at.toISOString() }));
    await call('POST', '/v1/send/batch', account.live, messages, {}, environment);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.[0]).toHaveLength(100);
  });

  it('of which a limit lets a part through puts each large body once, and keeps only those it accepted', {
    timeout: 60_000,
  }, async () => {
    const own = await newAccount();
    await bindings.DB.prepare('UPDATE accounts SET messages_per_minute = 7 WHERE id = ?').bind(own.id).run();
    const { calls, environment } = watched('RAW', bindings.RAW, ['put', 'delete']);
    // What was sent before is known only once the first try has failed.
    for (let i = 0; i < 3; i++) await call('POST', '/v1/send', own.live, mail(own));
    const messages = Array.from({ length: 10 }, () => mail(own, { text_body: incompressible(50_000) }));
    const { body } = await call('POST', '/v1/send/batch', own.live, messages, {}, environment);
    expect(body.map((one: Answer) => one.status)).toEqual([
      ...Array(4).fill('queued'),
      ...Array(6).fill(429),
    ]);
    const idOf = (key: unknown) => String(key).split('/')[2];
    const put = calls.flatMap(([key]) => (typeof key === 'string' ? [idOf(key)] : []));
    expect(put).toHaveLength(7);
    expect(calls).toHaveLength(8);
    const { objects } = await bindings.RAW.list({ prefix: 'raw/' });
    const kept = new Set(objects.map(({ key }) => idOf(key)));
    const good = body.slice(0, 4).map((one: Answer) => one.message_id);
    expect(put.filter((id) => kept.has(id)).sort()).toEqual(good.sort());
  });
});
