import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, bindings, call, migrate, newAccount, type TestAccount } from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const operator = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, bindings.OPERATOR_TOKEN, body);

describe('a credential', () => {
  it('is shown with its secret once, and is kept as a hash', async () => {
    const made = await operator('POST', `/accounts/${account.id}/credentials`, { name: 'app' });
    expect(made.status).toBe(201);
    expect(made.body.secret).toMatch(/^pp_live_[0-9A-Za-z]{32}$/);
    const { body: list } = await operator('GET', `/accounts/${account.id}/credentials`);
    const listed = list.data.find((c: Answer) => c.id === made.body.id);
    expect(listed).toMatchObject({ name: 'app', hint: made.body.secret.slice(-4), revoked_at: null });
    expect(JSON.stringify(list)).not.toContain(made.body.secret);
    const row = await bindings.DB.prepare('SELECT * FROM credentials WHERE id = ?')
      .bind(made.body.id)
      .first();
    expect(JSON.stringify(row)).not.toContain(made.body.secret);
  });

  it('of a test environment says so in its prefix', async () => {
    const { body } = await operator('POST', `/accounts/${account.id}/credentials`, { environment: 'test' });
    expect(body.secret).toMatch(/^pp_test_/);
  });

  it('can be revoked once, by its own account alone', async () => {
    const other = await newAccount();
    const { body } = await operator('POST', `/accounts/${account.id}/credentials`, {});
    expect((await operator('DELETE', `/accounts/${other.id}/credentials/${body.id}`)).status).toBe(404);
    expect((await operator('DELETE', `/accounts/${account.id}/credentials/${body.id}`)).status).toBe(204);
    expect((await operator('DELETE', `/accounts/${account.id}/credentials/${body.id}`)).status).toBe(404);
    for (const id of ['x', '-1', '1e99', '9007199254740993']) {
      expect((await operator('DELETE', `/accounts/${account.id}/credentials/${id}`)).status).toBe(404);
    }
  });

  it.each([
    { scopes: [] },
    { scopes: ['all'] },
    { environment: 'prod' },
    { domains: ['x'] },
    { username: 'a b' },
    { x: 1 },
  ])('is not made of %j: 400', async (body) => {
    expect((await operator('POST', `/accounts/${account.id}/credentials`, body)).status).toBe(400);
  });
});

describe('a domain', () => {
  it('gets an RSA and an Ed25519 key, whose records are given and whose private halves are not', async () => {
    const { status, body } = await operator('POST', `/accounts/${account.id}/domains`, {
      domain: 'Keys.Example',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ domain: 'keys.example', status: 'pending', type: 'outbound' });
    expect(body.dkim.map((k: Answer) => k.record.name)).toEqual([
      'pennypost._domainkey.keys.example',
      'pennypost-ed._domainkey.keys.example',
    ]);
    expect(body.dkim[0].record.value).toMatch(/^v=DKIM1; k=rsa; p=[A-Za-z0-9+/]{300,}={0,2}$/);
    expect(body.dkim[1].record.value).toMatch(/^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
    const { results } = await bindings.DB.prepare('SELECT private_key_encrypted AS key FROM dkim_keys').all();
    for (const { key } of results) expect(key).toMatch(/^v2\.[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it('changes only in what is asked for', async () => {
    const path = `/accounts/${account.id}/domains/patched.example`;
    await operator('POST', `/accounts/${account.id}/domains`, { domain: 'patched.example', verified: true });
    const one = await operator('PATCH', path, { return_path_host: 'pp-bounces.patched.example' });
    expect(one.body).toMatchObject({ status: 'verified', return_path_host: 'pp-bounces.patched.example' });
    const two = await operator('PATCH', path, { verified: false });
    expect(two.body).toMatchObject({ status: 'pending', return_path_host: 'pp-bounces.patched.example' });
    const three = await operator('PATCH', path, {});
    expect(three.status).toBe(200);
    expect(three.body).toEqual(two.body);
    expect((await operator('PATCH', path, { domain: 'x.example' })).status).toBe(400);
  });

  it('is verified by one account at a time: 409', async () => {
    const other = await newAccount();
    const make = (id: number, verified: boolean) =>
      operator('POST', `/accounts/${id}/domains`, { domain: 'contested.example', verified });
    expect((await make(account.id, true)).status).toBe(201);
    expect(await make(account.id, false)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await make(other.id, true)).status).toBe(409);
    expect((await make(other.id, false)).status).toBe(201);
    const path = '/domains/contested.example';
    expect((await operator('PATCH', `/accounts/${other.id}${path}`, { verified: true })).status).toBe(409);
    await operator('PATCH', `/accounts/${account.id}${path}`, { verified: false });
    expect((await operator('PATCH', `/accounts/${other.id}${path}`, { verified: true })).status).toBe(200);
  });

  it.each(['', 'x', 'a b.example', '-a.example', 'a.example/', '1.2.3.4', `${'a'.repeat(64)}.example`])(
    'is not named %j: 400',
    async (domain) => {
      expect((await operator('POST', `/accounts/${account.id}/domains`, { domain })).status).toBe(400);
    },
  );
});

describe('what is not there', () => {
  it.each(['0', '-1', 'x', '99999', '1.5', 'NaN', '1e400'])('account %s: 404', async (id) => {
    expect((await operator('GET', `/accounts/${id}`)).status).toBe(404);
    expect((await operator('POST', `/accounts/${id}/domains`, { domain: 'a.example' })).status).toBe(404);
  });
});

describe('an account', () => {
  it('is listed with its status and limits, which the operator sets', async () => {
    const own = await newAccount();
    const shown = { status: 'active', status_reason: null, limits: { messages_per_minute: 60_000 } };
    expect((await operator('GET', `/accounts/${own.id}`)).body).toMatchObject({ id: own.id, ...shown });
    const limited = await operator('PUT', `/accounts/${own.id}/limits`, { messages_per_minute: 10 });
    expect(limited.body).toMatchObject({ id: own.id, limits: { messages_per_minute: 10 } });
    await operator('PUT', `/accounts/${own.id}/status`, { status: 'suspended', reason: 'unpaid' });
    const { body: list } = await operator('GET', '/accounts');
    expect(list.data.find((a: Answer) => a.id === own.id)).toMatchObject({
      status: 'suspended',
      status_reason: 'unpaid',
      limits: { messages_per_minute: 10 },
    });
  });

  it.each([{ messages_per_minute: 0 }, { messages_per_minute: 1.5 }, {}, { other: 1 }])(
    'takes no limits such as %j: 400',
    async (limits) => {
      expect((await operator('PUT', `/accounts/${account.id}/limits`, limits)).status).toBe(400);
    },
  );

  it('that is not there has neither: 404', async () => {
    expect((await operator('PUT', '/accounts/999999/limits', { messages_per_minute: 1 })).status).toBe(404);
    expect((await operator('PUT', '/accounts/999999/status', { status: 'active' })).status).toBe(404);
  });

  it('that is suspended is told so in CloudMailin’s dialect as well', async () => {
    const own = await newAccount();
    await operator('PUT', `/accounts/${own.id}/status`, { status: 'suspended', reason: 'unpaid' });
    const { status, body } = await call('POST', '/api/v0.1/pennypost/messages', own.live, {
      from: `a@${own.domain}`,
      to: 'user@example.net',
      subject: 's',
      plain: 'p',
    });
    expect({ status, body }).toEqual({
      status: 403,
      body: { status: 403, error: expect.stringContaining('unpaid') },
    });
  });
});
