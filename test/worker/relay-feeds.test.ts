import { createExecutionContext, createMessageBatch, env, getQueueResult } from 'cloudflare:test';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SnsMessage, signedText } from '#domain/relay-feed/sns.ts';
import worker from '../../worker/index.ts';
import cloudflare from '../fixtures/relay-feeds/cloudflare.json';
import ses from '../fixtures/relay-feeds/ses.json';
import signer from '../fixtures/relay-feeds/sns-signer.json';
import { Internet } from './receiver.ts';
import {
  type Answer,
  allEvents,
  bindings,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

const operator = 'test-operator-token-0123456789abcdef01234';
const snsHost = 'sns.eu-central-1.amazonaws.com';
let account: TestAccount;
let node: TestNode;
let internet: Internet;
let paths: Record<string, string>;

const admin = (method: string, path: string, body?: unknown) =>
  call(method, `/admin/v1${path}`, operator, body);

beforeAll(async () => {
  await migrate();
  await admin('POST', '/transports', { name: 'ses', preset: 'ses', user: 'AKIA', secret: 'a secret' });
  await admin('POST', '/transports', { name: 'cf', preset: 'cloudflare', secret: 'a token' });
  const rules = [{ recipient: 'example.net', route: ['cf'] }, { route: ['ses'] }];
  await admin('PUT', '/transport-rules', { rules });
  const { data } = (await admin('GET', '/transports')).body;
  paths = Object.fromEntries(data.map((one: Answer) => [one.name, one.feed?.path]));
  node = await new TestNode('node-a').hello();
});
beforeEach(async () => {
  account = await newAccount();
  internet = new Internet();
  internet.at(snsHost, ({ url }) => new Response(url.endsWith('.pem') ? signer.certificate : '<ok/>'));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** Sends a mail by its relay, which says `said`; gives the message with the return path that the relay was given. */
async function sent(to: string, said: string, transport: string): Promise<{ id: string; mailFrom: string }> {
  const id = (await call('POST', '/v1/send', account.live, mail(account, { to: [to] }))).body.message_id;
  const { deliveries } = (await node.post('lease', { max: 10 })).body;
  const [one] = deliveries;
  expect(one).toMatchObject({ messageId: id, route: [transport] });
  const reply = { code: 250, status: '2.0.0', text: said };
  const session = { mx: null, tls: null, reused: false, steps: [], tried: [], transport };
  await node.post('results', { results: [result(one, { ...delivered, reply, session })] });
  return { id, mailFrom: one.mailFrom };
}

const eventsOf = async (id: string): Promise<Answer[]> =>
  (await allEvents(account.live)).filter(({ message_id: of }) => of === id);
const stateOf = async (name: string) =>
  (await admin('GET', '/transports')).body.data.find((one: Answer) => one.name === name);
const isSuppressed = async (email: string) =>
  (await call('GET', `/v1/suppressions/check?email=${email}`, account.live)).body.suppressed;

/** A message of SNS, signed as SNS signs. */
async function signed(message: Partial<Record<string, string>>): Promise<Record<string, string>> {
  const whole = {
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: 'arn:aws:sns:eu-central-1:123456789012:mail',
    Message: 'x',
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: `https://${snsHost}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem`,
    Signature: '',
    ...message,
  };
  const der = atob(signer.key.replace(/-----[A-Z ]+-----|\s/g, ''));
  const key = await crypto.subtle.importKey(
    'pkcs8',
    Uint8Array.from(der, (char) => char.charCodeAt(0)),
    { name: 'RSASSA-PKCS1-v1_5', hash: whole.SignatureVersion === '1' ? 'SHA-1' : 'SHA-256' },
    false,
    ['sign'],
  );
  const text = new TextEncoder().encode(signedText(whole as unknown as SnsMessage));
  const signature = new Uint8Array(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, text));
  return { ...whole, Signature: btoa(String.fromCharCode(...signature)) };
}

async function post(body: unknown, path = paths.ses ?? ''): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return await request(path, {
    method: 'POST',
    body: text,
    headers: { 'Content-Type': 'text/plain; charset=UTF-8' },
  });
}

/** An event of SES about a mail that it took. */
function sesEvent(kind: keyof typeof ses, source: string, recipient: string): string {
  return JSON.stringify(ses[kind])
    .replaceAll(/(?:Sender Name <)?sender@example\.com>?(?=","sourceArn)/g, source)
    .replaceAll('recipient@example.com', recipient);
}

describe('Amazon SES by SNS', () => {
  it('makes a bounce of ours of a bounce, once, with the address suppressed', async () => {
    const { id, mailFrom } = await sent('ann@bounce.example', 'Ok 0102', 'ses');
    const message = await signed({ Message: sesEvent('bounce', mailFrom, 'ann@bounce.example') });
    expect((await post(message)).status).toBe(204);
    expect((await post(message)).status).toBe(204);
    const events = await eventsOf(id);
    expect(events.map(({ kind }) => kind)).toEqual(['accepted', 'dispatched', 'delivered', 'bounced']);
    expect(events.at(-1)?.details).toMatchObject({
      source: 'feed',
      transport: 'ses',
      status: '5.1.1',
      class: 'bad_mailbox',
      suppresses: true,
    });
    expect(await isSuppressed('ann@bounce.example')).toBe(true);
    expect((await call('GET', `/v1/emails/${id}`, account.live)).body.status).toBe('bounced');
  });

  it.each([
    ['complaint', '1', { kind: 'complained', details: { feedbackType: 'abuse', verified: true } }],
    ['deliveryDelay', '2', { kind: 'deferred', details: { status: '4.4.1', transport: 'ses' } }],
    ['reject', '1', { kind: 'bounced', details: { class: 'policy', suppresses: false } }],
    ['renderingFailure', '2', { kind: 'bounced', details: { class: 'policy', source: 'feed' } }],
  ] as const)('makes of %s an event, with signature version %s', async (kind, version, expected) => {
    const { id, mailFrom } = await sent('bob@example.org', 'Ok 0102', 'ses');
    const body = { SignatureVersion: version, Message: sesEvent(kind, mailFrom, 'bob@example.org') };
    expect((await post(await signed({ ...body, Subject: 'Amazon SES Email Event' }))).status).toBe(204);
    expect((await eventsOf(id)).at(-1)).toMatchObject(expected);
  });

  it('counts what is delivered, and makes no event of it nor of what says nothing', async () => {
    const before = await stateOf('ses');
    const { id, mailFrom } = await sent('cid@example.org', 'Ok 0102', 'ses');
    for (const kind of ['delivery', 'send'] as const)
      expect(
        (await post(await signed({ Message: sesEvent(kind, mailFrom, 'cid@example.org') }))).status,
      ).toBe(204);
    expect((await post(await signed({ Message: 'Successfully validated SNS topic' }))).status).toBe(204);
    expect(await stateOf('ses')).toMatchObject({
      feed: { delivered_today: before.feed.delivered_today + 1, told_at: expect.any(String) },
    });
    expect(await eventsOf(id)).toHaveLength(3);
  });

  it('confirms a subscription at Amazon, and nowhere else', async () => {
    const confirmation = (url: string) =>
      signed({ Type: 'SubscriptionConfirmation', Token: '2336412f37', SubscribeURL: url });
    const good = `https://${snsHost}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-central-1:123456789012:mail&Token=2336412f37`;
    expect((await post(await confirmation(good))).status).toBe(204);
    expect(internet.received.map(({ url }) => url)).toContain(good);
    for (const url of [
      `https://evil.example/?Action=ConfirmSubscription&Token=x`,
      `https://${snsHost}.evil.example/?Action=ConfirmSubscription&Token=x`,
      `https://${snsHost}/?Action=DeleteTopic&Token=x`,
      `http://${snsHost}/?Action=ConfirmSubscription&Token=x`,
    ])
      expect((await post(await confirmation(url))).status).toBe(400);
    expect(internet.received.filter(({ url }) => !url.endsWith('.pem'))).toHaveLength(1);
  });

  it.each([
    [
      'a certificate elsewhere',
      { SigningCertURL: `https://${snsHost}.evil.example/SimpleNotificationService-01234567.pem` },
      '/SigningCertURL',
    ],
    [
      'a certificate that is none of SNS',
      { SigningCertURL: `https://${snsHost}/other.pem` },
      '/SigningCertURL',
    ],
    ['another version of signature', { SignatureVersion: '3' }, '/SignatureVersion'],
    ['another type', { Type: 'Other' }, '/Type'],
    ['a topic of two lines', { TopicArn: 'a\nType' }, '/TopicArn'],
  ])('refuses %s, and says which field it is', async (_what, change, pointer) => {
    const answer = await post({ ...(await signed({})), ...change });
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as { errors: { pointer: string }[] };
    expect(errors.map((one) => one.pointer)).toEqual([pointer]);
    expect(internet.received).toEqual([]);
  });

  it('refuses what is not signed, what is changed, and other paths', async () => {
    const good = await signed({});
    expect((await post({ ...good, Message: 'changed' })).status).toBe(401);
    expect((await post({ ...good, Signature: btoa('x'.repeat(256)) })).status).toBe(401);
    expect((await post('Message=x')).status).toBe(400);
    expect((await post(good, '/feeds/ses/00000000000000000000000000000000')).status).toBe(404);
    expect((await post(good, (paths.ses ?? '').replace('/ses/', '/cf/'))).status).toBe(404);
  });

  it('counts what is about nobody it knows', async () => {
    const message = await signed({ Message: sesEvent('bounce', 'b-none@example.com', 'x@example.org') });
    expect((await post(message)).status).toBe(204);
    const { body } = await admin('GET', '/counters');
    expect(JSON.stringify(body)).toContain('relay_event_uncorrelated');
  });
});

describe('Cloudflare Email Service by a queue', () => {
  const queue = 'pennypost-relay-events';

  async function told(bodies: unknown[]): Promise<{ acks: string[]; left: string[] }> {
    const messages = bodies.map((body, i) => ({ id: `${i}`, timestamp: new Date(), attempts: 1, body }));
    const batch = createMessageBatch<unknown>(queue, messages);
    await worker.queue(batch, env);
    const { ackAll, explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
    return {
      acks: ackAll ? messages.map(({ id }) => id) : explicitAcks,
      left: retryMessages.map(({ msgId }) => msgId),
    };
  }

  function event(kind: keyof typeof cloudflare, messageId: string, recipient: string) {
    const { payload, ...rest } = cloudflare[kind];
    return { ...rest, payload: { ...payload, eventId: crypto.randomUUID(), messageId, recipient } };
  }

  it.each([
    ['bounced', { kind: 'bounced', details: { status: '5.1.1', class: 'bad_mailbox', suppresses: true } }],
    ['deferred', { kind: 'deferred', details: { status: '4.2.0' } }],
    ['failed', { kind: 'bounced', details: { class: 'system', suppresses: false } }],
    [
      'rejected',
      {
        kind: 'bounced',
        details: { class: 'policy', diagnostic: expect.stringContaining('Recipient is suppressed') },
      },
    ],
    ['complained', { kind: 'complained', details: { feedbackType: 'abuse', suppresses: true } }],
  ] as const)('makes an event of %s, by the id that its reply told', async (kind, expected) => {
    const to = `${kind}@example.net`;
    const { id } = await sent(to, `Ok <${kind}-1@${account.domain}>`, 'cf');
    const body = event(kind, `<${kind}-1@${account.domain}>`, to);
    expect(await told([body, body])).toEqual({ acks: ['0', '1'], left: [] });
    const events = await eventsOf(id);
    expect(events.map((one) => one.kind)).toEqual(['accepted', 'dispatched', 'delivered', expected.kind]);
    expect(events.at(-1)).toMatchObject(expected);
  });

  it('counts what is delivered, and leaves what is not ours where it is', async () => {
    const before = await stateOf('cf');
    const body = event('delivered', 'unknown', 'x@example.net');
    expect(await told([body, { order: 7 }, { ...body, type: 'cf.r2.bucket.created' }])).toEqual({
      acks: ['0'],
      left: ['1', '2'],
    });
    expect((await stateOf('cf')).feed.delivered_today).toBe(before.feed.delivered_today + 1);
  });

  it('keeps ids of relays whose events have nothing else, and no others', async () => {
    await sent('dan@example.org', 'Ok <ses-1@example.org>', 'ses');
    await sent('dan@example.net', 'Ok <cf-1@example.net>', 'cf');
    const { results } = await bindings.DB.prepare(
      "SELECT id FROM relayed WHERE id LIKE '%-1@example%'",
    ).all();
    expect(results).toEqual([{ id: 'cf-1@example.net' }]);
  });
});
