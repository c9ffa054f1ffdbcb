import { beforeAll, describe, expect, it } from 'vitest';
import { weekOf } from '#domain/message/home.ts';
import { noteAudit, readAudit } from '../../worker/store/audit.ts';
import { auditDays, dropOldTables, ensureHomeTables } from '../../worker/store/home-tables.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  migrate,
  newAccount,
  newKey,
  request,
  type TestAccount,
  testStore,
} from './support.ts';

const dayMs = 86_400_000;
const source = '192.0.2.7';
let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(
    new Browser('https://api.test', (path, init) => {
      const headers = new Headers(init.headers);
      headers.set('CF-Connecting-IP', source);
      return request(path, { ...init, headers });
    }),
    { email: 'owner@people.example', password: 'a long enough sentence' },
  );
  await chooseSystemDomain(testStore(), account.domain, Date.now());
});

const newest = async (): Promise<Answer> =>
  (await call('GET', '/v1/audit?limit=1', account.live)).body.data[0];

describe('the audit log', () => {
  it('says what a key did, to what', async () => {
    await call('POST', '/v1/suppressions', account.live, { email: 'x@example.net' });
    expect(await newest()).toMatchObject({
      who: expect.stringMatching(/^key \d+$/),
      what: 'suppression added',
      details: { email: 'x@example.net', scope: 'account', reason: 'manual' },
    });
  });

  it('says what a member did, from where, and once although a page asks the API', async () => {
    await owner.post('/suppressions', { email: 'y@example.net', note: '' });
    const { body } = await call('GET', '/v1/audit?limit=2', account.live);
    expect(body.data[0]).toMatchObject({
      who: 'owner@people.example',
      source,
      what: 'suppression added',
      details: { email: 'y@example.net' },
    });
    expect(body.data[1].details).not.toMatchObject({ email: 'y@example.net' });
    await owner.post('/settings/invitations', { email: 'new@people.example', role: 'viewer' });
    expect(await newest()).toMatchObject({
      what: 'member invited',
      details: { email: 'new@people.example', role: 'viewer' },
    });
  });

  it('says what the operator did, in the account that it was done to', async () => {
    const { id } = await newKey(account, { name: 'shop', scopes: ['send'] });
    expect(await newest()).toMatchObject({
      who: 'operator token',
      what: 'key made',
      details: { key: String(id), name: 'shop', scopes: 'send' },
    });
  });

  it('says nothing of what was refused, looked at or not done, and holds no secret', async () => {
    const before = (await newest()).id;
    const reader = await newKey(account, { scopes: ['read'] });
    const made = (await newest()).id;
    expect(made).not.toBe(before);
    await call('POST', '/v1/suppressions', reader.secret, { email: 'z@example.net' });
    await call('POST', '/v1/suppressions', account.live, { email: 'no address' });
    await call('GET', '/v1/suppressions', account.live);
    expect((await newest()).id).toBe(made);
    const { body } = await call('GET', '/v1/audit?limit=100', account.live);
    expect(JSON.stringify(body)).not.toContain(reader.secret);
    expect(JSON.stringify(body)).not.toContain('whsec_');
  });

  it('has sign-ins of members', async () => {
    await owner.post('/sign-in', { email: 'owner@people.example', password: 'a long enough sentence' });
    expect(await newest()).toMatchObject({
      who: 'owner@people.example',
      what: 'signed in',
      source,
      details: { by: 'password' },
    });
  });

  it('is a page for owners, and of the installation for its operator', async () => {
    const page = await (await owner.get('/audit')).text();
    expect(page).toContain('suppression added');
    expect(page).toContain(source);
    await call('POST', '/admin/v1/accounts', bindings.OPERATOR_TOKEN, { name: 'Third' });
    expect(await (await owner.get('/audit?of=installation')).text()).toContain('account made');
  });

  it('is another account’s for nobody', async () => {
    const other = await newAccount();
    const { body } = await call('GET', '/v1/audit?limit=100', other.live);
    expect(body.data.map(({ who }: Answer) => who)).not.toContain('owner@people.example');
  });

  it('is read page by page over weeks, without gaps', async () => {
    const { id: accountId } = await newAccount();
    const nowMs = Date.now();
    const entry = { accountId, who: 'x', source: '', what: 'y', details: {} };
    for (let day = 80; day >= 0; day -= 2)
      await noteAudit(testStore(), [{ ...entry, atMs: nowMs - day * dayMs }]);
    const seen: number[] = [];
    for (let before: number | null = null; ; ) {
      const { entries, next } = await readAudit(testStore(), accountId, { before, limit: 7 }, nowMs);
      seen.push(...entries.filter(({ what }) => what === 'y').map(({ atMs }) => atMs));
      if (next === null) break;
      before = next;
    }
    expect(seen).toEqual(Array.from({ length: 41 }, (_, i) => nowMs - i * 2 * dayMs));
  });

  it('costs one row an entry, and none when its time is over', async () => {
    const { id: accountId } = await newAccount();
    const nowMs = Date.now();
    await ensureHomeTables(testStore(), nowMs);
    const store = testStore();
    await noteAudit(store, [{ accountId, who: 'x', source: '', what: 'y', details: {}, atMs: nowMs }]);
    expect([store.cost.rowsWritten, store.cost.roundTrips]).toEqual([1, 1]);
    const sent = await call('POST', '/v1/suppressions', account.live, { email: 'cost@example.net' });
    expect(costOf(sent).trips).toBeLessThanOrEqual(3);
    const later = nowMs + (auditDays + 8) * dayMs;
    while (await dropOldTables(testStore(), later));
    const table = await bindings.DB.prepare('SELECT name FROM sqlite_master WHERE name = ?')
      .bind(`audit_${weekOf(nowMs)}`)
      .first();
    expect(table).toBeNull();
  });
});
