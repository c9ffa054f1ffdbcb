import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DnsType, joinTxt } from '#domain/dns/dns.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import worker from '../../worker/index.ts';
import type { DnsTable } from '../support/dns-table.ts';
import { letInstallationMail, mailsTo, newMember } from './dashboard-support.ts';
import { answerDoh } from './doh-answer.ts';
import {
  type Answer,
  bindings,
  call,
  mail,
  meteredEnv,
  migrate,
  newAccount,
  request,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';

const service = 'mail.example.org';
const infrastructure: DnsTable = {
  [`_spf.${service}`]: { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  [`bounces.${service}`]: { TXT: [`v=spf1 include:_spf.${service} -all`], MX: [`10 mx.${service}`] },
};

/** What DNS over HTTPS answers; each test publishes here. */
let dns: DnsTable = {};

/** Lets a domain send more than its first day of warming would. */
async function warmingOff(domain: Answer): Promise<void> {
  const path = `/admin/v1/accounts/${account.id}/domains/${domain.domain}/warming`;
  expect((await call('PUT', path, bindings.OPERATOR_TOKEN, { state: 'off' })).status).toBe(200);
}

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  await letInstallationMail(await newAccount());
});
beforeEach(async () => {
  dns = {};
  // What earlier tests left is not looked at by schedule.
  await bindings.DB.prepare('UPDATE domains SET next_check_ms = NULL').run();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  vi.spyOn(globalThis, 'fetch').mockImplementation((input) =>
    answerDoh(input, { ...infrastructure, ...dns }),
  );
  account = await newAccount();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

let names = 0;
/** A domain of the account that nothing is published for. */
async function newDomain(more: Record<string, unknown> = {}, owner = account): Promise<Answer> {
  names += 1;
  // How many are added in how short a time is the matter of another test.
  await bindings.DB.exec("DELETE FROM auth_rate_limits WHERE key LIKE 'add domain %'");
  const made = await call('POST', '/v1/domains', owner.live, { domain: `shop${names}.example`, ...more });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}

/** The records of a domain as a table; only those of the kinds named. */
function published(domain: Answer, kinds?: string[]): DnsTable {
  const table: DnsTable = {};
  for (const { kind, type, name, value } of domain.records) {
    if (kinds && !kinds.includes(kind)) continue;
    const entry = (table[name] ?? {}) as Partial<Record<DnsType, string[]>>;
    table[name] = { ...entry, [type]: [...(entry[type as DnsType] ?? []), value] };
  }
  return table;
}

const verify = async (domain: Answer, owner = account) =>
  (await call('POST', `/v1/domains/${domain.id}/verify`, owner.live)).body;
const send = (domain: Answer, owner = account) =>
  call('POST', '/v1/send', owner.live, mail(owner, { from: `a@${domain.domain}` }));
const statusesOf = (domain: Answer) =>
  Object.fromEntries(domain.records.map((record: Answer) => [record.kind, record.status]));
const tick = () => worker.scheduled(createScheduledController({ scheduledTime: new Date() }), env);
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const day = 86_400_000;

describe('a new domain', () => {
  it('is pending, tells its records, and may not send', async () => {
    const domain = await newDomain();
    expect(domain).toMatchObject({
      status: 'pending',
      type: 'outbound',
      verified_by: null,
      return_path_host: null,
    });
    expect(domain.records.map((r: Answer) => [r.kind, r.need, r.status])).toEqual([
      ['ownership', 'required', null],
      ['spf', 'required', null],
      ['dkim', 'required', null],
      ['dkim_ed25519', 'optional', null],
      ['return_path', 'recommended', null],
      ['dmarc', 'recommended', null],
      ['bimi', 'optional', null],
    ]);
    expect(domain.notes[0]).toContain('MX');
    const refused = await send(domain);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      code: 'domain_not_allowed',
      detail: expect.stringContaining('ownership'),
    });
  });

  it('is told apart from a domain of another account', async () => {
    const domain = await newDomain();
    const other = await newAccount();
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/dns'],
      ['GET', '/dkim'],
      ['DELETE', ''],
      ['POST', '/verify'],
      ['POST', '/dkim/rotate'],
    ] as const) {
      expect((await call(method, `/v1/domains/${domain.id}${path}`, other.live)).status).toBe(404);
    }
    expect((await call('GET', `/v1/domains/${domain.domain}`, account.live)).body.id).toBe(domain.id);
  });

  it.each([
    [{ domain: 'localhost' }, 400],
    [{ domain: 'a b.example' }, 400],
    [{ domain: 'x.example', type: 'none' }, 400],
    [{ domain: 'x.example', return_path_label: 'a.b' }, 400],
    [{ domain: 'x.example', extra: 1 }, 400],
    [{}, 400],
  ])('%j is refused', async (body, status) => {
    expect((await call('POST', '/v1/domains', account.live, body)).status).toBe(status);
  });

  it('cannot be made twice by one account', async () => {
    const { domain } = await newDomain();
    expect((await call('POST', '/v1/domains', account.live, { domain })).status).toBe(409);
  });

  it('is kept in A-labels', async () => {
    const made = await call('POST', '/v1/domains', account.live, { domain: 'BÜCHER.example.' });
    expect(made.body.domain).toBe('xn--bcher-kva.example');
  });

  it('needs a key with the scope', async () => {
    const { body } = await call(
      'POST',
      `/admin/v1/accounts/${account.id}/credentials`,
      bindings.OPERATOR_TOKEN,
      {
        scopes: ['send', 'read'],
      },
    );
    expect((await call('POST', '/v1/domains', body.secret, { domain: 'y.example' })).status).toBe(403);
    expect((await call('GET', '/v1/domains', body.secret)).status).toBe(200);
  });

  it('is hidden from a key that is limited to others', async () => {
    const domain = await newDomain();
    const { body } = await call(
      'POST',
      `/admin/v1/accounts/${account.id}/credentials`,
      bindings.OPERATOR_TOKEN,
      {
        domains: [account.domain],
      },
    );
    expect((await call('GET', '/v1/domains', body.secret)).body.data.map((d: Answer) => d.domain)).toEqual([
      account.domain,
    ]);
    expect((await call('GET', `/v1/domains/${domain.id}`, body.secret)).status).toBe(404);
    expect((await call('POST', '/v1/domains', body.secret, { domain: 'z.example' })).status).toBe(403);
  });
});

