import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { letInstallationMail, mailsTo, newMember } from './dashboard-support.ts';
import { Internet, ok, verify } from './receiver.ts';
import { type Answer, bindings, call, mail, migrate, newAccount, type TestAccount } from './support.ts';
import {
  cron,
  deliveriesOf,
  deliverOne,
  eventually,
  newEndpoint,
  newestDelivery,
  passRetryWaits,
  setDeliveries,
  setEndpoint,
} from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  await letInstallationMail(await newAccount());
});
beforeEach(async () => {
  internet = new Internet();
  account = await newAccount();
});
afterEach(() => vi.restoreAllMocks());

const send = (more: Record<string, unknown> = {}) =>
  call('POST', '/v1/send', account.live, mail(account, more));
const answer =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response('no', { status, headers });

/** Every entry that a host has got in the format cloudmailin, in order. */
const entriesTo = (host: string) => internet.to(host).flatMap(({ body }) => body.events as Answer[]);

describe('an event', () => {
  it('reaches an endpoint of the format cloudmailin, signed', async () => {
    const endpoint = await newEndpoint(account, internet, ok, { format: 'cloudmailin' });
    const id = await deliverOne(account);
    await eventually(() =>
      expect(entriesTo(endpoint.host).map(({ kind }) => kind)).toEqual([
        'registration',
        'dispatch',
        'delivery',
      ]),
    );
    for (const received of internet.to(endpoint.host)) {
      expect(verify(endpoint.secret, received)).toEqual(received.body);
      expect(received.headers['webhook-id']).toMatch(/^msg_/);
      expect(received.redirect).toBe('manual');
    }
    const [first, , last] = entriesTo(endpoint.host);
    expect(first).toMatchObject({
      recipient: 'user@example.net',
      message_id: id,
      details: { class: 'standard' },
    });
    expect(last.details).toMatchObject({ reply: { code: 250 } });
  });

  it('reaches an endpoint of the format event, one each, in the order of their message', async () => {
    let open = 0;
    let most = 0;
    const endpoint = await newEndpoint(account, internet, async () => {
      open += 1;
      most = Math.max(most, open);
      await scheduler.wait(50);
      open -= 1;
      return ok();
    });
    const id = await deliverOne(account);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(2));
    expect(most).toBe(1);
    const bodies = internet.to(endpoint.host).map(({ body }) => body);
    expect(bodies.map(({ type }) => type)).toEqual(['email.sent', 'email.delivered']);
    expect(bodies[1].data).toMatchObject({
      email_id: id,
      from: `Shop <shop@${account.domain}>`,
      to: 'user@example.net',
      subject: 'Your receipt',
    });
    const { body: feed } = await call('GET', '/v1/events', account.live);
    expect(bodies.map((body) => body.id)).toEqual([feed.data[0].id, feed.data[2].id]);
  });

  it('reaches only endpoints that chose it, and only those of its account', async () => {
    const other = await newAccount();
    const foreign = await newEndpoint(other, internet);
    const chosen = await newEndpoint(account, internet, ok, { events: ['delivery'] });
    const all = await newEndpoint(account, internet);
    await deliverOne(account);
    await eventually(() => expect(internet.to(all.host)).toHaveLength(2));
    await eventually(() => expect(internet.to(chosen.host)).toHaveLength(1));
    expect(internet.to(chosen.host)[0]?.body.type).toBe('email.delivered');
    expect(internet.to(foreign.host)).toEqual([]);
  });

  it('of a canceled and of a suppressed delivery is told', async () => {
    await bindings.DB.prepare(
      `INSERT INTO suppressions (account_id, address, scope_domain, reason, source, created_at_ms)
       VALUES (?, 'gone@example.net', '', 'hard_bounce', 'smtp', 0)`,
    )
      .bind(account.id)
      .run();
    const endpoint = await newEndpoint(account, internet, ok, {
      format: 'cloudmailin',
      events: ['blocked', 'cancel'],
    });
    const { body } = await send({ to: ['user@example.net', 'gone@example.net'] });
    await call('POST', `/v1/emails/${body.message_id}/cancel`, account.live);
    await eventually(() =>
      expect(entriesTo(endpoint.host).map(({ kind }) => kind)).toEqual(['blocked', 'cancel']),
    );
  });

  it('of test mode is marked as simulated', async () => {
    const endpoint = await newEndpoint(account, internet);
    await call('POST', '/v1/send', account.test, mail(account));
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(1));
    expect(internet.to(endpoint.host)[0]?.body.simulated).toBe(true);
  });

  it('from before the endpoint was made is not sent', async () => {
    await send({ subject: 'before' });
    const endpoint = await newEndpoint(account, internet);
    await send({ subject: 'after' });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(1));
    expect(internet.to(endpoint.host)[0]?.body.data.subject).toBe('after');
  });

  it('of many is posted in batches, each event once, at most five POSTs at a time', async () => {
    let open = 0;
    let most = 0;
    const endpoint = await newEndpoint(account, internet, async () => {
      open += 1;
      most = Math.max(most, open);
      await scheduler.wait(20);
      open -= 1;
      return ok();
    });
    const batch = Array.from({ length: 100 }, (_, i) =>
      mail(account, { to: [`u${i}@a.net`, `u${i}@b.net`] }),
    );
    await call('POST', '/v1/send/batch', account.live, batch);
    await call('POST', '/v1/send/batch', account.live, batch);
    // More POSTs than one run makes: it goes on in another.
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(400));
    expect(new Set(internet.to(endpoint.host).map(({ body }) => body.id)).size).toBe(400);
    expect(most).toBe(5);
  });
});

