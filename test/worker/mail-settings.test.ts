import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { contentDays, mailSettings } from '#domain/message/mail-settings.ts';
import worker from '../../worker/index.ts';
import { bodyDayOf, contentDaysOf } from '../../worker/store/home-tables.ts';
import { Browser } from '../support/browser.ts';
import { mailsTo, setUpOwner } from './dashboard-support.ts';
import {
  bindings,
  call,
  costOf,
  incompressible,
  mail,
  migrate,
  newAccount,
  newKey,
  rawOf,
  request,
  type TestAccount,
} from './support.ts';

const startMs = Date.UTC(2026, 10, 18, 12);
const dayMs = 86_400_000;
const large = { text_body: incompressible(60_000) };
const path = '/v1/settings';
const defaults = { track_opens: false, track_clicks: false, unsubscribe: false, content_days: 3 };

let first: TestAccount;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: startMs });
  await migrate();
  first = await newAccount();
});
afterAll(() => {
  vi.useRealTimers();
});

const send = async (account: TestAccount, more: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id;
const housekeep = async (ms: number) => {
  vi.setSystemTime(ms);
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(ms), cron: '* * * * *' }), env);
};
const isKept = async (id: string) => await rawOf(id).then(Boolean, () => false);

describe('the settings of an account', () => {
  it('begin with private mail and the shortest retention, as the table says', async () => {
    const { status, body, headers } = await call('GET', path, first.live);
    expect([status, body]).toEqual([200, defaults]);
    expect(costOf({ headers }).trips).toBe(1);
    expect(Object.fromEntries(mailSettings.map((row) => [row.name, row.default]))).toEqual(defaults);
  });

  it('are changed one by one, and for this account only', async () => {
    const account = await newAccount();
    const changed = await call('PATCH', path, account.live, { track_clicks: true, content_days: 14 });
    expect(changed.body).toEqual({ ...defaults, track_clicks: true, content_days: 14 });
    await call('PATCH', path, account.live, { unsubscribe: true, track_clicks: false });
    const after = { ...defaults, unsubscribe: true, content_days: 14 };
    expect((await call('GET', path, account.live)).body).toEqual(after);
    expect((await call('GET', path, first.live)).body).toEqual(defaults);
  });

  it.each([
    [{ content_days: 2 }, '/content_days'],
    [{ content_days: 31 }, '/content_days'],
    [{ content_days: 3.5 }, '/content_days'],
    [{ content_days: '7' }, '/content_days'],
    [{ track_opens: 'yes' }, '/track_opens'],
    [{ track_clicks: null }, '/track_clicks'],
    [{ unsubscribe: 1 }, '/unsubscribe'],
    [{ colour: 'red' }, '/'],
    [{}, '/'],
    [[], '/'],
  ])('are not changed by %j', async (body, pointer) => {
    const account = await newAccount();
    const answer = await call('PATCH', path, account.live, body);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer]);
    expect((await call('GET', path, account.live)).body).toEqual(defaults);
  });

  it('are read and changed by keys that may', async () => {
    const account = await newAccount();
    const reader = await newKey(account, { environment: 'live', scopes: ['read'] });
    const manager = await newKey(account, { environment: 'live', scopes: ['manage'] });
    expect((await call('GET', path, reader.secret)).status).toBe(200);
    expect((await call('PATCH', path, reader.secret, { unsubscribe: true })).status).toBe(403);
    expect((await call('GET', path, manager.secret)).status).toBe(403);
    // What pages keep for owners is not to be had by a key that developers can make.
    expect((await call('PATCH', path, manager.secret, { unsubscribe: true })).status).toBe(403);
    const owners = await newKey(account, { environment: 'live', scopes: ['account'] });
    expect((await call('PATCH', path, owners.secret, { unsubscribe: true })).status).toBe(200);
  });
});

