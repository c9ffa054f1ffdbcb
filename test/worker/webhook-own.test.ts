import { beforeAll, describe, expect, it } from 'vitest';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet, ok, type Received, verify } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  mail,
  migrate,
  newAccount,
  request,
  type TestAccount,
} from './support.ts';
import { deliverOne, eventually, newEndpoint, type TestEndpoint } from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  account = await newAccount();
});

const view = async ({ id }: TestEndpoint) => (await call('GET', `/v1/webhooks/${id}`, account.live)).body;
const change = (endpoint: TestEndpoint, body: object) =>
  call('PATCH', `/v1/webhooks/${endpoint.id}`, account.live, body);
const newest = ({ host }: TestEndpoint): Received => {
  const last = internet.to(host).at(-1);
  if (!last) throw new Error('nothing came');
  return last;
};
async function tested(endpoint: TestEndpoint): Promise<Received> {
  await call('POST', `/v1/webhooks/${endpoint.id}/test`, account.live);
  return newest(endpoint);
}

describe('what an endpoint’s owner wants sent along', () => {
  it('is in every post: header fields, user and password; and is told no more', async () => {
    const own = { headers: { 'X-Team': 'shop', 'x-token': 'a b' }, username: 'hook', password: 'sécret:x' };
    const refused = await call('POST', '/v1/webhooks', account.live, {
      url: internet.at('own.example.com', ok),
      ...own,
    });
    expect(refused.body.errors).toMatchObject([
      { pointer: '/password', detail: expect.stringContaining('ASCII') },
    ]);
    const endpoint = await newEndpoint(account, internet, ok, { ...own, password: 'secret:x' });
    const shown = await view(endpoint);
    expect(shown).toMatchObject({ header_names: ['X-Team', 'x-token'], username: 'hook' });
    expect(JSON.stringify(shown)).not.toMatch(/secret:x|a b/);
    const wanted = { 'x-team': 'shop', 'x-token': 'a b', authorization: `Basic ${btoa('hook:secret:x')}` };
    expect((await tested(endpoint)).headers).toMatchObject(wanted);
    await deliverOne(account);
    await eventually(() => expect(internet.to(endpoint.host).length).toBeGreaterThan(2));
    expect(newest(endpoint).headers).toMatchObject(wanted);
    const row = await bindings.DB.prepare('SELECT * FROM webhook_endpoints WHERE public_id = ?')
      .bind(endpoint.id)
      .first();
    expect(JSON.stringify(row)).not.toMatch(/secret:x|a b/);
  });

  it('stays at a change of something else, and can be taken back', async () => {
    const endpoint = await newEndpoint(account, internet, ok, {
      headers: { 'X-A': '1' },
      username: 'u',
      password: 'p',
    });
    await change(endpoint, { description: 'x' });
    expect((await tested(endpoint)).headers).toMatchObject({
      'x-a': '1',
      authorization: `Basic ${btoa('u:p')}`,
    });
    await change(endpoint, { headers: { 'X-B': '2' } });
    const { headers } = await tested(endpoint);
    expect(headers).toMatchObject({ 'x-b': '2', authorization: `Basic ${btoa('u:p')}` });
    expect(headers).not.toHaveProperty('x-a');
    expect((await change(endpoint, { password: null })).body.errors).toMatchObject([
      { pointer: '/password' },
    ]);
    await change(endpoint, { username: null, headers: null });
    expect(await view(endpoint)).toMatchObject({ header_names: [], username: null });
    expect((await tested(endpoint)).headers).not.toHaveProperty('authorization');
  });

  it.each([
    [{ headers: { 'webhook-id': 'x' } }, '/headers/webhook-id', 'written by us'],
    [{ headers: { 'Content-Type': 'x' } }, '/headers/Content-Type', 'written by us'],
    [{ headers: { 'X A': 'x' } }, '/headers/X A', 'name of a header field'],
    [{ headers: { 'X-A': 'a\r\nb' } }, '/headers/X-A', 'printable ASCII'],
    [{ headers: { Authorization: 'x' }, username: 'u', password: 'p' }, '/headers/Authorization', 'username'],
    [{ username: 'u' }, '/password', 'belong together'],
    [{ username: 'a:b', password: 'p' }, '/username', 'colon'],
    [{ sending_domains: ['exa\u200bmple.com'] }, '/sending_domains/0', 'U+200B'],
    [{ tags: [] }, '/tags', '1'],
    [{ streams: ['My Stream'] }, '/streams/0', 'hyphens'],
  ])('%j is refused', async (more, pointer, detail) => {
    const url = internet.at('refused.example.com', ok);
    const { status, body } = await call('POST', '/v1/webhooks', account.live, { url, ...more });
    expect([status, body.errors]).toMatchObject([
      400,
      [{ pointer, detail: expect.stringContaining(detail) }],
    ]);
  });
});