describe('verifying', () => {
  it('with nothing published names what is missing', async () => {
    const domain = await newDomain();
    const after = await verify(domain);
    expect(statusesOf(after)).toMatchObject({ ownership: 'missing', spf: 'missing', dkim: 'missing' });
    expect(after.reason).toBe(
      'its ownership is not verified (missing); its SPF is not verified (missing); its DKIM key is not verified (missing).',
    );
    expect((await send(domain)).body.detail).toContain('its ownership is not verified (missing)');
  });

  it.each([
    ['the full set', ['ownership', 'spf', 'dkim']],
    ['the CNAME and one DKIM TXT', ['dkim', 'return_path']],
  ])('with %s lets it send', async (_, kinds) => {
    const domain = await newDomain();
    dns = published(domain, kinds);
    const after = await verify(domain);
    expect(after).toMatchObject({ status: 'verified', verified_by: 'dns', reason: null });
    expect((await send(domain)).status).toBe(202);
  });

  it.each([
    ['ownership', ['spf'], 'ownership'],
    ['SPF', ['ownership', 'dkim'], 'SPF'],
    ['the DKIM key', ['ownership', 'spf'], 'DKIM'],
    ['the RSA key', ['ownership', 'spf', 'dkim_ed25519'], 'DKIM'],
  ])('without %s refuses and names it, over HTTP', async (_, kinds, named) => {
    const domain = await newDomain();
    dns = published(domain, kinds);
    expect((await verify(domain)).status).toBe('pending');
    const refused = await send(domain);
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toContain(`its ${named}`);
  });

  it('signs with the keys that are published, and only with these', async () => {
    const domain = await newDomain();
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    const node = await new TestNode().hello();
    await node.lease();
    await warmingOff(domain);
    const leasedSelectors = async () => {
      expect((await send(domain)).status).toBe(202);
      return (await node.lease()).keys[domain.domain].map((key: Answer) => key.selector).sort();
    };
    expect(await leasedSelectors()).toEqual(['pennypost']);
    dns = published(domain);
    await verify(domain);
    expect(await leasedSelectors()).toEqual(['pennypost', 'pennypost-ed']);
  });

  it('sets the return path while the CNAME is right, and takes it back when it is not', async () => {
    const domain = await newDomain({ return_path_label: 'mta' });
    dns = published(domain);
    expect(await verify(domain)).toMatchObject({ return_path_host: `mta.${domain.domain}` });
    const cname = dns[`mta.${domain.domain}`];
    dns[`mta.${domain.domain}`] = 'servfail';
    expect(await verify(domain)).toMatchObject({ return_path_host: `mta.${domain.domain}` });
    delete dns[`mta.${domain.domain}`];
    expect(await verify(domain)).toMatchObject({ return_path_host: null, status: 'verified' });
    dns[`mta.${domain.domain}`] = cname ?? {};
    const changed = await call('PATCH', `/v1/domains/${domain.id}`, account.live, {
      return_path_label: 'other',
    });
    expect(changed.body).toMatchObject({ return_path_label: 'other', return_path_host: null });
  });

  it('signs as the parent domain when the key is there', async () => {
    const domain = await newDomain({ domain: `sub.parent${names}.example` });
    const parent = domain.domain.replace('sub.', '');
    const { [`pennypost._domainkey.${domain.domain}`]: key, ...others } = published(domain, [
      'ownership',
      'spf',
      'dkim',
    ]);
    dns = { ...others, [`pennypost._domainkey.${parent}`]: key ?? {} };
    expect(await verify(domain)).toMatchObject({ status: 'verified', signing_domain: parent });
    const node = await new TestNode().hello();
    await node.lease();
    expect((await send(domain)).status).toBe(202);
    const { deliveries, keys } = await node.lease();
    expect(deliveries[0].signingDomain).toBe(parent);
    expect(keys[parent]).toHaveLength(1);
  });

  it('never lacks its keys: when they cannot be written nothing is', async () => {
    const receiving = await newDomain({ type: 'inbound' });
    const name = 'keyless.example';
    const posted = { method: 'POST', path: '/v1/domains', body: { domain: name } };
    const changed = { method: 'PATCH', path: `/v1/domains/${receiving.id}`, body: { type: 'both' } };
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await bindings.DB.prepare(
      "CREATE TRIGGER no_keys BEFORE INSERT ON dkim_keys BEGIN SELECT RAISE(ABORT, 'no keys today'); END",
    ).run();
    try {
      for (const { method, path, body } of [posted, changed])
        expect((await call(method, path, account.live, body)).status).toBe(500);
    } finally {
      await bindings.DB.prepare('DROP TRIGGER no_keys').run();
    }
    expect(logged.mock.calls.join()).toContain('no keys today');
    const listed = (await call('GET', '/v1/domains', account.live)).body.data;
    expect(listed.map((one: Answer) => one.domain)).not.toContain(name);
    expect((await call('GET', changed.path, account.live)).body.type).toBe('inbound');
    for (const { method, path, body } of [posted, changed]) {
      const { id } = (await call(method, path, account.live, body)).body;
      expect((await call('GET', `/v1/domains/${id}/dkim`, account.live)).body.data).toHaveLength(2);
    }
  });

  it('of a domain that receives asks for the MX and nothing to send with', async () => {
    const domain = await newDomain({ type: 'inbound' });
    expect(domain.records.map((r: Answer) => r.kind)).toEqual(['ownership', 'mx']);
    dns = published(domain);
    expect(await verify(domain)).toMatchObject({ status: 'verified' });
    expect((await send(domain)).body.detail).toContain('of type inbound');
  });

  it('begins anew when the type asks for more', async () => {
    const domain = await newDomain({ type: 'inbound' });
    dns = published(domain);
    await verify(domain);
    const both = await call('PATCH', `/v1/domains/${domain.id}`, account.live, { type: 'both' });
    expect(both.body).toMatchObject({ status: 'pending', type: 'both' });
    expect(both.body.reason).toContain('SPF');
    expect((await send(domain)).status).toBe(403);
    dns = { ...dns, ...published(both.body) };
    expect(await verify(domain)).toMatchObject({ status: 'verified' });
    expect((await send(domain)).status).toBe(202);
  });

  it('finds a domain switched off, and on again', async () => {
    const domain = await newDomain();
    dns = published(domain);
    await verify(domain);
    await call('PATCH', `/v1/domains/${domain.id}`, account.live, { active: false });
    expect((await send(domain)).body.detail).toContain('switched off');
    expect((await call('POST', `/v1/domains/${domain.id}/verify`, account.live)).status).toBe(409);
    const on = await call('PATCH', `/v1/domains/${domain.id}`, account.live, { active: true });
    expect(on.body.status).toBe('verified');
    expect((await send(domain)).status).toBe(202);
  });

  it('leaves the operator the last word', async () => {
    const path = `/admin/v1/accounts/${account.id}/domains`;
    const made = await call('POST', path, bindings.OPERATOR_TOKEN, {
      domain: 'vouched.example',
      verified: true,
    });
    expect(await verify(made.body)).toMatchObject({ status: 'verified', verified_by: 'operator' });
    pass(10 * day);
    expect(await verify(made.body)).toMatchObject({ status: 'verified', next_check_at: null });
    expect((await send({ domain: 'vouched.example' })).status).toBe(202);
    await call('PATCH', `${path}/vouched.example`, bindings.OPERATOR_TOKEN, { verified: false });
    expect((await send({ domain: 'vouched.example' })).status).toBe(403);
  });

  it('is not begun with keys that sign when the operator does not vouch', async () => {
    const path = `/admin/v1/accounts/${account.id}/domains`;
    const made = await call('POST', path, bindings.OPERATOR_TOKEN, { domain: 'later.example' });
    expect(made.body.dkim.map((key: Answer) => key.status)).toEqual(['pending', 'pending']);
    const vouched = await call('PATCH', `${path}/later.example`, bindings.OPERATOR_TOKEN, { verified: true });
    expect(vouched.body.dkim.map((key: Answer) => key.status)).toEqual(['active', 'active']);
  });
});

