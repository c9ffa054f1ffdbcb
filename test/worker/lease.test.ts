import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parsePlace } from '#domain/delivery/lease-choice.ts';
import { takeLeases } from '../../worker/store/leases.ts';
import { largestRowBytes } from '../../worker/store/row-body.ts';
import { verifyReturnPath } from '../../worker/tokens/return-path.ts';
import {
  type Answer,
  bindings,
  bounced,
  call,
  costOf,
  deferred,
  delivered,
  incompressible,
  mail,
  migrate,
  newAccount,
  nodeToken,
  result,
  sendRaw,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const startMs = Date.UTC(2026, 10, 18, 12);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const at = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(ms);
};

let account: TestAccount;
let node: TestNode;
let ready = false;
beforeEach(async () => {
  at(startMs);
  if (!ready) await migrate();
  ready = true;
  await emptyQueue();
  account = await newAccount();
  node = await new TestNode('node-a').hello();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Nothing that an earlier test has left is due any more. */
async function emptyQueue() {
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'deliveries_%'",
  ).all<{ name: string }>();
  for (const { name } of results) await bindings.DB.prepare(`UPDATE ${name} SET due_ms = NULL`).run();
}

const send = async (more: Record<string, unknown> = {}, by = account) =>
  (await call('POST', '/v1/send', by.live, mail(by, more))).body.message_id as string;
const sendMany = async (count: number, more: Record<string, unknown> = {}) => {
  const ids: string[] = [];
  while (ids.length < count) {
    const size = Math.min(100, count - ids.length);
    const { body } = await call(
      'POST',
      '/v1/send/batch',
      account.live,
      Array(size).fill(mail(account, more)),
    );
    ids.push(...body.map((a: Answer) => a.message_id));
  }
  return ids;
};
const detailOf = async (id: string) => (await call('GET', `/v1/emails/${id}`, account.live)).body;
const report = async (by: TestNode, lease: Answer, outcome: Record<string, unknown> = delivered) =>
  (await by.post('results', { results: [result(lease, outcome)] })).body.verdicts[0];

describe('a lease', () => {
  it('tells what the sender wants of TLS, by whichever way it came', async () => {
    await send({ require_tls: true });
    await send();
    const raw = (fields: string) => `From: a@${account.domain}\r\nTo: b@example.net\r\n${fields}\r\nBody\r\n`;
    const query = `mail_from=a@${account.domain}&rcpt_to=b@example.net`;
    for (const [fields, more] of [
      ['TLS-Required: No\r\n', ''],
      ['TLS-Required: No\r\n', '&require_tls=true'],
      ['', ''],
    ])
      expect((await sendRaw(account.live, raw(fields ?? ''), query + more)).status).toBe(202);
    const bySmtp = { 'X-Pennypost-Source': 'smtp' };
    const required = await sendRaw(
      account.live,
      raw('TLS-Required: No\r\n'),
      `${query}&require_tls=true`,
      bySmtp,
    );
    expect(required.status).toBe(202);
    const { deliveries } = await node.lease();
    const wishes = deliveries
      .map(({ tls = 'policy', requiretls = false }: Answer) => `${tls} ${requiretls}`)
      .sort();
    const [optional, policy, byApi, always] = [
      'optional false',
      'policy false',
      'required false',
      'required true',
    ];
    expect(wishes).toEqual([optional, policy, policy, byApi, byApi, always]);
  });

  it('gives a node all that it needs to deliver', async () => {
    const id = await send({ class: 'priority' });
    const { deliveries, keys, more } = await node.lease();
    expect(deliveries).toEqual([
      {
        messageId: id,
        n: 0,
        leaseId: expect.stringMatching(/^[0-9a-f]{16}-[0-9a-f-]{36}$/),
        leaseUntilMs: startMs + 30 * minuteMs,
        class: 'priority',
        attempt: 1,
        mailFrom: expect.stringMatching(/^b-[a-z2-7]{44}@bounces\.mail\.example\.org$/),
        rcptTo: 'user@example.net',
        account: account.id,
        signingDomain: account.domain,
        sizeBytes: deliveries[0].raw.length,
        smtputf8: false,
        eightBit: false,
        fields: [{ name: 'Feedback-ID', value: `${account.id}:priority::pennypost` }],
        raw: expect.stringContaining('Subject: Your receipt'),
      },
    ]);
    expect(more).toBe(false);
    expect(keys[account.domain]).toEqual([
      {
        selector: 'pennypost',
        algorithm: 'rsa-sha256',
        privateKey: expect.stringMatching(/^-----BEGIN PRIVATE KEY/),
      },
      {
        selector: 'pennypost-ed',
        algorithm: 'ed25519-sha256',
        privateKey: expect.stringMatching(/^-----BEGIN/),
      },
    ]);
  });

  it('has an envelope sender of its own for each recipient, which tells its delivery again', async () => {
    await send({ to: ['a@example.net', 'b@example.net'] });
    const { deliveries } = await node.lease();
    const keys = [
      Uint8Array.from(atob('a2V5LW9uZS1rZXktb25lLWtleS1vbmUta2V5LW9uZS0='), (c) => c.charCodeAt(0)),
    ];
    for (const { mailFrom, messageId, n } of deliveries) {
      const [local] = mailFrom.split('@');
      expect(await verifyReturnPath(local, keys)).toMatchObject({ messageId, n });
      expect(await verifyReturnPath(local.toUpperCase(), [new Uint8Array(32), ...keys])).toMatchObject({ n });
      expect(await verifyReturnPath(local, [new Uint8Array(32)])).toBeNull();
    }
    expect(new Set(deliveries.map((d: Answer) => d.mailFrom)).size).toBe(2);
  });

  it('uses the return path of the domain once it has one', async () => {
    await call(
      'PATCH',
      `/admin/v1/accounts/${account.id}/domains/${account.domain}`,
      bindings.OPERATOR_TOKEN,
      {
        return_path_host: `pp-bounces.${account.domain}`,
      },
    );
    const id = await send({ tags: ['spring sale', 'x'] });
    const [delivery] = (await node.lease()).deliveries;
    expect(delivery.mailFrom).toMatch(new RegExp(`@pp-bounces\\.${account.domain}$`));
    expect(delivery.fields).toEqual([
      { name: 'Feedback-ID', value: `${account.id}:standard:spring-sale:pennypost` },
      { name: 'CFBL-Address', value: `fbl@pp-bounces.${account.domain}; report=arf` },
      { name: 'CFBL-Feedback-ID', value: id },
    ]);
  });

  it('goes in class order, the oldest of a class first', async () => {
    const ids: Record<string, string> = {};
    for (const [i, name] of ['digest', 'standard', 'priority', 'digest', 'standard', 'priority'].entries()) {
      at(startMs + i);
      ids[`${name} ${i}`] = await send({ class: name });
    }
    at(startMs + 10);
    const taken: string[] = [];
    for (const max of [1, 2, 4, 8]) {
      const { deliveries } = await node.lease(max);
      taken.push(...deliveries.map((d: Answer) => d.messageId));
    }
    expect(taken).toEqual(
      ['priority 2', 'priority 5', 'standard 1', 'standard 4', 'digest 0', 'digest 3'].map((k) => ids[k]),
    );
  });

  it('gives no more than is asked for, and says whether more is due', async () => {
    await sendMany(30);
    expect(await node.lease(8)).toMatchObject({ deliveries: { length: 8 }, more: true });
    expect((await node.lease(500)).deliveries).toHaveLength(22);
    expect(await node.lease(8)).toMatchObject({ deliveries: [], keys: {}, more: false });
  });

  it('leaves out the domains that the node does not want now', async () => {
    const id = await send({ to: ['a@slow.example', 'b@fast.example'] });
    expect((await node.lease(10, ['slow.example'])).deliveries).toMatchObject([
      { messageId: id, rcptTo: 'b@fast.example' },
    ]);
    expect((await node.lease(10, [])).deliveries).toMatchObject([
      { messageId: id, rcptTo: 'a@slow.example' },
    ]);
  });

  it('takes of busy domains what is priority', async () => {
    const urgent = await send({ to: ['a@busy.example'], class: 'priority' });
    const digest = await send({ to: ['b@busy.example'], class: 'digest' });
    const leased = async (more: Record<string, unknown>) =>
      (await node.post('lease', { max: 8, ...more })).body.deliveries.map((d: Answer) => d.messageId);
    expect(await leased({ busyDomains: ['busy.example'] })).toEqual([urgent]);
    expect(await leased({})).toEqual([digest]);
  });

  it('gives no more digests than the node has a share for', async () => {
    await sendMany(6, { class: 'digest' });
    await sendMany(2);
    const classesOf = async (digestMax: number) =>
      (await node.post('lease', { max: 8, digestMax })).body.deliveries.map((d: Answer) => d.class);
    expect(await classesOf(2)).toEqual(['standard', 'standard', 'digest', 'digest']);
    expect(await classesOf(0)).toEqual([]);
    expect(await classesOf(8)).toHaveLength(4);
  });

  it('gives nothing of a suspended account, until it is active again', async () => {
    const id = await send();
    const status = (to: string) =>
      call('PUT', `/admin/v1/accounts/${account.id}/status`, bindings.OPERATOR_TOKEN, { status: to });
    await status('suspended');
    expect((await node.lease()).deliveries).toEqual([]);
    await status('active');
    expect((await node.lease()).deliveries).toMatchObject([{ messageId: id }]);
  });

  it('is told once, by a dispatched event that names the node', async () => {
    const id = await send();
    const first = await node.lease();
    await report(node, first.deliveries[0], deferred);
    at(startMs + 2 * minuteMs);
    const again = await node.lease();
    await report(node, again.deliveries[0]);
    const { body } = await call('GET', `/v1/emails/${id}/events`, account.live);
    expect(body.data.map((e: Answer) => e.kind)).toEqual(['accepted', 'dispatched', 'deferred', 'delivered']);
    expect(body.data[1].details).toEqual({ node: 'node-a' });
    expect((await detailOf(id)).deliveries[0]).toMatchObject({
      node: 'node-a',
      attempts: 2,
      status: 'delivered',
    });
  });

  it('costs three round trips, and one row for each delivery', async () => {
    await sendMany(20);
    const answer = await node.post('lease', { max: 100 });
    expect(answer.body.deliveries).toHaveLength(20);
    expect(costOf(answer)).toMatchObject({ trips: 3, written: 20 });
  });

  it('that finds nothing writes nothing and costs one round trip', async () => {
    await node.lease();
    expect(costOf(await node.post('lease', { max: 100 }))).toMatchObject({ trips: 1, written: 0 });
  });

  it.each([{ max: 0 }, { max: 501 }, { max: 1, excludeDomains: Array(51).fill('a') }, { max: '1' }, {}])(
    'is not asked for with %j: 400',
    async (body) => {
      expect((await node.post('lease', body)).status).toBe(400);
    },
  );
});

describe('two nodes', () => {
  it('that ask at the same time never get the same delivery, and miss none', async () => {
    const ids = await sendMany(200, { to: ['a@example.net', 'b@example.net'] });
    const nodes = await Promise.all([node, new TestNode('node-b').hello(), new TestNode('node-c').hello()]);
    const leases = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (nodes[i % 3] as TestNode).lease(1 + (i % 13))),
    );
    const rest: Answer[] = [];
    for (let more = true; more; ) {
      const lease = await node.lease(100);
      rest.push(lease);
      more = lease.deliveries.length > 0;
    }
    const taken = [...leases, ...rest].flatMap((l) =>
      l.deliveries.map((d: Answer) => `${d.messageId} ${d.n}`),
    );
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.sort()).toEqual(ids.flatMap((id) => [`${id} 0`, `${id} 1`]).sort());
  });

  it('that report at the same time for one lease count once', async () => {
    const id = await send();
    const { deliveries } = await node.lease();
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => report(node, deliveries[0])));
    expect(verdicts.filter((v) => v === 'recorded')).toHaveLength(1);
    const { body } = await call('GET', `/v1/emails/${id}/events`, account.live);
    expect(body.data.filter((e: Answer) => e.kind === 'delivered')).toHaveLength(1);
  });
});