it('an endpoint may hear of the mail of some domains, tags and streams only', async () => {
  const events = ['email.sent'];
  const endpointOf = (more: object) => newEndpoint(account, internet, ok, { events, ...more });
  const [ofDomain, ofOther, ofTag, ofStream, ofDefault, all] = [
    await endpointOf({ sending_domains: [account.domain.toUpperCase()] }),
    await endpointOf({ sending_domains: ['other.example'] }),
    await endpointOf({ tags: ['receipt', 'x'] }),
    await endpointOf({ streams: ['offers'] }),
    await endpointOf({ streams: ['transactional'] }),
    await endpointOf({}),
  ];
  const send = async (more: Record<string, unknown>) =>
    (await call('POST', '/v1/send', account.live, mail(account, more))).body.message_id;
  const [tagged, plain] = [
    await send({ tags: ['a', 'receipt'] }),
    await send({ tags: ['b'], stream: 'offers' }),
  ];
  const told = ({ host }: TestEndpoint) =>
    internet
      .to(host)
      .map(({ body }: Answer) => body.data.email_id)
      .toSorted();
  await eventually(() => expect(told(all)).toEqual([tagged, plain].toSorted()));
  await eventually(() => expect(told(ofDomain)).toEqual([tagged, plain].toSorted()));
  await eventually(() => expect(told(ofTag)).toEqual([tagged]));
  await eventually(() => expect(told(ofStream)).toEqual([plain]));
  await eventually(() => expect(told(ofDefault)).toEqual([tagged]));
  expect(newest(ofStream).body).toMatchObject({ data: { stream: 'offers' } });
  expect(told(ofOther)).toEqual([]);
  expect(await view(ofTag)).toMatchObject({ tags: ['receipt', 'x'], sending_domains: null, streams: null });
});

describe('a signature that needs no secret', () => {
  const keysOf = async (endpoint: TestEndpoint): Promise<string[]> => {
    const { pathname } = new URL((await view(endpoint)).public_key_url);
    expect(pathname).toBe(`/.well-known/webhook-keys/${endpoint.id}`);
    const response = await request(pathname);
    return ((await response.json()) as { keys: string[] }).keys;
  };
  const fits = async (text: string, { headers, bytes }: Received): Promise<boolean> => {
    const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const key = await crypto.subtle.importKey('raw', bytesOf(text.slice(5)), 'Ed25519', false, ['verify']);
    const start = new TextEncoder().encode(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`);
    const signed = Uint8Array.from([...start, ...bytes]);
    const given = (headers['webhook-signature'] ?? '').split(' ').filter((one) => one.startsWith('v1a,'));
    const good = given.map((one) => crypto.subtle.verify('Ed25519', key, bytesOf(one.slice(4)), signed));
    return (await Promise.all(good)).includes(true);
  };

  it('stands beside that of the secret, by the endpoint’s own key, which everybody may fetch', async () => {
    const [endpoint, other] = [await newEndpoint(account, internet), await newEndpoint(account, internet)];
    const posted = await tested(endpoint);
    expect(() => verify(endpoint.secret, posted)).not.toThrow();
    const [key = ''] = await keysOf(endpoint);
    expect(key).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    expect(await fits(key, posted)).toBe(true);
    expect(await fits(key, { ...posted, bytes: new TextEncoder().encode(`${posted.text} `) })).toBe(false);
    expect(await fits((await keysOf(other))[0] ?? '', posted)).toBe(false);
    expect(await keysOf(endpoint)).toEqual([key]);
    expect((await request('/.well-known/webhook-keys/nobody')).status).toBe(404);
  });

  it('covers bytes that are no text as well', async () => {
    const domain = await newReceivingDomain(account);
    const endpoint = await newEndpoint(account, internet, ok, { format: 'raw', synchronous: false, domain });
    await bringMail([`info@${domain}`], letterTo(`info@${domain}`));
    const posted = await eventually(() => newest(endpoint));
    expect(await fits((await keysOf(endpoint))[0] ?? '', posted)).toBe(true);
  });
});
