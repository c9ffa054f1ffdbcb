import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';
import { Internet, ok, verify } from './receiver.ts';
import { bindings, call, mail, migrate, newAccount, type TestAccount } from './support.ts';
import {
  cron,
  deliveriesOf,
  eventually,
  newEndpoint,
  newestDelivery,
  passRetryWaits,
  setDeliveries,
} from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(migrate);
beforeEach(async () => {
  internet = new Internet();
  account = await newAccount();
});
afterEach(() => vi.restoreAllMocks());

const send = () => call('POST', '/v1/send', account.live, mail(account));
const create = (body: Record<string, unknown>) => call('POST', '/v1/webhooks', account.live, body);

describe('a URL', () => {
  it.each([
    ['http://hooks.example.com/', /https/],
    ['ftp://hooks.example.com/', /https/],
    ['not a url', /not a URL/],
    ['https://user:password@hooks.example.com/', /user or password/],
    ['https://localhost/', /local name/],
    ['http://localhost:3000/', /https/],
    ['https://metadata.google.internal/', /local name/],
    ['https://127.0.0.1/', /loopback/],
    ['https://2130706433/', /loopback/],
    ['https://0x7f.1/', /loopback/],
    ['https://169.254.169.254/latest/meta-data', /link-local/],
    ['https://[::1]/', /not global unicast/],
    ['https://[::ffff:10.0.0.1]/', /not global unicast/],
    ['https://[2002:7f00:1::]/', /6to4/],
    ['https://nowhere.example.com/', /no address in DNS/],
  ])('%s is refused', async (url, why) => {
    const { status, body } = await create({ url });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ pointer: '/url', detail: expect.stringMatching(why) }]);
  });

  it.each([
    ['a private address', ['10.1.2.3']],
    ['a private address beside a public one', ['198.41.0.4', '192.168.0.1']],
    ['a private IPv6 address beside a public IPv4 address', ['198.41.0.4', 'fd00::1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
  ])('whose name resolves to %s is refused', async (_, addresses) => {
    internet.names.set('inside.example.com', addresses);
    const { status, body } = await create({ url: 'https://inside.example.com/' });
    expect(status).toBe(400);
    expect(body.detail).toMatch(/not public/);
    expect(JSON.stringify(internet.lookups)).toContain('inside.example.com AAAA');
  });

  it('that cannot be judged now may be tried again', async () => {
    internet.names.set('servfail.example.com', 'servfail');
    const { status, body } = await create({ url: 'https://servfail.example.com/' });
    expect(status).toBe(503);
    expect(body.detail).toMatch(/DNS does not answer/);
  });

  it('is judged anew at each try', async () => {
    const endpoint = await newEndpoint(account, internet, () => new Response('', { status: 500 }));
    await send();
    await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    internet.names.set(endpoint.host, ['127.0.0.1']);
    // Tries within three seconds share a look-up, so the retry is asked for until it is after that.
    const refused = await eventually(async () => {
      await setDeliveries(endpoint, 'attempts = 0');
      await passRetryWaits(endpoint);
      const [newest] = await deliveriesOf(account);
      expect(newest.last_error).toMatch(/not public/);
      return newest;
    });
    expect(refused).toMatchObject({ state: 'pending', last_status: null });
    const posts = internet.to(endpoint.host).length;
    await passRetryWaits(endpoint);
    await newestDelivery(account, endpoint, ({ attempts }) =>
      expect(attempts).toBeGreaterThan(refused.attempts),
    );
    expect(internet.to(endpoint.host)).toHaveLength(posts);
  });
});