describe('by schedule', () => {
  it('a pending domain is looked at every quarter of an hour, a verified one daily', async () => {
    const domain = await newDomain();
    await tick();
    const get = async () => (await call('GET', `/v1/domains/${domain.id}`, account.live)).body;
    const first = await get();
    expect(first.status).toBe('pending');
    expect(Date.parse(first.next_check_at) - Date.parse(first.checked_at)).toBe(15 * 60_000);
    dns = published(domain);
    pass(14 * 60_000);
    await tick();
    expect((await get()).status).toBe('pending');
    pass(60_000);
    await tick();
    const second = await get();
    expect(second.status).toBe('verified');
    expect(Date.parse(second.next_check_at) - Date.parse(second.checked_at)).toBe(day);
  });

  it('failing DNS never turns a domain off, a record missing for three days does and is logged', async () => {
    const domain = await newDomain();
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    const spf = domain.domain;
    const log = vi.spyOn(console, 'log');
    for (let i = 0; i < 5; i++) {
      dns[spf] = i % 2 ? 'timeout' : 'servfail';
      pass(day);
      await tick();
    }
    expect((await send(domain)).status).toBe(202);
    delete dns[spf];
    pass(day);
    await tick();
    for (let i = 0; i < 2; i++) {
      pass(day);
      await tick();
      expect((await send(domain)).status).toBe(202);
    }
    expect(log).not.toHaveBeenCalled();
    pass(day);
    await tick();
    const refused = await send(domain);
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toContain('its SPF is not verified (missing)');
    expect(log).toHaveBeenCalledOnce();
    expect(JSON.parse(String(log.mock.calls[0]?.[0]))).toMatchObject({
      level: 'warn',
      domain: domain.domain,
      accountId: account.id,
    });
    dns = published(domain);
    pass(15 * 60_000);
    await tick();
    expect((await send(domain)).status).toBe(202);
  });

  it('no more domains than fit are taken in one tick', async () => {
    await tick();
    for (let i = 0; i < 25; i++) await newDomain({ type: 'inbound' });
    const checked = async () =>
      (await call('GET', '/v1/domains?limit=100', account.live)).body.data.filter((d: Answer) => d.checked_at)
        .length;
    await tick();
    expect(await checked()).toBe(10);
    await tick();
    await tick();
    expect(await checked()).toBe(25);
  });
});

