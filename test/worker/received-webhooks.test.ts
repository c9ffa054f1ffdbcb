import type { IncomingMail } from 'cloudmailin';
import { beforeAll, describe, expect, it } from 'vitest';
import { receivedPost } from '../../worker/api/webhook-posts.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet, ok, type Received, verify } from './receiver.ts';
import {
  type Answer,
  bytesOf,
  call,
  latin1,
  migrate,
  newAccount,
  newKey,
  request,
  type TestAccount,
} from './support.ts';
import {
  cron,
  deliveriesOf,
  eventually,
  newEndpoint,
  passRetryWaits,
  type TestEndpoint,
} from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  account = await newAccount();
});

/** A domain whose mail goes to one endpoint. */
async function domainTo(endpoint: TestEndpoint): Promise<string> {
  const domain = await newReceivingDomain(account);
  const { body } = await call('GET', `/v1/domains/${domain}/routes`, account.live);
  await call('PATCH', `/v1/domains/${domain}/routes/${body.data[0].id}`, account.live, {
    targets: [endpoint.id],
  });
  return domain;
}

const endpointOf = (format: string, handler = ok, more: Record<string, unknown> = {}) =>
  newEndpoint(account, internet, handler, {
    format,
    events: ['email.received'],
    synchronous: false,
    ...more,
  });

async function postTo(endpoint: TestEndpoint, raw?: string, more: Record<string, unknown> = {}) {
  const domain = await domainTo(endpoint);
  const to = `info+order17@${domain}`;
  const brought = await bringMail(to, raw ?? letterTo(to), more);
  return { ...brought, to };
}

/** HMAC-SHA-256, one character a byte. */
async function hmac(secret: Uint8Array, signed: Uint8Array): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign']);
  return latin1(new Uint8Array(await crypto.subtle.sign('HMAC', key, signed)));
}

const first = (endpoint: TestEndpoint) =>
  eventually(() => {
    const [one] = internet.to(endpoint.host);
    expect(one).toBeDefined();
    return one as Received;
  });
const statusOf = async (id: string) =>
  (await call('GET', `/v1/inbound-emails/${id}`, account.live)).body.email.status;

const withAttachments = (to: string) =>
  letterTo(
    to,
    ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="b"'],
    [
      '--b',
      'Content-Type: text/plain',
      '',
      'See below.',
      '--b',
      'Content-Type: application/pdf; name="a.pdf"',
      'Content-Disposition: attachment; filename="a.pdf"',
      'Content-Transfer-Encoding: base64',
      '',
      'JVBERi0xLjQ=',
      '--b--',
    ].join('\r\n'),
  );