describe('the API', () => {
  it('makes, shows, changes and deletes an endpoint', async () => {
    const url = internet.at('crud.example.com', ok);
    const made = await create({ url, events: ['bounce', 'email.complained'], description: 'CRM' });
    expect(made.status).toBe(201);
    const { secret, webhook, ...view } = made.body;
    expect(webhook).toEqual(view);
    expect(view).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url,
      webhook_url: url,
      event_types: ['bounce', 'email.complained'],
      has_secret: true,
      ...{ domain: null, address_pattern: null, authorization_url: null },
      ...{ sending_domains: null, tags: null, streams: null, header_names: [], username: null },
      public_key_url: expect.stringMatching(/\/\.well-known\/webhook-keys\/[0-9a-f-]{36}$/),
      format: 'event',
      events: ['bounce', 'email.complained'],
      description: 'CRM',
      state: 'active',
      state_reason: null,
      failing_since: null,
      synchronous: false,
      previous_secret_until: null,
      created_at: expect.any(String),
    });
    expect((await call('GET', `/v1/webhooks/${view.id}`, account.live)).body).toEqual(view);
    const changed = await call('PATCH', `/v1/webhooks/${view.id}`, account.live, {
      events: null,
      state: 'disabled',
    });
    expect(changed.body).toEqual({
      ...view,
      events: null,
      event_types: null,
      state: 'disabled',
      state_reason: 'Disabled by its owner.',
    });
    expect((await call('GET', '/v1/webhooks', account.live)).body.data).toEqual([changed.body]);
    expect((await call('DELETE', `/v1/webhooks/${view.id}`, account.live)).status).toBe(204);
    expect((await call('GET', '/v1/webhooks', account.live)).body.data).toEqual([]);
  });

  it.each([
    [{ events: [] }, '/events'],
    [{ events: ['nonsense'] }, '/events/0'],
    [{ events: ['dispatch'] }, '/events'],
    [{ format: 'xml' }, '/format'],
    [{ description: 'x'.repeat(201) }, '/description'],
    [{ url: `https://a.example.com/${'x'.repeat(2000)}` }, '/url'],
    [{ nonsense: 1 }, '/'],
  ])('refuses what does not fit (case %#)', async (wrong, pointer) => {
    const url = internet.at('input.example.com', ok);
    const { status, body } = await create({ url, ...wrong });
    expect(status).toBe(400);
    expect(body.errors[0].pointer).toBe(pointer);
  });

  it('lets an account have twenty endpoints', async () => {
    const url = internet.at('many.example.com', ok);
    for (let i = 0; i < 20; i++) expect((await create({ url })).status).toBe(201);
    expect(await create({ url })).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  it('hides what belongs to another account', async () => {
    const other = await newAccount();
    const endpoint = await newEndpoint(account, internet);
    await send();
    const delivery = await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    const asks: [string, string, unknown?][] = [
      ['GET', `/v1/webhooks/${endpoint.id}`],
      ['PATCH', `/v1/webhooks/${endpoint.id}`, { state: 'disabled' }],
      ['DELETE', `/v1/webhooks/${endpoint.id}`],
      ['POST', `/v1/webhooks/${endpoint.id}/test`],
      ['POST', `/v1/webhooks/${endpoint.id}/rotate`],
      ['POST', `/v1/webhooks/${endpoint.id}/replay`, { delivery_id: delivery.id }],
      ['GET', `/v1/webhook-deliveries/${delivery.id}`],
      ['POST', `/v1/webhook-deliveries/${delivery.id}/replay`],
      ['GET', `/v1/webhook-deliveries?endpoint=${endpoint.id}`],
    ];
    for (const [method, path, body] of asks) {
      expect(await call(method, path, other.live, body)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    }
    expect((await call('GET', '/v1/webhook-deliveries', other.live)).body.data).toEqual([]);
    expect((await call('GET', `/v1/webhooks/${endpoint.id}`, account.live)).body.state).toBe('active');
  });

  it('needs the scope manage for changes and read for reading', async () => {
    const endpoint = await newEndpoint(account, internet);
    const keyWith = async (scopes: string[]) =>
      (
        await call('POST', `/admin/v1/accounts/${account.id}/credentials`, bindings.OPERATOR_TOKEN, {
          scopes,
          username: scopes.join('-'),
        })
      ).body.secret;
    const [reader, sender] = [await keyWith(['read']), await keyWith(['send'])];
    for (const path of ['/v1/webhooks', `/v1/webhooks/${endpoint.id}`, '/v1/webhook-deliveries']) {
      expect((await call('GET', path, reader)).status).toBe(200);
      expect((await call('GET', path, sender)).status).toBe(403);
      expect((await call('GET', path, null)).status).toBe(401);
    }
    const changes: [string, string][] = [
      ['POST', '/v1/webhooks'],
      ['PATCH', `/v1/webhooks/${endpoint.id}`],
      ['DELETE', `/v1/webhooks/${endpoint.id}`],
      ['POST', `/v1/webhooks/${endpoint.id}/test`],
      ['POST', `/v1/webhooks/${endpoint.id}/rotate`],
      ['POST', `/v1/webhooks/${endpoint.id}/replay`],
      ['POST', '/v1/webhook-deliveries/msg_2026w4700000000000/replay'],
    ];
    for (const [method, path] of changes) expect((await call(method, path, reader, {})).status).toBe(403);
  });

  it('sends a signed test and tells what came of it', async () => {
    let status = 200;
    const endpoint = await newEndpoint(account, internet, () => new Response('seen', { status }), {
      format: 'cloudmailin',
    });
    const test = await call('POST', `/v1/webhooks/${endpoint.id}/test`, account.live);
    expect(test.body).toMatchObject({ delivered: true, status: 200, answer: 'seen', error: null });
    const [received] = internet.to(endpoint.host);
    if (!received) throw new Error('nothing came');
    expect(verify(endpoint.secret, received)).toEqual(received.body);
    expect(received.body.events).toEqual([expect.objectContaining({ kind: 'delivery', simulated: true })]);
    status = 404;
    const failed = await call('POST', `/v1/webhooks/${endpoint.id}/test`, account.live);
    expect(failed.body).toMatchObject({ delivered: false, status: 404 });
    expect(await deliveriesOf(account)).toEqual([]);
  });
});

describe('deliveries', () => {
  it('are listed newest first, by endpoint and state, page by page', async () => {
    const [good, bad] = [
      await newEndpoint(account, internet),
      await newEndpoint(account, internet, () => new Response('', { status: 500 })),
    ];
    for (let i = 0; i < 5; i++) await send();
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(5));
    await eventually(async () => {
      const pending = await deliveriesOf(account, 'state=pending');
      expect(pending.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1]);
    });
    const all = await deliveriesOf(account);
    expect(all).toHaveLength(10);
    const times = all.map(({ created_at }) => Date.parse(created_at));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect((await deliveriesOf(account, `endpoint=${bad.id}&state=pending`)).length).toBe(5);
    expect(await deliveriesOf(account, `endpoint=${good.id}&state=pending`)).toEqual([]);
    const paged: string[] = [];
    let cursor = '';
    do {
      const { body } = await call('GET', `/v1/webhook-deliveries?limit=3${cursor}`, account.live);
      paged.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.next === null ? '' : `&cursor=${body.next}`;
    } while (cursor !== '');
    expect(paged).toEqual(all.map(({ id }) => id));
  });

  it.each(['limit=0', 'limit=101', 'cursor=nonsense', 'state=lost'])('refuse %s', async (query) => {
    const { status, body } = await call('GET', `/v1/webhook-deliveries?${query}`, account.live);
    expect(status).toBe(400);
    expect(body.errors[0].pointer).toBe(query.split('=')[0]);
  });

  it('are replayed by a range of time, and one by its id', async () => {
    const endpoint = await newEndpoint(account, internet);
    await send();
    await send();
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(2));
    const replay = (body: unknown) => call('POST', `/v1/webhooks/${endpoint.id}/replay`, account.live, body);
    const [hourAgo, inAnHour] = [-1, 1].map((h) => new Date(Date.now() + h * 3_600_000).toISOString());
    const all = await replay({ from: hourAgo, to: inAnHour });
    expect(all).toMatchObject({ status: 202, body: { replayed: 2, next_from: null } });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(4));
    expect(new Set(internet.to(endpoint.host).map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    const before = await replay({ from: '2026-01-01T00:00:00Z', to: hourAgo });
    expect(before.body.replayed).toBe(0);
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(2));
    const [{ id }] = await deliveriesOf(account);
    expect((await replay({ delivery_id: id })).body).toEqual({ replayed: 1, next_from: null });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(5));
    expect((await replay({ from: inAnHour, to: hourAgo })).status).toBe(400);
    expect((await replay({ delivery_id: 'nonsense' })).status).toBe(404);
  });

  it('that are pending are not replayed', async () => {
    const endpoint = await newEndpoint(account, internet, () => new Response('', { status: 500 }));
    await send();
    const { id } = await newestDelivery(account, endpoint, ({ tries }) => expect(tries).toHaveLength(1));
    const again = await call('POST', `/v1/webhook-deliveries/${id}/replay`, account.live);
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});

