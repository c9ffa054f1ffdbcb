import { beforeAll, describe, expect, it, vi } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { access } from '../../worker/identity/access.ts';
import { addMember, ensureOrganization } from '../../worker/store/auth.ts';
import { foldAccount } from '../../worker/store/fold.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { totpOf } from '../support/totp.ts';
import { agreed, newAlias } from './alias-support.ts';
import { acceptMailed, setUpOwner, signIn, textOf } from './dashboard-support.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { arf, bring, sent } from './returned-mail.ts';
import {
  bindings,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  request,
  type TestAccount,
  testStore,
} from './support.ts';
import { linksOf, visit } from './tracking-support.ts';
import { deliveriesOf, eventually, newEndpoint } from './webhook-support.ts';

const origin = 'https://api.test';
const password = 'a long enough sentence';

/** Every route that changes something for those who are signed in, with the role that it needs. */
const dashboardActions = access.flatMap(({ method, path, who }) =>
  method === 'POST' && who.surface === 'dashboard' ? [{ path, role: who.role }] : [],
);

let own: TestAccount;
let foreign: TestAccount;
let owner: Browser;
let viewer: Browser;
let developer: Browser;

/** Somebody who belongs to an account in a role; made as an accepted invitation would. */
async function member(account: TestAccount, role: 'owner' | 'developer' | 'viewer'): Promise<Browser> {
  const email = `${role}${account.id}@people.example`;
  await owner.post('/settings/invitations', { email, role });
  const browser = new Browser(origin, request);
  const joined = await acceptMailed(browser, email, { name: role, password });
  expect(joined.headers.get('Location')).toBe('/?done=welcome');
  return browser;
}

/** Ids of things of an account, as they stand in paths and forms. */
async function idsOf(account: TestAccount): Promise<Record<string, string>> {
  const { body: sent } = await call('POST', '/v1/send', account.live, mail(account));
  const first = async (sql: string) =>
    String((await bindings.DB.prepare(sql).bind(account.id).first<{ id: unknown }>())?.id);
  return {
    messages: sent.message_id,
    keys: await first('SELECT id FROM credentials WHERE account_id = ? LIMIT 1'),
    domains: await first('SELECT id FROM domains WHERE account_id = ? ORDER BY id LIMIT 1'),
    members: await first(
      'SELECT m.id FROM auth_members m JOIN auth_organizations o ON o.id = m.organization_id WHERE o.account_id = ? LIMIT 1',
    ),
    invitations: await first(
      'SELECT i.id FROM auth_invitations i JOIN auth_organizations o ON o.id = i.organization_id WHERE o.account_id = ? LIMIT 1',
    ),
    sessions: await first(
      'SELECT s.id FROM auth_sessions s WHERE ? > 0 AND s.user_id = (SELECT user_id FROM auth_members ORDER BY created_at DESC LIMIT 1)',
    ),
    passkeys: await first('SELECT id FROM auth_passkeys WHERE ? > 0 LIMIT 1'),
    accounts: '999999',
    webhooks: await first('SELECT public_id AS id FROM webhook_endpoints WHERE account_id = ? LIMIT 1'),
    'webhook-deliveries': (await deliveriesOf(account))[0]?.id,
    received: await receivedBy(account),
    aliases: await aliasOf(account),
    templates: await templateOf(account),
    selector: 'pennypost',
  };
}

const received = new Map<number, string>();
/** A mail that an account has received; one each. */
async function receivedBy(account: TestAccount): Promise<string> {
  const known = received.get(account.id);
  if (known !== undefined) return known;
  const to = `a@${await newReceivingDomain(account)}`;
  const { id } = await bringMail(to, letterTo(to));
  received.set(account.id, id);
  return id;
}

const aliases = new Map<number, string>();
/** An alias of an account; one each. */
async function aliasOf(account: TestAccount): Promise<string> {
  const known = aliases.get(account.id);
  if (known !== undefined) return known;
  const to = await agreed(account, `home-${account.id}@home.example`);
  const { id } = await newAlias(account, {
    domain: await newReceivingDomain(account, 'alias'),
    forward_to: [to],
  });
  aliases.set(account.id, String(id));
  return String(id);
}

/** A template of an account; one each. */
async function templateOf(account: TestAccount): Promise<string> {
  const content = { name: 'Receipt', slug: 'receipt', html_body: '<p>Thanks.</p>' };
  await call('POST', '/v1/templates', account.live, content);
  const { body } = await call('GET', '/v1/templates/receipt', account.live);
  return String(numberOfUuid('template', body.template.id));
}

