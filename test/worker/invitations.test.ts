import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureOrganization } from '../../worker/store/auth.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import { Browser } from '../support/browser.ts';
import { acceptMailed, mailedSecret, mailsTo, newMember, setUpOwner, signIn } from './dashboard-support.ts';
import { bindings, migrate, newAccount, request, type TestAccount, testStore } from './support.ts';

const root = { email: 'root@people.example', password: 'a long enough sentence' };
const password = 'another long sentence';
let account: TestAccount;
let owner: Browser;
const newBrowser = () => new Browser('https://api.test', request);
let people = 0;
const somebody = () => `somebody${++people}@people.example`;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(newBrowser(), root);
  await chooseSystemDomain(testStore(), account.domain, Date.now());
});
beforeEach(() => bindings.DB.exec('DELETE FROM auth_rate_limits'));

const invite = (email: string, role = 'viewer') => owner.post('/settings/invitations', { email, role });

/** Everything that the database holds, as text. */
async function dumped(): Promise<string> {
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'auth_%'",
  ).all<{ name: string }>();
  const rows = await Promise.all(
    results.map(({ name }) => bindings.DB.prepare(`SELECT * FROM "${name}"`).all()),
  );
  return JSON.stringify(rows.map((table) => table.results));
}

describe('the secret of an invitation', () => {
  it('stands only in its mail: not on the pages of who invites, not in the database', async () => {
    const email = somebody();
    await invite(email);
    const secret = await mailedSecret(email);
    expect(secret).toHaveLength(43);
    const page = await (await owner.get('/settings')).text();
    expect(page).toContain(email);
    expect(page).not.toContain(secret);
    expect(await dumped()).not.toContain(secret);
  });

  it('is nothing that an inviter can read: the id accepts nothing', async () => {
    const victim = somebody();
    await invite(victim);
    const page = await (await owner.get('/settings')).text();
    const ids = [...page.matchAll(/\/settings\/invitations\/([\w-]+)\/cancel/g)].map(([, id]) => id ?? '');
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) {
      const browser = newBrowser();
      expect((await browser.post('/invitation/open', { token: id })).status).toBe(404);
      expect((await browser.post('/invitation', { name: 'Eve', password })).status).toBe(404);
      expect((await browser.post(`/invitations/${id}`, { name: 'Eve', password })).status).toBe(404);
    }
    expect(await dumped()).not.toContain('Eve');
  });

  it('is good once, and not when it was withdrawn, followed by another or is too old', async () => {
    const email = somebody();
    await invite(email);
    const first = await mailedSecret(email);
    await invite(email);
    expect((await newBrowser().post('/invitation/open', { token: first })).status).toBe(404);
    const browser = newBrowser();
    const joined = await acceptMailed(browser, email, { name: 'Sam', password });
    expect(joined.headers.get('Location')).toBe('/?done=welcome');
    expect((await acceptMailed(newBrowser(), email, { name: 'Sam', password })).status).toBe(404);
    const late = somebody();
    await invite(late);
    await bindings.DB.prepare('UPDATE auth_invitations SET expires_at = 1 WHERE email = ?').bind(late).run();
    expect((await acceptMailed(newBrowser(), late, { name: 'Sam', password })).status).toBe(404);
  });

  it('is in no address that a server is told', async () => {
    const email = somebody();
    await invite(email);
    const text = (await mailsTo(email)).at(-1)?.text ?? '';
    const { pathname, search } = new URL(/https:\S+/.exec(text)?.[0] ?? '');
    expect([pathname, search]).toEqual(['/invitation/open', '']);
    const opened = await newBrowser().post('/invitation/open', { token: await mailedSecret(email) });
    expect(opened.headers.get('Location')).toBe('/invitation');
    expect(opened.headers.getSetCookie().join()).toMatch(/Path=\/invitation.*HttpOnly.*Secure/);
  });

  it('joins somebody who is known only when they are signed in', async () => {
    const email = somebody();
    await invite(email);
    await acceptMailed(newBrowser(), email, { name: 'Kim', password });
    const other = await newAccount();
    const organizationId = await ensureOrganization(testStore(), { id: other.id, name: 'Other' }, Date.now());
    const token = await inviteTo(organizationId, email);
    const stranger = newBrowser();
    await stranger.post('/invitation/open', { token });
    const refused = await stranger.post('/invitation', { name: 'Eve', password: 'the words of a stranger' });
    expect([refused.status, refused.headers.get('Location')]).toEqual([303, '/invitation']);
    const { browser: kim } = await signIn(newBrowser(), email, password);
    await kim.post('/invitation/open', { token });
    expect((await kim.post('/invitation')).headers.get('Location')).toBe('/?done=welcome');
    expect((await signIn(newBrowser(), email, 'the words of a stranger')).response.status).toBe(401);
  });

  it('is mailed ten times an hour at most, and to no member', async () => {
    expect(await (await invite(root.email)).text()).toContain('is a member already');
    const answers: number[] = [];
    for (let i = 0; i < 12; i++) answers.push((await invite(somebody())).status);
    expect(answers).toEqual([...Array(9).fill(303), 429, 429, 429]);
  });
});

/** An invitation by the owner of another account; gives its secret. */
async function inviteTo(organizationId: string, email: string): Promise<string> {
  const { invite: make } = await import('../../worker/store/invitations.ts');
  const { sha256Hex } = await import('../../worker/tokens/secret.ts');
  const inviter = await bindings.DB.prepare('SELECT id FROM auth_users LIMIT 1').first<{ id: string }>();
  const secret = crypto.randomUUID();
  await make(testStore(), {
    id: crypto.randomUUID(),
    organizationId,
    email,
    role: 'owner',
    inviterId: inviter?.id ?? '',
    secretHash: await sha256Hex(secret),
    expiresAtMs: Date.now() + 1e6,
    nowMs: Date.now(),
  });
  return secret;
}

