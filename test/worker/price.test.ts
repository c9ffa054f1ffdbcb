import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Access } from '../../worker/identity/access/row.ts';
import { access } from '../../worker/identity/access.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import { orderOf } from './order.ts';
import { bindings, call, costOf, mail, meteredEnv, migrate, newAccount, request } from './support.ts';

const origin = 'https://api.test';
const mostRows = 5;

beforeAll(async () => {
  await migrate();
  const account = await newAccount();
  await call('POST', '/v1/send', account.live, mail(account)); // makes the tables of the week
  await setUpOwner(new Browser(origin, (path, init) => request(path, init)), {
    email: 'root@people.example',
    password: 'a long enough sentence',
  });
});
beforeEach(() => bindings.DB.exec('DELETE FROM auth_rate_limits'));

/** Who comes without a credential that is good. */
const comers: [name: string, key: string | null, headers: Record<string, string>][] = [
  ['nobody', null, {}],
  ['a key that nobody has', 'pp_live_0123456789abcdefghijABCDEFGHIJ01', {}],
  ['a token that is none', 'x'.repeat(512), {}],
  [
    'a session that nobody has',
    null,
    { Cookie: `pennypost.session_token=${'x'.repeat(32)}.${'y'.repeat(43)}%3D` },
  ],
  [
    'many cookies',
    null,
    { Cookie: Array.from({ length: 400 }, (_, i) => `pennypost.c${i}=${i}`).join('; ') },
  ],
];

const bodies: [type: string, text: string][] = [
  ['application/json', `[${'['.repeat(20_000)}`],
  ['application/x-www-form-urlencoded', 'a&'.repeat(20_000)],
];

/** The path with what varies; tokens of links are of the right form, and of nobody. */
const filled = (path: string) =>
  path
    .replace('/:token', `/${'a'.repeat(53)}`)
    .replace(':file', `${'a'.repeat(53)}.gif`)
    .replace(/:\w+/g, '0');

const isDoor = ({ who }: Access) => who.surface === 'public' || who.surface === 'tracking';

describe('a request without a good credential', () => {
  it(`costs at most ${mostRows} rows on every route there is, and on those that are not there`, async () => {
    const dear: string[] = [];
    let asked = 0;
    const routes = [
      ...access,
      ...['GET', 'POST', 'DELETE'].map((method) => ({ method, path: '/no/such/thing' })),
    ];
    for (const { method, path } of routes) {
      for (const [name, key, headers] of comers) {
        for (const [type, text] of method === 'GET' ? bodies.slice(0, 1) : bodies) {
          await bindings.DB.exec('DELETE FROM auth_rate_limits');
          const sent = { ...headers, Origin: origin, 'Content-Length': String(text.length) };
          const { status, cost } = await orderOf(key, filled(path), type, text, { method, headers: sent });
          asked += 1;
          const rows = cost.read + cost.written;
          if (!(rows <= mostRows))
            dear.push(`${name}: ${method} ${path} → ${status}, read ${cost.read}, written ${cost.written}`);
        }
      }
    }
    console.log(`${asked} requests`);
    expect(dear).toEqual([]);
  }, 300_000);

  it(`costs at most ${mostRows} rows where its form is filled in`, async () => {
    const address = { email: 'root@people.example' };
    const stranger = { email: 'nobody@people.example' };
    const forms: [path: string, form: Record<string, string>][] = [
      ['/sign-in', { ...address, password: 'a wrong sentence' }],
      ['/sign-in', { ...stranger, password: 'a wrong sentence' }],
      ['/sign-in/code', { code: '123456' }],
      ['/sign-in/code', { code: 'abcde-fghij' }],
      ['/sign-in/link', stranger],
      ['/sign-in/forgotten', stranger],
      ['/sign-in/open', { token: 'x'.repeat(32) }],
      ['/sign-in/reset', { token: 'x'.repeat(24), password: 'a long enough sentence' }],
      ['/sign-in/passkey', { response: '{"id":"AAAA","response":{}}' }],
      ['/set-up', { code: 'AAAA-AAAA-AAAA', ...address, name: 'x', password: 'a long enough sentence' }],
      ['/invitation/open', { token: 'x'.repeat(32) }],
      ['/invitation', { token: 'x'.repeat(32), name: 'x', password: 'a long enough sentence' }],
      ['/account', { organization: 'x' }],
      ['/sign-out', {}],
    ];
    const dear: string[] = [];
    for (const [path, form] of forms) {
      for (const [name, key, headers] of comers) {
        const text = new URLSearchParams(form).toString();
        const sent = { ...headers, Origin: origin, 'Content-Length': String(text.length) };
        const { status, cost } = await orderOf(key, path, 'application/x-www-form-urlencoded', text, {
          headers: sent,
        });
        const rows = cost.read + cost.written;
        if (!(rows <= mostRows))
          dear.push(`${name}: ${path} ${text} → ${status}, read ${cost.read}, written ${cost.written}`);
      }
    }
    expect(dear).toEqual([]);
  });

  it('is not read before it is known that nobody may ask: only what is open to everybody reads forms', async () => {
    const early: string[] = [];
    for (const row of access) {
      if (row.method === 'GET' || isDoor(row)) continue;
      for (const [name, key, headers] of comers) {
        for (const [type, text] of bodies) {
          const sent = { ...headers, Origin: origin, 'Content-Length': String(text.length) };
          const { status, order } = await orderOf(key, filled(row.path), type, text, {
            method: row.method,
            headers: sent,
          });
          // A refused body may be read to its end, so that the client gets to hear why.
          const asksDatabase = row.who.surface === 'api' && key?.startsWith('pp_');
          const first = asksDatabase ? ['key'] : [];
          const fine = order[0] === 'key' || (order.length <= 1 && first.length === 0);
          if (!fine || ![303, 401, 403].includes(status))
            early.push(`${name}: ${row.method} ${row.path} → ${status}, ${order.join(' then ')}`);
        }
      }
    }
    expect(early).toEqual([]);
  }, 300_000);
});

