import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test';
import type { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { access } from '../../worker/identity/access.ts';
import worker from '../../worker/index.ts';
import { Browser } from '../support/browser.ts';
import type { DnsTable } from '../support/dns-table.ts';
import { FakeHostnames } from './custom-hostnames.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import { answerDoh } from './doh-answer.ts';
import {
  type Answer,
  bindings,
  call,
  costOf,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  parsedMail,
  request,
  type TestAccount,
} from './support.ts';

const service = 'mail.example.org';
const zone = '0123456789abcdef0123456789abcdef';
const token = 'zone token';
const withZone: Record<string, unknown> = { ...meteredEnv, DNS_TOKEN: token, DNS_ZONE: zone };
const minute = 60_000;
const day = 86_400_000;

/** What is published beside the operator's own name. */
let dns: DnsTable;
let hostnames: FakeHostnames;
/** What other hosts answer by HTTPS. */
let web: Record<string, (url: URL) => Response>;
let first: TestAccount;
let owner: Browser;
let account: TestAccount;
/** The link host of the account's domain. */
let host: string;

beforeAll(async () => {
  await migrate();
  first = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'root@people.example',
    password: 'a long enough sentence',
  });
});
beforeEach(async () => {
  // What earlier tests left is not looked at by schedule.
  await bindings.DB.prepare('UPDATE domains SET next_check_ms = NULL').run();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  dns = { [`links.${service}`]: { A: ['1.1.1.1'] } };
  hostnames = new FakeHostnames({ zone, token });
  web = {};
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = new URL(String(input));
    if (url.origin === 'https://api.cloudflare.com') return hostnames.answer(url, init);
    return web[url.host]?.(url) ?? (await answerDoh(input, dns));
  });
  account = await newAccount();
  host = `links.${account.domain}`;
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const at = async (ms: number) => {
  pass(ms);
  const controller = createScheduledController({ scheduledTime: new Date() });
  await worker.scheduled(controller, withZone as unknown as typeof env);
};
const ask = async (method: string, path = '', body?: object, environment = withZone): Promise<Answer> => {
  const at = `/v1/domains/${account.domain}${path}`;
  return (await call(method, at, account.live, body, {}, environment)).body;
};
const begin = (label: string | null = 'links') => ask('PATCH', '', { link_label: label });
const verify = async () => (await ask('POST', '/verify')).link_host;
const point = () => {
  dns[host] = { CNAME: [`links.${service}`] };
};
/** The account's domain with a link host whose certificate is live. */
const live = async () => {
  point();
  await begin();
  hostnames.settle(host, { status: 'active', ssl: 'active' });
  expect(await verify()).toMatchObject({ name: host, state: 'active', fault: null });
};

const html = '<p><a href="https://shop.example/a">receipt</a></p>';
const tracked = { html_body: html, track_opens: true, track_clicks: true, unsubscribe: true };
const send = (by: TestAccount = account) => call('POST', '/v1/send', by.live, mail(by, tracked));
/** The links of ours in a new mail, by the letter of their path. */
const linksSent = async (by: TestAccount = account): Promise<Record<'t' | 'c' | 'u', string>> => {
  const { headers, html: sent } = await parsedMail((await send(by)).body.message_id);
  const field = headers.find(({ key }) => key === 'list-unsubscribe')?.value ?? '';
  const found = `${sent} ${field}`.match(/https:\/\/[^/"<>\s]+\/[tcu]\/[a-z2-7]{53}[^"<>\s]*/g) ?? [];
  expect(found).toHaveLength(3);
  return Object.fromEntries(found.map((link) => [new URL(link).pathname[1], link])) as Awaited<
    ReturnType<typeof linksSent>
  >;
};
const hostOf = (link: string) => new URL(link).host;
const hostsSent = async () => [...new Set(Object.values(await linksSent()).map(hostOf))];
let sources = 0;
/** Opens an address, at another host than it says if one is given. */
const open = async (link: string, asked = hostOf(link), method = 'GET'): Promise<Response> => {
  const { pathname, search } = new URL(link);
  const context = createExecutionContext();
  sources += 1;
  const headers = { Accept: 'text/html', 'CF-Connecting-IP': `2001:db8:77:${sources}::1` };
  const visit = new Request(`https://${asked}${pathname}${search}`, { method, headers, redirect: 'manual' });
  const response = await worker.fetch(visit, withZone, context);
  await waitOnExecutionContext(context);
  return response;
};