describe('the fence', () => {
  it('refuses a result of a lease that has ended and been taken by another', async () => {
    await send();
    const [old] = (await node.lease()).deliveries;
    at(startMs + 30 * minuteMs - 1);
    const other = await new TestNode('node-b').hello();
    expect((await other.lease()).deliveries).toEqual([]);
    at(startMs + 30 * minuteMs);
    const [fresh] = (await other.lease()).deliveries;
    expect(fresh).toMatchObject({ messageId: old.messageId, attempt: 2 });
    expect(fresh.leaseId).not.toBe(old.leaseId);
    expect(await report(node, old, bounced)).toBe('stale');
    expect(await report(other, fresh)).toBe('recorded');
  });

  it('lets a late result pass as long as nobody else has taken the delivery', async () => {
    await send();
    const [lease] = (await node.lease()).deliveries;
    at(startMs + 2 * hourMs);
    expect(await report(node, lease)).toBe('recorded');
  });

  it('releases the leases of an older boot at once, and gives the older boot nothing more', async () => {
    const id = await send();
    const [old] = (await node.lease()).deliveries;
    const reborn = await new TestNode('node-a').hello();
    const [fresh] = (await reborn.lease()).deliveries;
    expect(fresh.messageId).toBe(id);
    expect(await report(node, old, deferred)).toBe('stale');
    await send();
    const refused = await node.post('lease', { max: 10 });
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await reborn.lease()).deliveries).toHaveLength(1);
  });

  it('gives nothing to a node that never said hello', async () => {
    await send();
    expect(await new TestNode('stranger').post('lease', { max: 10 })).toMatchObject({ status: 409 });
    expect((await node.lease()).deliveries).toHaveLength(1);
  });

  it('keeps the leases of other nodes when one is born again', async () => {
    await send();
    const other = await new TestNode('node-b').hello();
    expect((await other.lease()).deliveries).toHaveLength(1);
    const reborn = await new TestNode('node-a').hello();
    expect((await reborn.lease()).deliveries).toEqual([]);
  });
});