describe('a domain that two accounts claim', () => {
  it('is that of the one who proves ownership; the other waits and is told why', async () => {
    const domain = await newDomain();
    const rival = await newAccount();
    const claim = await newDomain({ domain: domain.domain }, rival);
    dns = published(claim);
    expect(await verify(domain)).toMatchObject({ status: 'pending' });
    expect(await verify(claim, rival)).toMatchObject({ status: 'verified' });
    expect((await send(claim, rival)).status).toBe(202);
    expect((await send(domain)).status).toBe(403);
  });

  it('stays with the first as long as both prove it, and changes hands when the first no longer does', async () => {
    const domain = await newDomain();
    const rival = await newAccount();
    const claim = await newDomain({ domain: domain.domain, return_path_label: 'mta' }, rival);
    const token = `_pennypost.${domain.domain}`;
    const [mine, theirs] = [
      published(domain, ['ownership', 'spf', 'dkim']),
      published(claim, ['spf', 'dkim', 'ownership']),
    ];
    dns = mine;
    expect(await verify(domain)).toMatchObject({ status: 'verified' });
    // Both tokens are there; the one selector can hold only one key.
    const tokens = [mine[token], theirs[token]].flatMap((e) => (typeof e === 'object' ? (e.TXT ?? []) : []));
    dns = { ...theirs, [token]: { TXT: tokens } };
    const waiting = await verify(claim, rival);
    expect(waiting).toMatchObject({ status: 'pending', reason: expect.stringContaining('another account') });
    expect((await send(claim, rival)).body.detail).toContain('another account');
    expect((await send(domain)).status).toBe(202);
    dns = theirs;
    expect(await verify(claim, rival)).toMatchObject({ status: 'verified', reason: null });
    expect((await send(claim, rival)).status).toBe(202);
    expect((await send(domain)).body.detail).toContain('another account');
  });

  it('is not taken while DNS does not tell whether the first still proves it', async () => {
    const domain = await newDomain();
    const rival = await newAccount();
    const claim = await newDomain({ domain: domain.domain }, rival);
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    dns = { ...published(claim, ['spf', 'dkim']), [`_pennypost.${domain.domain}`]: 'servfail' };
    expect(await verify(claim, rival)).toMatchObject({ status: 'pending' });
    expect((await send(domain)).status).toBe(202);
  });

  it('has mail of both on its way, each signed with keys of its own or not at all', async () => {
    const node = await new TestNode().hello();
    await node.lease();
    const [rival, third] = [await newAccount(), await newAccount()];
    const name = `passed${names}.example`;
    const vouch = async (owner: TestAccount, verified: boolean, method = 'PATCH') => {
      const path = `/admin/v1/accounts/${owner.id}/domains${method === 'PATCH' ? `/${name}` : ''}`;
      const body = method === 'PATCH' ? { verified } : { verified, domain: name };
      expect((await call(method, path, bindings.OPERATOR_TOKEN, body)).status).toBeLessThan(300);
    };
    for (const owner of [account, rival, third]) {
      await vouch(owner, true, 'POST');
      expect((await send({ domain: name }, owner)).status).toBe(202);
      await vouch(owner, false);
    }
    // The API refuses that while mail waits; a gate that was passed a moment before is all that can come to it.
    await bindings.DB.prepare(
      'DELETE FROM dkim_keys WHERE domain_id IN (SELECT id FROM domains WHERE account_id = ? AND name = ?)',
    )
      .bind(third.id, name)
      .run();
    const { deliveries, keys } = await node.lease();
    expect(deliveries).toHaveLength(3);
    const rings = deliveries.map((one: Answer) =>
      keys[one.keyRing ?? one.signingDomain]?.map((key: Answer) => key.privateKey),
    );
    expect(rings.map((ring: string[] | undefined) => ring?.length).sort()).toEqual([2, 2, undefined]);
    expect(new Set(rings.flat().filter(Boolean)).size).toBe(4);
    expect(deliveries.every((one: Answer) => one.signingDomain === name)).toBe(true);
  });

  it('is not taken from one that the operator vouches for', async () => {
    const path = `/admin/v1/accounts/${account.id}/domains`;
    const name = `held${names}.example`;
    await call('POST', path, bindings.OPERATOR_TOKEN, { domain: name, verified: true });
    const rival = await newAccount();
    const claim = await newDomain({ domain: name }, rival);
    dns = published(claim);
    expect(await verify(claim, rival)).toMatchObject({ status: 'pending' });
    expect((await send({ domain: name })).status).toBe(202);
  });
});

describe('the DNS records of a domain', () => {
  it('are shown with their state, what was observed and the fix', async () => {
    const domain = await newDomain();
    dns = { [domain.domain]: { TXT: ['v=spf1 ip4:192.0.2.9 -all'] } };
    await verify(domain);
    const { body } = await call('GET', `/v1/domains/${domain.id}/dns`, account.live);
    expect(body.records.find((r: Answer) => r.kind === 'spf')).toMatchObject({
      type: 'TXT',
      name: domain.domain,
      value: `v=spf1 include:_spf.${service} ~all`,
      status: 'wrong',
      observed: ['v=spf1 ip4:192.0.2.9 -all'],
      fix: `Change the SPF record of ${domain.domain} to: v=spf1 include:_spf.${service} ip4:192.0.2.9 -all`,
    });
  });

  it.each([
    ['format=bind', '?format=bind', {}],
    ['Accept: text/plain', '', { Accept: 'text/plain' }],
  ])('come as a BIND snippet by %s, the SPF record merged', async (_, query, headers) => {
    const domain = await newDomain();
    dns = { [domain.domain]: { TXT: ['v=spf1 ip4:192.0.2.9 -all'] } };
    await verify(domain);
    const authorization = { Authorization: `Bearer ${account.live}` };
    const answer = await request(`/v1/domains/${domain.id}/dns${query}`, {
      headers: { ...authorization, ...headers },
    });
    expect(answer.headers.get('Content-Type')).toContain('text/plain');
    const text = await answer.text();
    expect(text).toContain(
      `\n${domain.domain}. 3600 IN TXT "v=spf1 include:_spf.${service} ip4:192.0.2.9 -all"\n`,
    );
    expect(text).toContain(`\npp-bounces.${domain.domain}. 3600 IN CNAME bounces.${service}.\n`);
    expect(text).toMatch(/IN TXT "v=DKIM1; k=rsa; p=[^"]{230,}" "[^"]+"\n/);
  });
});

