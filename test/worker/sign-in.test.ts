import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setupCode } from './dashboard-support.ts';
import { bindings, call, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

const origin = 'https://api.test';
const password = 'a long enough sentence';
const owner = 'owner@people.example';

function newBrowser(): Browser {
  return new Browser(origin, request);
}

/** The newest mail to an address, as its raw text. */
async function mailTo(account: TestAccount, address: string): Promise<string> {
  const { body } = await call('GET', `/v1/emails?to=${encodeURIComponent(address)}&limit=1`, account.live);
  const raw = await rawOf(body.data[0].id);
  return raw.replaceAll('=\r\n', '').replaceAll('=3D', '=');
}

async function signIn(email: string, secret = password): Promise<{ browser: Browser; response: Response }> {
  const browser = newBrowser();
  return { browser, response: await browser.post('/sign-in', { email, password: secret }) };
}

let account: TestAccount;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

describe('the first set-up', () => {
  const person = { name: 'Olga', email: owner, password };

  it('sends the first visitor to the set-up', async () => {
    const response = await newBrowser().get('/');
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/set-up']);
  });

  it('refuses a wrong code', async () => {
    const response = await newBrowser().post('/set-up', { ...person, code: 'AAAA-AAAA-AAAA' });
    expect(response.status).toBe(403);
  });

  it('makes the owner with the code, however it is typed, and signs in', async () => {
    const browser = newBrowser();
    const typed = (await setupCode()).toLowerCase().replaceAll('-', ' ');
    const response = await browser.post('/set-up', { ...person, code: typed });
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/?done=welcome']);
    const page = await (await browser.get('/')).text();
    expect(page).toContain('Overview');
    expect(page).toContain(owner);
  });

  it('is over after that', async () => {
    const response = await newBrowser().post('/set-up', {
      ...person,
      email: 'b@people.example',
      code: await setupCode(),
    });
    expect(response.headers.get('Location')).toBe('/sign-in');
    const again = await newBrowser().get('/set-up');
    expect(again.headers.get('Location')).toBe('/sign-in');
  });
});

describe('sign-in', () => {
  it('gives a session cookie that scripts and other sites do not get', async () => {
    const { response } = await signIn(owner);
    expect(response.status).toBe(303);
    const cookie = response.headers.getSetCookie().find((text) => text.includes('session_token')) ?? '';
    for (const attribute of ['__Secure-', 'HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'])
      expect(cookie).toContain(attribute);
  });

  it('refuses a wrong password and an unknown address alike', async () => {
    const wrong = await signIn(owner, 'not the password');
    const unknown = await signIn('nobody@people.example');
    expect([wrong.response.status, unknown.response.status]).toEqual([401, 401]);
    const text = 'E-mail and password do not belong together.';
    expect(await wrong.response.text()).toContain(text);
    expect(await unknown.response.text()).toContain(text);
  });

  it('turns away whoever tries too often', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++)
      statuses.push((await signIn('victim@people.example', `guess ${i}`)).response.status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    await bindings.DB.exec('DELETE FROM auth_rate_limits');
  });

  it('refuses a form of another site', async () => {
    const response = await newBrowser().post(
      '/sign-in',
      { email: owner, password },
      { Origin: 'https://evil.example' },
    );
    expect(response.status).toBe(403);
  });

  it('goes on only to pages of its own', async () => {
    for (const next of ['https://evil.example/', '//evil.example', '/\\evil.example']) {
      const response = await newBrowser().post('/sign-in', { email: owner, password, next });
      expect(response.headers.get('Location')).toBe('/');
    }
    await bindings.DB.exec('DELETE FROM auth_rate_limits');
  });

  it('ends with sign-out, on the server too', async () => {
    const { browser } = await signIn(owner);
    const stolen = newBrowser();
    const before = await browser.get('/');
    expect(before.status).toBe(200);
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    await browser.post('/sign-out');
    const after = await request('/', {
      headers: { Cookie: cookie, Accept: 'text/html' },
      redirect: 'manual',
    });
    expect(after.headers.get('Location')).toBe('/sign-in');
    expect((await stolen.get('/')).headers.get('Location')).toBe('/sign-in');
  });

  it('mails a link that signs in once, and only by a button', async () => {
    await newBrowser().post('/sign-in/link', { email: owner });
    const path = /https:\/\/api\.test(\/sign-in\/link\/\w+)/.exec(await mailTo(account, owner))?.[1] ?? '';
    const browser = newBrowser();
    expect((await browser.get(path)).status).toBe(200); // as a mail scanner would
    expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
    expect((await browser.post(path)).headers.get('Location')).toBe('/');
    expect((await browser.get('/')).status).toBe(200);
    expect((await newBrowser().post(path)).status).toBe(401);
  });

  it('mails nothing to a stranger and does not tell', async () => {
    const response = await newBrowser().post('/sign-in/link', { email: 'stranger@people.example' });
    expect(await response.text()).toContain('If this address belongs to somebody here');
    const { body } = await call('GET', '/v1/emails?to=stranger%40people.example', account.live);
    expect(body.data).toEqual([]);
  });

  it('resets a forgotten password and ends every session', async () => {
    const { browser } = await signIn(owner);
    await newBrowser().post('/sign-in/forgotten', { email: owner });
    const path = /https:\/\/api\.test(\/sign-in\/reset\/\w+)/.exec(await mailTo(account, owner))?.[1] ?? '';
    const short = await newBrowser().post(path, { password: 'short' });
    expect(short.status).toBe(400);
    const reset = await newBrowser().post(path, { password: 'another long sentence' });
    expect(reset.headers.get('Location')).toContain('password-changed');
    expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
    expect((await signIn(owner)).response.status).toBe(401);
    expect((await signIn(owner, 'another long sentence')).response.status).toBe(303);
  });
});

describe('what a page allows', () => {
  it('has a policy without inline scripts and is kept by nobody', async () => {
    const { headers } = await newBrowser().get('/sign-in');
    const policy = headers.get('Content-Security-Policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe-inline');
    expect(headers.get('Cache-Control')).toBe('no-store');
  });

  it('answers an unknown path with a page to people and a problem to programs', async () => {
    const people = await newBrowser().get('/no-such-page');
    expect([people.status, people.headers.get('Content-Type')]).toEqual([404, 'text/html; charset=utf-8']);
    for (const path of ['/v1/no', '/admin/no', '/node/no', '/api/no']) {
      const response = await newBrowser().get(path);
      expect([path, response.status, response.headers.get('Content-Type')]).toEqual([
        path,
        404,
        'application/problem+json',
      ]);
    }
    const program = await request('/no-such-page');
    expect(program.headers.get('Content-Type')).toBe('application/problem+json');
  });

  it('serves its assets for ever under their version', async () => {
    const page = await (await newBrowser().get('/sign-in')).text();
    const css = /href="(\/assets\/[^"]+style\.css)"/.exec(page)?.[1] ?? '';
    const response = await newBrowser().get(css);
    expect(response.headers.get('Content-Type')).toContain('text/css');
    expect(response.headers.get('Cache-Control')).toContain('immutable');
  });
});
