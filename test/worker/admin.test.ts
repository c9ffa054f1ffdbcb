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
    for (const { key } of results) expect(key).toMatch(/^v1\.[\w-]+\.[\w-]+\.[\w-]+$/);
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