describe('DKIM keys', () => {
  const keysOf = async (domain: Answer) =>
    (await call('GET', `/v1/domains/${domain.id}/dkim`, account.live)).body.data.map((k: Answer) => [
      k.selector,
      k.status,
    ]);
  const rotate = (domain: Answer) => call('POST', `/v1/domains/${domain.id}/dkim/rotate`, account.live);

  it('rotate: pending until published, both sign for seven days, then the old retire', async () => {
    const domain = await newDomain();
    dns = published(domain);
    await verify(domain);
    expect((await rotate(domain)).status).toBe(201);
    expect(await keysOf(domain)).toEqual([
      ['pennypost', 'active'],
      ['pennypost-ed', 'active'],
      ['pennypost2', 'pending'],
      ['pennypost2-ed', 'pending'],
    ]);
    expect((await rotate(domain)).status).toBe(409);
    const { body } = await call('GET', `/v1/domains/${domain.id}`, account.live);
    dns = published(body);
    pass(15 * 60_000);
    await tick();
    expect((await keysOf(domain)).map(([, status]: string[]) => status)).toEqual([
      'active',
      'active',
      'active',
      'active',
    ]);
    for (let i = 0; i < 7; i++) {
      expect((await send(domain)).status).toBe(202);
      pass(day);
      await tick();
    }
    expect(await keysOf(domain)).toEqual([
      ['pennypost', 'retired'],
      ['pennypost-ed', 'retired'],
      ['pennypost2', 'active'],
      ['pennypost2-ed', 'active'],
    ]);
    const { results } = await bindings.DB.prepare(
      "SELECT count(*) AS n FROM dkim_keys WHERE domain_id = ? AND status = 'retired' AND private_key_encrypted <> ''",
    )
      .bind(numberOfUuid('domain', domain.id))
      .all();
    expect(results).toEqual([{ n: 0 }]);
  });

  describe('that are delegated', () => {
    const zone = '0123456789abcdef0123456789abcdef';
    const withZone = { ...meteredEnv, DNS_TOKEN: 'dns token', DNS_ZONE: zone };
    /** TXT records of the zone of the service by name, as its API has them. */
    let there: Record<string, string>;
    let refused: boolean;
    const zoneTable = () =>
      Object.fromEntries(Object.entries(there).map(([name, content]) => [name, { TXT: [joinTxt(content)] }]));
    beforeEach(() => {
      there = {};
      refused = false;
      vi.mocked(globalThis.fetch).mockImplementation(async (input, init) => {
        const { origin, pathname, searchParams } = new URL(String(input));
        if (origin !== 'https://api.cloudflare.com')
          return await answerDoh(input, { ...infrastructure, ...dns, ...zoneTable() });
        expect(pathname).toMatch(new RegExp(`^/client/v4/zones/${zone}/dns_records`));
        expect(new Headers(init?.headers).get('Authorization')).toBe('Bearer dns token');
        if (refused) return Response.json({ success: false, errors: [{ code: 9109, message: 'no' }] });
        if (init?.method === 'GET') {
          const name = searchParams.get('name') ?? '';
          const result = there[name] === undefined ? [] : [{ id: 'one', content: there[name] }];
          return Response.json({ success: true, result });
        }
        const { type, name, content } = JSON.parse(String(init?.body));
        expect([init?.method, type]).toEqual([name in there ? 'PUT' : 'POST', 'TXT']);
        there[name] = content;
        return Response.json({ success: true, result: {} });
      });
    });
    const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
      const headers = { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' };
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await request(`/v1/domains${path}`, init, withZone);
      return { status: response.status, body: await response.json() };
    };
    const at = async (ms: number) => {
      pass(ms);
      await worker.scheduled(
        createScheduledController({ scheduledTime: new Date() }),
        withZone as unknown as typeof env,
      );
    };
    const cnamesOf = ({ records }: Answer) =>
      records
        .filter(({ kind }: Answer) => kind === 'dkim')
        .map(({ type, name, value }: Answer) => [type, name, value]);

    it('need two CNAMEs once, and rotate without anybody’s hand', async () => {
      const name = 'delegated.example';
      const made = (await ask('POST', '', { domain: name, dkim_delegated: true })).body;
      const label = `${numberOfUuid('domain', made.id)}-[0-9a-f]{16}`;
      expect(cnamesOf(made)).toEqual([
        ['CNAME', `pennypost-s1._domainkey.${name}`, expect.stringMatching(`^s1.${label}.dkim.${service}$`)],
        ['CNAME', `pennypost-s2._domainkey.${name}`, expect.stringMatching(`^s2.${label}.dkim.${service}$`)],
      ]);
      expect(Object.keys(there)).toHaveLength(2);
      expect(made.notes.join()).toContain('Three CNAME records are enough');
      dns = published(made, ['spf', 'dkim']);
      expect((await ask('POST', `/${made.id}/verify`)).body).toMatchObject({ status: 'verified' });
      const states = async () => (await keysOf(made)).map(([, status]: string[]) => status).join(' ');
      expect(await states()).toBe('active pending');
      const { body: seen } = await call('GET', `/v1/domains/${made.id}`, account.live);
      expect(Date.parse(seen.next_check_at) - Date.now()).toBeGreaterThan(20 * 3_600_000);
      expect((await send(made)).status).toBe(202);
      const first = { ...there };
      // Half a year later the one that stood by takes over; both are signed with for a week.
      await at(180 * day + 1000);
      expect(await states()).toBe('active active');
      await at(8 * day);
      expect(await states()).toBe('retired active');
      expect(there).toEqual(first);
      expect((await send(made)).status).toBe(202);
      // Mail that the old one signed is through: a new one stands by.
      await at(7 * day);
      expect(await states()).toBe('pending active');
      const [s1, s2] = Object.keys(there).sort();
      expect([there[s1 ?? ''] === first[s1 ?? ''], there[s2 ?? ''] === first[s2 ?? '']]).toEqual([
        false,
        true,
      ]);
      await at(day);
      expect(await states()).toBe('pending active');
      // By the owner's word at once.
      expect((await ask('POST', `/${made.id}/dkim/rotate`)).status).toBe(201);
      expect(await states()).toBe('active active');
      expect((await ask('POST', `/${made.id}/dkim/rotate`)).body.detail).toContain('has just been');
      const node = await new TestNode().hello();
      expect((await send(made)).status).toBe(202);
      const { keys } = await node.lease();
      expect(keys[name].map(({ selector }: Answer) => selector).sort()).toEqual([
        'pennypost-s1',
        'pennypost-s2',
      ]);
    });

    it('are told to the operator who publishes them by hand, with what is not there yet', async () => {
      const plain = await newDomain();
      const { body: made } = await call('PATCH', `/v1/domains/${plain.id}`, account.live, {
        dkim_delegated: true,
      });
      expect(there).toEqual({});
      // What was still to be published is needed no more.
      expect(await keysOf(made)).toEqual([
        ['pennypost', 'retired'],
        ['pennypost-ed', 'retired'],
        ['pennypost-s1', 'pending'],
        ['pennypost-s2', 'pending'],
      ]);
      dns = published(made, ['spf', 'dkim']);
      const { records } = await verify(made);
      const fixes = records.filter(({ kind }: Answer) => kind === 'dkim').map(({ fix }: Answer) => fix);
      expect(fixes[0]).toContain(
        `the operator must publish one TXT record at ${cnamesOf(made)[0][2]}: v=DKIM1`,
      );
      const { body } = await call('GET', '/admin/v1/dkim-records', bindings.OPERATOR_TOKEN);
      const own = body.data.filter(({ domain }: Answer) => domain === made.domain);
      expect(own.map(({ name }: Answer) => name)).toEqual(
        cnamesOf(made).map(([, , target]: string[]) => target),
      );
      const headers = { Authorization: `Bearer ${bindings.OPERATOR_TOKEN}` };
      const snippet = await (await request('/admin/v1/dkim-records?format=bind', { headers })).text();
      expect(snippet).toContain(`${own[0].name}. 300 IN TXT "v=DKIM1; k=rsa; p=`);
      for (const { name, value } of own) dns[name] = { TXT: [value] };
      expect(await verify(made)).toMatchObject({ status: 'verified' });
    });

    it('come beside keys that sign already, and give way to them again', async () => {
      const domain = await newDomain();
      dns = published(domain);
      await verify(domain);
      const { body: after } = await ask('PATCH', `/${domain.id}`, { dkim_delegated: true });
      dns = { ...dns, ...published(after, ['dkim']) };
      await ask('POST', `/${domain.id}/verify`);
      expect(await keysOf(domain)).toEqual([
        ['pennypost', 'active'],
        ['pennypost-ed', 'active'],
        ['pennypost-s1', 'active'],
        ['pennypost-s2', 'pending'],
      ]);
      const refusals = [
        await ask('PATCH', `/${domain.id}`, { dkim_selector: 'other' }),
        await ask('POST', `/${domain.id}/dkim`, { selector: 'own', private_key: 'x' }),
      ];
      for (const { status, body } of refusals)
        expect([status, body.detail]).toEqual([409, expect.stringContaining('delegates DKIM')]);
      await at(8 * day);
      expect((await keysOf(domain))[0]).toEqual(['pennypost', 'retired']);
      const { body: back } = await ask('PATCH', `/${domain.id}`, { dkim_delegated: false });
      dns = { ...dns, ...published(back, ['dkim']) };
      await at(day);
      await at(8 * day);
      expect(Object.fromEntries(await keysOf(domain))).toMatchObject({
        'pennypost-s1': 'retired',
        'pennypost-s2': 'retired',
        pennypost2: 'active',
      });
    });

    it('go on signing where the zone cannot be written, and are published at a later look', async () => {
      refused = true;
      const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
      const { body: made } = await ask('POST', '', {
        domain: 'published-late.example',
        dkim_delegated: true,
      });
      expect(error.mock.calls.join()).toContain('refused GET: no [9109]');
      expect(there).toEqual({});
      refused = false;
      dns = published(made, ['spf', 'dkim']);
      await at(15 * 60_000);
      expect(Object.keys(there)).toHaveLength(2);
      expect((await ask('POST', `/${made.id}/verify`)).body.status).toBe('verified');
    });
  });

  it('are retired by hand, but never the last that signs', async () => {
    const domain = await newDomain();
    dns = published(domain);
    await verify(domain);
    const retire = (selector: string) =>
      call('POST', `/v1/domains/${domain.id}/dkim/${selector}/retire`, account.live);
    expect((await retire('pennypost')).status).toBe(409);
    expect((await retire('nothing')).status).toBe(404);
    expect((await retire('pennypost-ed')).status).toBe(200);
    expect(await keysOf(domain)).toEqual([
      ['pennypost', 'active'],
      ['pennypost-ed', 'retired'],
    ]);
  });

  describe('that were made elsewhere', () => {
    const importKey = (domain: Answer, selector: string, private_key: string) =>
      call('POST', `/v1/domains/${domain.id}/dkim`, account.live, { selector, private_key });

    it.each([
      ['RSA in PKCS #8', generateKeyPairSync('rsa', { modulusLength: 1024 }), 'pkcs8'],
      ['RSA in PKCS #1', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'pkcs1'],
      ['Ed25519', generateKeyPairSync('ed25519'), 'pkcs8'],
    ] as const)('%s: what is published is of the key that signs', async (kind, pair, type) => {
      const domain = await newDomain();
      const pem = pair.privateKey.export({ format: 'pem', type });
      const { status, body } = await importKey(domain, 's1.eu', pem);
      expect(status).toBe(201);
      expect(JSON.stringify(body)).not.toContain('PRIVATE');
      const { record } = body.data.at(-1);
      const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
      const own = kind === 'Ed25519' ? spki.subarray(-32) : spki;
      expect(record).toMatchObject({ name: `s1.eu._domainkey.${domain.domain}` });
      expect(record.value).toMatch(new RegExp(`p=${own.toString('base64').replace(/[+/]/g, '\\$&')}$`));
      if (kind === 'Ed25519') return;
      dns = published((await call('GET', `/v1/domains/${domain.id}`, account.live)).body, ['spf', 'dkim']);
      delete dns[`pennypost._domainkey.${domain.domain}`];
      expect(await verify(domain)).toMatchObject({ status: 'verified' });
      expect(await keysOf(domain)).toEqual([
        ['pennypost', 'retired'],
        ['pennypost-ed', 'pending'],
        ['s1.eu', 'active'],
      ]);
      const node = await new TestNode().hello();
      expect((await send(domain)).status).toBe(202);
      const leased = (await node.lease()).keys[domain.domain].map((key: Answer) => key.privateKey);
      const derived = createPublicKey(leased.join()).export({ format: 'der', type: 'spki' });
      expect(derived.toString('base64')).toBe(spki.toString('base64'));
    });

    it.each([
      [
        'a public key',
        generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }),
        'this is "PUBLIC KEY"',
      ],
      [
        'one of 768 bits',
        generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey.export({
          format: 'pem',
          type: 'pkcs8',
        }),
        '1024 to 4096',
      ],
      [
        'one with a passphrase',
        generateKeyPairSync('ed25519').privateKey.export({
          format: 'pem',
          type: 'pkcs8',
          cipher: 'aes-256-cbc',
          passphrase: 'a',
        }),
        'openssl pkey',
      ],
      [
        'one of another algorithm',
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
          format: 'pem',
          type: 'pkcs8',
        }),
        'RSA or Ed25519',
      ],
      [
        'one that was cut',
        '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----',
        'whole',
      ],
      ['no base64', '-----BEGIN PRIVATE KEY-----\n(...)\n-----END PRIVATE KEY-----', 'base64'],
    ])('%s is refused', async (_, pem, why) => {
      const { status, body } = await importKey(await newDomain(), 'own', pem.toString());
      expect(status).toBe(400);
      expect(body.errors[0]).toMatchObject({ pointer: '/private_key', detail: expect.stringContaining(why) });
    });

    it('have a selector of their own, are eight at most, and none of a domain that does not send', async () => {
      const domain = await newDomain();
      const pem = generateKeyPairSync('ed25519')
        .privateKey.export({ format: 'pem', type: 'pkcs8' })
        .toString();
      expect((await importKey(domain, 'pennypost', pem)).body.detail).toContain('choose another selector');
      expect((await importKey(domain, 'Not one', pem)).status).toBe(400);
      for (let i = 0; i < 6; i++) expect((await importKey(domain, `own${i}`, pem)).status).toBe(201);
      expect((await importKey(domain, 'own6', pem)).body.detail).toContain('retire one first');
      expect((await importKey(await newDomain({ type: 'inbound' }), 'own', pem)).status).toBe(409);
    });
  });

  it('begin with a name of the customer: at once where none has signed, else with the next rotation', async () => {
    const named = await newDomain({ dkim_selector: 'mail' });
    expect((await keysOf(named)).map(([selector]: string[]) => selector)).toEqual(['mail', 'mail-ed']);
    const rename = (dkim_selector: string) =>
      call('PATCH', `/v1/domains/${named.id}`, account.live, { dkim_selector });
    expect((await rename('post')).body).toMatchObject({ dkim_selector: 'post' });
    expect(await keysOf(named)).toEqual([
      ['mail', 'retired'],
      ['mail-ed', 'retired'],
      ['post', 'pending'],
      ['post-ed', 'pending'],
    ]);
    dns = published((await call('GET', `/v1/domains/${named.id}`, account.live)).body);
    expect(await verify(named)).toMatchObject({ status: 'verified' });
    expect((await rename('mail')).status).toBe(200);
    expect(await keysOf(named)).toHaveLength(4);
    expect((await rotate(named)).status).toBe(201);
    expect((await keysOf(named)).slice(4)).toEqual([
      ['mail2', 'pending'],
      ['mail2-ed', 'pending'],
    ]);
    expect((await rename('2nd')).status).toBe(400);
  });

  it('are not made for a domain that does not send', async () => {
    const domain = await newDomain({ type: 'inbound' });
    expect(await keysOf(domain)).toEqual([]);
    expect((await rotate(domain)).status).toBe(409);
  });
});