describe('a link host', () => {
  it('is set on the page of the domain, which shows how its certificate stands', async () => {
    const { body } = await call('GET', `/v1/domains/${first.domain}`, first.live);
    const path = `/domains/${numberOfUuid('domain', body.id)}`;
    expect(await textOf(await owner.get(path))).toContain('opens and clicks lead to this service');
    const saved = await owner.post(`${path}/links`, { link_label: 'links' });
    expect(saved.headers.get('Location')).toBe(`${path}?done=saved#links`);
    const text = await textOf(await owner.get(path));
    expect(text).toContain('certificate pending');
    expect(text).toContain(`until there is a certificate for links.${first.domain}.`);
    expect((await owner.post(`${path}/links`, { link_label: '' })).status).toBe(303);
    expect((await call('GET', `/v1/domains/${first.domain}`, first.live)).body.link_host).toBeNull();
  });
});

describe('links in mail of a domain', () => {
  it('lead to its own host while that has a certificate, and what was sent goes on', async () => {
    const before = await linksSent();
    const begun = await begin();
    expect(begun).toMatchObject({ link_label: 'links', link_host: { name: host, state: 'pending' } });
    expect(begun.link_host.fault).toBe(`Publish a CNAME record at ${host}: links.${service}`);
    expect(begun.records.find(({ kind }: Answer) => kind === 'link_host')).toMatchObject({
      need: 'optional',
      type: 'CNAME',
      name: host,
      value: `links.${service}`,
      status: 'missing',
    });
    expect(hostnames.changes).toEqual([]);
    point();
    expect(await verify()).toMatchObject({ state: 'pending', fault: null });
    expect(hostnames.changes).toEqual([`POST ${host}`]);
    hostnames.settle(host, { status: 'active', ssl: 'pending_issuance' });
    await at(15 * minute + 1000);
    expect((await ask('GET')).link_host.state).toBe('pending');
    expect(await hostsSent()).toEqual(['api.test']);
    hostnames.settle(host, { status: 'active', ssl: 'active' });
    await at(15 * minute + 1000);
    const { link_host: there, next_check_at: next } = await ask('GET');
    expect(there).toMatchObject({ state: 'active', fault: null });
    expect(Date.parse(next) - Date.now()).toBeGreaterThan(20 * 60 * minute);
    const own = await linksSent();
    expect(Object.values(own).map(hostOf)).toEqual([host, host, host]);
    // The CNAME is gone: new mail has ours, and what was sent before opens wherever it leads.
    delete dns[host];
    await at(day + 1000);
    expect((await ask('GET')).link_host).toMatchObject({ state: 'pending' });
    expect(await hostsSent()).toEqual(['api.test']);
    for (const links of [before, own]) {
      expect((await open(links.t)).headers.get('Content-Type')).toBe('image/gif');
      expect((await open(links.c)).headers.get('Location')).toBe('https://shop.example/a');
      expect((await open(links.u)).status).toBe(200);
    }
  });

  it('cost the intake nothing more', async () => {
    await send();
    const before = costOf(await send());
    await live();
    expect(costOf(await send())).toEqual(before);
  });

  it('lead on from their own host alone: none of another account uses its name', async () => {
    await live();
    const [own, stranger] = [await linksSent(), await linksSent(await newAccount())];
    const where = async (link: string, asked: string) => (await open(link, asked)).headers.get('Location');
    expect(await where(own.c, host)).toBe('https://shop.example/a');
    expect(await where(own.c, 'api.test')).toBeNull();
    expect(await where(stranger.c, 'api.test')).toBe('https://shop.example/a');
    expect(await where(stranger.c, 'post.example.org')).toBe('https://shop.example/a');
    for (const asked of [host, host.toUpperCase(), `${host}.`, `${host}:8443`])
      expect([asked, await where(stranger.c, asked)]).toEqual([asked, null]);
    await begin(null);
    expect(await where(own.c, host)).toBe('https://shop.example/a');
  });

  it('are all that its host has: nothing else of the table of routes is there', async () => {
    await live();
    const { u } = await linksSent();
    const there: string[] = [];
    for (const { method, path } of [...access, { method: 'GET', path: '/no-such-page' }]) {
      const response = await open(`https://${host}${path.replaceAll(':', '')}`, host, method);
      const text = await response.text();
      if (response.status !== 404 || text !== 'There is nothing here.\n') there.push(`${method} ${path}`);
      else expect(response.headers.get('Content-Type')).toContain('text/plain');
    }
    expect(there).toEqual([
      'GET /t/:file',
      'GET /c/:token',
      'GET /u/:token',
      'POST /u/:token',
      'GET /healthz',
      'GET /assets/:version/:name',
    ]);
    const page = (await (await open(u)).text()) + (await (await open(`https://${host}/u/wrong`)).text());
    for (const [, asset = ''] of page.matchAll(/(?:href|src)="(\/[^"]*)"/g))
      expect([asset, (await open(`https://${host}${asset}`)).status]).toEqual([asset, 200]);
    // A name that somebody claims without having proven the domain closes nothing.
    const claim = { domain: 'unproven.example', link_label: 'links' };
    expect((await call('POST', '/v1/domains', account.live, claim)).status).toBe(201);
    expect((await open('https://links.unproven.example/docs')).status).toBe(200);
  });
});

