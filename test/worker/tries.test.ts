import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import worker from '../../worker/index.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { totpOf } from '../support/totp.ts';
import { mailsTo, setUpOwner } from './dashboard-support.ts';
import { bindings, counted, migrate, newAccount, request, testStore } from './support.ts';

/** What somebody may try who is not let in yet, and what that costs us and others. */
const origin = 'https://api.test';
const password = 'a long enough sentence';
const owner = 'owner@people.example';
const nobody = 'nobody@people.example';
const limiters = env as unknown as Record<'GUESSES_LIMIT' | 'ALL_GUESSES_LIMIT', RateLimit>;

/** A browser whose requests come from one address; null: each from another. */
function from(address: string | null): Browser {
  return new Browser(origin, (path, init) => {
    const headers = new Headers(init.headers);
    if (address !== null) headers.set('CF-Connecting-IP', address);
    return request(path, { ...init, headers });
  });
}
const guess = async (browser: Browser, email: string, secret = 'not the password') =>
  (await browser.post('/sign-in', { email, password: secret })).status;
const ask = async (browser: Browser, email: string) =>
  (await browser.post('/sign-in/link', { email })).status;
let attackers = 0;
/**
 * How many of one source's guesses are looked at in a minute. They come at once, and from a second source again: a burst
 * in which a minute ends has two minutes' worth.
 */
async function hashedOf(one: (browser: Browser, i: number) => Promise<number>): Promise<number> {
  const bursts: number[] = [];
  for (let burst = 0; burst < 2; burst++) {
    attackers += 1;
    const address = `203.0.113.${100 + attackers}`;
    const statuses = await Promise.all(Array.from({ length: 45 }, (_, i) => one(from(address), i)));
    expect([...new Set(statuses)].sort()).toEqual([401, 429]);
    bursts.push(statuses.filter((status) => status === 401).length);
  }
  return Math.min(...bursts);
}
let known: Browser;

beforeAll(async () => {
  await migrate();
  const { domain } = await newAccount();
  await chooseSystemDomain(testStore(), domain, Date.now());
  known = await setUpOwner(from(null), { email: owner, password });
});
beforeEach(() => bindings.DB.exec('DELETE FROM auth_rate_limits'));

describe('what is counted', () => {
  it('lasts as long as it should, whatever else is counted meanwhile', async () => {
    const minutes = 60_000;
    const count = (key: string, of: number, atMs: number) =>
      bindings.DB.prepare('INSERT INTO auth_rate_limits (id, key, count, last_request) VALUES (?, ?, ?, ?)')
        .bind(key, key, of, atMs)
        .run();
    await count(`sign-in:${owner}`, 100, Date.now() - 5 * minutes);
    await from('198.51.100.5').post('/sign-in/passkey', { response: passkeyAnswer });
    await bindings.DB.prepare("UPDATE auth_rate_limits SET last_request = ? WHERE key LIKE '%passkey%'")
      .bind(Date.now() - 2 * minutes)
      .run();
    await from('198.51.100.5').post('/sign-in/passkey', { response: passkeyAnswer });
    expect(await guess(from('198.51.100.6'), owner, password)).toBe(429);
  });

  it('of one source leaves enough for others: tries', async () => {
    const aMinute = await hashedOf((browser) => guess(browser, owner));
    // Of all strangers together a quarter of an hour has 100.
    expect(aMinute).toBeGreaterThan(3);
    expect(aMinute * 15).toBeLessThan(100);
  });

  it('of one source leaves enough for others: mails that are asked for', async () => {
    const before = (await mailsTo(owner)).length;
    const attacker = from('198.51.100.9');
    for (let i = 0; i < 12; i++) await ask(attacker, owner);
    const byAttacker = (await mailsTo(owner)).length - before;
    await ask(from('198.51.100.10'), owner);
    expect([byAttacker, (await mailsTo(owner)).length - before]).toEqual([3, 4]);
  });
});

