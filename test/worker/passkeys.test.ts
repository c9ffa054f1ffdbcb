import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { Authenticator, type Lies } from './authenticator.ts';
import { setUpOwner, signIn } from './dashboard-support.ts';
import { bindings, migrate, newAccount, request } from './support.ts';

const origin = 'https://api.test';
const email = 'root@people.example';
const password = 'a long enough sentence';

let owner: Browser;

function newBrowser(): Browser {
  return new Browser(origin, request);
}

async function optionsOf(browser: Browser, path: string): Promise<{ challenge: string }> {
  const response = await browser.post(path);
  expect(response.status).toBe(200);
  return await response.json();
}

/** Adds a passkey as the page does. */
async function add(
  browser: Browser,
  authenticator: Authenticator,
  lies: Lies = {},
  name = 'my laptop',
): Promise<Response> {
  const answer = await authenticator.create(await optionsOf(browser, '/profile/passkeys/options'), lies);
  return await browser.post('/profile/passkeys', { name, response: JSON.stringify(answer) });
}

/** Signs in with a passkey as the page does. */
async function enter(browser: Browser, authenticator: Authenticator, lies: Lies = {}): Promise<Response> {
  const answer = await authenticator.get(await optionsOf(browser, '/sign-in/passkey/options'), lies);
  return await browser.post('/sign-in/passkey', { response: JSON.stringify(answer), next: '/messages' });
}

async function added(): Promise<Authenticator> {
  const authenticator = await Authenticator.at(origin);
  const response = await add(owner, authenticator);
  expect(response.headers.get('Location')).toBe('/profile?done=passkey-added');
  return authenticator;
}

async function count(): Promise<number> {
  const row = await bindings.DB.prepare('SELECT count(*) AS n FROM auth_passkeys').first<{ n: number }>();
  return row?.n ?? -1;
}

beforeAll(async () => {
  await migrate();
  await newAccount();
  owner = await setUpOwner(newBrowser(), { email, password });
});

beforeEach(async () => {
  await bindings.DB.batch(
    ['DELETE FROM auth_rate_limits', 'DELETE FROM auth_passkeys'].map((sql) => bindings.DB.prepare(sql)),
  );
});

describe('signing in with a passkey', () => {
  it('opens a session and notes the use', async () => {
    const authenticator = await added();
    expect(await (await owner.get('/profile')).text()).toContain('never');
    const browser = newBrowser();
    const response = await enter(browser, authenticator);
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/messages']);
    const page = await (await browser.get('/profile')).text();
    expect(page).toContain('my laptop');
    expect(page).not.toContain('never');
  });

  it('asks for no code, where a password does', async () => {
    const authenticator = await added();
    await bindings.DB.exec('UPDATE auth_users SET two_factor_enabled = 1');
    const { response } = await signIn(newBrowser(), email, password);
    expect(response.headers.get('Location')).toContain('/sign-in/code');
    const browser = newBrowser();
    expect((await enter(browser, authenticator)).headers.get('Location')).toBe('/messages');
    expect((await browser.get('/')).status).toBe(200);
    await bindings.DB.exec('UPDATE auth_users SET two_factor_enabled = 0');
  });

  it('asks the authenticator to verify its user, and for this host', async () => {
    expect(await optionsOf(newBrowser(), '/sign-in/passkey/options')).toMatchObject({
      rpId: 'api.test',
      userVerification: 'required',
    });
    expect(await optionsOf(owner, '/profile/passkeys/options')).toMatchObject({
      rp: { id: 'api.test', name: 'Pennypost' },
      user: { name: email },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      attestation: 'none',
    });
  });

  it.each<[string, Lies]>([
    ['whose user was not verified', { userVerified: false }],
    ['given to another site', { origin: 'https://api.test.evil.example' }],
    ['to another challenge', { challenge: 'AAAA' }],
    ['with a wrong signature', { signed: false }],
  ])('refuses an answer %s', async (_, lies) => {
    const authenticator = await added();
    const browser = newBrowser();
    const response = await enter(browser, authenticator, lies);
    expect(response.status).toBe(401);
    expect(await response.text()).toContain('The passkey was not taken');
    expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
    expect((await enter(browser, authenticator)).status).toBe(303);
  });

  it('takes an answer once, and only in the browser that asked', async () => {
    const authenticator = await added();
    const browser = newBrowser();
    const answer = await authenticator.get(await optionsOf(browser, '/sign-in/passkey/options'));
    const fields = { response: JSON.stringify(answer) };
    expect((await newBrowser().post('/sign-in/passkey', fields)).status).toBe(401);
    const thief = newBrowser();
    await optionsOf(thief, '/sign-in/passkey/options');
    expect((await thief.post('/sign-in/passkey', fields)).status).toBe(401);
    expect((await browser.post('/sign-in/passkey', fields)).status).toBe(303);
    expect((await browser.post('/sign-in/passkey', fields)).status).toBe(401);
  });

  it('refuses an authenticator that nobody has added, and one that was removed', async () => {
    expect((await enter(newBrowser(), await Authenticator.at(origin))).status).toBe(401);
    const authenticator = await added();
    const path = /\/profile\/passkeys\/[\w-]+\/remove/.exec(await (await owner.get('/profile')).text())?.[0];
    const removed = await owner.post(path ?? '');
    expect(removed.headers.get('Location')).toBe('/profile?done=passkey-removed');
    expect(await count()).toBe(0);
    expect((await enter(newBrowser(), authenticator)).status).toBe(401);
  });

  it('goes on only to pages of its own', async () => {
    const authenticator = await added();
    const browser = newBrowser();
    const answer = await authenticator.get(await optionsOf(browser, '/sign-in/passkey/options'));
    const fields = { response: JSON.stringify(answer), next: '//evil.example' };
    expect((await browser.post('/sign-in/passkey', fields)).headers.get('Location')).toBe('/');
  });

  it('refuses a request of another site', async () => {
    for (const path of ['/sign-in/passkey/options', '/sign-in/passkey']) {
      const response = await newBrowser().post(path, { response: '{}' }, { Origin: 'https://evil.example' });
      expect([path, response.status]).toEqual([path, 403]);
    }
  });

  it('turns away whoever tries too often', async () => {
    const browser = new Browser(origin, (path, init) => {
      const headers = new Headers(init.headers);
      headers.set('CF-Connecting-IP', '192.0.2.1');
      return request(path, { ...init, headers });
    });
    const answer = JSON.stringify(await (await Authenticator.at(origin)).get({ challenge: 'AAAA' }));
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++)
      statuses.push((await browser.post('/sign-in/passkey', { response: answer })).status);
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
    // The sign-in page asks by itself, so often as it may be opened: wrangler.toml, PAGES_LIMIT.
    let last = await browser.post('/sign-in/passkey/options');
    for (let i = 0; i < 120; i++)
      last = await browser.post('/sign-in/passkey/options', {}, { Accept: '*/*' });
    expect(last.status).toBe(429);
    expect(await last.json()).toMatchObject({ detail: 'Too many requests came from you. Wait a minute.' });
  });
});

