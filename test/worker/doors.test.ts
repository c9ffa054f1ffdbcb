import { beforeAll, describe, expect, it } from 'vitest';
import { orderOf } from './order.ts';
import {
  bindings,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  newKey,
  sendRaw,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  await call('POST', '/v1/send', account.live, mail(account)); // makes the tables of the week
});

const operator = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, bindings.OPERATOR_TOKEN, body);

const unknown = 'pp_live_0123456789abcdefghijABCDEFGHIJ01';
const cloudmailin = (more: object) =>
  JSON.stringify({ from: `a@${account.domain}`, to: 'b@example.net', subject: 'x', ...more });
const hostile: [string, string, string, () => string][] = [
  [
    'markdown of many marks',
    '/api/v0.1/nobody/messages',
    'application/json',
    () => cloudmailin({ markdown: '_a_'.repeat(47_000) }),
  ],
  [
    'markdown of deep quotes',
    '/api/v0.1/nobody/messages',
    'application/json',
    () => cloudmailin({ markdown: '> '.repeat(10_000) }),
  ],
  ['deep JSON', '/v1/send', 'application/json', () => '['.repeat(100_000)],
  ['many fields', '/v1/send/raw?rcpt_to=a@b.test', 'message/rfc822', () => 'a:\r\n'.repeat(100_000)],
  [
    'empty lines',
    '/v1/send/raw?rcpt_to=a@b.test',
    'message/rfc822',
    () => `a: name*=\n${'\n'.repeat(200_000)}`,
  ],
];

describe('expensive work before anybody is known (row 3)', () => {
  it.each(hostile)('%s without a key: the database is not asked, 401', async (_, path, type, body) => {
    const { status, cost } = await orderOf(null, path, type, body());
    expect([status, cost.trips]).toEqual([401, 0]);
  });

  it.each(hostile)(
    '%s with an unknown key: looked up before the body is read',
    async (_, path, type, body) => {
      const { status, order, cost } = await orderOf(unknown, path, type, body());
      expect([status, order]).toEqual([401, ['key', 'body']]);
      expect(cost.trips).toBe(1);
      expect(cost.read).toBeLessThanOrEqual(5);
      expect(cost.written).toBe(0);
    },
  );

  it("the scope, the owner of the key and the account's state are known before the body is read", async () => {
    const other = await newAccount();
    const { secret: reads } = await newKey(account, { scopes: ['read'] });
    const good = JSON.stringify(mail(account));
    expect(await orderOf(reads, '/v1/send', 'application/json', good)).toMatchObject({
      status: 403,
      order: ['key', 'body'],
    });
    const elsewhere = await orderOf(account.live, '/api/v0.1/nobody/messages', 'application/json', good);
    expect(elsewhere).toMatchObject({ status: 404, order: ['key', 'body'] });
    await operator('PUT', `/accounts/${other.id}/status`, { status: 'suspended', reason: 'test' });
    expect(await orderOf(other.live, '/v1/send', 'application/json', good)).toMatchObject({
      status: 403,
      order: ['key', 'body'],
    });
  });

  it('a key costs one round trip more at its first use within a minute, and none later', async () => {
    const { secret } = await newKey(account);
    const trips = async () => costOf(await call('POST', '/v1/send', secret, mail(account))).trips;
    expect(await trips()).toBe(3);
    expect(await trips()).toBe(2);
  });

  it('a key that was just let in and is revoked opens nothing, whatever the body', async () => {
    const { id, secret } = await newKey(account);
    expect((await call('POST', '/v1/send', secret, mail(account))).status).toBe(202);
    await operator('DELETE', `/accounts/${account.id}/credentials/${id}`);
    expect((await call('POST', '/v1/send', secret, mail(account))).status).toBe(401);
    expect((await call('POST', '/v1/send', secret, '{')).status).toBe(401);
  });
});