/** A route with the ids of one account in the places of its parameters. */
function filled(path: string, ids: Record<string, string>): string {
  return path
    .replace(/\/([\w-]+)\/:id/, (_, kind: string) => `/${kind}/${ids[kind]}`)
    .replace(':selector', ids.selector ?? '');
}

beforeAll(async () => {
  await migrate();
  own = await newAccount();
  foreign = await newAccount();
  owner = await setUpOwner(new Browser(origin, request), { email: 'root@people.example', password });
  await chooseSystemDomain(testStore(), own.domain, Date.now());
  viewer = await member(own, 'viewer');
  developer = await member(own, 'developer');
  await bindings.DB.exec('DELETE FROM auth_rate_limits');
  const store = testStore();
  const nowMs = Date.now();
  const organizationId = await ensureOrganization(store, { id: foreign.id, name: 'foreign' }, nowMs);
  // The foreign account has members of its own; each looks at their first account all the same.
  for (const [name, role] of [
    ['viewer', 'viewer'],
    ['developer', 'owner'],
  ] as const) {
    const user = await bindings.DB.prepare('SELECT id FROM auth_users WHERE email LIKE ?')
      .bind(`${name}%`)
      .first<{ id: string }>();
    await addMember(store, { organizationId, userId: user?.id ?? '', role, nowMs: nowMs + 1 });
  }
  await bindings.DB.exec(
    "INSERT INTO auth_passkeys (id, user_id, name, credential_id, public_key, counter, device_type, backed_up, created_at) SELECT 'of-the-viewer', id, 'key', 'credential', 'key', 0, 'singleDevice', 0, 0 FROM auth_users WHERE email LIKE 'viewer%'",
  );
  await inviteTo(organizationId);
  const internet = new Internet();
  for (const account of [own, foreign]) {
    await newEndpoint(account, internet);
    await call('POST', '/v1/send', account.live, mail(account));
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(1));
  }
});

/** An invitation of another organization, made there by somebody who owns it; they come back afterwards. */
async function inviteTo(organizationId: string): Promise<void> {
  const home = await bindings.DB.prepare('SELECT id FROM auth_organizations WHERE account_id = ?')
    .bind(own.id)
    .first<{ id: string }>();
  await developer.post('/account', { organization: organizationId });
  const email = 'stranger@people.example';
  const invited = await developer.post('/settings/invitations', { email, role: 'viewer' });
  expect(invited.headers.get('Location')).toContain('done=invited');
  await developer.post('/account', { organization: home?.id ?? '' });
}

it('knows routes that change something', () => {
  expect(dashboardActions.length).toBeGreaterThan(20);
});

describe('a viewer', () => {
  /** What everybody may do: their own password, passkeys, sessions, second factor. */
  const forEverybody = dashboardActions.filter(({ role }) => role === 'viewer').map(({ path }) => path);

  it('may change nothing but their own sign-in', () => {
    expect(forEverybody.sort()).toEqual([
      '/profile/passkeys',
      '/profile/passkeys/:id/remove',
      '/profile/passkeys/options',
      '/profile/password',
      '/profile/sessions/:id/end',
      '/profile/theme',
      '/profile/two-factor',
      '/profile/two-factor/confirm',
      '/profile/two-factor/off',
    ]);
  });

  it.each(dashboardActions.filter(({ role }) => role !== 'viewer').map(({ path }) => [path]))(
    'is refused at POST %s',
    async (path) => {
      const response = await viewer.post(filled(path, await idsOf(own)));
      expect(response.status).toBe(403);
      expect(await response.text()).toMatch(/This (needs the role|is for the operator)/);
    },
  );
});

describe('a developer', () => {
  it.each(
    dashboardActions.filter(({ role }) => role === 'owner' || role === 'operator').map(({ path }) => [path]),
  )('is refused at POST %s', async (path) => {
    expect((await developer.post(filled(path, await idsOf(own)))).status).toBe(403);
  });
});

describe('“Verify now”, pressed again and again', () => {
  it('is told in words when it may be pressed again', async () => {
    const { domains } = await idsOf(own);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    for (let i = 0; i < 10; i++) {
      expect((await developer.post(`/domains/${domains}/verify`)).status).toBe(303);
    }
    const refused = await developer.post(`/domains/${domains}/verify`);
    vi.useRealTimers();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect(await textOf(refused)).toContain(
      `The records of ${own.domain} are looked at 10 times a minute at most; try again in 60 seconds.`,
    );
  });
});

