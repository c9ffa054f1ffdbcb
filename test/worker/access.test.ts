import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Access } from '../../worker/identity/access/row.ts';
import { access, requireRows } from '../../worker/identity/access.ts';
import { app } from '../../worker/routes.ts';
import { createAlias } from '../../worker/store/aliases.ts';
import { type Role, roles } from '../../worker/store/auth.ts';
import { invite } from '../../worker/store/invitations.ts';
import { Browser } from '../support/browser.ts';
import { agreed, newAlias } from './alias-support.ts';
import { newMember, setUpOwner } from './dashboard-support.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  newKey,
  nodeToken,
  request,
  suppress,
  type TestAccount,
  testStore,
} from './support.ts';
import { deliveriesOf, eventually, newEndpoint } from './webhook-support.ts';

const origin = 'https://api.test';
const password = 'a long enough sentence';

/** Whoever comes: with a key or token, or signed in. */
interface Comer {
  name: string;
  token?: string;
  browser?: Browser;
  /** Scopes of a key; null: it is no key, or none that is good. */
  scopes: readonly string[] | null;
  /** The key is limited to a domain that the ids of the paths are not of. */
  limited?: true;
  role?: Role;
  operator?: true;
  /** Of another account than that of the ids in the paths. */
  stranger?: true;
  tokenFor?: 'operator' | 'node' | 'enrolment';
  /** A node whose token speaks for another node than the one that the bodies name. */
  otherNode?: true;
}

let own: TestAccount;
let comers: Comer[];
let ids: Record<string, string>;

/** Somebody signed in with a role in an account. */
async function member(account: TestAccount, role: Role): Promise<Browser> {
  const email = await newMember(account, role);
  await bindings.DB.prepare(
    `INSERT INTO auth_identities (id, user_id, provider_id, account_id, password, created_at, updated_at)
      SELECT u.id || 'p', u.id, 'credential', u.id, (SELECT password FROM auth_identities LIMIT 1), 0, 0
      FROM auth_users u WHERE u.email = ?`,
  )
    .bind(email)
    .run();
  const browser = fromAnywhere();
  expect((await browser.post('/sign-in', { email, password })).status).toBe(303);
  await bindings.DB.exec('DELETE FROM auth_rate_limits');
  return browser;
}

/** A browser whose every request has a source of its own: what limits sources is another test's. */
function fromAnywhere(): Browser {
  return new Browser(origin, (path, init) => request(path, { ...init, headers: anywhere(init.headers) }));
}

let requests = 0;
function anywhere(headers: HeadersInit | undefined): Headers {
  requests += 1;
  const all = new Headers(headers);
  all.set('CF-Connecting-IP', `2001:db8:${(requests >> 8).toString(16)}:${(requests & 255).toString(16)}::1`);
  return all;
}

beforeAll(async () => {
  await migrate();
  own = await newAccount();
  const other = await newAccount();
  const owner = await setUpOwner(fromAnywhere(), { email: 'root@people.example', password });
  await call('POST', `/admin/v1/accounts/${own.id}/domains`, bindings.OPERATOR_TOKEN, {
    domain: 'second.example',
    verified: true,
  });
  await owner.post('/operator/system-mail', { domain: own.domain });
  for (const { live } of [own, other]) {
    const template = { name: 'Used', slug: 'used', subject: 'x', text_body: 'x' };
    expect((await call('POST', '/v1/templates', live, template)).status).toBe(201);
  }
  const key = async (name: string, body: Record<string, unknown>): Promise<Comer> => ({
    name,
    token: (await newKey(own, body)).secret,
    scopes: (body.scopes as string[] | undefined) ?? ['send', 'read', 'manage', 'account'],
  });
  const revoked = await key('revoked key', {});
  await bindings.DB.prepare('UPDATE credentials SET revoked_at_ms = 1 WHERE hint = ?')
    .bind(revoked.token?.slice(-4))
    .run();
  comers = [
    { name: 'nobody', scopes: null },
    { ...revoked, scopes: null },
    await key('key to send', { scopes: ['send'] }),
    await key('key to read', { scopes: ['read'] }),
    await key('key to manage', { scopes: ['manage'] }),
    await key('key of the account', { scopes: ['account'] }),
    {
      ...(await key('domain-limited key', { domains: ['second.example', 'in.second.example'] })),
      limited: true,
    },
    await key('test key', { environment: 'test' }),
    { name: 'viewer', browser: await member(own, 'viewer'), scopes: null, role: 'viewer' },
    { name: 'developer', browser: await member(own, 'developer'), scopes: null, role: 'developer' },
    { name: 'owner', browser: await member(own, 'owner'), scopes: null, role: 'owner' },
    {
      name: 'other tenant’s owner',
      browser: await member(other, 'owner'),
      scopes: null,
      role: 'owner',
      stranger: true,
    },
    {
      name: 'other tenant’s key',
      token: other.live,
      scopes: ['send', 'read', 'manage', 'account'],
      stranger: true,
    },
    { name: 'operator, signed in', browser: owner, scopes: null, role: 'owner', operator: true },
    { name: 'operator token', token: bindings.OPERATOR_TOKEN, scopes: null, tokenFor: 'operator' },
    { name: 'node', token: await nodeToken(), scopes: null, tokenFor: 'node' },
    { name: 'other node', token: await nodeToken('node-b'), scopes: null, tokenFor: 'node', otherNode: true },
    { name: 'secret for nodes', token: bindings.NODE_TOKEN, scopes: null, tokenFor: 'enrolment' },
  ];
  ids = await idsOf(own);
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('no', { status: 503 }));
});
beforeEach(() => bindings.DB.exec('DELETE FROM auth_rate_limits'));