describe('a certificate', () => {
  it('that is not issued says why, and is asked for anew', async () => {
    point();
    await begin();
    const why = 'caa_error: While processing CAA records for the host, CAA records were found for this CA.';
    hostnames.settle(host, { status: 'pending', ssl: 'validation_timed_out', validationErrors: [why] });
    expect(await verify()).toMatchObject({
      state: 'failed',
      fault: `${why}; its certificate is validation_timed_out`,
    });
    expect(hostnames.changes).toEqual([`POST ${host}`, `PATCH ${host} {"method":"http","type":"dv"}`]);
    expect(await hostsSent()).toEqual(['api.test']);
    hostnames.settle(host, { status: 'active', ssl: 'active' });
    await at(day + 1000);
    expect((await ask('GET')).link_host.state).toBe('active');
  });

  it.each([
    ['refuses', 'refused GET: Authentication error [10000]'],
    ['does not answer', 'it is down'],
  ])('stays as it is while the API %s', async (how, said) => {
    await live();
    if (how === 'refuses') hostnames.refusal = { code: 10_000, message: 'Authentication error' };
    else
      vi.spyOn(hostnames, 'answer').mockImplementation(() => {
        throw new Error('it is down');
      });
    expect(await verify()).toMatchObject({ state: 'active', fault: expect.stringContaining(said) });
    expect(await hostsSent()).toEqual([host]);
  });

  it('stays as it is while DNS does not answer', async () => {
    await live();
    dns[host] = 'servfail';
    const fault = expect.stringContaining('DNS did not answer');
    expect(await verify()).toMatchObject({ state: 'active', fault });
  });

  it('is let go of with the host that was never live', async () => {
    point();
    await begin();
    expect(hostnames.hosts).toEqual([host]);
    expect(await begin(null)).toMatchObject({ link_label: null, link_host: null });
    expect(hostnames.hosts).toEqual([]);
  });

  it('is kept for 90 days after its host was given up: what was sent goes on', async () => {
    await live();
    const { c } = await linksSent();
    const other = `go.${account.domain}`;
    dns[other] = { CNAME: [`links.${service}`] };
    expect((await begin('go')).link_host).toMatchObject({ name: other, state: 'pending', fault: null });
    hostnames.settle(other, { status: 'active', ssl: 'active' });
    await verify();
    const removal = `/v1/domains/${account.domain}?cancel=true`;
    expect((await call('DELETE', removal, account.live, undefined, {}, withZone)).status).toBe(204);
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await at(89 * day);
    expect(hostnames.hosts).toEqual([host, other]);
    expect((await open(c)).headers.get('Location')).toBe('https://shop.example/a');
    expect((await open(`https://${host}/docs`)).status).toBe(404);
    hostnames.refusal = { code: 10_000, message: 'Authentication error' };
    await at(day + 1000);
    expect(error.mock.calls.join()).toContain('a link host was not removed');
    hostnames.refusal = null;
    await at(day + 1000);
    expect(hostnames.hosts).toEqual([]);
    expect((await open(`https://${host}/docs`)).status).toBe(200);
  });

  it('stays when the domain has its former host again', async () => {
    await live();
    await begin(null);
    await live();
    await at(91 * day);
    expect(hostnames.hosts).toEqual([host]);
    expect(hostnames.changes).toEqual([`POST ${host}`]);
    expect((await ask('GET')).link_host.state).toBe('active');
  });

  it('is nothing for an account that has not proven the domain, and stays when that gives it up', async () => {
    await live();
    const rival = await newAccount();
    const claim = { domain: account.domain, link_label: 'links' };
    const made = await call('POST', '/v1/domains', rival.live, claim, {}, withZone);
    expect(made.body.link_host).toMatchObject({ name: host, state: 'pending' });
    const path = `/v1/domains/${made.body.id}`;
    const { body } = await call('POST', `${path}/verify`, rival.live, undefined, {}, withZone);
    expect(body.link_host).toMatchObject({ state: 'pending', fault: 'The domain is not verified.' });
    const { changes } = hostnames;
    await call('PATCH', path, rival.live, { link_label: 'go' }, {}, withZone);
    await call('DELETE', path, rival.live, undefined, {}, withZone);
    expect([hostnames.hosts, changes]).toEqual([[host], [`POST ${host}`]]);
  });
});