describe("another account's things are not there", () => {
  const withIds = dashboardActions.filter(({ path }) => path.includes(':id'));

  it.each(withIds.map(({ path }) => [path]))('POST %s', async (path) => {
    const target = filled(path, await idsOf(foreign));
    expect(target).not.toMatch(/undefined|:id/);
    const response = await owner.post(target);
    expect([target, response.status]).toEqual([target, 404]);
  });

  it.each([
    ['/messages/:id'],
    ['/messages/:id/raw'],
    ['/messages/:id/html'],
    ['/domains/:id'],
    ['/webhooks/:id'],
    ['/webhook-deliveries/:id'],
  ])('GET %s', async (path) => {
    const target = filled(path, await idsOf(foreign));
    expect(target).not.toMatch(/undefined|:id/);
    expect((await owner.get(target)).status).toBe(404);
    // The same path with an id of one's own shows the thing; this mail has no HTML.
    const expected = path.endsWith('/html') ? 404 : 200;
    expect((await owner.get(filled(path, await idsOf(own)))).status).toBe(expected);
  });

  it('and they are as they were', async () => {
    const { webhooks, invitations, domains } = await idsOf(foreign);
    expect((await call('GET', `/v1/webhooks/${webhooks}`, foreign.live)).body.state).toBe('active');
    expect((await call('GET', `/v1/domains/${domains}`, foreign.live)).body.status).toBe('verified');
    const kept = bindings.DB.prepare('SELECT status FROM auth_invitations WHERE id = ?').bind(invitations);
    expect(await kept.first()).toEqual({ status: 'pending' });
  });
});

it.each(dashboardActions.map(({ path }) => [path]))('POST %s of another site is refused', async (path) => {
  const response = await owner.post(filled(path, await idsOf(own)), {}, { Origin: 'https://evil.example' });
  expect(response.status).toBe(403);
});

it.each(dashboardActions.map(({ path }) => [path]))(
  'POST %s without a session goes to sign-in',
  async (path) => {
    const response = await new Browser(origin, request).post(filled(path, await idsOf(own)));
    expect(response.headers.get('Location')).toBe('/sign-in');
  },
);

describe('messages', () => {
  it('are sent again as a new message with a Message-ID of its own', async () => {
    const { body: first } = await call(
      'POST',
      '/v1/send',
      own.live,
      mail(own, { tags: ['again'], class: 'digest' }),
    );
    const response = await developer.post(`/messages/${first.message_id}/resend`);
    const id = /^\/messages\/([0-9a-f-]+)\?/.exec(response.headers.get('Location') ?? '')?.[1];
    const { body: second } = await call('GET', `/v1/emails/${id}`, own.live);
    expect(second).toMatchObject({ subject: 'Your receipt', tags: ['again'], class: 'digest' });
    expect(second.message_id_header).toBe(`<${id}@${own.domain}>`);
  });

  it('tell what came back, by which program, and whether it was probably a machine', async () => {
    const body = {
      html_body: '<a href="https://shop.example/">shop</a>',
      track_opens: true,
      track_clicks: true,
    };
    const { message_id: messageId } = (await call('POST', '/v1/send', own.live, mail(own, body))).body;
    const { pixel, clicks } = await linksOf(messageId);
    await visit(pixel, { headers: { 'User-Agent': 'Mozilla/5.0 (via ggpht.com GoogleImageProxy)' } });
    await visit(clicks[0] ?? '', { headers: { 'User-Agent': 'curl/8 <b>x</b>' } });
    const page = await (await owner.get(`/messages/${messageId}`)).text();
    expect(page).toContain('opens, clicks');
    expect(page).toContain('GoogleImageProxy');
    expect(page).toContain('https://shop.example/');
    expect(page.match(/probably a machine/g)).toHaveLength(2);
    expect(page).not.toContain('<b>x');
  });

  it('row 5: tell in words that a complaint without a token is unverified and suppressed nobody', async () => {
    const to = 'row5@example.net';
    const priority = { body: { class: 'priority' } };
    const [forged, genuine] = [await sent(own, to, priority), await sent(own, to, priority)];
    await bring(arf(forged), 'fbl@bounces.mail.example.org');
    await bring(arf(genuine), genuine.mailFrom);
    const pageOf = async (messageId: string) => textOf(await owner.get(`/messages/${messageId}`));
    expect(await pageOf(forged.messageId)).toMatch(/complaint is unverified.*suppressed nobody/);
    expect(await pageOf(genuine.messageId)).not.toContain('unverified');
  });

  it('are cancelled', async () => {
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const { body } = await call('POST', '/v1/send', own.live, mail(own, { send_at: later }));
    const response = await developer.post(`/messages/${body.message_id}/cancel`);
    expect(response.headers.get('Location')).toContain('done=canceled');
    expect((await call('GET', `/v1/emails/${body.message_id}`, own.live)).body.status).toBe('canceled');
    const again = await developer.post(`/messages/${body.message_id}/cancel`);
    expect(again.headers.get('Location')).toContain('done=nothing-to-cancel');
  });

  it('show their own HTML only under a policy that runs and loads nothing', async () => {
    const { body } = await call(
      'POST',
      '/v1/send',
      own.live,
      mail(own, { html_body: '<script>alert(1)</script><b>hi</b>' }),
    );
    const { headers } = await owner.get(`/messages/${body.message_id}/html`);
    const policy = headers.get('Content-Security-Policy') ?? '';
    expect(policy).toMatch(/^sandbox; default-src 'none'/);
    expect(policy).not.toMatch(/allow-|script-src|https?:/);
    const page = await (await owner.get(`/messages/${body.message_id}`)).text();
    expect(page).not.toContain('<script>alert');
    expect(page).toMatch(/<iframe[^>]* sandbox=""/);
  });

  it('escape what a sender wrote', async () => {
    const { body } = await call(
      'POST',
      '/v1/send',
      own.live,
      mail(own, { subject: '<img src=x onerror=alert(1)>' }),
    );
    for (const path of [`/messages/${body.message_id}`, '/messages', '/events', '/']) {
      expect(await (await owner.get(path)).text()).not.toContain('<img src=x');
    }
  });
});