describe('domains that are added', () => {
  it('are ten a minute and sixty an hour at most', async () => {
    const add = (i: number) => call('POST', '/v1/domains', account.live, { domain: `many${i}.example` });
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await add(i)).status);
    expect(statuses).toEqual([...Array(10).fill(201), 429, 429]);
    const { headers, body } = await add(12);
    expect(body).toMatchObject({ limit_type: 'minute', limit: 10 });
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
    const { domain: name } = await newDomain({}, await newAccount());
    expect(name).toBeTruthy();
    pass(61_000);
    expect((await add(13)).status).toBe(201);
  });
});

describe('a domain that is deleted', () => {
  it('and added again goes on where its warming stood: what is used of a day stays used', async () => {
    const domain = await newDomain();
    dns = published(domain);
    await verify(domain);
    expect((await send(domain)).status).toBe(202);
    const warming = async (id: number) => (await call('GET', `/v1/domains/${id}/warming`, account.live)).body;
    const { domain_id: _, ...before } = await warming(domain.id);
    expect(before).toMatchObject({ phase: 'phase_1', today_sent: 1, this_hour_sent: 1 });
    await call('DELETE', `/v1/domains/${domain.id}?cancel=true`, account.live);
    const again = (await call('POST', '/v1/domains', account.live, { domain: domain.domain })).body;
    dns = published(again);
    await verify(again);
    const { domain_id: __, ...after } = await warming(again.id);
    expect(after).toEqual(before);
    expect((await send(again)).body).toMatchObject({ limit_type: 'minute', used: 1 });
    pass(61_000);
    expect((await send(again)).status).toBe(202);
    expect((await warming(again.id)).today_sent).toBe(2);
  });

  it('in another account brings nothing along', async () => {
    const domain = await newDomain();
    dns = published(domain);
    await verify(domain);
    await send(domain);
    await call('DELETE', `/v1/domains/${domain.id}?cancel=true`, account.live);
    const other = await newAccount();
    const theirs = (await call('POST', '/v1/domains', other.live, { domain: domain.domain })).body;
    dns = published(theirs);
    await verify(theirs, other);
    const { body } = await call('GET', `/v1/domains/${theirs.id}/warming`, other.live);
    expect(body.today_sent).toBe(0);
  });

  it('is gone with everything of it', async () => {
    const domain = await newDomain();
    await verify(domain);
    expect((await call('DELETE', `/v1/domains/${domain.id}`, account.live)).status).toBe(204);
    expect((await call('GET', `/v1/domains/${domain.id}`, account.live)).status).toBe(404);
    expect((await send(domain)).body.detail).toContain('not a domain of this account');
    expect((await call('POST', '/v1/domains', account.live, { domain: domain.domain })).status).toBe(201);
  });
});