describe('a failed try', () => {
  it('is recorded with the first kilobyte of the answer, and repeated with the same id', async () => {
    let status = 500;
    const endpoint = await newEndpoint(account, internet, () => new Response('é'.repeat(5000), { status }));
    await send();
    const failed = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    expect(failed).toMatchObject({ state: 'pending', attempts: 1, last_status: 500, last_error: null });
    expect(failed.tries[0].answer).toBe('é'.repeat(512));
    const waitMs = Date.parse(failed.next_attempt_at) - Date.parse(failed.tries[0].at);
    expect(waitMs).toBeGreaterThanOrEqual(4500);
    status = 201;
    await passRetryWaits(endpoint);
    const done = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(2));
    expect(done).toMatchObject({ state: 'delivered', attempts: 2, next_attempt_at: null, last_status: 201 });
    const [first, second] = internet.to(endpoint.host);
    expect(first?.headers['webhook-id']).toBe(done.id);
    expect(second?.headers['webhook-id']).toBe(done.id);
    expect(second?.text).toBe(first?.text);
    expect(done.body).toBe(first?.text);
  });

  it.each([
    ['a redirect', 302, 'redirects are not followed'],
    ['a client error', 404, null],
  ])('is what %s gives', async (_, status, error) => {
    const endpoint = await newEndpoint(
      account,
      internet,
      answer(status, { Location: 'https://elsewhere.example/' }),
    );
    await send();
    const failed = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    expect(failed).toMatchObject({ state: 'pending', last_status: status, last_error: error });
    expect(internet.received).toHaveLength(1);
  });

  it('without an answer says why', async () => {
    const endpoint = await newEndpoint(account, internet, () => {
      throw new TypeError('connection refused');
    });
    await send();
    const failed = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    expect(failed).toMatchObject({ last_status: null, last_error: 'no answer: connection refused' });
  });

  it('honours Retry-After', async () => {
    const endpoint = await newEndpoint(account, internet, answer(429, { 'Retry-After': '600' }));
    await send();
    const failed = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    const waitMs = Date.parse(failed.next_attempt_at) - Date.parse(failed.tries[0].at);
    expect(waitMs).toBeGreaterThanOrEqual(600_000);
  });

  it('ends with a dead delivery after the last wait; a replay begins anew', async () => {
    let status = 500;
    const endpoint = await newEndpoint(account, internet, () => new Response('', { status }));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    await setDeliveries(endpoint, 'attempts = 11');
    await passRetryWaits(endpoint);
    const dead = await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('dead'));
    expect(dead).toMatchObject({ attempts: 12, next_attempt_at: null });
    expect(await deliveriesOf(account, 'state=dead')).toHaveLength(1);
    status = 200;
    const replayed = await call('POST', `/v1/webhook-deliveries/${dead.id}/replay`, account.live);
    expect(replayed.status).toBe(202);
    const done = await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    expect(done.tries).toHaveLength(3);
    expect(internet.to(endpoint.host).map(({ headers }) => headers['webhook-id'])).toEqual([
      dead.id,
      dead.id,
      dead.id,
    ]);
  });

  it('does not hold up the other events', async () => {
    const endpoint = await newEndpoint(account, internet, ({ body }) =>
      body.data.subject === 'bad' ? new Response('', { status: 500 }) : ok(),
    );
    await send({ subject: 'bad' });
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    await send({ subject: 'good' });
    await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    expect(await deliveriesOf(account, 'state=pending')).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  it('that answers 410 is disabled, and goes on where it stood when it is enabled again', async () => {
    let status = 410;
    const endpoint = await newEndpoint(account, internet, () => new Response('', { status }));
    const said = vi.spyOn(console, 'warn');
    await send({ subject: 'first' });
    await eventually(async () => {
      const { body } = await call('GET', `/v1/webhooks/${endpoint.id}`, account.live);
      expect(body).toMatchObject({ state: 'disabled', state_reason: expect.stringContaining('410 Gone') });
    });
    expect(said.mock.calls.flat().join()).toContain('webhook endpoint disabled');
    await send({ subject: 'second' });
    await cron();
    await setDeliveries(endpoint, 'due_ms = 0');
    await cron();
    expect(internet.to(endpoint.host)).toHaveLength(1);
    status = 200;
    await call('PATCH', `/v1/webhooks/${endpoint.id}`, account.live, { state: 'active' });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(3));
    const subjects = internet.to(endpoint.host).map(({ body }) => body.data.subject);
    expect(subjects.sort()).toEqual(['first', 'first', 'second']);
  });

  it('that has failed for five days is disabled with the reason, and its owners are told', async () => {
    const owner = await newMember(account, 'owner');
    const endpoint = await newEndpoint(account, internet, answer(503));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    const { body: failing } = await call('GET', `/v1/webhooks/${endpoint.id}`, account.live);
    expect(failing).toMatchObject({ state: 'active', failing_since: expect.any(String) });
    await setEndpoint(endpoint, `failing_since_ms = ${Date.now() - 5 * 86_400_000}`);
    await passRetryWaits(endpoint);
    await eventually(async () => {
      const { body } = await call('GET', `/v1/webhooks/${endpoint.id}`, account.live);
      expect(body).toMatchObject({
        state: 'disabled',
        state_reason: expect.stringContaining('No delivery has succeeded since'),
      });
    });
    await eventually(async () => {
      const mails = await mailsTo(owner);
      expect(mails.map(({ subject }) => subject)).toEqual(['A webhook endpoint is disabled']);
      expect(mails[0]?.text).toContain(`https://${endpoint.host}/`);
      expect(mails[0]?.text).toContain('No delivery has succeeded since');
    });
  });

  it('that succeeds once is no longer failing', async () => {
    let status = 503;
    const endpoint = await newEndpoint(account, internet, () => new Response('', { status }));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    status = 200;
    await passRetryWaits(endpoint);
    await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    const { body } = await call('GET', `/v1/webhooks/${endpoint.id}`, account.live);
    expect(body.failing_since).toBeNull();
  });

  it('that has failed for five days is not judged while another post waits for its answer', async () => {
    const held = Promise.withResolvers<void>();
    const endpoint = await newEndpoint(account, internet, ({ body }) =>
      body.data.subject === 'bad' ? new Response('', { status: 503 }) : held.promise.then(ok),
    );
    await send({ subject: 'bad' });
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    await send({ subject: 'good' });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(2));
    await setEndpoint(endpoint, `failing_since_ms = ${Date.now() - 5 * 86_400_000}`);
    await passRetryWaits(endpoint);
    await eventually(async () => {
      const deliveries = await deliveriesOf(account, 'state=pending');
      expect(deliveries.map(({ attempts }) => attempts).sort()).toEqual([0, 2]);
    });
    held.resolve();
    await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    const { body } = await call('GET', `/v1/webhooks/${endpoint.id}`, account.live);
    expect(body).toMatchObject({ state: 'active', failing_since: null });
  });

  it('that is deleted gets nothing more', async () => {
    const endpoint = await newEndpoint(account, internet, answer(500));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    await call('DELETE', `/v1/webhooks/${endpoint.id}`, account.live);
    const other = await newEndpoint(account, internet);
    await send();
    await eventually(() => expect(internet.to(other.host)).toHaveLength(1));
    expect(internet.to(endpoint.host)).toHaveLength(1);
    expect((await call('GET', `/v1/webhooks/${endpoint.id}`, account.live)).status).toBe(404);
  });

  it('whose URL changes gets its retries at the new one', async () => {
    const endpoint = await newEndpoint(account, internet, answer(500));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    const url = internet.at('moved.example.com', ok);
    const changed = await call('PATCH', `/v1/webhooks/${endpoint.id}`, account.live, { url });
    expect(changed.body.url).toBe(url);
    await passRetryWaits(endpoint);
    await eventually(() => expect(internet.to('moved.example.com')).toHaveLength(1));
  });

  it('is signed for by both secrets after a rotation, and by the new one alone after the overlap', async () => {
    const endpoint = await newEndpoint(account, internet);
    const { body: rotated } = await call('POST', `/v1/webhooks/${endpoint.id}/rotate`, account.live);
    expect(rotated.secret).not.toBe(endpoint.secret);
    const overlapMs = Date.parse(rotated.previous_secret_until) - Date.now();
    expect(Math.round(overlapMs / 3_600_000)).toBe(24);
    await send();
    const [during] = await eventually(() => {
      expect(internet.to(endpoint.host)).toHaveLength(1);
      return internet.to(endpoint.host);
    });
    if (!during) throw new Error('nothing came');
    expect(verify(endpoint.secret, during)).toEqual(during.body);
    expect(verify(rotated.secret, during)).toEqual(during.body);
    await setEndpoint(endpoint, `previous_secret_until_ms = ${Date.now() - 1}`);
    await send();
    const [, after] = await eventually(() => {
      expect(internet.to(endpoint.host)).toHaveLength(2);
      return internet.to(endpoint.host);
    });
    if (!after) throw new Error('nothing came');
    expect(verify(rotated.secret, after)).toEqual(after.body);
    expect(() => verify(endpoint.secret, after)).toThrow(/signature/);
  });

  it('keeps its secret only encrypted', async () => {
    const endpoint = await newEndpoint(account, internet);
    expect(endpoint.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const row = await bindings.DB.prepare('SELECT * FROM webhook_endpoints WHERE public_id = ?')
      .bind(endpoint.id)
      .first();
    expect(JSON.stringify(row)).not.toContain(endpoint.secret.slice(6));
    const { body } = await call('GET', '/v1/webhooks', account.live);
    expect(JSON.stringify(body)).not.toContain('"secret"');
  });
});

it('drops the tables of deliveries when their time is over', async () => {
  await bindings.DB.prepare('CREATE TABLE webhook_deliveries_2020w01 (id INTEGER PRIMARY KEY)').run();
  const names = async () =>
    (
      await bindings.DB.prepare(`SELECT name FROM sqlite_master WHERE name LIKE 'webhook_deliveries%'`).all()
    ).results.map(({ name }) => String(name));
  const before = await names();
  // An earlier tick may have done the housekeeping of this hour.
  await cron(new Date(Date.now() + 3_600_000));
  const after = await names();
  expect(before.filter((name) => !after.includes(name))).toEqual(['webhook_deliveries_2020w01']);
  expect(after.length).toBeGreaterThan(2);
});
