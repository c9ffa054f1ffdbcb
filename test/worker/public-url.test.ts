import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseEnv } from '../../worker/env.ts';
import worker from '../../worker/index.ts';
import { Browser } from '../support/browser.ts';
import { letInstallationMail, mailsTo, setUpOwner } from './dashboard-support.ts';
import { call, mail, meteredEnv, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

const owner = { email: 'owner@people.example', password: 'a long enough sentence' };
let account: TestAccount;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  await setUpOwner(new Browser('https://api.test', request), owner);
  await letInstallationMail(account);
});

/** A browser that reaches the Worker by some name. */
function browserAt(origin: string, environment: Record<string, unknown> = meteredEnv): Browser {
  return new Browser(origin, async (path, init) => {
    const context = createExecutionContext();
    const response = await worker.fetch(new Request(`${origin}${path}`, init), environment, context);
    await waitOnExecutionContext(context);
    return response;
  });
}

describe('a request by a host that is not the public one', () => {
  const evil = 'https://evil.example';

  it('is refused by every page, and mails no link that leads there', async () => {
    const before = (await mailsTo(owner.email)).length;
    const browser = browserAt(evil);
    for (const path of ['/', '/sign-in', '/set-up', '/sign-in/forgotten', '/messages', '/profile']) {
      const response = await browser.get(path);
      expect([path, response.status]).toEqual([path, 421]);
      expect(await response.text()).toContain('The pages of this installation are at https://api.test.');
    }
    for (const path of ['/sign-in', '/sign-in/forgotten', '/sign-in/link', '/sign-in/passkey/options'])
      expect([path, (await browser.post(path, owner)).status]).toEqual([path, 421]);
    expect(await mailsTo(owner.email)).toHaveLength(before);
  });

  it('is refused although the port alone is another one', async () => {
    expect((await browserAt('https://api.test:8443').get('/sign-in')).status).toBe(421);
  });
});

describe('PUBLIC_URL', () => {
  it('is what links of mails and cookies are made of, however TLS ended on the way', async () => {
    const browser = browserAt('http://api.test');
    const response = await browser.post('/sign-in', owner, { Origin: 'https://api.test' });
    expect(response.status).toBe(303);
    expect(response.headers.getSetCookie().join()).toContain('__Secure-pennypost.session_token');
    await browser.post('/sign-in/forgotten', owner, { Origin: 'https://api.test' });
    expect((await mailsTo(owner.email)).at(-1)?.text).toContain('https://api.test/sign-in/');
  });

  it('is what links in the mail of accounts lead to', async () => {
    const html = mail(account, { html_body: '<a href="https://shop.example/">x</a>', track_clicks: true });
    const context = createExecutionContext();
    const response = await worker.fetch(
      new Request('https://other.example/v1/send', {
        method: 'POST',
        headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(html),
      }),
      meteredEnv,
      context,
    );
    await waitOnExecutionContext(context);
    const { message_id: id } = (await response.json()) as { message_id: string };
    expect(await rawOf(id)).toContain('https://api.test/c/');
  });

  it('may be left out on one’s own machine, where pages open by its loopback names only', async () => {
    const unset = { ...meteredEnv, PUBLIC_URL: '' };
    for (const host of ['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787'])
      expect([host, (await browserAt(host, unset).get('/sign-in')).status]).toEqual([host, 200]);
    for (const host of ['http://evil.example', 'http://192.0.2.7', 'http://localhost.evil.example']) {
      const response = await browserAt(host, unset).get('/sign-in');
      expect([host, response.status]).toEqual([host, 421]);
      expect(await response.text()).toContain('Set PUBLIC_URL');
    }
  });

  it('must be an origin', () => {
    const read = (PUBLIC_URL: string) => parseEnv({ ...meteredEnv, PUBLIC_URL }).publicUrl;
    for (const url of ['api.test', 'ftp://api.test', 'https://api.test/x', 'https://u@api.test'])
      expect(() => read(url)).toThrow('PUBLIC_URL must be an https or http URL without a path');
    expect(read('https://api.test/')).toBe('https://api.test');
  });

  it('does not close the API to the names that it is reached by', async () => {
    expect((await call('GET', '/v1/credential', account.live)).status).toBe(200);
  });
});
