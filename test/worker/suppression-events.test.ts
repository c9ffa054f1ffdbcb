import { beforeAll, describe, expect, it } from 'vitest';
import { Internet, verify } from './receiver.ts';
import { arf, bring, sent } from './returned-mail.ts';
import {
  type Answer,
  bindings,
  bounced,
  call,
  mail,
  migrate,
  newAccount,
  request,
  result,
  TestNode,
} from './support.ts';
import { linksOf, postOneClick } from './tracking-support.ts';
import { deliveriesOf, eventually, newEndpoint } from './webhook-support.ts';

beforeAll(migrate);

const both = { events: ['suppression.added', 'suppression.removed'] };
const gone = 'gone@example.net';

/** An account with an endpoint that hears of suppressions. */
async function listening(more: Record<string, unknown> = both) {
  const internet = new Internet();
  const account = await newAccount();
  const endpoint = await newEndpoint(account, internet, undefined, more);
  const told = async (count: number) => {
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(count));
    return internet.to(endpoint.host).map(({ body }) => body as Answer);
  };
  const api = (method: string, path: string, body?: unknown) => call(method, path, account.live, body);
  return { internet, account, endpoint, told, api };
}

describe('a suppression on the owner’s word', () => {
  it('is told once when it is added, and when it is removed, signed and in order', async () => {
    const { internet, endpoint, told, api } = await listening();
    const entry = { email: gone, reason: 'complaint', note: 'by phone' };
    const { body: made } = await api('POST', '/v1/suppressions', entry);
    await api('POST', '/v1/suppressions', { ...entry, reason: 'manual' });
    await api('DELETE', `/v1/suppressions/${gone}`);
    const [added, removed] = await told(2);
    expect(added).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      type: 'suppression.added',
      created_at: made.created_at,
      data: {
        suppression_id: made.id,
        email: gone,
        scope: 'account',
        scope_type: 'account',
        reason: 'complaint',
        source: 'api',
        source_message_id: null,
        suppressed_at: made.created_at,
        expires_at: null,
        tags: [],
        metadata: {},
      },
    });
    expect(removed).toMatchObject({
      type: 'suppression.removed',
      data: { suppression_id: made.id, email: gone, reason: 'manual' },
    });
    for (const one of internet.to(endpoint.host)) verify(endpoint.secret, one);
  });

  it('is told in the words of each format', async () => {
    const cases = {
      postscale: { event: 'suppression.added', email: gone, reason: 'manual', scope: 'account' },
      resend: {
        type: 'suppression.added',
        data: {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          email: gone,
          origin: 'manual',
          source_id: null,
        },
      },
      postmark: {
        RecordType: 'SubscriptionChange',
        Recipient: gone,
        SuppressSending: true,
        SuppressionReason: 'ManualSuppression',
        Origin: 'Customer',
        MessageStream: 'outbound',
      },
      cloudmailin: {
        events: [{ kind: 'suppression_added', recipient: gone, details: { reason: 'manual' } }],
      },
    };
    for (const [format, body] of Object.entries(cases)) {
      const { told, api, account, endpoint, internet } = await listening({ ...both, format });
      await api('POST', '/v1/suppressions', { email: gone });
      expect((await told(1))[0]).toMatchObject(body);
      const [kept] = await deliveriesOf(account, `endpoint=${endpoint.id}`);
      expect(kept).toMatchObject({ recipient: gone, events: 1 });
      if (format === 'postscale')
        expect(internet.to(endpoint.host)[0]?.headers).toMatchObject({
          'x-postscale-event': 'suppression.added',
        });
      await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(1));
      expect((await api('POST', `/v1/webhook-deliveries/${kept?.id}/replay`)).status).toBe(202);
      const [first, again] = await told(2);
      expect(again).toEqual(first);
    }
  });

  it('is told to who asks, and to Postmark’s as theirs do', async () => {
    const { internet, account, api } = await listening({});
    const hosts = await Promise.all(
      [
        { format: 'postmark' },
        { events: ['suppression_removed'] },
        { ...both, sending_domains: [account.domain] },
        { ...both, sending_domains: ['other.example'] },
        { ...both, tags: ['a'] },
        { ...both, streams: ['offers'] },
        { format: 'postmark', events: ['Bounce'] },
      ].map(async (more) => (await newEndpoint(account, internet, undefined, more)).host),
    );
    await api('POST', '/v1/suppressions', { email: gone, scope: account.domain });
    const rows = await bindings.DB.prepare('SELECT count(*) AS n FROM webhook_endpoints WHERE account_id = ?')
      .bind(account.id)
      .first();
    expect(rows?.n).toBe(8);
    await eventually(async () => expect(await deliveriesOf(account, 'state=delivered')).toHaveLength(3));
    expect(hosts.map((host) => internet.to(host).length)).toEqual([1, 0, 1, 0, 0, 1, 0]);
    await api('POST', '/v1/suppressions', { email: gone, scope: 'stream:offers' });
    await api('POST', '/v1/suppressions', { email: gone, scope: 'stream:others' });
    await eventually(() =>
      expect(hosts.map((host) => internet.to(host).length)).toEqual([3, 0, 3, 2, 0, 2, 0]),
    );
    expect(internet.to(hosts[0] ?? '').map(({ body }) => (body as Answer).MessageStream)).toEqual(
      expect.arrayContaining(['outbound', 'offers', 'others']),
    );
  });

  it('of an import is told of each new one', async () => {
    const { account, told, api } = await listening();
    await api('POST', '/v1/suppressions', { email: gone });
    await told(1);
    const response = await request('/v1/suppressions/import?commit=true', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'text/csv' },
      body: `email,reason\n${gone},manual\na@example.net,manual\nb@example.net,complaint\n`,
    });
    expect(response.status).toBe(200);
    const bodies = (await told(3)).slice(1);
    expect(bodies.map(({ data }) => [data.email, data.reason, data.source]).toSorted()).toEqual([
      ['a@example.net', 'manual', 'import'],
      ['b@example.net', 'complaint', 'import'],
    ]);
    expect(new Set(bodies.map(({ id }) => id)).size).toBe(2);
  });
});

