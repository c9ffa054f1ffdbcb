import { beforeAll, describe, expect, it } from 'vitest';
import {
  bindings,
  call,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  newKey,
  request,
  sendRaw,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
let other: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  other = await newAccount();
});

const operator = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, bindings.OPERATOR_TOKEN, body);
const send = (more: Record<string, unknown>, key: string | null = account.live) =>
  call('POST', '/v1/send', key, mail(account, more));

/** The answer is a problem in the form that the contract gives it. */
function expectProblem(
  answer: { status: number; headers: Headers; body: Record<string, unknown> },
  status: number,
  code: string,
) {
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  expect(answer.headers.get('X-Request-ID')).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.body).toMatchObject({
    type: `https://pennypost.dev/problems/${code}`,
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/./),
    error: answer.body.detail,
    errors: expect.any(Array),
  });
}

describe('a key', () => {
  const unknown = 'pp_live_0123456789abcdefghijABCDEFGHIJ01';
  it.each([
    ['missing', null],
    ['unknown', unknown],
    ['of another form', 'sk_live_0123456789'],
    ['empty', ''],
    ['with SQL in it', "pp_live_' OR 1=1 --"],
    ['of the node', 'test-node-token-0123456789abcdef0123456789'],
  ])('that is %s opens nothing: 401', async (_, key) => {
    for (const [method, path, body] of [
      ['POST', '/v1/send', mail(account)],
      ['POST', '/v1/send/batch', [mail(account)]],
      ['GET', '/v1/emails', undefined],
      ['GET', '/v1/emails/0190a6c4-7b1e-7abc-8def-0123456789ab', undefined],
      ['GET', '/v1/emails/0190a6c4-7b1e-7abc-8def-0123456789ab/events', undefined],
      ['POST', '/v1/emails/0190a6c4-7b1e-7abc-8def-0123456789ab/cancel', undefined],
      ['GET', '/v1/events', undefined],
      ['GET', '/v1/credential', undefined],
    ] as const) {
      const answer = await call(method, path, key, body);
      expectProblem(answer, 401, 'unauthorized');
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    }
    expectProblem(
      await sendRaw(key, `From: a@${account.domain}\r\n\r\n`, 'rcpt_to=a@b.example'),
      401,
      'unauthorized',
    );
  });

  it('is asked for before the body is judged', async () => {
    expectProblem(await call('POST', '/v1/send', unknown, '{'), 401, 'unauthorized');
    expectProblem(await call('POST', '/v1/send', unknown, {}), 401, 'unauthorized');
    expectProblem(
      await call('POST', '/v1/send', null, '', { 'Content-Type': 'text/plain' }),
      401,
      'unauthorized',
    );
    expectProblem(await sendRaw(null, 'nothing', ''), 401, 'unauthorized');
  });

  it('that is revoked opens nothing any more', async () => {
    const { id, secret } = await newKey(account);
    expect((await send({}, secret)).status).toBe(202);
    expect((await operator('DELETE', `/accounts/${account.id}/credentials/${id}`)).status).toBe(204);
    expectProblem(await send({}, secret), 401, 'unauthorized');
    expectProblem(await call('GET', '/v1/emails', secret), 401, 'unauthorized');
  });

  it('opens only what its scopes say: 403', async () => {
    const { secret: reads } = await newKey(account, { scopes: ['read'] });
    const { secret: sends } = await newKey(account, { scopes: ['send'] });
    expectProblem(await send({}, reads), 403, 'missing_scope');
    expectProblem(await send({ to: 'nobody' }, reads), 403, 'missing_scope');
    expectProblem(await call('POST', '/v1/emails/x/cancel', reads), 403, 'missing_scope');
    expectProblem(await call('GET', '/v1/emails', sends), 403, 'missing_scope');
    expectProblem(await call('GET', '/v1/events', sends), 403, 'missing_scope');
    expect((await send({}, sends)).status).toBe(202);
    expect((await call('GET', '/v1/emails', reads)).status).toBe(200);
  });

  it('that is limited to domains sends from no other: 403', async () => {
    const domain = `second-${account.domain}`;
    await operator('POST', `/accounts/${account.id}/domains`, { domain, verified: true });
    const { secret } = await newKey(account, { domains: [domain] });
    expectProblem(await send({}, secret), 403, 'domain_not_allowed');
    expect((await send({ from: `a@${domain}` }, secret)).status).toBe(202);
  });

  it('tells what it is, and not its secret', async () => {
    const { secret } = await newKey(account, {
      username: 'app',
      scopes: ['send'],
      domains: [account.domain],
    });
    const { status, body } = await call('GET', '/v1/credential', secret);
    expect(status).toBe(200);
    expect(body).toEqual({
      username: 'app',
      environment: 'live',
      scopes: ['send'],
      domains: [account.domain],
      sandbox_address: `account-${account.id}@sandbox.mail.example.org`,
    });
  });
});