describe('announcing', () => {
  /** A send whose queue is watched instead of used. */
  async function watchedSend(queue: { send: (body: unknown) => Promise<void> }) {
    const context = createExecutionContext();
    const response = await worker.fetch(
      new Request('https://api.test/v1/send', {
        method: 'POST',
        headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(mail(account)),
      }),
      { ...env, WEBHOOK: queue, METER: '1' },
      context,
    );
    await waitOnExecutionContext(context);
    return response;
  }

  it('costs a queue operation only while the account has an active endpoint, and no round trip', async () => {
    const queue = { send: vi.fn(async (_: unknown) => undefined) };
    const trips = async () =>
      /trips=\d+/.exec((await watchedSend(queue)).headers.get('Server-Timing') ?? '')?.[0];
    // The first look at a key in a minute is a trip of its own.
    await trips();
    expect(await trips()).toBe('trips=2');
    expect(queue.send).not.toHaveBeenCalled();
    const endpoint = await newEndpoint(account, internet);
    expect(await trips()).toBe('trips=2');
    expect(queue.send.mock.calls).toEqual([[{ accountIds: [account.id] }]]);
    await call('PATCH', `/v1/webhooks/${endpoint.id}`, account.live, { state: 'disabled' });
    await trips();
    expect(queue.send).toHaveBeenCalledTimes(1);
    await call('PATCH', `/v1/webhooks/${endpoint.id}`, account.live, { state: 'active' });
    await trips();
    expect(queue.send).toHaveBeenCalledTimes(2);
    await call('DELETE', `/v1/webhooks/${endpoint.id}`, account.live);
    await trips();
    expect(queue.send).toHaveBeenCalledTimes(2);
  });

  it('may be lost: the sweep finds the endpoint', async () => {
    const endpoint = await newEndpoint(account, internet);
    const lost = { send: vi.fn(async () => Promise.reject(new Error('the queue is away'))) };
    expect((await watchedSend(lost)).status).toBe(202);
    expect(lost.send).toHaveBeenCalledTimes(1);
    expect(internet.to(endpoint.host)).toEqual([]);
    await cron();
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(1));
  });
});