describe('the content of a message', () => {
  it.each([
    ['small', {}],
    ['large', large],
  ])('is kept for as long as its account wants (%s)', async (_size, more) => {
    vi.setSystemTime(startMs);
    const account = await newAccount();
    const shorter = await send(account, more);
    await call('PATCH', path, account.live, { content_days: 10 });
    const longer = await send(account, more);
    await call('PATCH', path, account.live, { content_days: 3 });
    for (const [days, kept] of [
      [4, [true, true]],
      [5, [false, true]],
      [11, [false, true]],
      [12, [false, false]],
    ] as const) {
      await housekeep(startMs + days * dayMs);
      expect([days, await isKept(shorter), await isKept(longer)]).toEqual([days, ...kept]);
    }
    expect((await bindings.RAW.list({ prefix: 'raw/' })).objects).toEqual([]);
    expect((await call('GET', `/v1/emails/${longer}`, account.live)).status).toBe(200);
  });

  it('is kept so long after it is due, and has a table from the beginning', async () => {
    vi.setSystemTime(startMs);
    const account = await newAccount();
    await housekeep(startMs);
    await call('PATCH', path, account.live, { content_days: contentDays.most });
    const latest = new Date(startMs + 30 * dayMs).toISOString();
    const id = await send(account, { send_at: latest });
    const day = bodyDayOf(startMs + 30 * dayMs, contentDays.most);
    expect(day).toBe('20270114');
    const { results } = await bindings.DB.prepare(`SELECT raw FROM bodies_${day}`).all();
    expect(results).toHaveLength(1);
    expect(await isKept(id)).toBe(true);
  });

  it('can tell how long it is kept', () => {
    for (let days: number = contentDays.least; days <= contentDays.most; days++) {
      for (const firstDueMs of [startMs, Date.UTC(2026, 11, 31, 23, 59), Date.UTC(2028, 1, 28)]) {
        expect(contentDaysOf({ bodyDay: bodyDayOf(firstDueMs, days), firstDueMs })).toBe(days);
      }
    }
  });

  it('is delivered from wherever it is kept', async () => {
    vi.setSystemTime(startMs);
    const account = await newAccount();
    await call('PATCH', path, account.live, { content_days: 20 });
    for (const more of [{}, large]) expect(await rawOf(await send(account, more))).toContain('Your receipt');
  });
});

describe('the settings page', () => {
  let owner: Browser;
  beforeAll(async () => {
    vi.setSystemTime(startMs);
    owner = await setUpOwner(new Browser('https://api.test', request), {
      email: 'root@people.example',
      password: 'a long enough sentence',
    });
    await owner.post('/operator/system-mail', { domain: first.domain });
  });
  const settings = async () => (await call('GET', path, first.live)).body;

  it('shows what holds, and changes it', async () => {
    const form = { track_opens: 'true', unsubscribe: 'true', content_days: '7' };
    const saved = await owner.post('/settings/mail', form);
    expect([saved.status, saved.headers.get('Location')]).toEqual([303, '/settings?done=mail-changed#mail']);
    const wanted = { track_opens: true, track_clicks: false, unsubscribe: true, content_days: 7 };
    expect(await settings()).toEqual(wanted);
    const page = await (await owner.get('/settings?done=mail-changed')).text();
    expect(page).toContain('Saved. It is for messages from now on.');
    for (const { label } of mailSettings) expect(page).toContain(label);
    expect(page).toMatch(/name="track_opens" id="track_opens" value="true" checked/);
    expect(page).not.toMatch(/name="track_clicks" id="track_clicks" value="true" checked/);
    expect(page).toContain('7 days after they were first due');
    await owner.post('/settings/mail', { content_days: '3' });
    expect(await settings()).toEqual(defaults);
  });

  it.each([['2'], [''], ['x'], ['1e9']])('refuses to keep content for %j days', async (days) => {
    const refused = await owner.post('/settings/mail', { content_days: days, track_opens: 'true' });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toMatch(
      /id="content_days-fault">must be (a whole number of days, 3 to 30|at (least 3|most 30))</,
    );
    expect(await settings()).toEqual(defaults);
  });

  it('is not reached through for the mail of the installation itself', async () => {
    await owner.post('/settings/mail', {
      track_opens: 'true',
      track_clicks: 'true',
      unsubscribe: 'true',
      content_days: '3',
    });
    const email = 'invited@people.example';
    await owner.post('/settings/invitations', { email, role: 'owner' });
    const [invitation, ...more] = await mailsTo(email);
    expect(more).toEqual([]);
    expect(invitation?.headers.map(({ key }) => key)).not.toContain('list-unsubscribe');
    expect(invitation?.text).not.toMatch(/\/[tcu]\//);
    await owner.post('/settings/mail', { content_days: '3' });
  });

  it('and the page of a message tell the true number of days', async () => {
    await call('PATCH', path, first.live, { content_days: 8 });
    const id = await send(first);
    await housekeep(startMs + 10 * dayMs);
    const page = await (await owner.get(`/messages/${id}`)).text();
    expect(page).toContain('The content is kept for 8 days, and its time is over.');
    expect(await (await owner.get(`/messages/${id}/raw`)).text()).toContain('kept for 8 days');
  });
});