describe('a received mail is posted', () => {
  it('as an event, signed, with the mail in it, and costs five rows with its delivery', async () => {
    const endpoint = await endpointOf('event');
    const { id, cost, to } = await postTo(endpoint);
    const posted = await first(endpoint);
    expect(() => verify(endpoint.secret, posted)).not.toThrow();
    expect(posted.body).toMatchObject({
      id,
      type: 'email.received',
      data: {
        email_id: id,
        subject: 'Grüße',
        text: 'Hello\n',
        disposable: 'order17',
        envelope: { to: [to] },
      },
    });
    expect(receivedPost.safeParse(posted.body).error).toBeUndefined();
    // The row of the mail, and the row of its delivery with two entries of indexes; its end is one more.
    expect(cost.written).toBe(4);
    expect(cost.trips).toBeLessThanOrEqual(3);
    await eventually(async () => expect(await statusOf(id)).toBe('delivered'));
  });

  it('to Postscale’s receivers with their fields and signature', async () => {
    const endpoint = await endpointOf('postscale');
    const { id } = await postTo(endpoint);
    const { headers, text, body } = await first(endpoint);
    expect(body).toMatchObject({ event: 'email.received', email_id: id, subject: 'Grüße' });
    expect(headers).toMatchObject({ 'x-postscale-event': 'email.received', 'x-postscale-attempt': '1' });
    expect(headers['x-postscale-delivery-id']).toMatch(/^msg_.*\.1$/);
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['x-postscale-signature'] ?? '') ?? [];
    const mac = await hmac(
      new TextEncoder().encode(endpoint.secret),
      new TextEncoder().encode(`${t}.${text}`),
    );
    expect(Array.from(bytesOf(mac), (byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(v1);
    expect(() => verify(endpoint.secret, { headers, text } as Received)).not.toThrow();
  });

  it('to CloudMailin’s receivers as JSON', async () => {
    const endpoint = await endpointOf('cloudmailin');
    const { to } = await postTo(endpoint);
    const mail: IncomingMail = (await first(endpoint)).body;
    expect(mail.envelope).toMatchObject({
      to,
      recipients: [to],
      helo_domain: 'mx.people.example',
      tls: true,
    });
    expect(mail.headers.subject).toBe('Grüße');
    expect(mail.plain).toBe('Hello\n');
    expect(mail.attachments).toEqual([]);
  });

  it.each(['cloudmailin-multipart', 'raw'])(
    'as a form in the format %s, signed over its bytes',
    async (format) => {
      const endpoint = await endpointOf(format);
      await postTo(endpoint);
      const { headers, bytes } = await first(endpoint);
      const type = headers['content-type'] ?? '';
      expect(type).toMatch(/^multipart\/form-data; boundary=/);
      const form = await new Response(bytes, { headers: { 'Content-Type': type } }).formData();
      expect(form.get('envelope[from]')).toBe('ann@people.example');
      expect(form.has(format === 'raw' ? 'message' : 'headers[subject]')).toBe(true);
      const [, secret = ''] = endpoint.secret.split('_');
      const before = bytesOf(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`);
      const mac = btoa(await hmac(bytesOf(atob(secret)), new Uint8Array([...before, ...bytes])));
      expect(headers['webhook-signature']?.split(' ')).toContain(`v1,${mac}`);
    },
  );

  it('with the user and password that the URL of such a format may have', async () => {
    const url = internet.at('user.example.com', ok).replace('https://', 'https://me:s%40cret@');
    const body = { url, format: 'cloudmailin', events: ['email.received'], synchronous: false };
    const made = await call('POST', '/v1/webhooks', account.live, body);
    expect(made.status).toBe(201);
    const refused = await call('POST', '/v1/webhooks', account.live, { url, format: 'event' });
    expect(refused.body.errors[0].pointer).toBe('/url');
    await postTo({ id: made.body.id, secret: '', host: 'user.example.com' });
    const posted = await first({ id: '', secret: '', host: 'user.example.com' });
    expect(posted.headers.authorization).toBe(`Basic ${btoa('me:s@cret')}`);
  });

  it('again after a failure, with the same id, and is told of as failed only when it is given up', async () => {
    let answers = 0;
    const endpoint = await endpointOf('postscale', () =>
      answers++ === 0 ? new Response('', { status: 500 }) : new Response('ok'),
    );
    const { id } = await postTo(endpoint);
    await first(endpoint);
    await eventually(async () =>
      expect((await deliveriesOf(account, `endpoint=${endpoint.id}`))[0].attempts).toBe(1),
    );
    expect(await statusOf(id)).toBe('processing');
    await passRetryWaits(endpoint);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(2));
    const [one, two] = internet.to(endpoint.host);
    expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
    expect(two?.headers['x-postscale-attempt']).toBe('2');
    await eventually(async () => expect(await statusOf(id)).toBe('delivered'));
  });

  it('to all endpoints of the account by a new domain’s catch-all, but for those that want other events', async () => {
    const own = await newAccount();
    const wants = await newEndpoint(own, internet);
    const other = await newEndpoint(own, internet, ok, { events: ['email.bounced'] });
    const domain = await newReceivingDomain(own);
    await bringMail(`a@${domain}`, letterTo(`a@${domain}`));
    await first(wants);
    await cron();
    expect(internet.to(other.host)).toEqual([]);
  });

  it('once more when it is replayed', async () => {
    const endpoint = await endpointOf('event');
    const { id } = await postTo(endpoint);
    await first(endpoint);
    const { status, body } = await call('POST', `/v1/inbound-emails/${id}/replay`, account.live);
    expect([status, body]).toEqual([202, { replayed: 1 }]);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(2));
  });

  it('with attachments that its link opens for a day, without a key', async () => {
    const endpoint = await endpointOf('event');
    const domain = await domainTo(endpoint);
    const { id } = await bringMail(`a@${domain}`, withAttachments(`a@${domain}`));
    const { body } = await first(endpoint);
    const [attachment] = body.data.attachments;
    expect(attachment).toMatchObject({ filename: 'a.pdf', content_type: 'application/pdf', size: 8 });
    const path: string = attachment.url.replace(/^https?:\/\/[^/]+/, '');
    const opened = await request(path);
    expect([opened.status, await opened.text()]).toEqual([200, '%PDF-1.4']);
    expect(opened.headers.get('Content-Disposition')).toContain("attachment; filename*=UTF-8''a.pdf");
    expect((await request(path.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).status).toBe(401);
    expect((await request(path.replace('/attachments/0/', '/attachments/1/'))).status).toBe(401);
    const past = path.replace(/\.(\d+)\./, (_, until) => `.${Number(until) - 90_000}.`);
    expect((await request(past)).status).toBe(401);
    const { secret } = await newKey(account, { scopes: ['read'] });
    const keyed = await request(`/v1/inbound-emails/${id}/attachments/0/download`, {
      headers: { Authorization: `Bearer ${secret}` },
    });
    expect(await keyed.text()).toBe('%PDF-1.4');
    expect((await call('GET', `/v1/inbound-emails/${id}`, account.live)).body.email.has_attachments).toBe(
      true,
    );
  });

  it('as a test, in the endpoint’s own format', async () => {
    const endpoint = await endpointOf('postscale');
    const { body } = await call('POST', `/v1/webhooks/${endpoint.id}/test`, account.live);
    expect(body.delivered).toBe(true);
    expect(JSON.parse(body.body)).toMatchObject({
      event: 'email.received',
      subject: 'A test of this webhook',
    });
  });
});

describe('an endpoint', () => {
  it.each([
    ['postscale', null, 201],
    ['postscale', ['email.received'], 201],
    ['postscale', ['email.bounced'], 201],
    ['raw', ['email.bounced'], 400],
    ['postscale', [], 400],
    ['event', ['email.received'], 201],
  ])('of the format %s takes the events %j: %i', async (format, events, status) => {
    const url = internet.at('takes.example.com', ok);
    const made = await call('POST', '/v1/webhooks', account.live, { url, format, events });
    expect(made.status).toBe(status);
    if (status === 201) await call('DELETE', `/v1/webhooks/${made.body.id}`, account.live);
  });
});

describe('an endpoint whose answer is the reply', () => {
  const answered = async (handler: (received: Received) => Response) => {
    const own = await newAccount();
    const endpoint = await newEndpoint(own, internet, handler, {
      format: 'cloudmailin',
      events: ['email.received'],
    });
    const domain = await newReceivingDomain(own);
    const brought = await bringMail(`a@${domain}`, letterTo(`a@${domain}`));
    const { body } = await call('GET', '/v1/inbound-emails', own.live);
    return { ...brought, endpoint, emails: body.emails as Answer[], key: own.live };
  };

  it('takes the mail by a 2xx, which is noted as delivered', async () => {
    const { refusal, emails, endpoint } = await answered(ok);
    expect(refusal).toBeNull();
    expect(emails).toMatchObject([{ status: 'delivered' }]);
    expect(internet.to(endpoint.host)).toHaveLength(1);
  });

  it('refuses it by a 4xx in the words of a plain text', async () => {
    const { refusal, emails, id, key } = await answered(
      () => new Response('Nobody\nhere', { status: 403, headers: { 'Content-Type': 'text/plain' } }),
    );
    expect(refusal).toEqual({ reply: '554 5.7.1', text: 'Nobody here' });
    expect(emails).toMatchObject([{ status: 'failed' }]);
    const { body } = await call('GET', `/v1/inbound-emails/${id}`, key);
    expect(body.email.routed.detail).toBe('Refused: Nobody here');
  });

  it.each([
    ['500', () => new Response('', { status: 500 })],
    ['no answer', () => Promise.reject(new TypeError('gone')) as unknown as Response],
    ['redirects without end', () => new Response('', { status: 302, headers: { Location: '/again' } })],
  ])('has the sender try again by %s, and keeps nothing', async (_, handler) => {
    const { refusal, emails } = await answered(handler);
    expect(refusal?.reply).toBe('450 4.3.2');
    expect(emails).toEqual([]);
  });

  it('may lead on three times', async () => {
    let hops = 0;
    const { refusal, endpoint } = await answered(() =>
      hops++ < 3
        ? new Response('', { status: 307, headers: { Location: `/hop${hops}` } })
        : new Response('ok'),
    );
    expect(refusal).toBeNull();
    expect(internet.to(endpoint.host).map(({ url }) => new URL(url).pathname)).toEqual([
      '/hook',
      '/hop1',
      '/hop2',
      '/hop3',
    ]);
  });
});