describe('a guess of a password', () => {
  it('is not hashed when one source asks for many people', async () => {
    expect(await hashedOf((browser, i) => guess(browser, `somebody-${i}@people.example`))).toBe(20);
    expect(await guess(from('198.51.100.12'), nobody)).toBe(401);
  });

  it('is hashed for each address of IPv4, also where the proxy in front writes them as those of IPv6', async () => {
    const burst = Array.from({ length: 45 }, () => guess(from('::ffff:198.51.100.16'), nobody));
    expect(await Promise.all(burst)).toContain(429);
    expect(await guess(from('::ffff:198.51.100.17'), nobody)).toBe(401);
  });
});

describe('how long an answer takes', () => {
  it('does not tell who is known: the mail is made after it', async () => {
    const asked = async (path: string, email: string) => {
      const { cost, environment } = counted();
      const context = createExecutionContext();
      const form = new Request(`${origin}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ email }).toString(),
        headers: {
          Origin: origin,
          'Content-Type': 'application/x-www-form-urlencoded',
          'Content-Length': String(new URLSearchParams({ email }).toString().length),
          'CF-Connecting-IP': '198.51.100.14',
        },
      });
      const response = await worker.fetch(form, { ...environment, METER: '0' }, context);
      const { trips } = cost;
      await waitOnExecutionContext(context);
      return { trips, status: response.status };
    };
    for (const path of ['/sign-in/link', '/sign-in/forgotten']) {
      const before = (await mailsTo(owner)).length;
      const [stranger, person] = [await asked(path, nobody), await asked(path, owner)];
      expect([path, person]).toEqual([path, stranger]);
      expect([path, (await mailsTo(owner)).length]).toEqual([path, before + 1]);
    }
  });

  it('is the same for every wrong guess', async () => {
    for (const email of [owner, nobody]) {
      const startedAt = performance.now();
      const context = createExecutionContext();
      const body = new URLSearchParams({ email, password: 'not the password' }).toString();
      const headers = {
        Origin: origin,
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': String(body.length),
        'CF-Connecting-IP': '198.51.100.15',
      };
      const form = new Request(`${origin}/sign-in`, { method: 'POST', body, headers });
      expect((await worker.fetch(form, env, context)).status).toBe(401);
      expect(performance.now() - startedAt).toBeGreaterThan(490);
      await waitOnExecutionContext(context);
    }
  });
});

it('a code of an authenticator app opens once', async () => {
  const browser = from('203.0.113.2');
  expect(await guess(browser, owner, password)).toBe(303);
  const page = await (await browser.submit('/profile/two-factor', { password })).text();
  const secret = /secret=([A-Z2-7]+)/.exec(page)?.[1] ?? '';
  const code = await totpOf(secret, Date.now());
  await browser.post('/profile/two-factor/confirm', { code });
  const show = async (address: string) => {
    const visitor = from(address);
    await guess(visitor, owner, password);
    return await visitor.post('/sign-in/code', { code });
  };
  expect((await show('203.0.113.3')).status).toBe(303);
  const again = await show('203.0.113.4');
  expect([again.status, await again.text()]).toEqual([401, expect.stringContaining('was used before')]);
});

it('a guess is not hashed when strangers together ask for too many; a known device passes', async () => {
  let spent = 0;
  while ((await limiters.ALL_GUESSES_LIMIT.limit({ key: 'all' })).success) spent += 1;
  expect(spent).toBeLessThanOrEqual(300);
  expect(spent).toBeGreaterThan(200);
  expect(await guess(from('198.51.100.13'), owner, password)).toBe(429);
  await known.post('/sign-out');
  expect(await guess(known, owner, password)).toBe(303);
});

/** An authenticator's answer in form, of a passkey that nobody has. */
const passkeyAnswer = JSON.stringify({
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: { clientDataJSON: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' },
});