describe('adding a passkey', () => {
  it.each<[string, Lies]>([
    ['whose user was not verified', { userVerified: false }],
    ['made for another site', { origin: 'https://evil.example' }],
    ['made for another challenge', { challenge: 'AAAA' }],
  ])('refuses one %s', async (_, lies) => {
    const response = await add(owner, await Authenticator.at(origin), lies);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('The passkey is not added');
    expect(await count()).toBe(0);
  });

  it('refuses one that is there already', async () => {
    const authenticator = await added();
    expect((await add(owner, authenticator)).status).toBe(400);
    expect(await count()).toBe(1);
  });

  it('wants a name of 1 to 60 characters', async () => {
    for (const name of ['', ' ', 'x'.repeat(61)]) {
      const response = await add(owner, await Authenticator.at(origin), {}, name);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('Name</a>: 1 to 60 characters');
    }
    expect(await count()).toBe(0);
  });

  it('wants a sign-in of the last day, and says so', async () => {
    const authenticator = await Authenticator.at(origin);
    const options = await optionsOf(owner, '/profile/passkeys/options');
    const { browser } = await signIn(newBrowser(), email, password);
    await bindings.DB.exec('UPDATE auth_sessions SET created_at = created_at - 90000000');
    const refused = await browser.post('/profile/passkeys/options');
    expect(refused.status).toBe(403);
    expect(await refused.json()).toEqual({ detail: expect.stringContaining('Sign out and in again') });
    const response = JSON.stringify(await authenticator.create(options));
    const page = await owner.post('/profile/passkeys', { name: 'late', response });
    expect(page.status).toBe(403);
    expect(await page.text()).toContain('Sign out and in again');
    expect(await count()).toBe(0);
    await bindings.DB.exec('UPDATE auth_sessions SET created_at = created_at + 90000000');
  });

  it('ends at twenty', async () => {
    await added();
    await bindings.DB.exec(
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19) INSERT INTO auth_passkeys (id, user_id, name, credential_id, public_key, counter, device_type, backed_up, created_at) SELECT 'p' || i, user_id, 'more', 'c' || i, 'k', 0, 'singleDevice', 0, 0 FROM n, (SELECT user_id FROM auth_passkeys LIMIT 1)",
    );
    expect((await add(owner, await Authenticator.at(origin))).status).toBe(409);
    expect(await count()).toBe(20);
    expect(await (await owner.get('/profile')).text()).toContain('as many as one may have');
  });
});

describe('an answer that is none', () => {
  const good = { id: 'AAAA', rawId: 'AAAA', type: 'public-key', clientExtensionResults: {} };
  const assertion = { clientDataJSON: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' };

  it.each<[string, string, number, string]>([
    ['no JSON', 'x', 400, 'response: must be the JSON'],
    ['null', 'null', 400, 'response/:'],
    ['nothing in it', '{}', 400, 'response/id:'],
    [
      'an id that is no base64url',
      JSON.stringify({ ...good, id: '+/==', response: assertion }),
      400,
      'response/id: must be base64url',
    ],
    [
      'a number for a signature',
      JSON.stringify({ ...good, response: { ...assertion, signature: 1 } }),
      400,
      'response/response/signature:',
    ],
    [
      'too much',
      JSON.stringify({ ...good, id: 'A'.repeat(33_000), response: assertion }),
      413,
      'response: at most 32768',
    ],
    [
      'bytes that mean nothing',
      JSON.stringify({ ...good, response: assertion }),
      401,
      'The passkey was not taken',
    ],
  ])('is refused by its field: %s', async (_, response, status, text) => {
    const browser = newBrowser();
    await optionsOf(browser, '/sign-in/passkey/options');
    const answer = await browser.post('/sign-in/passkey', { response });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(text);
  });
});
