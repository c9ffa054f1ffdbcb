import { beforeAll, describe, expect, it } from 'vitest';
import { homeOf } from '#domain/message/home.ts';
import { forgetHomes } from '../../../worker/store/homes-memory.ts';
import { stays } from '../../../worker/store/moving/tables.ts';
import { bringMail, newReceivingDomain } from '../received-support.ts';
import { Internet } from '../receiver.ts';
import { bring, dsn, letter, sent, statusOf } from '../returned-mail.ts';
import {
  type Answer,
  allEvents,
  bindings,
  bounced,
  call,
  deferred,
  delivered,
  incompressible,
  mail,
  migrate,
  rawOf,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from '../support.ts';
import { linksOf, postOneClick, visit } from '../tracking-support.ts';
import { eventually, newEndpoint } from '../webhook-support.ts';
import { arriveAt, everythingOf, moveTo, ownedTables, stepBroken, stepUntil } from './moving-support.ts';
import { accountAt, databases, inEach, send } from './support.ts';

const operator = bindings.OPERATOR_TOKEN;
let node: TestNode;
const internet = new Internet();

beforeAll(async () => {
  await migrate();
  node = await new TestNode('node-a').hello();
});

const report = (deliveries: Answer[], outcome: Record<string, unknown> = delivered) =>
  node.post('results', { results: deliveries.map((one) => result(one, outcome)) });

/** Sends a message where an isolate may not know yet that the account has moved: it is told to try again, once. */
async function sendAgain(account: TestAccount): Promise<string> {
  const { status } = await call('POST', '/v1/send', account.live, mail(account));
  expect([202, 503]).toContain(status);
  return await send(account);
}

/** An account in a home with some of everything that an account can have. */
async function fullAccount(home: number) {
  const account = await accountAt(home, 'both');
  const key = account.live;
  const endpoint = await newEndpoint(account, internet);
  const make = async (path: string, body: Record<string, unknown>, by = key) => {
    const { status, body: said } = await call('POST', path, by, body);
    if (status >= 300) throw new Error(JSON.stringify(said));
  };
  await make('/v1/templates', {
    slug: 'hello',
    name: 'Hello',
    subject: 'Hello {{name}}',
    text_body: 'Hello',
  });
  const aliases = await newReceivingDomain(account, 'alias');
  await make(`/admin/v1/accounts/${account.id}/destinations`, { address: 'me@home.example' }, operator);
  await make('/v1/aliases', { domain: aliases, address: 'a', forward_to: ['me@home.example'] });
  await make('/v1/suppressions', { email: 'never@example.net' });
  const received = await newReceivingDomain(account);
  await bringMail(`somebody@${received}`, letter(['Subject: Received before']));
  const done = await send(account);
  const retried = await send(account, { to: ['later@example.net'] });
  const gone = await send(account, { to: ['gone@example.net'] });
  const { deliveries } = await node.lease();
  const of = (id: string) => deliveries.filter((one: Answer) => one.messageId === id);
  await report(of(done));
  await report(of(retried), deferred);
  await report(of(gone), bounced);
  const large = await send(account, { text_body: incompressible(300_000) });
  const scheduled = await send(account, { send_at: new Date(Date.now() + 86_400_000).toISOString() });
  const waiting = await send(account);
  return { account, endpoint, aliases, received, ids: { done, retried, gone, large, scheduled, waiting } };
}

describe('the tables of a home', () => {
  it('are all known to moves', async () => {
    const [rows] = await inEach("SELECT name FROM sqlite_master WHERE type = 'table'");
    const names = (rows ?? []).map(({ name }) => String(name));
    const unknown = names.filter(
      (name) =>
        !/^(sqlite_|_cf_|d1_|auth_|bodies_|deliveries_)/.test(name) &&
        !stays.includes(name) &&
        !ownedTables(names).includes(name),
    );
    expect(unknown).toEqual([]);
  });
});

describe('an account that moves', () => {
  it('has everything in each new home that it had, and nothing in the old one', async () => {
    const { account } = await fullAccount(1);
    await databases[1]
      .prepare(
        `UPDATE domains SET link_label = 'links', link_state = 'failed', link_fault = 'why', link_checked_at_ms = 1
         WHERE account_id = ?`,
      )
      .bind(account.id)
      .run();
    const before = await everythingOf(databases[1], account.id);
    expect(before.get('messages')?.length).toBeGreaterThan(5);
    for (const [from, to] of [
      [1, 2],
      [2, 0],
      [0, 1],
    ] as const) {
      await moveTo(account, to);
      expect(await everythingOf(databases[to], account.id)).toEqual(before);
      expect([...(await everythingOf(databases[from], account.id)).values()].flat()).toEqual([]);
      const triggers = await inEach("SELECT name FROM sqlite_master WHERE type = 'trigger'");
      expect(triggers).toEqual([[], [], []]);
      expect(await inEach('SELECT * FROM account_moves')).toEqual([[], [], []]);
      expect(await inEach('SELECT * FROM moved_rows')).toEqual([[], [], []]);
    }
    expect(homeOf(await sendAgain(account)).shard).toBe(1);
  });

  it('goes on with its keys, ids, links, addresses and cursors', async () => {
    const { account, aliases, received, ids, endpoint } = await fullAccount(1);
    const key = account.live;
    const tracked = await send(account, {
      class: 'digest',
      track_opens: true,
      track_clicks: true,
      unsubscribe: true,
      html_body: '<p><a href="https://shop.example/a">a</a></p>',
      to: ['reader@example.net'],
    });
    const links = await linksOf(tracked);
    const returned = await sent(account, 'asleep@example.net');
    const events = await allEvents(key);
    const { body: page } = await call('GET', '/v1/events?limit=3', key);
    const { body: inbound } = await call('GET', '/v1/inbound-emails', key);
    await arriveAt(account, 2);
    for (const id of Object.values(ids)) {
      const { body } = await call('GET', `/v1/emails/${id}`, key);
      expect(body.message_id).toBe(id);
    }
    const fresh = await sendAgain(account);
    expect(homeOf(fresh).shard).toBe(2);
    // The feed goes on from every cursor.
    const { body: next } = await call('GET', `/v1/events?limit=100&after=${page.next}`, key);
    expect([...page.data, ...next.data].map(({ id }: Answer) => id).slice(0, events.length)).toEqual(
      events.map(({ id }) => id),
    );
    // What comes back by mail, and links in mails that were sent before.
    expect(await bring(dsn(returned), returned.mailFrom)).toEqual(['taken']);
    expect(await statusOf(account, returned.messageId)).toBe('bounced');
    expect((await visit(links.clicks[0] ?? '')).status).toBe(302);
    expect((await postOneClick(links.unsubscribe)).status).toBe(200);
    const { body: hits } = await call('GET', `/v1/emails/${tracked}/events`, key);
    const kinds = hits.data.map(({ kind }: Answer) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['clicked', 'unsubscribed']));
    // Mail is received there.
    expect((await bringMail(`x@${received}`, letter(['Subject: Received after']))).refusal).toBeNull();
    expect((await bringMail(`a@${aliases}`, letter(['Subject: To an alias']))).refusal).toBeNull();
    const { body: after } = await call('GET', '/v1/inbound-emails', key);
    expect(after.emails.map(({ subject }: Answer) => subject)).toEqual(
      expect.arrayContaining(['Received before', 'Received after']),
    );
    expect(after.emails.length).toBeGreaterThan(inbound.emails.length);
    await eventually(() => {
      const posted = internet.received.filter(({ url }) => url.includes(endpoint.host));
      expect(posted.some(({ text }) => text.includes(fresh))).toBe(true);
    });
    // The name is held.
    const other = await accountAt(0);
    const taken = await call('POST', `/admin/v1/accounts/${other.id}/domains`, operator, {
      domain: account.domain,
      verified: true,
    });
    expect(taken.status).toBe(409);
  });

  it('has its waiting mail leased there, with the leases that it had', async () => {
    const account = await accountAt(0);
    const first = await send(account);
    const { deliveries: leased } = await node.lease();
    const mine = leased.filter(({ messageId }: Answer) => messageId === first);
    expect(mine).toHaveLength(1);
    const later = await send(account);
    const raw = await rawOf(later);
    await arriveAt(account, 1);
    const { body } = await report(mine);
    expect(body.verdicts).toEqual(['recorded']);
    const { deliveries, keys } = await node.lease();
    const one = deliveries.find(({ messageId }: Answer) => messageId === later);
    expect(keys[one.keyRing ?? one.signingDomain]).toHaveLength(2);
    expect(one.raw).toBe(raw);
    expect((await report(deliveries)).body.verdicts).toContain('recorded');
    expect((await call('GET', `/v1/emails/${later}`, account.live)).body.status).toBe('delivered');
    await report(leased);
  });

  it('has new rows with numbers of the home that makes them', async () => {
    const account = await accountAt(2);
    const other = await accountAt(1);
    const make = async (one: TestAccount) => {
      await call('POST', '/v1/suppressions', one.live, { email: `${crypto.randomUUID()}@example.net` });
      await newEndpoint(one, internet);
      await newReceivingDomain(one, 'both');
      await call('POST', `/admin/v1/accounts/${one.id}/credentials`, operator, { name: 'new' });
      const slug = crypto.randomUUID();
      await call('POST', '/v1/templates', one.live, { slug, name: 'x', subject: 'x', text_body: 'x' });
    };
    await make(account);
    await arriveAt(account, 1);
    for (const one of [account, other]) await make(one);
    for (const table of [
      'suppressions',
      'webhook_endpoints',
      'domains',
      'credentials',
      'templates',
      'dkim_keys',
      'inbound_routes',
    ]) {
      const [row] = (await inEach(`SELECT id FROM ${table} ORDER BY rowid DESC`))[1] as Answer[];
      const [own] = (
        await inEach(`SELECT max(id) AS id FROM ${table} WHERE id < ${2 * 2 ** 40}`)
      )[1] as Answer[];
      expect(Math.floor(Number(own.id) / 2 ** 40), table).toBe(1);
      expect(Math.floor(Number(row.id) / 2 ** 40), table).toBe(2);
    }
  });

  it('takes mail while it is copied, and refuses for a moment while it is frozen', async () => {
    const account = await accountAt(1);
    await stepUntil(account, 2, 'copying');
    const during = await send(account);
    await stepUntil(account, 2, 'frozen');
    const refused = await call('POST', '/v1/send', account.live, mail(account));
    expect([refused.status, refused.body.code]).toEqual([503, 'unavailable']);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    // Others of the home go on, and a lease passes the account over.
    const other = await accountAt(1);
    const theirs = await send(other);
    const { deliveries } = await node.lease();
    expect(deliveries.map(({ messageId }: Answer) => messageId)).toContain(theirs);
    expect(deliveries.map(({ messageId }: Answer) => messageId)).not.toContain(during);
    await report(deliveries);
    await arriveAt(account, 2);
    expect((await call('GET', `/v1/emails/${during}`, account.live)).body.message_id).toBe(during);
    const after = await sendAgain(account);
    const leased = (await node.lease()).deliveries;
    expect(leased.map(({ messageId }: Answer) => messageId)).toEqual(expect.arrayContaining([during, after]));
    await report(leased);
  });

  it('gives a freeze up that lasts too long', async () => {
    const account = await accountAt(1);
    await stepUntil(account, 2, 'frozen');
    const clock = () => Date.now() + 60_000;
    await stepUntil(account, 2, 'copying', clock);
    await send(account);
    const { body } = await call('GET', `/admin/v1/accounts/${account.id}/home`, operator);
    expect(body).toMatchObject({ home: 1, move: { to: 2, state: 'copying' } });
    expect(body.move.waits_for).toContain('seconds');
    const before = await everythingOf(databases[1], account.id);
    await moveTo(account, 2, () => Date.now() + 300_000);
    expect(await everythingOf(databases[2], account.id)).toEqual(before);
  });

  it('comes to its end whichever step breaks, before it was done or after', async () => {
    const { account } = await fullAccount(1);
    const before = await everythingOf(databases[1], account.id);
    let nowMs = Date.now();
    for (let at = 0; !(await stepBroken(account, 2, at, () => nowMs)); at++) {
      // A freeze that came to nothing is tried again after a while.
      nowMs += 61_000;
      expect(at).toBeLessThan(200);
    }
    forgetHomes(testStore());
    expect(await everythingOf(databases[2], account.id)).toEqual(before);
    expect([...(await everythingOf(databases[1], account.id)).values()].flat()).toEqual([]);
  }, 120_000);
});

describe('the operator', () => {
  it('is told what is wrong with the home', async () => {
    const account = await accountAt(1);
    const put = (home: unknown) => call('PUT', `/admin/v1/accounts/${account.id}/home`, operator, { home });
    expect((await put(7)).body.errors[0].pointer).toBe('/home');
    expect((await put(1)).status).toBe(200);
    const begun = await put(2);
    expect([begun.status, begun.body.move.to]).toEqual([202, 2]);
    const other = await put(0);
    expect([other.status, other.body.code].join(' ')).toMatch(/^(409 conflict|202 )/);
  });
});