describe('the From domain', () => {
  it.each([
    ['of nobody', () => 'a@nobody.example'],
    ['of another account', () => `a@${other.domain}`],
    ['below a verified one', () => `a@sub.${account.domain}`],
    ['above a verified one', () => 'a@example'],
  ])('%s may not send', async (_, from) => {
    const answer = await send({ from: from() });
    if (from().endsWith('@example')) expectProblem(answer, 400, 'invalid_body');
    else expectProblem(answer, 403, 'domain_not_allowed');
  });

  it('that is not verified may not send, and once verified it may', async () => {
    const domain = 'pending.example';
    await operator('POST', `/accounts/${account.id}/domains`, { domain });
    expectProblem(await send({ from: `a@${domain}` }), 403, 'domain_not_allowed');
    await operator('PATCH', `/accounts/${account.id}/domains/${domain}`, { verified: true });
    expect((await send({ from: `a@${domain}` })).status).toBe(202);
    await operator('PATCH', `/accounts/${account.id}/domains/${domain}`, { verified: false });
    expectProblem(await send({ from: `a@${domain}` }), 403, 'domain_not_allowed');
  });

  it('that is for inbound mail only may not send', async () => {
    const domain = 'inbound.example';
    await operator('POST', `/accounts/${account.id}/domains`, { domain, type: 'inbound', verified: true });
    expectProblem(await send({ from: `a@${domain}` }), 403, 'domain_not_allowed');
  });

  it('without an active DKIM key may not send, since mail never goes out unsigned', async () => {
    const domain = 'keyless.example';
    const { body } = await operator('POST', `/accounts/${account.id}/domains`, { domain, verified: true });
    await bindings.DB.prepare("UPDATE dkim_keys SET status = 'retired' WHERE domain_id = ?")
      .bind(body.id)
      .run();
    expectProblem(await send({ from: `a@${domain}` }), 403, 'domain_not_allowed');
  });

  it('may be written in any case and in U-labels', async () => {
    const domain = 'bücher.example';
    await operator('POST', `/accounts/${account.id}/domains`, { domain, verified: true });
    expect((await send({ from: 'a@BÜCHER.example' })).status).toBe(202);
    expect((await send({ from: 'a@XN--BCHER-KVA.example' })).status).toBe(202);
  });
});

describe('a suspended account', () => {
  it('can do nothing, and hears why: 403', async () => {
    const suspended = await newAccount();
    await operator('PUT', `/accounts/${suspended.id}/status`, {
      status: 'suspended',
      reason: 'spam reports',
    });
    for (const answer of [
      await call('POST', '/v1/send', suspended.live, mail(suspended)),
      await call('GET', '/v1/emails', suspended.live),
      await call('GET', '/v1/credential', suspended.live),
    ]) {
      expectProblem(answer, 403, 'account_suspended');
      expect(answer.body.detail).toContain('spam reports');
    }
    await operator('PUT', `/accounts/${suspended.id}/status`, { status: 'active' });
    expect((await call('POST', '/v1/send', suspended.live, mail(suspended))).status).toBe(202);
  });
});