/** Real ids of things of an account, for each place of a path. */
async function idsOf(account: TestAccount): Promise<Record<string, string>> {
  const internet = new Internet();
  const endpoint = await newEndpoint(account, internet);
  const { body: sent } = await call('POST', '/v1/send', account.live, mail(account));
  await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(1));
  await suppress(account, 'gone@example.net');
  const one = async (sql: string) =>
    String((await bindings.DB.prepare(sql).bind(account.id).first<{ id: unknown }>())?.id);
  const organization = 'FROM auth_organizations o WHERE o.account_id = ?';
  await invite(testStore(), {
    id: 'invitation-of-own',
    organizationId: await one(`SELECT id ${organization}`),
    email: 'invited@people.example',
    role: 'viewer',
    inviterId: await one('SELECT id FROM auth_users WHERE ? > 0 LIMIT 1'),
    secretHash: 'x',
    expiresAtMs: Date.now() + 1e6,
    nowMs: Date.now(),
  });
  const receiving = await newReceivingDomain(account);
  await call('POST', `/v1/domains/${receiving}/rules`, account.live, {
    name: 'x',
    conditions: [{ field: 'subject', comparator: 'equals', value: 'x' }],
    action: 'drop',
  });
  const { id: received } = await bringMail(`a@${receiving}`, letterTo(`a@${receiving}`));
  const second = await call('POST', `/admin/v1/accounts/${account.id}/domains`, bindings.OPERATOR_TOKEN, {
    domain: 'in.second.example',
    type: 'inbound',
    verified: true,
  });
  if (second.status === 201) await bringMail('a@in.second.example', letterTo('a@in.second.example'));
  const aliasDomain = await newReceivingDomain(account, 'alias');
  const to = await agreed(account, `agreed${account.id}@people.example`);
  const alias = await newAlias(account, { domain: aliasDomain, forward_to: [to] });
  return {
    aliases: String(alias.id),
    emails: sent.message_id,
    'inbound-emails': received,
    received,
    attachment: '0',
    route: await one('SELECT id FROM inbound_routes WHERE account_id = ? LIMIT 1'),
    rule: await one('SELECT id FROM inbound_rules WHERE account_id = ? LIMIT 1'),
    messages: sent.message_id,
    raw: sent.message_id,
    outbound: sent.message_id,
    opens: sent.message_id,
    clicks: sent.message_id,
    receiving: received,
    inbound: received,
    webhooks: endpoint.id,
    'webhook-deliveries': (await deliveriesOf(account))[0]?.id,
    domains: await one('SELECT id FROM domains WHERE account_id = ? ORDER BY id LIMIT 1'),
    keys: await one('SELECT id FROM credentials WHERE account_id = ? LIMIT 1'),
    members: await one(
      `SELECT m.id FROM auth_members m WHERE m.organization_id = (SELECT id ${organization}) LIMIT 1`,
    ),
    invitations: 'invitation-of-own',
    sessions: 'no-session-of-anybody',
    passkeys: 'no-passkey-of-anybody',
    accounts: '424242',
    suppressions: 'gone@example.net',
    templates: await one('SELECT id FROM templates WHERE account_id = ? LIMIT 1'),
    selector: 'pennypost',
    domain: account.domain,
  };
}