describe('the owners of an account', () => {
  it('are mailed once when a domain of theirs is not verified any more, and by another domain', async () => {
    const owners = [await newMember(account, 'owner'), await newMember(account, 'owner')];
    const viewer = await newMember(account, 'viewer');
    const stranger = await newMember(await newAccount(), 'owner');
    const domain = await newDomain();
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    delete dns[domain.domain];
    for (let i = 0; i < 6; i++) {
      pass(day);
      await tick();
    }
    for (const owner of owners) {
      const [told, ...more] = await mailsTo(owner);
      expect(more).toEqual([]);
      expect(told?.subject).toBe(`${domain.domain} is not verified any more`);
      expect(told?.from?.address).not.toContain(domain.domain);
      expect(told?.text).toContain('its SPF is not verified (missing)');
      expect(told?.text).toContain(`${domain.domain}  TXT  v=spf1 include:_spf.${service} ~all`);
      expect(told?.text).not.toContain('_domainkey');
    }
    expect([await mailsTo(viewer), await mailsTo(stranger)]).toEqual([[], []]);
  });

  it('are mailed once by several looks at the same time, each of them whatever becomes of the others', async () => {
    const owners = [await newMember(account, 'owner'), await newMember(account, 'owner')];
    const domain = await newDomain();
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    delete dns[domain.domain];
    for (let i = 0; i < 3; i++) {
      pass(day);
      await tick();
    }
    await suppress({ ...account, id: 0 }, owners[0] ?? '');
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    pass(day);
    await Promise.all([tick(), verify(domain), verify(domain)]);
    expect((await call('GET', `/v1/domains/${domain.id}`, account.live)).body.status).toBe('pending');
    expect(await mailsTo(owners[1] ?? '')).toHaveLength(1);
    expect(warn).toHaveBeenCalledOnce();
    expect(String(warn.mock.calls[0]?.[0])).toContain('an owner was not told');
  });

  it('may be out of reach: the domain is turned off all the same', async () => {
    await newMember(account, 'owner');
    const domain = await newDomain();
    dns = published(domain, ['ownership', 'spf', 'dkim']);
    await verify(domain);
    await bindings.DB.prepare("UPDATE domains SET status = 'disabled' WHERE id <> ?")
      .bind(numberOfUuid('domain', domain.id))
      .run();
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    delete dns[domain.domain];
    for (let i = 0; i < 4; i++) {
      pass(day);
      await tick();
    }
    expect((await call('GET', `/v1/domains/${domain.id}`, account.live)).body.status).toBe('pending');
    expect(String(warn.mock.calls.at(-1)?.[0])).toContain('an owner was not told');
  });
});

