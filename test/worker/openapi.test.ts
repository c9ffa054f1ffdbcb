import { beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../worker/api/openapi.ts';
import { operations } from '../../worker/api/operations.ts';
import {
  type Answer,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const schemaOf = (id: string) => {
  const operation = operations.find((one) => one.id === id);
  if (!operation) throw new Error(`no operation ${id}`);
  return operation.answer;
};

describe('the description of the API', () => {
  it('is served, and names every operation of the table', async () => {
    const { status, body } = await call('GET', '/openapi.json', null);
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(openApiDocument('https://api.test'))));
    const named = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${path}`),
    );
    expect(named).toHaveLength(operations.length);
    expect(named).toContain('post /v1/send');
  });

  it('has no reference to what is not there', () => {
    const document = openApiDocument('https://api.test') as Answer;
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name ?? '');
    expect(JSON.stringify(document)).not.toMatch(/oneOrMany|\$defs/);
  });

  it('tells what a field takes', () => {
    const { properties, required } = (openApiDocument('https://api.test') as Answer).components.schemas
      .Message;
    expect(required.sort()).toEqual(['from', 'subject']);
    expect(properties.to.anyOf[0]).toMatchObject({ type: 'string' });
    expect(properties.to.anyOf[1]).toMatchObject({ type: 'array', maxItems: 50 });
    expect(properties.class.enum).toEqual(['priority', 'standard', 'digest']);
  });

  it.each(operations.map((one) => [one.method, one.path]))('%s %s is there', async (method, path) => {
    const { status, body } = await call(method.toUpperCase(), path.replace(/:\w+/g, '0'), null);
    expect(status, JSON.stringify(body)).toBe(401);
  });
});

describe('the real answers are as described:', () => {
  it('each of them', async () => {
    const seen = new Set<string>();
    const check = async (id: string, method: string, path: string, body?: unknown) => {
      const answer = await call(method, path, account.live, body);
      const { status, schema } = schemaOf(id);
      expect(answer.status, JSON.stringify(answer.body)).toBe(status);
      schema.parse(answer.body);
      seen.add(id);
      return answer.body;
    };
    const { message_id: id } = await check('send', 'POST', '/v1/send', mail(account, { tags: ['a'] }));
    await check('sendBatch', 'POST', '/v1/send/batch', [mail(account), {}]);
    await check('cloudmailinSend', 'POST', '/api/v0.1/pennypost/messages', {
      from: `a@${account.domain}`,
      to: 'user@example.net',
      subject: 's',
      plain: 'p',
    });
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease();
    await node.post('results', { results: deliveries.map((d: Answer) => result(d, delivered)) });
    await check('listEmails', 'GET', '/v1/emails');
    await check('getEmail', 'GET', `/v1/emails/${id}`);
    await check('getEmailEvents', 'GET', `/v1/emails/${id}/events`);
    const { message_id: waiting } = (
      await call('POST', '/v1/send', account.live, mail(account, { send_at: new Date(Date.now() + 60_000) }))
    ).body;
    await check('cancelEmail', 'POST', `/v1/emails/${waiting}/cancel`);
    await check('listEvents', 'GET', '/v1/events');
    for (const by of ['day', 'tag', 'domain', 'class']) await check('getStats', 'GET', `/v1/stats?by=${by}`);
    const { body: domain } = await call(
      'GET',
      `/admin/v1/accounts/${account.id}/domains/${account.domain}`,
      'test-operator-token-0123456789abcdef01234',
    );
    await check('getWarming', 'GET', `/v1/domains/${domain.id}/warming`);
    await check('getCredential', 'GET', '/v1/credential');
    const raw = await request(`/v1/send/raw?mail_from=a@${account.domain}&rcpt_to=user@example.net`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'message/rfc822' },
      body: `From: a@${account.domain}\r\nSubject: s\r\n\r\nb\r\n`,
    });
    schemaOf('sendRaw').schema.parse(await raw.json());
    seen.add('sendRaw');
    expect([...seen].sort()).toEqual(operations.map((one) => one.id).sort());
  });

  it('with unknown fields it would be told', () => {
    expect(schemaOf('send').schema.safeParse({ message_id: 'x', status: 'queued' }).success).toBe(false);
    expect(schemaOf('getCredential').schema.safeParse({}).success).toBe(false);
  });
});

describe('the reference page', () => {
  it('shows every operation, runs no script and asks nothing of others', async () => {
    const response = await request('/docs/api');
    expect(response.headers.get('Content-Type')).toContain('text/html');
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toMatch(/^<!doctype html><html lang="en">/);
    for (const { id, summary } of operations) {
      expect(html).toContain(`<article id="${id}">`);
      expect(html).toContain(summary.replaceAll("'", '&#39;'));
    }
    expect(html).not.toMatch(/<script|src=|url\(|undefined|\[object/);
  });
});

describe('an answer of /v1', () => {
  const send = (more: Record<string, unknown> = {}, key = account.live) =>
    call('POST', '/v1/send', key, mail(account, more));

  it('message_id, status: 202 of a live key', async () => {
    expect((await send()).body).toEqual({
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'queued',
    });
  });
  it('environment: of a test key', async () => {
    expect((await send({}, account.test)).body).toEqual({
      message_id: expect.any(String),
      status: 'simulated',
      environment: 'test',
    });
  });
  it('error: a sentence that says what is wrong', async () => {
    await suppress(account, 'gone@example.net');
    const { status, body } = await send({ to: ['gone@example.net'] });
    expect(status).toBe(422);
    expect(body.error).toBe(body.detail);
    expect(body.error).toContain('gone@example.net');
  });
  it.each([
    ['from', { from: `Ann <ann@SENDER>` }],
    ['to', { to: 'user@example.net' }],
    ['cc', { cc: ['c@example.net'] }],
    ['bcc', { bcc: ['b@example.net'] }],
    ['reply_to', { reply_to: 'r@example.net' }],
    ['subject', { subject: 'Ünï' }],
    ['text_body', { text_body: 't' }],
    ['html_body', { html_body: '<p>h</p>' }],
    ['headers', { headers: { 'X-A': '1' } }],
    ['attachments', { attachments: [{ filename: 'a.txt', content: 'YQ==', content_type: 'text/plain' }] }],
    ['tags', { tags: ['a'] }],
    ['metadata', { metadata: { order: '42' } }],
    ['class', { class: 'digest' }],
    ['send_at', { send_at: new Date(Date.now() + 3_600_000).toISOString() }],
    ['test_mode', { test_mode: true }],
  ])('%s: is taken, and refused when it is of a wrong type', async (field, more) => {
    const value = JSON.parse(JSON.stringify(more).replaceAll('SENDER', account.domain));
    expect((await send(value)).status).toBe(202);
    const { status, body } = await send({ [field]: 1 });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_body' });
    expect(body.errors[0].pointer).toMatch(new RegExp(`^/${field}`));
  });
  it('an unknown field is refused by its name', async () => {
    const { status, body } = await send({ colour: 'red' });
    expect(status).toBe(400);
    expect(body.error).toContain('colour');
  });
});