/** The path with what it varies by: real ids, or for `fake` ids of nothing. */
function filled(path: string, fake: boolean): string {
  const id = (kind: string) => (fake ? '0' : (ids[kind] ?? '0'));
  return path
    .replace(/\/([\w-]+)\/:(id|email|messageId)\b/, (_, kind: string) => `/${kind}/${id(kind)}`)
    .replace(':credentialId', '0')
    .replace(':selector', id('selector'))
    .replace(':attachment', id('attachment'))
    .replace(':event', id('webhook-deliveries'))
    .replace(':stream', 'outbound')
    .replace(':route', id('route'))
    .replace(':rule', id('rule'))
    .replace(':domain', id('domain'))
    .replace(':username', 'pennypost')
    .replace(':version', 'x')
    .replace(':name', 'style.css')
    .replace(/:(file|token)/, 'x')
    .replace(/\/send\/raw$/, `/send/raw?mail_from=a@${own.domain}&rcpt_to=b@example.net`);
}

async function ask({ method, path }: Access, comer: Comer, fake: boolean): Promise<Response> {
  const target = filled(path, fake);
  if (comer.browser && method === 'GET') return await comer.browser.get(target);
  if (comer.browser && method === 'POST' && !/^\/(v1|api|admin|node|resend|postmark)\//.test(path))
    return await comer.browser.post(target);
  const headers = anywhere({
    Accept: 'text/html',
    Origin: origin,
    ...(comer.token === undefined ? {} : { Authorization: `Bearer ${comer.token}` }),
  });
  if (method === 'GET') return await request(target, { headers, redirect: 'manual' });
  const isForm = !/^\/(v1|api|admin|node|resend|postmark)\//.test(path);
  headers.set('Content-Type', isForm ? 'application/x-www-form-urlencoded' : typeOf(path));
  headers.set('Content-Length', String(bodyOf(path, isForm).length));
  return await request(target, { method, headers, body: bodyOf(path, isForm), redirect: 'manual' });
}

function typeOf(path: string): string {
  if (path === '/v1/send/raw') return 'message/rfc822';
  return path.endsWith('/import') ? 'text/csv' : 'application/json';
}

/** A body that says nothing, but for submissions, which are of the account's own domain. */
function bodyOf(path: string, isForm: boolean): string {
  if (isForm) return '';
  const sent = JSON.stringify(mail(own));
  const theirs = { from: `a@${own.domain}`, to: 'b@example.net', subject: 'x', text: 'x' };
  const { from, to, subject, text } = theirs;
  const pascal = { From: from, To: to, Subject: subject, TextBody: text };
  if (/^\/(resend|postmark)\/emails?(\/batch)?$/.test(path)) {
    const one = path.startsWith('/resend') ? theirs : pascal;
    return JSON.stringify(path.endsWith('/batch') ? [one] : one);
  }
  const templated = { From: from, To: to, TemplateAlias: 'used', TemplateModel: {} };
  if (/^\/postmark\/email\/withTemplate\/?$/.test(path)) return JSON.stringify(templated);
  if (path === '/postmark/email/batchWithTemplates') return JSON.stringify({ Messages: [templated] });
  if (path === '/v1/send') return sent;
  if (path === '/v1/send/batch') return `[${sent}]`;
  if (path === '/v1/send/raw') return `From: a@${own.domain}\r\nTo: b@example.net\r\nSubject: x\r\n\r\nx\r\n`;
  if (path.startsWith('/api/'))
    return JSON.stringify({ from: `a@${own.domain}`, to: ['b@example.net'], subject: 'x', plain: 'x' });
  return namesNode(path) ? '{"nodeId":"node-a"}' : '{}';
}

/** Routes whose body says which node asks. */
const namesNode = (path: string) => /^\/node\/v1\/(hello|lease|results|release)$/.test(path);

/** What comes of it: let in, or how it was refused. */
type Verdict = 'in' | '401' | '403' | '404' | 'to sign-in';

function wanted({ who, path, method }: Access, comer: Comer): Verdict {
  switch (who.surface) {
    case 'api': {
      if (comer.scopes === null) return '401';
      if (who.scope !== null && !comer.scopes.includes(who.scope)) return '403';
      if (comer.limited && who.domains === 'refused') return '403';
      // Submissions from a domain that is not the key's.
      const isEachAlone = /^\/v1\/send\/batch$|^\/postmark\/email\/batch/.test(path);
      if (who.byIntake && !isEachAlone && (comer.limited || comer.stranger)) return '403';
      if (who.domains === 'any' || who.byIntake) return 'in';
      // Ids of another account, or of a domain that the key is not for, are of nothing.
      if ((comer.stranger || comer.limited) && path.includes('/:') && !/^\/api\/|\/:stream\//.test(path))
        return '404';
      // Sums over all domains, where not asked for by domain.
      if (comer.limited && (path === '/v1/stats' || path === '/resend/emails/metrics')) return '403';
      return 'in';
    }
    case 'dashboard': {
      if (comer.role === undefined) return 'to sign-in';
      if (who.role === 'operator') return comer.operator ? 'in' : '403';
      if (roles.indexOf(comer.role) > roles.indexOf(who.role)) return '403';
      // What a recipient domain asks for is of no account.
      if (path === '/recipients/:domain') return 'in';
      return comer.stranger && path.includes('/:') && method === 'GET' ? '404' : 'in';
    }
    case 'operator':
      return comer.tokenFor === 'operator' ? 'in' : '401';
    case 'node':
      if (comer.tokenFor !== 'node') return '401';
      // The bodies speak for node-a, and the message of the path is leased to it.
      if (comer.otherNode && namesNode(path)) return '403';
      return path === '/node/v1/raw/:messageId' && comer.otherNode ? '404' : 'in';
    case 'enrolment':
      return comer.tokenFor === 'enrolment' ? 'in' : '401';
    case 'tracking':
    case 'public':
      return 'in';
  }
}

/** What an error says in the shape of another service; null: it is in ours. */
async function theirVerdict(response: Response, path: string): Promise<Verdict | null> {
  if (response.ok || !/^\/(resend|postmark)\//.test(path)) return null;
  const body = (await response.clone().json()) as { name?: string; ErrorCode?: number; Message?: string };
  if (body.name === 'missing_api_key' || body.name === 'invalid_api_key') return '401';
  if (body.name === 'restricted_api_key' || body.ErrorCode === 400) return '403';
  if (body.ErrorCode === 10) return /missing, unknown or revoked/.test(body.Message ?? '') ? '401' : '403';
  return [407, 510, 701, 1101, 1301].includes(body.ErrorCode ?? 0) ? '404' : null;
}

/** What an answer says of who asked; 404 is one only where nothing is there for this comer. */
async function verdictOf(response: Response, expected: Verdict, { path, who }: Access): Promise<Verdict> {
  const theirs = await theirVerdict(response, path);
  if (theirs !== null) return theirs === '404' && expected !== '404' ? 'in' : theirs;
  const location = response.headers.get('Location') ?? '';
  if (who.surface === 'dashboard' && location.startsWith('/sign-in')) return 'to sign-in';
  const isDoor = who.surface === 'public' || who.surface === 'tracking';
  if (!isDoor && (response.status === 401 || response.status === 403))
    return String(response.status) as Verdict;
  if (response.status === 404 && expected === '404') return '404';
  if (response.status >= 500 && path !== '/node/v1/wake') throw new Error(`${path}: ${response.status}`);
  return 'in';
}

describe('the table of who may do what', () => {
  it('has a row for each route, and a route for each row', () => {
    expect(() => requireRows(app.routes)).not.toThrow();
    const missing = { method: 'GET', path: '/v1/secrets' };
    expect(() => requireRows([...app.routes, missing])).toThrow('without a row are GET /v1/secrets');
    expect(() => requireRows(app.routes.filter(({ path }) => path !== '/v1/events'))).toThrow(
      'without a route GET /v1/events',
    );
  });

  it('holds in every cell: each route, asked by whoever there is', async () => {
    const wrong: string[] = [];
    let cells = 0;
    // What changes nothing first; then, with ids of nothing where somebody is let in, what changes something.
    const rows = access.toSorted((a, b) => Number(a.method !== 'GET') - Number(b.method !== 'GET'));
    for (const row of rows) {
      // These end the session of who asks, and are tried in tests of their own.
      if (row.path === '/sign-out' || row.path === '/account') continue;
      for (const comer of comers) {
        await bindings.DB.exec('DELETE FROM auth_rate_limits');
        const expected = wanted(row, comer);
        const response = await ask(row, comer, expected === 'in' && row.method !== 'GET');
        const verdict = await verdictOf(response, expected, row);
        await response.body?.cancel();
        cells += 1;
        if (verdict !== expected)
          wrong.push(
            `${comer.name}: ${row.method} ${row.path} → ${verdict} (${response.status}), not ${expected}`,
          );
      }
    }
    console.log(`${cells} cells: ${rows.length} routes, ${comers.length} comers`);
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThan(2000);
  }, 300_000);

  it('gives another tenant none of an account’s ids to act on', async () => {
    const stranger = comers.filter(({ stranger: is }) => is);
    const wrong: string[] = [];
    for (const row of access.filter(({ method, path }) => method !== 'GET' && path.includes('/:'))) {
      if (row.who.surface !== 'api' && row.who.surface !== 'dashboard') continue;
      if (
        /^\/api\/|\/:stream\//.test(row.path) ||
        (row.who.surface === 'dashboard' && row.who.role === 'operator')
      )
        continue;
      for (const comer of stranger) {
        const isFor = row.who.surface === 'dashboard' ? comer.browser : comer.token;
        if (!isFor) continue;
        const response = await ask(row, comer, false);
        // A form that names what is not there may be told so on its page, with 400.
        const isAbsent = (await theirVerdict(response, row.path)) === '404';
        if (!isAbsent && ![404, 400].includes(response.status))
          wrong.push(`${comer.name}: ${row.method} ${row.path} → ${response.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('a key that is limited to a domain', () => {
  it('is shown nothing of the others, whatever it reads', async () => {
    const limited = comers.find(({ limited: is }) => is)?.token ?? '';
    const { body: sent } = await call('POST', '/v1/send', limited, {
      ...mail(own),
      from: 'a@second.example',
      to: ['seen@example.net'],
    });
    expect(sent).toMatchObject({ status: 'queued' });
    await suppress(own, 'seen@example.net', { scope: 'second.example' });
    for (const domain of [own.domain, 'second.example']) {
      const found = bindings.DB.prepare('SELECT id FROM domains WHERE account_id = ? AND name = ?');
      const domainId = Number(await found.bind(own.id, domain).first('id'));
      const alias = { accountId: own.id, domainId, domain, localPart: 'info', forwardTo: ['to@example.org'] };
      const atMs = Date.now();
      await createAlias(testStore(), { ...alias, createdAtMs: atMs, updatedAtMs: atMs });
    }
    const all = `${own.domain}|gone@example\\.net|user@example\\.net|${ids.emails}`;
    for (const { method, path, who } of access) {
      if (who.surface !== 'api' || who.domains !== 'rows' || method !== 'GET' || path.includes('/:'))
        continue;
      const target =
        path + ({ '/v1/stats': '?by=domain', '/resend/emails/metrics': '?dimensions=domain' }[path] ?? '');
      const response = await request(target, { headers: { Authorization: `Bearer ${limited}` } });
      const text = await response.text();
      // These tell of nobody, or of what has not happened.
      if (/\/(check|opens|clicks|bounces)$/.test(path)) continue;
      expect([path, response.status, new RegExp(all).exec(text)?.[0]]).toEqual([path, 200, undefined]);
      expect([path, /second\.example|seen@example\.net/.test(text)]).toEqual([path, true]);
    }
    expect((await call('GET', `/v1/emails/${sent.message_id}`, limited)).status).toBe(200);
    expect((await call('GET', `/v1/emails/${ids.emails}`, limited)).status).toBe(404);
    expect((await call('GET', '/v1/emails', limited)).body.data).toHaveLength(1);
  });

  it('is told that an address is suppressed, and why only of its own domains', async () => {
    const limited = comers.find(({ limited: is }) => is)?.token ?? '';
    const { body } = await call('GET', '/v1/suppressions/check?email=gone%40example.net', limited);
    expect(body).toMatchObject({ suppressed: true, entries: [] });
  });

  it('changes nothing of the others', async () => {
    const limited = comers.find(({ limited: is }) => is)?.token ?? '';
    const email = 'gone@example.net';
    const refused = await call('POST', '/v1/suppressions', limited, { email: 'x@example.net' });
    expect([refused.status, refused.body.detail]).toEqual([
      403,
      'Set "scope" to one of its domains: this key is limited to second.example, in.second.example.',
    ]);
    const scoped = { email: 'x@example.net', scope: 'second.example' };
    expect((await call('POST', '/v1/suppressions', limited, scoped)).status).toBe(201);
    expect((await call('DELETE', `/v1/suppressions/${email}`, limited)).status).toBe(404);
    expect((await call('GET', `/v1/suppressions/check?email=${email}`, own.live)).body.suppressed).toBe(true);
    const file = `email,reason,scope\r\na@example.net,manual,account\r\nb@example.net,manual,second.example\r\n`;
    const imported = await request('/v1/suppressions/import?commit=true', {
      method: 'POST',
      headers: { Authorization: `Bearer ${limited}`, 'Content-Type': 'text/csv' },
      body: file,
    });
    const report = (await imported.json()) as Answer;
    expect(report).toMatchObject({ new: 1, invalid: 1 });
    expect(report.errors[0].detail).toContain('to which this key is limited');
    expect((await call('POST', '/v1/domains', limited, { domain: 'third.example' })).status).toBe(403);
    expect((await call('POST', `/v1/emails/${ids.emails}/cancel`, limited)).status).toBe(404);
  });

  it('goes through the events of the account without gaps, and sees its own', async () => {
    const limited = comers.find(({ limited: is }) => is)?.token ?? '';
    const seen: string[] = [];
    for (let after = '', pages = 0; pages < 100; pages++) {
      const { body } = await call('GET', `/v1/events?limit=1&after=${after}`, limited);
      seen.push(...body.data.map((event: Answer) => event.email_id));
      if (!body.has_more) break;
      after = body.next;
    }
    expect(seen).not.toContain(ids.emails);
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe('a role', () => {
  it('cannot make a key that may do more than itself', async () => {
    const developer = comers.find(({ name }) => name === 'developer')?.browser as Browser;
    const owner = comers.find(({ name }) => name === 'owner')?.browser as Browser;
    const form = { name: 'x', scopes: ['manage', 'account'], environment: 'live', domain: '' };
    expect((await developer.post('/sending/keys', form)).status).toBe(403);
    expect(await (await developer.get('/sending')).text()).not.toContain('value="account"');
    expect((await owner.post('/sending/keys', form)).status).toBe(303);
  });
});

describe('a source', () => {
  const { PAGES_LIMIT } = env as unknown as { PAGES_LIMIT: RateLimit };
  const from = (address: string, path: string) =>
    request(path, { headers: { 'CF-Connecting-IP': address, Accept: 'text/html' }, redirect: 'manual' });

  it('that asks too often for what is open to everybody waits, and no other does', async () => {
    expect(PAGES_LIMIT).toBeDefined();
    const statuses: number[] = [];
    for (let i = 0; i < 130; i++) statuses.push((await from('192.0.2.1', '/sign-in/forgotten')).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(120);
    expect(statuses.at(-1)).toBe(429);
    const refused = await from('192.0.2.1', '/sign-in');
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '60']);
    expect(refused.headers.get('Server-Timing')).toContain('written=0');
    expect((await from('192.0.2.2', '/sign-in')).status).toBe(200);
  });

  it('is what the proxy in front tells, and nothing that whoever asks a machine directly says', async () => {
    const keys: string[] = [];
    const PAGES_LIMIT = {
      limit: async ({ key }: { key: string }) => {
        keys.push(key);
        return { success: true };
      },
    };
    for (const SOURCE_HEADER of ['', 'X-Real-IP', 'CF-Connecting-IP']) {
      const headers = { 'CF-Connecting-IP': '192.0.2.1', 'X-Real-IP': '192.0.2.2', Accept: 'text/html' };
      await request('/sign-in', { headers }, { ...meteredEnv, PAGES_LIMIT, SOURCE_HEADER });
    }
    expect(keys).toEqual(['local', '192.0.2.2', '192.0.2.1']);
  });

  it('is the whole network of a customer in IPv6', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 130; i++)
      statuses.push((await from(`2001:db8:ffff:1::${i.toString(16)}`, '/sign-in/forgotten')).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await from('2001:db8:ffff:2::1', '/sign-in/forgotten')).status).toBe(200);
  });
});

describe('what a page or an answer says of itself', () => {
  it('is a policy and no sniffing, on pages that are not there too', async () => {
    for (const path of [
      '/no-such-page',
      '/messages/x/y/z',
      '/t',
      '/docs/api',
      '/sign-in',
      '/assets/x/none.css',
    ]) {
      const response = await request(path, { headers: { Accept: 'text/html' } });
      expect([path, response.headers.get('X-Content-Type-Options')]).toEqual([path, 'nosniff']);
      if ((response.headers.get('Content-Type') ?? '').startsWith('text/html'))
        expect([path, response.headers.get('Content-Security-Policy')]).toEqual([
          path,
          expect.stringContaining("default-src 'none'"),
        ]);
    }
    for (const path of ['/healthz', '/v1/emails', '/no/such/thing', '/openapi.json']) {
      const response = await request(path);
      expect([path, response.headers.get('X-Content-Type-Options')]).toEqual([path, 'nosniff']);
    }
  });
});