describe('a body', () => {
  it.each([
    ['/v1/send', 'text/plain'],
    ['/v1/send', 'application/x-www-form-urlencoded'],
    ['/v1/send/batch', 'message/rfc822'],
    ['/v1/send/raw', 'application/json'],
    ['/v1/send/raw', 'text/plain'],
  ])('of %s may not be %s: 415', async (path, type) => {
    const answer = await call('POST', path, account.live, '{}', { 'Content-Type': type });
    expectProblem(answer, 415, 'unsupported_media_type');
  });

  it('without a content type is not guessed at: 415', async () => {
    const response = await request('/v1/send', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}` },
      body: new Uint8Array([123, 125]),
    });
    expect(response.status).toBe(415);
  });

  it('may name a charset with its type', async () => {
    const answer = await call('POST', '/v1/send', account.live, mail(account), {
      'Content-Type': 'Application/JSON; charset=utf-8',
    });
    expect(answer.status).toBe(202);
  });

  it.each(['', '{', '{"from":}', 'from=a', '\u0000'])('%j is not JSON: 400', async (text) => {
    expectProblem(await call('POST', '/v1/send', account.live, text), 400, 'invalid_json');
  });

  it('that is not UTF-8 is not JSON: 400', async () => {
    const response = await request('/v1/send', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_json' });
  });

  it.each([
    ['an invalid address', { to: ['fine@example.net', 'not an address'] }, '/to/1'],
    ['CRLF in an address', { to: ['a@example.net\r\nBcc: x@example.net'] }, '/to/0'],
    ['CRLF in the sender', { from: 'A\r\nBcc: x@example.net <a@b.example>' }, '/from'],
    ['CRLF in the subject', { subject: 'a\r\nBcc: x@example.net' }, '/subject'],
    ['CRLF in a header', { headers: { 'X-A': 'a\r\nBcc: x@example.net' } }, '/headers/X-A'],
    ['a slash in a header name that is unsafe', { headers: { 'DKIM-a/b~': 'x' } }, '/headers/DKIM-a~1b~0'],
    ['an unsafe header', { headers: { Bcc: 'x@example.net' } }, '/headers/Bcc'],
    ['bad base64', { attachments: [{ filename: 'a', content: '!' }] }, '/attachments/0/content'],
    [
      'a refused attachment',
      { attachments: [{ filename: 'a.exe', content: '' }] },
      '/attachments/0/filename',
    ],
    ['an unknown field', { templates: 'x' }, '/'],
    ['an unknown class', { class: 'bulk' }, '/class'],
    ['51 recipients', { to: Array.from({ length: 51 }, (_, i) => `u${i}@example.net`) }, '/to'],
    ['51 recipients in all', { cc: Array.from({ length: 50 }, (_, i) => `u${i}@example.net`) }, '/to'],
    ['a time too far ahead', { send_at: new Date(Date.now() + 31 * 86_400_000).toISOString() }, '/send_at'],
    ['a domain that DNS cannot have', { to: [`a@${'ü'.repeat(60)}.example`] }, '/to'],
  ])('with %s says where: 400', async (_, more, pointer) => {
    const answer = await send(more);
    expect(answer.body.errors).toMatchObject([{ pointer, detail: expect.stringMatching(/./) }]);
    expect(answer.status).toBe(400);
    expect(['invalid_body', 'invalid_address']).toContain(answer.body.code);
    expectProblem(answer, 400, answer.body.code);
  });

  it.each([
    [
      'an unsafe header',
      { headers: { Bcc: 'x@example.net' } },
      'is a header field that the service writes itself',
    ],
    ['a header name with a blank', { headers: { 'X A': 'x' } }, 'must be the name of a header field'],
  ])('with %s says why', async (_, more, detail) => {
    const answer = await send(more);
    expect(answer.body.errors[0].detail).toContain(detail);
  });

  it('with null for what may be left out, or [] for a map, is as without', async () => {
    const names = [
      'cc',
      'bcc',
      'reply_to',
      'html_body',
      'tags',
      'class',
      'send_at',
      'test_mode',
      'track_opens',
    ];
    const nothing = Object.fromEntries(names.map((name) => [name, null]));
    const attachments = [{ filename: 'a', content: '', content_type: null, content_id: null }];
    const answer = await send({ ...nothing, headers: [], metadata: [], attachments });
    expect(answer.status).toBe(202);
    expect((await send({ metadata: { order: null }, headers: { 'X-A': null } })).status).toBe(202);
    const wanted = ['from', 'subject'].map(
      async (name) => (await send({ [name]: null })).body.errors[0].pointer,
    );
    expect(await Promise.all(wanted)).toEqual(['/from', '/subject']);
    expect((await send({ metadata: ['order'] })).status).toBe(400);
  });

  it('with a great many faults gets an answer of a bounded size', async () => {
    const headers = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`Content-${i}`, 'x']));
    const unknown = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`field-${i}`, 'x']));
    for (const answer of [await send({ headers }), await send(unknown)]) {
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.body).length).toBeLessThan(100_000);
    }
  });

  it('that makes a message over 25 MiB is too large: 413', async () => {
    const content = btoa('x'.repeat(3 * 1024 * 1024));
    const attachments = Array.from({ length: 7 }, (_, i) => ({ filename: `${i}.dat`, content }));
    expectProblem(await send({ attachments }), 413, 'too_large');
  });

  it('is not read on when it is larger than any message could be: 413', async () => {
    const big = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
      },
    });
    const response = await request('/v1/send', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
      body: big,
    });
    expect(response.status).toBe(413);
  });
});

describe('a path', () => {
  it.each([
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['POST', '/v1/send/nothing'],
    ['GET', '/api/v9/x'],
    ['GET', '/v1/emails/x/y/z'],
    ['GET', '/v1/emails/%E0%A4%A/nothing'],
  ])('%s %s that does not exist is a 404 in JSON, never HTML', async (method, path) => {
    expectProblem(await call(method, path, account.live), 404, 'not_found');
    const response = await request(path, { method, headers: { Accept: 'text/html' } });
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  });

  it.each([
    ['GET', '/v1/send', 'POST'],
    ['PUT', '/v1/send', 'POST'],
    ['DELETE', '/v1/emails', 'GET, HEAD'],
    ['POST', '/v1/events', 'GET, HEAD'],
    ['GET', '/v1/emails/x/cancel', 'POST'],
    ['OPTIONS', '/v1/send', 'POST'],
  ])('with another method is a 405: %s %s', async (method, path, allow) => {
    const answer = await call(method, path, account.live);
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('Allow')).toBe(allow);
  });

  it.each([
    'x',
    '0190a6c4-7b1e-7abc-8def-0123456789ab',
    "'%20OR%201=1",
    '%E0%A4%A',
    'ffffffff-ffff-7fff-bfff-ffffffffffff',
  ])('of a message %s that is not there is a 404', async (id) => {
    expectProblem(await call('GET', `/v1/emails/${id}`, account.live), 404, 'not_found');
    expectProblem(await call('GET', `/v1/emails/${id}/events`, account.live), 404, 'not_found');
    expectProblem(await call('POST', `/v1/emails/${id}/cancel`, account.live), 404, 'not_found');
  });

  it('of a message of another account is a 404 as well', async () => {
    const { body } = await send({});
    expectProblem(await call('GET', `/v1/emails/${body.message_id}`, other.live), 404, 'not_found');
    expectProblem(await call('POST', `/v1/emails/${body.message_id}/cancel`, other.live), 404, 'not_found');
  });
});

describe('every answer', () => {
  it('has an X-Request-ID of its own, good ones too', async () => {
    const answers = [
      await send({}),
      await call('GET', '/v1/emails', account.live),
      await call('GET', '/healthz', null),
      await call('GET', '/nothing', null),
      await call('GET', '/v1/emails', null),
    ];
    const ids = answers.map((answer) => answer.headers.get('X-Request-ID'));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(answers.length);
  });

  it('to our own fault is a 500 that hides its details and names the request', async () => {
    const broken = {
      ...meteredEnv,
      DB: {
        prepare: () => {
          throw new Error('secret detail');
        },
        batch: () => {
          throw new Error('secret detail');
        },
      },
    };
    const response = await request(
      '/v1/emails',
      { headers: { Authorization: `Bearer ${account.live}` } },
      broken,
    );
    const body = (await response.json()) as Record<string, unknown>;
    expectProblem({ status: response.status, headers: response.headers, body }, 500, 'internal_error');
    expect(JSON.stringify(body)).not.toContain('secret detail');
    expect(body.detail).toContain(response.headers.get('X-Request-ID'));
  });
});

describe('the rooms of operators and nodes', () => {
  it.each(['/admin/v1/accounts', '/node/v1/wake'])('%s is closed to keys of accounts', async (path) => {
    expectProblem(await call('GET', path, account.live), 401, 'unauthorized');
    expectProblem(await call('GET', path, null), 401, 'unauthorized');
    expectProblem(await call('GET', path, 'x'.repeat(600)), 401, 'unauthorized');
  });

  it('are closed to each other', async () => {
    expectProblem(await call('GET', '/admin/v1/accounts', bindings.NODE_TOKEN), 401, 'unauthorized');
    expectProblem(await call('POST', '/node/v1/hello', bindings.OPERATOR_TOKEN, {}), 401, 'unauthorized');
  });
});
