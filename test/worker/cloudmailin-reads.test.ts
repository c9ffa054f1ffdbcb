import { beforeAll, describe, expect, it } from 'vitest';
import { statusQuery } from '#domain/inbound/incoming-status.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { type Answer, call, mail, migrate, newAccount, newKey, type TestAccount } from './support.ts';
import { eventually, newEndpoint, type TestEndpoint } from './webhook-support.ts';

const good = () => new Response('thanks', { status: 201 });
let account: TestAccount;
let stranger: TestAccount;
let domain: string;
let told: TestEndpoint;
let refusing: TestEndpoint;
beforeAll(async () => {
  await migrate();
  const internet = new Internet();
  account = await newAccount();
  stranger = await newAccount();
  domain = await newReceivingDomain(account);
  const received = { events: ['email.received'] };
  told = await newEndpoint(account, internet, good, {
    ...{ ...received, format: 'cloudmailin', synchronous: false, description: 'Orders' },
  });
  const no = () => new Response('No', { status: 403, headers: { 'Content-Type': 'text/plain' } });
  refusing = await newEndpoint(account, internet, no, { ...received, format: 'cloudmailin-multipart' });
  await newEndpoint(account, internet, good, { events: ['email.delivered'] });
  const route = async (pattern: string, target: TestEndpoint) =>
    await call('POST', `/v1/domains/${domain}/routes`, account.live, {
      ...{ pattern, action: 'webhook', targets: [target.id] },
    });
  await route('orders', told);
  await route('no', refusing);
});

const read = async (path: string, key = account.live) => await call('GET', `/api/v0.1/${path}`, key);

describe('CloudMailin’s reads', () => {
  it('tell addresses: the endpoints of received mail', async () => {
    const { status, body } = await read('pennypost/addresses');
    expect(status).toBe(200);
    expect(body.map((one: Answer) => [one.id, one.target_format, one.nickname])).toEqual([
      [told.id, 'json+n', 'Orders'],
      [refusing.id, 'multipart+n', null],
    ]);
    expect(body[0].target).toContain(told.host);
  });

  it('tell a sent message, with what happened to it', async () => {
    const { body: sent } = await call('POST', '/v1/send', account.live, mail(account, { tags: ['a'] }));
    const { status, body } = await read(`pennypost/messages/${sent.message_id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: sent.message_id,
      tags: ['a'],
      status: 'queued',
      events: [{ kind: 'registration', recipient: 'user@example.net' }],
    });
    const theirs = await read(`pennypost/messages/${sent.message_id}`, stranger.live);
    expect([theirs.status, theirs.body]).toEqual([404, { status: 404, error: expect.any(String) }]);
  });

  it('tell what became of received mail, newest first, searched and by address', async () => {
    await bringMail(`orders@${domain}`, letterTo(`orders@${domain}`));
    expect((await bringMail(`no@${domain}`, letterTo(`no@${domain}`))).refusal).toMatchObject({ text: 'No' });
    const statuses = async (query: string): Promise<Answer> =>
      (await read(`pennypost/incoming_statuses?${query}`)).body;
    await eventually(async () =>
      expect(await statuses(`address_id=${told.id}`)).toEqual([
        {
          message_id: expect.stringMatching(/^[0-9a-f-]{36}@people\.example$/),
          ...{ to: `orders@${domain}`, from: 'ann@people.example', subject: 'Grüße', tls: 'true' },
          ...{ status: '201', status_category: 'successful', created_at: expect.any(String) },
        },
      ]),
    );
    expect((await statuses('')).map((one: Answer) => [one.to, one.status, one.status_category])).toEqual([
      [`no@${domain}`, '403', 'rejected'],
      [`orders@${domain}`, '201', 'successful'],
    ]);
    expect(await statuses('query=subject:%20GR%C3%9C,%20status:%20403')).toHaveLength(1);
    expect(await statuses('query=status_category:%20delayed')).toEqual([]);
  });

  it('tell sent messages', async () => {
    const { body: sent } = await call('POST', '/v1/send', account.live, mail(account, { tags: ['a'] }));
    const { body } = await read('pennypost/outbound_messages');
    expect(body[0]).toMatchObject({ id: sent.message_id, tags: ['a'], test_mode: false, status: 'queued' });
  });

  it('are of the account and user of the key, with short errors', async () => {
    expect((await read('pennypost/incoming_statuses', stranger.live)).body).toEqual([]);
    const other = await read('somebody/addresses');
    expect([other.status, other.body.status, typeof other.body.error]).toEqual([404, 404, 'string']);
    expect((await read('pennypost/incoming_statuses?address_id=x')).status).toBe(404);
    expect((await read(`pennypost/incoming_statuses?query=${'x'.repeat(501)}`)).status).toBe(422);
    const { secret } = await newKey(account, { domains: [account.domain] });
    expect((await read('pennypost/addresses', secret)).status).toBe(403);
    expect((await read('pennypost/incoming_statuses', secret)).body).toEqual([]);
    const { secret: sender } = await newKey(account, { scopes: ['send'] });
    expect((await read('pennypost/outbound_messages', sender)).status).toBe(403);
  });
});

describe('a query of statuses', () => {
  const entry = {
    message_id: 'x@y',
    to: 'a@b',
    from: null,
    status: '200',
    status_category: '',
    subject: 'An order',
  };
  it.each([
    ['', true],
    ['order', true],
    ['subject:ORDER , status: 20', true],
    ['subject: order, status: 500', false],
    ['from: a', false],
    ['colour: red', false],
  ])('%j', (query, fits) => {
    expect(statusQuery(query)(entry)).toBe(fits);
  });
});