describe('looking at the records because somebody asks', () => {
  const look = (domain: Answer) => call('POST', `/v1/domains/${domain.id}/verify`, account.live);
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it('is done ten times a minute for a domain, and a change of it counts too', async () => {
    const [domain, other] = [await newDomain(), await newDomain()];
    for (let i = 0; i < 9; i++) expect((await look(domain)).status).toBe(200);
    const change = { return_path_label: 'bounces2' };
    expect((await call('PATCH', `/v1/domains/${domain.id}`, account.live, change)).status).toBe(200);
    later(20_000);
    const asked = vi.mocked(fetch).mock.calls.length;
    const refused = await look(domain);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('40');
    expect(refused.body).toMatchObject({
      error: 'rate_limit_exceeded',
      limit_type: 'minute',
      limit: 10,
      retry_after_seconds: 40,
    });
    const undone = { return_path_label: 'bounces3' };
    expect((await call('PATCH', `/v1/domains/${domain.id}`, account.live, undone)).status).toBe(429);
    expect(vi.mocked(fetch).mock.calls.length).toBe(asked);
    expect((await call('GET', `/v1/domains/${domain.id}`, account.live)).body.return_path_label).toBe(
      'bounces2',
    );
    expect((await look(other)).status).toBe(200);
    later(40_000);
    expect((await look(domain)).status).toBe(200);
  });

  it('is not done more often for a domain that is removed and added again', async () => {
    const domain = await newDomain();
    for (let i = 0; i < 10; i++) await look(domain);
    expect((await call('DELETE', `/v1/domains/${domain.id}`, account.live)).status).toBe(204);
    expect((await look(await newDomain({ domain: domain.domain }))).status).toBe(429);
    const rival = await newAccount();
    expect(await verify(await newDomain({ domain: domain.domain }, rival), rival)).toMatchObject({
      status: 'pending',
    });
  });

  it('is done sixty times an hour', async () => {
    const domain = await newDomain();
    for (let i = 0; i < 60; i++) {
      if (i % 6 === 0) later(60_000);
      expect((await look(domain)).status).toBe(200);
    }
    later(60_000);
    expect((await look(domain)).body).toMatchObject({ limit_type: 'hourly', limit: 60 });
    later(3_600_000);
    expect((await look(domain)).status).toBe(200);
  });
});
