import { beforeAll, describe, expect, it } from 'vitest';
import { access } from '../../worker/identity/access.ts';
import { Browser } from '../support/browser.ts';
import { newMember, setUpOwner, textOf } from './dashboard-support.ts';
import { Internet } from './receiver.ts';
import { call, migrate, newAccount, request, type TestAccount } from './support.ts';
import { newEndpoint } from './webhook-support.ts';

const origin = 'https://api.test';
let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser(origin, (path, init) => request(path, init)), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
});

const newKeyForm = { name: 'shop', environment: 'live', scopes: ['send', 'read'], domain: '' };
const secretIn = (page: string) => /id="secret">([^<]+)</.exec(page)?.[1] ?? null;
const pageOf = async (path: string, browser = owner) => await (await browser.get(path)).text();

describe('a form that was posted', () => {
  it('is answered with the way to a page, which shows a new key once: a reload makes no other', async () => {
    const made = await owner.post('/sending/keys', newKeyForm);
    expect([made.status, made.headers.get('Location')]).toEqual([303, '/sending']);
    expect(made.headers.get('Set-Cookie')).toMatch(
      /pennypost\.once=v2\.[^;]+;.*Path=\/sending;.*HttpOnly;.*SameSite=Lax/,
    );
    const secret = secretIn(await pageOf('/sending'));
    expect(secret).toMatch(/^pp_live_/);
    expect((await call('GET', '/v1/credential', secret)).status).toBe(200);
    const again = await pageOf('/sending');
    expect(secretIn(again)).toBeNull();
    expect(again.match(/shop/g)).toHaveLength(1);
  });

  it('shows it to nobody who has not made it, and on no other page', async () => {
    await owner.post('/sending/keys', newKeyForm);
    const kept = owner.cookies.get('pennypost.once') ?? '';
    const email = await newMember(account, 'developer');
    const other = new Browser(origin, (path, init) => {
      const headers = new Headers(init.headers);
      headers.set('Cookie', `${headers.get('Cookie') ?? ''}; pennypost.once=${kept}`);
      return request(path, { ...init, headers });
    });
    expect(secretIn(await pageOf('/webhooks'))).toBeNull();
    await other.post('/sign-in', { email, password: 'x' });
    expect(secretIn(await pageOf('/sending', other))).toBeNull();
    for (const wrong of ['v2.x.y.z', `${kept.slice(0, -4)}AAAA`, 'v1', '%'])
      expect(
        secretIn(
          await (
            await request('/sending', {
              headers: {
                Accept: 'text/html',
                Cookie: [...owner.cookies]
                  .map(([name, value]) => `${name}=${name === 'pennypost.once' ? wrong : value}`)
                  .join('; '),
              },
            })
          ).text(),
        ),
      ).toBeNull();
    expect(secretIn(await pageOf('/sending'))).toMatch(/^pp_live_/);
  });

  it('so it is with the secret and the test of a webhook, and the token of a node', async () => {
    const internet = new Internet();
    const { id } = await newEndpoint(account, internet);
    await owner.post(`/webhooks/${id}/rotate`);
    expect(secretIn(await pageOf(`/webhooks/${id}`))).toMatch(/^whsec_/);
    expect(secretIn(await pageOf(`/webhooks/${id}`))).toBeNull();
    await owner.post(`/webhooks/${id}/test`);
    expect(await textOf(await owner.get(`/webhooks/${id}`))).toContain('The test was taken: status 20');
    expect(await textOf(await owner.get(`/webhooks/${id}`))).not.toContain('The test was');
    await owner.post('/operator/nodes', { node: 'out.example' });
    expect(secretIn(await pageOf('/operator/nodes'))).not.toBeNull();
    expect(secretIn(await pageOf('/operator/nodes'))).toBeNull();
  });
});

describe('a form that is refused', () => {
  it('says at each field what is wrong, and leads to it', async () => {
    const refused = await owner.post('/domains', { domain: 'not a domain', type: 'outbound' });
    expect(refused.status).toBe(400);
    const page = await refused.text();
    const input = /<input id="domain"[^>]*>/.exec(page)?.[0] ?? '';
    expect(input).toContain('aria-invalid="true"');
    expect(input).toContain('aria-describedby="domain-fault"');
    expect(input).toContain('value="not a domain"');
    expect(page).toMatch(/<span class="fault" id="domain-fault">[^<]+/);
    expect(page).toContain('<a href="#domain">Domain</a>');
    expect(page).toContain('action="/domains#add"');
    expect(/<select id="type"[^>]*>/.exec(page)?.[0]).not.toContain('aria-invalid');
    expect(await pageOf('/domains')).not.toContain('aria-invalid');
  });

  it('of the test message names its field', async () => {
    const form = { from: 'a@elsewhere.example', to: 'b@example.net' };
    const text = await textOf(await owner.post('/sending/test', form));
    expect(text).toMatch(/From: .*not a domain of this account/);
  });
});

describe('the address of a form, opened by itself', () => {
  const pages = new Set(access.filter(({ method }) => method === 'GET').map(({ path }) => path));
  const forms = access.filter(
    ({ method, path, who }) => method === 'POST' && who.surface === 'dashboard' && !pages.has(path),
  );

  it.each(forms.map(({ path }) => [path]))('%s leads back to a page', async (path) => {
    const target = path.replace(/:\w+/g, '1');
    const answer = await owner.get(target);
    expect(answer.status).toBe(303);
    const place = answer.headers.get('Location') ?? '';
    expect(place).not.toBe(target);
    expect([200, 404]).toContain((await owner.get(place)).status);
  });

  it('is a 405 for programs', async () => {
    expect((await call('GET', '/v1/send', account.live)).status).toBe(405);
    expect((await request('/sending/keys')).status).toBe(405);
  });
});

describe('the colours of the pages', () => {
  const choose = (theme: string, referer: string) =>
    owner.post('/profile/theme', { theme }, { Referer: referer });

  it('are the device’s until one chooses, and stay chosen', async () => {
    expect(await pageOf('/messages')).not.toContain('data-theme');
    const chosen = await choose('dark', `${origin}/messages?q=x`);
    expect(chosen.headers.get('Location')).toBe('/messages?q=x');
    expect(await pageOf('/messages')).toContain('<html lang="en" data-theme="dark">');
    await choose('light', `${origin}/`);
    expect(await pageOf('/nowhere')).toContain('data-theme="light"');
    await choose('device', `${origin}/`);
    expect(await pageOf('/messages')).not.toContain('data-theme');
  });

  it.each(['https://evil.example/x', `${origin}//evil.example`, 'nonsense', ''])(
    'lead from %j home',
    async (referer) => {
      expect((await choose('nonsense', referer)).headers.get('Location')).toBe('/');
    },
  );
});