describe('a host that is attached by hand', () => {
  const byHand = async () => (await ask('POST', '/verify', undefined, meteredEnv)).link_host;
  const ours = () => Response.json({ status: 'ok', service_domain: service, time: '2026-11-28T12:00:00Z' });
  beforeEach(async () => {
    point();
    web[host] = ours;
    await ask('PATCH', '', { link_label: 'links' }, meteredEnv);
  });

  it('is used once it answers as this service', async () => {
    expect(await byHand()).toMatchObject({ state: 'active', fault: null });
    expect(await hostsSent()).toEqual([host]);
    expect(hostnames.changes).toEqual([]);
  });

  const noCertificate = (): Response => {
    throw new Error('TLS peer’s certificate is not trusted');
  };
  it.each([
    ['has no certificate', noCertificate, 'cannot be opened yet: TLS peer'],
    [
      'answers as something else',
      () => Response.json({ status: 'ok' }),
      'answers 200, and not as this service',
    ],
    ['leads elsewhere', () => Response.redirect('https://elsewhere.example/', 302), 'answers 302'],
    [
      'answers too much',
      () => Response.json({ service_domain: service, more: 'x'.repeat(5000) }),
      'not as this service',
    ],
  ])('is not while it %s', async (_, answer, said) => {
    web[host] = answer;
    expect(await byHand()).toMatchObject({ state: 'pending', fault: expect.stringContaining(said) });
    expect(await hostsSent()).toEqual(['api.test']);
  });

  it('is not called where that would reach no public address', async () => {
    dns[`links.${service}`] = { A: ['10.0.0.1'] };
    expect(await byHand()).toMatchObject({ state: 'pending', fault: expect.stringContaining('is refused') });
  });

  it('may be no CNAME, which counts as found then', async () => {
    dns[host] = { A: ['1.1.1.1'] };
    const recordOf = async () => (await ask('GET')).records.find(({ kind }: Answer) => kind === 'link_host');
    expect(await byHand()).toMatchObject({ state: 'active' });
    expect(await recordOf()).toMatchObject({ status: 'ok', fix: null });
    web[host] = () => new Response('a shop');
    expect(await byHand()).toMatchObject({ state: 'pending', fault: expect.stringContaining('plain CNAME') });
    expect(await recordOf()).toMatchObject({ status: 'wrong' });
  });
});

describe('a label', () => {
  it.each([
    ['of two labels', { link_label: 'a.b' }],
    ['of the return path', { link_label: 'pp-bounces' }],
    ['that the return path is to have', { link_label: 'mta', return_path_label: 'mta' }],
  ])('%s is refused', async (_, body) => {
    const { status, body: told } = await call('PATCH', `/v1/domains/${account.domain}`, account.live, body);
    expect([status, told.errors[0].pointer]).toEqual([400, '/link_label']);
  });

  it('that makes it the name which link hosts lead to is refused', async () => {
    const body = { domain: service, link_label: 'links' };
    const { status, body: told } = await call('POST', '/v1/domains', account.live, body);
    expect([status, told.errors[0].pointer]).toEqual([400, '/link_label']);
  });
});