describe('a lease that is given back', () => {
  it('does not count as an attempt and is due again at once', async () => {
    const id = await send();
    const [lease] = (await node.lease()).deliveries;
    expect((await node.post('release', { leases: [lease] })).body).toEqual({ released: 1 });
    expect(await detailOf(id)).toMatchObject({ status: 'queued', deliveries: [{ attempts: 0 }] });
    expect(await report(node, lease, deferred)).toBe('stale');
    expect((await node.lease()).deliveries).toMatchObject([{ messageId: id, attempt: 1 }]);
    expect((await node.post('release', { leases: [lease] })).body).toEqual({ released: 0 });
  });

  it('is not one that has been reported', async () => {
    await send();
    const [lease] = (await node.lease()).deliveries;
    await report(node, lease);
    expect((await node.post('release', { leases: [lease] })).body).toEqual({ released: 0 });
  });
});

describe('a DKIM key that does not open', () => {
  const ownKeys = `domain_id = (SELECT id FROM domains WHERE account_id = ?)`;
  const storedKey = async (algorithm: string) => {
    const found = await bindings.DB.prepare(
      `SELECT private_key_encrypted AS text FROM dkim_keys WHERE ${ownKeys} AND algorithm = ?`,
    )
      .bind(account.id, algorithm)
      .first<{ text: string }>();
    const set = (text: string) =>
      bindings.DB.prepare(`UPDATE dkim_keys SET private_key_encrypted = ? WHERE ${ownKeys} AND algorithm = ?`)
        .bind(text, account.id, algorithm)
        .run();
    const text = found?.text ?? '';
    return { set, text };
  };
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['of another secret', (text: string) => text.replace(/^v2\.[^.]+/, 'v2.AAAAAAAA')],
    ['changed', (text: string) => `${text.slice(0, -4)}AAAA`],
    ['that is none', () => 'nonsense'],
  ])('(%s) puts off the mail of its domain, and no other', async (_, broken) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const other = await newAccount();
    const { set, text } = await storedKey('ed25519-sha256');
    const id = await send();
    const fine = await send({}, other);
    await set(broken(text));
    const { deliveries, keys } = await node.lease();
    expect(deliveries).toMatchObject([{ messageId: fine, signingDomain: other.domain }]);
    expect(Object.keys(keys)).toEqual([other.domain]);
    const lines = logged.mock.calls.map(([line]) => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: 'error', accountId: account.id, domain: account.domain, selector: 'pennypost-ed' },
    ]);
    expect(await report(node, deliveries[0])).toBe('recorded');

    expect(await detailOf(id)).toMatchObject({ status: 'queued', deliveries: [{ attempts: 0 }] });
    expect((await node.lease()).deliveries).toEqual([]);
    await set(text);
    at(startMs + 5 * minuteMs);
    expect((await node.lease()).deliveries).toMatchObject([{ messageId: id, attempt: 1 }]);
  });

  it('does not hold up mail behind it, however much of its domain there is', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { set } = await storedKey('rsa-sha256');
    await set('nonsense');
    await sendMany(20);
    const other = await newAccount();
    const fine = await send({}, other);
    const leased: Answer[] = [];
    for (let i = 0; i < 5; i++) leased.push(...(await node.lease(5)).deliveries);
    expect(leased).toMatchObject([{ messageId: fine }]);
  });
});

