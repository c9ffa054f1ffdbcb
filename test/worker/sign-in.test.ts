import { beforeAll, describe, expect, it } from 'vitest';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { mailedSecret, mailsTo, setupCode } from './dashboard-support.ts';
import { bindings, migrate, newAccount, request, testStore } from './support.ts';

const origin = 'https://api.test';
const password = 'a long enough sentence';
const owner = 'owner@people.example';

function newBrowser(): Browser {
  return new Browser(origin, request);
}

async function signIn(email: string, secret = password): Promise<{ browser: Browser; response: Response }> {
  const browser = newBrowser();
  return { browser, response: await browser.post('/sign-in', { email, password: secret }) };
}

beforeAll(async () => {
  await migrate();
  const { domain } = await newAccount();
  await chooseSystemDomain(testStore(), domain, Date.now());
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

  it('turns away whoever tries too many codes, and nobody else', async () => {
    const guesser = new Browser(origin, (path, init) => {
      const headers = new Headers(init.headers);
      headers.set('CF-Connecting-IP', '198.51.100.99');
      return request(path, { ...init, headers });
    });
    const guess = async (browser: Browser) =>
      (await browser.post('/set-up', { ...person, code: 'AAAA-AAAA-AAAA' })).status;
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++) statuses.push(await guess(guesser));
    expect([statuses[0], statuses.at(-1)]).toEqual([403, 429]);
    expect(await guess(newBrowser())).toBe(403);
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

  describe('that fails too often', () => {
    const victim = owner;
    /** A browser that all comes from one address. */
    const from = (address: string) =>
      new Browser(origin, (path, init) => {
        const headers = new Headers(init.headers);
        headers.set('CF-Connecting-IP', address);
        return request(path, { ...init, headers });
      });
    const guess = async (browser: Browser, secret: string) =>
      (await browser.post('/sign-in', { email: victim, password: secret })).status;
    const forget = () => bindings.DB.exec('DELETE FROM auth_rate_limits');
    const told = async () =>
      (await mailsTo(victim)).filter(({ subject }) => subject === 'Somebody tries to sign in as you');

    it('is turned away by address and source together: the person comes in from elsewhere', async () => {
      const attacker = from('198.51.100.1');
      let status = 401;
      for (let i = 0; i < 25 && status === 401; i++) status = await guess(attacker, `guess ${i}`);
      expect(status).toBe(429);
      expect(await guess(from('198.51.100.2'), password)).toBe(303);
      await forget();
    });

    it('from many places is told by mail once, and never locks out a browser that has been here', async () => {
      const browser = from('203.0.113.1');
      expect(await guess(browser, password)).toBe(303);
      const before = (await told()).length;
      await bindings.DB.prepare(
        "INSERT INTO auth_rate_limits (id, key, count, last_request) VALUES ('a', ?, 19, ?) ON CONFLICT (key) DO UPDATE SET count = 19",
      )
        .bind(`sign-in:${victim}`, Date.now())
        .run();
      expect(await guess(from('198.51.100.20'), 'guess')).toBe(401);
      const mails = await told();
      expect(mails).toHaveLength(before + 1);
      expect(mails.at(-1)?.text).toContain(
        '20 times within a quarter of an hour, the last from 198.51.100.20',
      );
      await bindings.DB.prepare('UPDATE auth_rate_limits SET count = 100 WHERE key = ?')
        .bind(`sign-in:${victim}`)
        .run();
      expect(await guess(from('198.51.100.21'), password)).toBe(429);
      await browser.post('/sign-out');
      expect(await guess(browser, password)).toBe(303);
      await forget();
    });

    it('for an address that nobody has is answered alike, and told to nobody', async () => {
      for (let i = 0; i < 25; i++)
        expect((await signIn('nobody@people.example', `guess ${i}`)).response.status).toBe(401);
      expect(await mailsTo('nobody@people.example')).toEqual([]);
      await forget();
    });

    it('is not let in by the mark of a browser that is of another person, or made up', async () => {
      const browser = from('203.0.113.9');
      await guess(browser, password);
      const mark = [...browser.cookies].find(([name]) => name.includes('device'))?.[1] ?? '';
      expect(mark).toMatch(/^[\w-]{36}\.[0-9a-f]{64}$/);
      await bindings.DB.prepare(
        "INSERT INTO auth_rate_limits (id, key, count, last_request) VALUES ('b', ?, 200, ?) ON CONFLICT (key) DO UPDATE SET count = 200",
      )
        .bind('sign-in:other@people.example', Date.now())
        .run();
      for (const device of [mark, `${crypto.randomUUID()}.${'0'.repeat(64)}`]) {
        const response = await newBrowser().post(
          '/sign-in',
          { email: 'other@people.example', password },
          { Cookie: `pennypost.device=${device}` },
        );
        expect(response.status).toBe(429);
      }
      await forget();
    });
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
    const token = await mailedSecret(owner);
    const browser = newBrowser();
    expect((await browser.get('/sign-in/open')).status).toBe(200); // as a mail scanner would
    expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
    const opened = await browser.post('/sign-in/open', { token });
    expect(opened.headers.get('Location')).toBe('/?done=address-proven');
    expect((await browser.get('/')).status).toBe(200);
    expect((await newBrowser().post('/sign-in/open', { token })).status).toBe(401);
  });

  it('mails nothing to a stranger and does not tell', async () => {
    const response = await newBrowser().submit('/sign-in/link', { email: 'stranger@people.example' });
    expect(await response.text()).toContain('If this address belongs to somebody here');
    expect(await mailsTo('stranger@people.example')).toEqual([]);
  });

  it('resets a forgotten password and ends every session', async () => {
    const reset = async (secret: string) => {
      const body = { token: await mailedSecret(owner), password: secret };
      return await newBrowser().post('/sign-in/reset', body);
    };
    await newBrowser().post('/sign-in/forgotten', { email: owner });
    expect((await reset(password)).status).toBe(303);
    const { browser } = await signIn(owner);
    await newBrowser().post('/sign-in/forgotten', { email: owner });
    expect((await reset('short')).status).toBe(400);
    const answer = await reset('another long sentence');
    expect(answer.headers.get('Location')).toContain('password-changed');
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
