import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { weekOf } from '#domain/message/home.ts';
import { webhookLimits } from '#domain/webhook.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import { Internet } from './receiver.ts';
import { bindings, call, mail, migrate, newAccount, request, type TestAccount } from './support.ts';
import {
  deliveriesOf,
  eventually,
  newEndpoint,
  setDeliveries,
  type TestEndpoint,
} from './webhook-support.ts';

let account: TestAccount;
let owner: Browser;
let internet: Internet;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  internet = new Internet();
  owner = await setUpOwner(new Browser('https://api.test', request), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
});
afterEach(() => vi.restoreAllMocks());

describe('a new endpoint', () => {
  it('has the format event where nobody chooses another', async () => {
    const page = await (await owner.get('/webhooks')).text();
    expect(page.match(/<option value="[^"]*" selected[^>]*>/g)).toEqual([expect.stringContaining('"event"')]);
  });

  it('that is refused names the field, and keeps what was typed', async () => {
    const response = await owner.post('/webhooks', {
      url: 'https://127.0.0.1/hook',
      format: 'cloudmailin',
      events: ['bounced', 'complained'],
      description: 'the shop',
    });
    expect(response.status).toBe(400);
    const page = await response.text();
    expect(page).toMatch(/<a href="#url">URL<\/a>: [^<]*loopback/);
    for (const kept of [
      'value="https://127.0.0.1/hook"',
      'value="the shop"',
      '<option value="cloudmailin" selected',
      '<details open',
    ])
      expect(page).toContain(kept);
    expect(page.match(/<input type="checkbox"[^>]* checked/g)).toHaveLength(2);
  });

  it('has fields, a user and filters of its own, and tells all but what is secret', async () => {
    const url = internet.at('own.example.com', () => new Response());
    const typed = {
      url,
      format: 'event',
      headers: 'X-Team: shop\r\nX-Token: tell nobody\r\n',
      username: 'hook',
      sending_domains: 'a.example, b.example',
      tags: 'receipt',
    };
    const refused = await owner.post('/webhooks', { ...typed, password: '' });
    expect([refused.status, await textOf(refused)]).toEqual([
      400,
      expect.stringContaining('Password: is missing: user and password belong together'),
    ]);
    const added = await owner.post('/webhooks', { ...typed, password: 'pass by' });
    expect(added.status).toBe(303);
    const page = await (await owner.get(added.headers.get('Location') ?? '')).text();
    for (const told of [
      'X-Team, X-Token, user hook',
      'a.example, b.example',
      'receipt',
      '/.well-known/webhook-keys/',
    ])
      expect(page).toContain(told);
    expect(page).not.toMatch(/tell nobody|pass by/);
  });

  it('names the events when the format has none of them', async () => {
    const response = await owner.post('/webhooks', {
      url: internet.at('named.example.com', () => new Response()),
      format: 'event',
      events: ['nonsense'],
    });
    expect([response.status, await textOf(response)]).toEqual([
      400,
      expect.stringContaining('Events: must be the name of an event'),
    ]);
  });
});

describe('what was posted', () => {
  let endpoint: TestEndpoint;
  const minutes = (n: number) => new Date(Date.now() + n * 60_000).toISOString().slice(0, 16);

  beforeAll(async () => {
    endpoint = await newEndpoint(account, internet);
    for (let i = 0; i < 2; i++) await call('POST', '/v1/send', account.live, mail(account));
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(2));
  });

  const replay = (from: string, to: string) => owner.submit(`/webhooks/${endpoint.id}/replay`, { from, to });

  it('is posted again by a range of time in UTC, which says how many', async () => {
    const page = await (await owner.get(`/webhooks/${endpoint.id}`)).text();
    expect(page).toContain('From (UTC)');
    expect(page.match(/type="datetime-local" value="\d{4}-\d\d-\d\dT\d\d:\d\d"/g)).toHaveLength(2);
    const response = await replay(minutes(-60), minutes(60));
    expect([response.status, await textOf(response)]).toEqual([
      200,
      expect.stringContaining('2 are posted again.'),
    ]);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(4));
    expect(new Set(internet.to(endpoint.host).map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    expect(await textOf(await replay(minutes(-120), minutes(-60)))).toContain(
      'Nothing was made in this time',
    );
  });

  it('is listed with the event, whom it is about, and how often it was tried', async () => {
    const rows = [
      ...(await textOf(await owner.get(`/webhooks/${endpoint.id}`))).matchAll(
        /email\.sent ?user@example\.net/g,
      ),
    ];
    expect(rows).toHaveLength(2);
    const { body } = await call('GET', '/v1/webhook-deliveries?limit=1', account.live);
    expect(body.data[0]).toMatchObject({ event: 'email.sent', recipient: 'user@example.net', events: 1 });
  });

  it('goes on where the most at once ended', async () => {
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(2));
    await owner.post(`/webhooks/${endpoint.id}/state`, { state: 'disabled' });
    const table = `webhook_deliveries_${weekOf(Date.now())}`;
    await bindings.DB.exec(
      `WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ${webhookLimits.replay}) INSERT INTO ${table} SELECT first.id + n * 4194304, account_id, endpoint_id, body, state, due_ms, attempts, tries, created_at_ms + n FROM more, (SELECT * FROM ${table} ORDER BY id LIMIT 1) first`,
    );
    const page = await (await replay(minutes(-60), minutes(60))).text();
    expect(page).toContain('1,000 are posted again.');
    const next = /name="from" type="datetime-local" value="([^"]*)"/.exec(page)?.[1] ?? '';
    expect(await textOf(await replay(next, minutes(60)))).toContain('2 are posted again.');
    await bindings.DB.exec(
      `DELETE FROM ${table} WHERE id NOT IN (SELECT id FROM ${table} ORDER BY id LIMIT 2)`,
    );
  });

  it.each([
    ['', '', ['From (UTC): must be a date', 'Before (UTC): must be a date']],
    ['yesterday', '2026-11-20T10:00', ['From (UTC): must be a date']],
    ['2026-11-20T10:00Z', '2026-13-20T10:00', ['From (UTC): must be a date', 'Before (UTC): must be a date']],
    ['2026-11-20T10:00', '2026-11-20T09:00', ['Before (UTC): must be after from']],
  ])('is not from %j to %j', async (from, to, said) => {
    const response = await replay(from, to);
    expect(response.status).toBe(400);
    const text = await textOf(response);
    for (const one of said) expect(text).toContain(one);
  });

  it('stays as it is while it waits', async () => {
    await setDeliveries(endpoint, `state = 'pending', due_ms = ${Date.now() + 3_600_000}`);
    expect(await textOf(await replay(minutes(-60), minutes(60)))).toContain('it still waits to be posted');
  });
});