describe('what a page reads', () => {
  const most = 1000;

  it('stays small however many messages there are', async () => {
    const batch = Array.from({ length: 100 }, (_, i) =>
      mail(own, { subject: `bulk ${i}`, to: [`bulk${i}@example.net`] }),
    );
    for (let i = 0; i < 6; i++)
      expect((await call('POST', '/v1/send/batch', own.live, batch)).status).toBe(202);
    // As the cron does it, every minute: what waits is counted.
    expect(await foldAccount(testStore(), own.id, Date.now())).toBe(true);
    for (const path of [
      ...['/', '/?span=day', '/statistics', '/messages', '/messages?q=nobody', '/messages?q=bulk+99'],
      ...[
        '/messages?q=nobody@example.net',
        '/events',
        '/events?kind=complained',
        '/events?recipient=a@b.example',
      ],
    ]) {
      const response = await owner.get(path);
      expect(response.status).toBe(200);
      const { read } = costOf(response);
      expect(read).toBeGreaterThan(0);
      expect(read, path).toBeLessThanOrEqual(most);
    }
  });

  it('finds what is far back by going on, page by page', async () => {
    let path = '/messages?q=Your+receipt&tag=again';
    for (let i = 0; i < 10; i++) {
      const text = await (await owner.get(path)).text();
      if (text.includes('Your receipt</')) return;
      const next = /data-more="(\/messages\?[^"]*before=[^"]*)"/.exec(text)?.[1];
      if (!next) throw new Error('the search ended without finding it');
      path = next.replaceAll('&amp;', '&');
    }
    throw new Error('the search never ended');
  });
});

it('signs in with a second factor once it is switched on, and not by a mailed link', async () => {
  const page = await (await developer.submit('/profile/two-factor', { password })).text();
  const secret = /secret=([A-Z2-7]+)/.exec(page)?.[1] ?? '';
  expect(await totpOf(secret, Date.now())).toMatch(/^\d{6}$/);
  const on = await developer.post('/profile/two-factor/confirm', { code: await totpOf(secret, Date.now()) });
  expect(on.headers.get('Location')).toContain('two-factor-on');
  const email = `developer${own.id}@people.example`;
  const { browser, response } = await signIn(new Browser(origin, request), email, password);
  expect(response.headers.get('Location')).toContain('/sign-in/code');
  expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
  expect((await browser.post('/sign-in/code', { code: '000000' })).status).toBe(401);
  const done = await browser.post('/sign-in/code', { code: await totpOf(secret, Date.now()) });
  expect(done.headers.get('Location')).toBe('/');
  expect((await browser.get('/')).status).toBe(200);
  await new Browser(origin, request).post('/sign-in/link', { email });
  const { body } = await call('GET', `/v1/emails?to=${encodeURIComponent(email)}&subject=link`, own.live);
  expect(body.data).toEqual([]);
});