describe('work of older weeks', () => {
  it('is leased, and gets its room while this week has plenty', async () => {
    at(startMs - 9 * dayMs);
    const old = await sendMany(5);
    at(startMs);
    await sendMany(100);
    node = await new TestNode('node-a').hello();
    const { deliveries } = await node.lease(40);
    expect(deliveries).toHaveLength(40);
    expect(deliveries.filter((d: Answer) => old.includes(d.messageId))).toHaveLength(5);
    const { body } = await node.post('results', {
      results: deliveries.map((d: Answer) => result(d, delivered)),
    });
    expect(new Set(body.verdicts)).toEqual(new Set(['recorded']));
    expect((await detailOf(old[0] ?? '')).status).toBe('delivered');
  });

  it('is seen by the store for every week that is kept', async () => {
    for (const days of [0, 7, 14, 21, 28, 33]) {
      at(startMs - days * dayMs);
      await send({ send_at: new Date(startMs - days * dayMs + Math.min(days, 29) * dayMs).toISOString() });
    }
    at(startMs);
    const taken = await takeLeases(testStore(), {
      nodeId: node.nodeId,
      bootId: node.bootId,
      leaseId: 'lease',
      leaseUntilMs: startMs + minuteMs,
      leaseForMs: minuteMs,
      sequence: 1,
      fence: 0,
      nowMs: startMs,
      place: parsePlace(null),
      newEventId: () => crypto.randomUUID(),
      sharedDomain: '',
      own: async (_home, rows) => rows,
      look: 100,
      long: false,
      max: 100,
      otherMax: 100,
      domainMax: 100,
      digestMax: 100,
      excludeDomains: [],
      busyDomains: [],
      sendingAddresses: [],
    });
    expect('leases' in taken && taken.leases).toHaveLength(6);
  });

  it('whose bodies are gone does not hold up the rest', async () => {
    const status = (id: number, to: string) =>
      call('PUT', `/admin/v1/accounts/${id}/status`, bindings.OPERATOR_TOKEN, { status: to });
    at(startMs - 12 * dayMs);
    const old = await send();
    const oldLarge = await send({ text_body: incompressible(largestRowBytes) });
    await status(account.id, 'suspended');
    at(startMs);
    await bindings.DB.prepare('DROP TABLE bodies_20261106').run();
    await status(account.id, 'active');
    const fresh = await send();
    node = await new TestNode('node-a').hello();
    const { deliveries } = await node.lease();
    const rawOf = new Map(deliveries.map((d: Answer) => [d.messageId, d.raw]));
    expect([...rawOf.keys()].sort()).toEqual([old, oldLarge, fresh].sort());
    expect(rawOf.get(old)).toBeNull();
    expect(rawOf.get(fresh)).toContain('Subject: Your receipt');
    const raw = await call('GET', `/node/v1/raw/${old}`, await nodeToken());
    expect(raw.status).toBe(404);
  });
});
