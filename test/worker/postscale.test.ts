import { beforeAll, describe, expect, it } from 'vitest';
import { hexOf } from '#domain/hex.ts';
import { Internet } from './receiver.ts';
import { type Answer, call, mail, migrate, newAccount, type TestAccount } from './support.ts';
import { deliverOne, eventually } from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  account = await newAccount();
});

const get = async (path: string): Promise<Answer> => (await call('GET', path, account.live)).body;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

describe('Postscale’s names beside ours', () => {
  it('of messages and their events', async () => {
    const { body: sent } = await call('POST', '/v1/send', account.live, mail(account));
    const list = await get('/v1/emails?limit=1');
    expect(list.emails).toEqual(list.data);
    expect(list).toMatchObject({ total: 1, emails: [{ id: sent.message_id }] });
    const { email, ...flat } = await get(`/v1/emails/${sent.message_id}`);
    expect(email).toEqual(flat);
    const { events, data } = await get(`/v1/emails/${sent.message_id}/events`);
    expect(events).toEqual(data.map((one: Answer) => ({ ...one, event_type: 'email.sent' })));
    await call('POST', '/v1/send', account.live, mail(account));
    expect((await get('/v1/emails?limit=1')).total).toBe(2);
  });

  it('of domains, which are named by UUID, number and name', async () => {
    const made = await call('POST', '/v1/domains', account.live, {
      domain: 'post.example',
      type: 'both',
      catch_all_enabled: false,
      inbound_mx_acknowledged: true,
    });
    expect([made.status, made.body]).toMatchObject([
      201,
      { id: expect.stringMatching(uuid), verified: false, spf_verified: false, dkim_verified: false },
    ]);
    const { id } = made.body;
    expect((await get(`/v1/domains/${id}/routes`)).data).toEqual([]);
    const number = Number.parseInt(id.slice(-12), 16);
    for (const name of [id, id.toUpperCase(), number, 'post.example'])
      for (const more of ['', '/dns', '/dkim', '/routes', '/rules', '/dmarc', '/tls-reports'])
        expect([name, more, (await call('GET', `/v1/domains/${name}${more}`, account.live)).status]).toEqual([
          name,
          more,
          200,
        ]);
    expect((await get(`/v1/domains/${id}/routes`)).data).toEqual([]);
    const own = (await get('/v1/domains')).domains.find((one: Answer) => one.domain === account.domain);
    expect(own).toMatchObject({ verified: true, spf_verified: true, dkim_verified: true });
    const list = await get('/v1/domains');
    expect(list.domains).toEqual(list.data);
    // It is warmed, so it has no limits.
    for (const name of [own.id, account.domain])
      expect(await get(`/v1/domains/${name}/warming`)).toMatchObject({
        domain_id: own.id,
        remaining_this_hour: null,
      });
    expect((await get(`/v1/inbound-emails?domain_id=${id}`)).emails).toEqual([]);
  });

  it('of suppressions', async () => {
    const note = '550 5.1.1 No such user';
    const entry = { email: 'gone@example.net', reason: 'hard_bounce', note };
    expect((await call('POST', '/v1/suppressions', account.live, entry)).status).toBe(201);
    const list = await get('/v1/suppressions');
    expect(list.suppressions).toEqual(list.data);
    expect(list).toMatchObject({
      total: 1,
      suppressions: [
        {
          id: expect.stringMatching(uuid),
          email: 'gone@example.net',
          reason: 'hard_bounce',
          bounce_code: '550',
          scope_type: 'account',
          source_message_id: null,
        },
      ],
    });
    expect(await get('/v1/suppressions/check?email=gone%40example.net')).toMatchObject({
      suppressed: true,
      entry: list.suppressions[0],
    });
    expect(await get('/v1/suppressions/check?email=here%40example.net')).toMatchObject({
      suppressed: false,
      entry: null,
    });
  });

  it('of webhooks, which get one flat body an event with its header fields', async () => {
    const webhook_url = internet.at('postscale.example.com', () => new Response('seen'));
    const event_types = ['email.sent', 'email.delivered'];
    const made = await call('POST', '/v1/webhooks', account.live, { webhook_url, event_types });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        format: 'postscale',
        webhook: { webhook_url, event_types, has_secret: true },
        secret: expect.stringMatching(/^whsec_/),
      },
    ]);
    const { id, secret } = made.body;
    expect((await get('/v1/webhooks')).webhooks).toMatchObject([{ id, webhook_url, event_types }]);
    const messageId = await deliverOne(account);
    const posts = await eventually(() => {
      const own = internet.to('postscale.example.com').filter(({ body }) => body.email_id === messageId);
      expect(own).toHaveLength(2);
      return own;
    });
    expect(posts.map(({ body }) => body.event)).toEqual(event_types);
    for (const { headers, body, text, bytes } of posts) {
      expect(body).toMatchObject({
        to: 'user@example.net',
        timestamp: expect.any(String),
        email_id: messageId,
      });
      expect(headers).toMatchObject({ 'x-postscale-event': body.event, 'x-postscale-attempt': '1' });
      const [, seconds, mac] =
        /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['x-postscale-signature'] ?? '') ?? [];
      const encoder = new TextEncoder();
      const algorithm = { name: 'HMAC', hash: 'SHA-256' };
      const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
      const wanted = await crypto.subtle.sign('HMAC', key, encoder.encode(`${seconds}.${text}`));
      expect([bytes.length > 0, mac]).toEqual([true, hexOf(new Uint8Array(wanted))]);
    }
    const told = await get(`/v1/webhook-deliveries?endpoint_id=${id}&days=1`);
    expect(told.deliveries).toEqual(told.data);
    expect(told).toMatchObject({ total: told.data.length, warnings: [] });
    expect(told.data.length).toBeGreaterThan(1);
    expect((await call('GET', '/v1/webhook-deliveries?days=0', account.live)).status).toBe(400);
  });
});