describe('a body, also of who has a key (row 3)', () => {
  const send = (body: string) => call('POST', '/v1/send', account.live, body);

  it.each([
    ['nested deeper than 32 levels', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`],
    ['of more than 200,000 values', `{"a":[${'{},'.repeat(200_001)}{}]}`],
  ])('of JSON that is %s is refused before it is parsed', async (_, body) => {
    const { status, body: answer } = await send(body);
    expect([status, answer.code]).toEqual([400, 'invalid_body']);
    expect(answer.errors[0].pointer).toBe('/');
  });

  it('of JSON may have brackets, quotation marks and backslashes in its strings', async () => {
    const text = `${'[{'.repeat(1000)}\\\\"${'\\"'.repeat(1000)}`;
    expect((await send(JSON.stringify(mail(account, { text_body: text })))).status).toBe(202);
  });

  it('that says it is too long is refused before it is read', async () => {
    const headers = { 'Content-Length': String(200 * 1024 * 1024) };
    const answer = await call('POST', '/v1/send', account.live, '{}', headers);
    expect([answer.status, answer.body.code]).toEqual([413, 'too_large']);
  });

  it.each([
    ['of many marks is rendered', '_a_'.repeat(47_000), 202],
    ['of many numbers and marks is rendered', '1.*'.repeat(8000), 202],
    ['of ten thousand quotes is refused', `${'> '.repeat(10_000)}x`, 422],
    ['of more than 256 KiB is refused', 'a'.repeat(256 * 1024 + 1), 422],
  ])('of Markdown %s', async (_, markdown, status) => {
    const { body: key } = await call('GET', '/v1/credential', account.live);
    const message = { from: `a@${account.domain}`, to: 'b@example.net', subject: 'x', markdown };
    const answer = await call('POST', `/api/v0.1/${key.username}/messages`, account.live, message);
    expect(answer.status).toBe(status);
    if (status === 422) expect(answer.body.error).toContain('/markdown');
  });

  const raw = (header: string, rest: string) =>
    sendRaw(account.live, `From: a@${account.domain}\r\n${header}\r\n${rest}`, 'rcpt_to=b@example.net');
  it.each([
    ['more than a thousand fields', 'a:\r\n'.repeat(1001), '', 'header has more than 1000 fields'],
    ['a header of more than 64 KiB', `a: ${'x'.repeat(70_000)}\r\n`, '', 'header has more than 65536 bytes'],
    [
      'a hundred attached messages, each in the other',
      'Content-Type: message/rfc822\r\n',
      'Content-Type: message/rfc822\r\n\r\n'.repeat(100),
      'too many MIME parts',
    ],
  ])('of a raw message with %s is refused', async (_, header, rest, detail) => {
    const { status, body } = await raw(header, rest);
    expect([status, body.code]).toEqual([400, 'invalid_message']);
    expect(body.detail).toContain(detail);
  });

  it('of a raw message whose line ends make it too large is refused before they are made', async () => {
    const { status, body } = await raw('', '\n'.repeat(13 * 1024 * 1024 + 10));
    expect([status, body.code]).toEqual([413, 'too_large']);
  });

  it('of settings, domains and webhooks may have a megabyte', async () => {
    const { secret } = await newKey(account, { scopes: ['manage'] });
    const answer = await call(
      'POST',
      '/v1/domains',
      secret,
      JSON.stringify({ domain: 'a'.repeat(1_100_000) }),
    );
    expect([answer.status, answer.body.code]).toEqual([413, 'too_large']);
  });
});

describe('a From that shows another than its author (row 9)', () => {
  const at = () => `a@${account.domain}`;
  const refused: [string, () => string][] = [
    ['two mailboxes in one', () => `<ceo@victim.test> <${at()}>`],
    ['an address as a bare name', () => `ceo@victim.test <${at()}>`],
    ['an address as a quoted name', () => `"ceo@victim.test" <${at()}>`],
    ['an address as an encoded name', () => `=?utf-8?B?Y2VvQHZpY3RpbS50ZXN0?= <${at()}>`],
    ['an address as a quoted encoded name', () => `"=?utf-8?Q?ceo=40victim.test?=" <${at()}>`],
    ['an address as a comment where no name is', () => `(ceo@victim.test) <${at()}>`],
    ['an address as a comment behind', () => `${at()} (ceo@victim.test)`],
    ['a group', () => `Staff: ${at()};`],
    ['two addresses', () => `ceo@victim.test, ${at()}`],
  ];

  it.each(refused)('%s is refused by the API, raw and in the other dialect', async (_, from) => {
    const api = await call('POST', '/v1/send', account.live, mail(account, { from: from() }));
    expect(api.status).toBe(400);
    expect(api.body.errors[0].pointer).toBe('/from');
    const raw = await sendRaw(account.live, `From: ${from()}\r\n\r\nx`, 'rcpt_to=b@example.net');
    expect(raw.status).toBe(400);
    expect(raw.body.errors[0].pointer).toBe('From');
    const { body: key } = await call('GET', '/v1/credential', account.live);
    const message = { from: at(), headers: { From: from() }, to: 'b@example.net', subject: 'x', plain: 'x' };
    const dialect = await call('POST', `/api/v0.1/${key.username}/messages`, account.live, message);
    expect(dialect.status).toBe(422);
  });

  it.each([
    ['its own address', () => `"${at()}" <${at()}>`],
    ['an address below its domain', () => `"a@sub.${account.domain}" <${at()}>`],
    ['words about an address', () => `"ceo@victim.test via Shop" <${at()}>`],
    ['a comment', () => `Shop (ceo@victim.test) <${at()}>`],
    ['a folded name', () => `Shop\t<${at()}>`],
  ])('%s may be shown', async (_, from) => {
    const raw = await sendRaw(account.live, `From: ${from()}\r\n\r\nx`, 'rcpt_to=b@example.net');
    expect(raw.status).toBe(202);
  });
});