describe('a suppression that mail has come to', () => {
  it('by a bounce is told once, with its message, however many bounce at once', async () => {
    const { account, told, api } = await listening({ ...both, format: 'postmark' });
    const ids: string[] = [];
    for (const order of ['1', '2']) {
      const message = mail(account, { to: [gone], tags: ['receipt'], metadata: { order } });
      ids.push((await api('POST', '/v1/send', message)).body.message_id);
    }
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease();
    await node.post('results', { results: deliveries.map((one: Answer) => result(one, bounced)) });
    const [added] = await told(1);
    expect(added).toMatchObject({
      RecordType: 'SubscriptionChange',
      Recipient: gone,
      MessageID: expect.stringMatching(new RegExp(ids.join('|'))),
      SuppressionReason: 'HardBounce',
      Origin: 'Recipient',
      Tag: 'receipt',
    });
    const { suppressions } = (await api('GET', '/v1/suppressions')).body;
    expect(suppressions).toMatchObject([{ email: gone, source_message_id: added?.MessageID }]);
    await api('DELETE', `/v1/suppressions/${gone}`);
    expect((await told(2))[1]).toMatchObject({ SuppressSending: false, SuppressionReason: null });
  });

  it('by a complaint is told once, in the words of each format, however often it comes', async () => {
    const { internet, account, told } = await listening();
    const postmark = await newEndpoint(account, internet, undefined, { ...both, format: 'postmark' });
    const message = await sent(account, 'angry@example.net');
    await bring(arf(message), message.mailFrom);
    await bring(arf(message), message.mailFrom);
    expect(await told(1)).toMatchObject([
      {
        type: 'suppression.added',
        data: {
          email: 'angry@example.net',
          reason: 'complaint',
          scope: 'account',
          source_message_id: message.messageId,
          expires_at: null,
        },
      },
    ]);
    const { suppressions } = (await call('GET', '/v1/suppressions', account.live)).body;
    expect(suppressions).toMatchObject([{ source: 'feedback', feedback_type: 'abuse' }]);
    await eventually(() =>
      expect(internet.to(postmark.host).map(({ body }) => body)).toMatchObject([
        { Recipient: 'angry@example.net', SuppressionReason: 'SpamComplaint', Origin: 'Recipient' },
      ]),
    );
  });

  it('by a mailbox that was full three times is told at the third, with its end', async () => {
    const { account, told } = await listening();
    const to = 'full@example.net';
    const failure = { ...bounced.failure, class: 'mailbox_full', text: '552 5.2.2 Full' };
    const outcome = { ...bounced, failure };
    for (let i = 0; i < 2; i++) await sent(account, to, { outcome });
    expect(await deliveriesOf(account)).toEqual([]);
    const { messageId } = await sent(account, to, { outcome });
    const [added] = await told(1);
    expect(added).toMatchObject({
      type: 'suppression.added',
      data: { email: to, reason: 'hard_bounce', scope: 'account', source_message_id: messageId },
    });
    const { suppressed_at, expires_at } = added?.data ?? {};
    expect(Date.parse(expires_at) - Date.parse(suppressed_at)).toBe(30 * 86_400_000);
  });

  it('by an unsubscribe is told with its scope', async () => {
    const { account, told } = await listening();
    const { messageId } = await sent(account, 'reader@example.net', { body: { unsubscribe: true } });
    const { unsubscribe } = await linksOf(messageId);
    await postOneClick(unsubscribe);
    await postOneClick(unsubscribe);
    expect(await told(1)).toMatchObject([
      {
        type: 'suppression.added',
        data: {
          email: 'reader@example.net',
          reason: 'unsubscribe',
          scope: account.domain,
          scope_type: 'domain',
          source_message_id: messageId,
        },
      },
    ]);
  });

  it('costs no row where nobody asks', async () => {
    const { account, api } = await listening({ events: ['email.opened'] });
    await api('POST', '/v1/suppressions', { email: gone });
    expect(await deliveriesOf(account)).toEqual([]);
  });
});