describe('a mail address', () => {
  const verified = async (email: string) =>
    (
      await bindings.DB.prepare('SELECT email_verified AS is_so FROM auth_users WHERE email = ?')
        .bind(email)
        .first<{ is_so: number }>()
    )?.is_so;

  /** Somebody whose address nobody has read a mail of, with every way in that there is. */
  async function squatter(): Promise<string> {
    const email = await newMember(account, 'viewer');
    await bindings.DB.batch([
      bindings.DB.prepare('UPDATE auth_users SET email_verified = 0 WHERE email = ?').bind(email),
      bindings.DB.prepare(
        `INSERT INTO auth_identities (id, user_id, provider_id, account_id, password, created_at, updated_at)
          SELECT u.id || 'p', u.id, 'credential', u.id, (SELECT password FROM auth_identities LIMIT 1), 0, 0
          FROM auth_users u WHERE u.email = ?`,
      ).bind(email),
      bindings.DB.prepare(
        `INSERT INTO auth_passkeys (id, user_id, credential_id, public_key, counter, device_type, backed_up)
          SELECT u.id || 'k', u.id, u.id, 'key', 0, 'singleDevice', 0 FROM auth_users u WHERE u.email = ?`,
      ).bind(email),
    ]);
    return email;
  }

  const waysIn = async (email: string) =>
    await bindings.DB.prepare(
      `SELECT (SELECT count(*) FROM auth_passkeys WHERE user_id = u.id) AS passkeys,
        (SELECT count(*) FROM auth_sessions WHERE user_id = u.id) AS sessions,
        (SELECT count(*) FROM auth_identities WHERE user_id = u.id) AS passwords FROM auth_users u WHERE email = ?`,
    )
      .bind(email)
      .first();

  it('is not proven by the set-up, nor by signing in with a password', async () => {
    await signIn(newBrowser(), root.email, root.password);
    expect(await verified(root.email)).toBe(0);
  });

  it('is proven by a sign-in link, and what opened before it opens no more', async () => {
    const email = await squatter();
    const { browser } = await signIn(newBrowser(), email, root.password);
    await newBrowser().post('/sign-in/link', { email });
    const victim = newBrowser();
    const opened = await victim.post('/sign-in/open', { token: await mailedSecret(email) });
    expect(opened.headers.get('Location')).toBe('/?done=address-proven');
    expect(await verified(email)).toBe(1);
    expect(await waysIn(email)).toEqual({ passkeys: 0, passwords: 0, sessions: 1 });
    expect((await browser.get('/')).headers.get('Location')).toBe('/sign-in');
    expect((await signIn(newBrowser(), email, root.password)).response.status).toBe(401);
    expect((await victim.get('/')).status).toBe(200);
  });

  it('is proven by a new password, which is the only way in then', async () => {
    const email = await squatter();
    await signIn(newBrowser(), email, root.password);
    await newBrowser().post('/sign-in/forgotten', { email });
    await newBrowser().post('/sign-in/reset', { token: await mailedSecret(email), password });
    expect(await verified(email)).toBe(1);
    expect(await waysIn(email)).toEqual({ passkeys: 0, passwords: 1, sessions: 0 });
    expect((await signIn(newBrowser(), email, password)).response.status).toBe(303);
  });

  it('is proven by an invitation: the stranger who was there before is out', async () => {
    const email = await squatter();
    const { browser: stranger } = await signIn(newBrowser(), email, root.password);
    const other = await newAccount();
    const organizationId = await ensureOrganization(testStore(), { id: other.id, name: 'Other' }, Date.now());
    const victim = newBrowser();
    await victim.post('/invitation/open', { token: await inviteTo(organizationId, email) });
    expect(await (await victim.get('/invitation')).text()).toContain('name="password"');
    const joined = await victim.post('/invitation', { password });
    expect(joined.headers.get('Location')).toBe('/?done=welcome');
    expect((await stranger.get('/')).headers.get('Location')).toBe('/sign-in');
    expect((await signIn(newBrowser(), email, root.password)).response.status).toBe(401);
    expect((await signIn(newBrowser(), email, password)).response.status).toBe(303);
  });

  it('that is proven keeps its ways in when another link is used', async () => {
    const email = somebody();
    await invite(email);
    await acceptMailed(newBrowser(), email, { name: 'Kim', password });
    await newBrowser().post('/sign-in/link', { email });
    const opened = await newBrowser().post('/sign-in/open', { token: await mailedSecret(email) });
    expect(opened.headers.get('Location')).toBe('/');
    expect((await signIn(newBrowser(), email, password)).response.status).toBe(303);
  });

  it('is proven by no token that is wrong', async () => {
    const email = await squatter();
    await newBrowser().post('/sign-in/link', { email });
    expect((await newBrowser().post('/sign-in/open', { token: 'x'.repeat(32) })).status).toBe(401);
    expect(await verified(email)).toBe(0);
  });
});

describe('tokens of sign-in mails', () => {
  it('are in no address, and in the database as hashes only', async () => {
    for (const path of ['/sign-in/link', '/sign-in/forgotten']) {
      const email = await newMember(account, 'viewer');
      await newBrowser().post(path, { email });
      const token = await mailedSecret(email);
      expect(token.length).toBeGreaterThan(20);
      const { pathname, search } = new URL(
        /https:\S+/.exec((await mailsTo(email)).at(-1)?.text ?? '')?.[0] ?? '',
      );
      expect(pathname + search).toMatch(/^\/sign-in\/(open|reset)$/);
      expect(await dumped()).not.toContain(token);
    }
  });
});