describe('what is open to everybody', () => {
  /** A limit that is used up, and whom it was asked for. */
  function usedUp() {
    const keys: string[] = [];
    const limit = async ({ key }: { key: string }) => {
      keys.push(key);
      return { success: false };
    };
    return { keys, limit };
  }

  it('is limited by source wherever somebody comes in, unsubscribes or is tracked', async () => {
    const ways = /^\/(sign-in|sign-out|set-up|invitation|account|t|c|u)(\/|$)/;
    const open = access.filter((row) => isDoor(row) && ways.test(row.path));
    expect(open.length).toBeGreaterThan(24);
    const wrong: string[] = [];
    for (const { method, path, who } of open) {
      const [pages, tracking] = [usedUp(), usedUp()];
      const environment = { ...meteredEnv, PAGES_LIMIT: pages, TRACKING_LIMIT: tracking };
      const headers = { 'CF-Connecting-IP': '192.0.2.77', Accept: 'text/html', Origin: origin };
      const answer = await request(filled(path), { method, headers, redirect: 'manual' }, environment);
      const asked = who.surface === 'tracking' ? tracking : pages;
      // What a mail shows and where it leads works on, and is not recorded.
      const expected = /^\/[tc]\//.test(path) ? [200, 404] : [429];
      const { read, written } = costOf(answer);
      if (!expected.includes(answer.status) || asked.keys.join() !== '192.0.2.77' || read + written > 0)
        wrong.push(`${method} ${path} → ${answer.status}, ${asked.keys.join()}, ${read + written} rows`);
      await answer.body?.cancel();
    }
    expect(wrong).toEqual([]);
  });

  it('is otherwise what costs nothing, the one page that leads to the way in, and a feed whose path is secret', () => {
    const unlimited = access.filter((row) => isDoor(row) && 'limit' in row.who && row.who.limit === null);
    expect(unlimited.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /',
      'GET /healthz',
      'GET /openapi.json',
      'POST /feeds/:transport/:mac',
      'GET /docs',
      'GET /docs/api',
      'GET /docs/api/:group',
      'GET /docs/:guide',
      'GET /assets/:version/:name',
    ]);
  });
});
