/** Resend's own client package, unchanged: only its base URL and key are ours. Each of its methods is a row. */

import { type CreateEmailOptions, Resend, type WebhookEventPayload } from 'resend';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../lab/until.ts';
import { type EdgeFixture, startEdgeFixture } from '../../support/edge-fixture.ts';
import type { EdgeNode } from '../../support/edge-node.ts';
import { clientOf, guideCode } from '../../support/guide-code.ts';
import { Hook } from '../../support/hook.ts';
import { MethodTable, methodsOf } from '../../support/method-table.ts';

let edge: EdgeFixture;
let node: EdgeNode;
let resend: Resend;
let hook: Hook;
const table = new MethodTable('resend');

beforeAll(async () => {
  edge = await startEdgeFixture();
  node = await edge.node();
  process.env.RESEND_BASE_URL = `${edge.url}/resend`;
  resend = new Resend(edge.liveKey);
  hook = await Hook.start();
});
afterAll(async () => {
  await edge?.stop();
  await hook?.stop();
});

interface Answered<T> {
  data: T | null;
  error: { statusCode: number | null; name: string; message: string } | null;
}

/** The data of a method's answer, which becomes a row. */
async function good<T>(method: string, call: PromiseLike<Answered<T>>): Promise<T> {
  const { data, error } = await call;
  if (data === null) throw new Error(`${method}: ${JSON.stringify(error)}`);
  table.note(method, 'ok');
  return data;
}

async function refused(call: PromiseLike<Answered<unknown>>) {
  const { data, error } = await call;
  expect(data).toBeNull();
  return { status: error?.statusCode, name: error?.name, message: error?.message ?? '' };
}

const message = (more: Partial<CreateEmailOptions> = {}) =>
  ({
    from: `Shop <shop@${edge.domain}>`,
    to: 'user@example.net',
    subject: 'Hello',
    text: 'Thank you.',
    ...more,
  }) as CreateEmailOptions;
const later = () => new Date(Date.now() + 3_600_000).toISOString();

describe('emails', () => {
  it('are sent with every field, and told about', async () => {
    const { id } = await good(
      'emails.send',
      resend.emails.send(
        message({
          to: ['a@example.net', 'B <b@example.net>'],
          cc: 'c@example.net',
          bcc: ['d@example.net'],
          replyTo: 'help@elsewhere.example',
          html: '<p>Thank <b>you</b>.</p>',
          headers: { 'X-Order': '42' },
          tags: [{ name: 'order', value: '4711' }],
          attachments: [
            { filename: 'a.txt', content: Buffer.from('attached') },
            { filename: 'l.png', content: 'iVBORw==', contentType: 'image/png', contentId: 'logo' },
          ],
        }),
      ),
    );
    const mail = await edge.mailOf(id);
    expect(mail).toMatchObject({
      from: { name: 'Shop', address: `shop@${edge.domain}` },
      to: [{ address: 'a@example.net' }, { name: 'B', address: 'b@example.net' }],
      cc: [{ address: 'c@example.net' }],
      replyTo: [{ address: 'help@elsewhere.example' }],
      subject: 'Hello',
      text: 'Thank you.\n',
      attachments: [
        { filename: 'l.png', contentId: '<logo>', disposition: 'inline' },
        { filename: 'a.txt', disposition: 'attachment' },
      ],
    });
    expect(await edge.rawOf(id)).toMatch(/^X-Order: 42\r\n/m);
    const told = await good('emails.get', resend.emails.get(id));
    expect(told).toMatchObject({
      object: 'email',
      id,
      from: `Shop <shop@${edge.domain}>`,
      to: ['a@example.net', 'b@example.net'],
      cc: ['c@example.net'],
      bcc: ['d@example.net'],
      reply_to: ['help@elsewhere.example'],
      subject: 'Hello',
      text: 'Thank you.',
      html: '<p>Thank <b>you</b>.</p>',
      tags: [{ name: 'order', value: '4711' }],
      scheduled_at: null,
      last_event: 'queued',
    });
    expect(told.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    expect(told.message_id).toMatch(/^<.+@.+>$/);
    await good('emails.create', resend.emails.create(message()));
  });

  it('are sent once under an idempotency key', async () => {
    const options = { idempotencyKey: 'order-1' };
    const first = await resend.emails.send(message(), options);
    const second = await resend.emails.send(message(), options);
    expect(second.data).toEqual(first.data);
    expect(await refused(resend.emails.send(message({ subject: 'Other' }), options))).toMatchObject({
      status: 409,
      name: 'invalid_idempotent_request',
    });
    expect(await refused(resend.emails.send(message(), { idempotencyKey: 'k'.repeat(300) }))).toMatchObject({
      status: 400,
      name: 'invalid_idempotency_key',
    });
  });

  it('are sent in batches: all or none, or what is good', async () => {
    const { data } = await good(
      'batch.send',
      resend.batch.send([message(), message({ to: 'other@example.net' })]),
    );
    expect(data).toHaveLength(2);
    const before = await resend.emails.list();
    const mixed = [message(), message({ to: 'nobody' })];
    expect(await refused(resend.batch.create(mixed))).toMatchObject({
      status: 422,
      message: expect.stringMatching(/^Invalid `\[1\]\.to/),
    });
    const foreign = [message(), message({ from: 'a@elsewhere.example' })];
    expect(await refused(resend.batch.send(foreign))).toMatchObject({ status: 403 });
    expect((await resend.emails.list()).data?.data).toEqual(before.data?.data);
    const some = await good('batch.create', resend.batch.create(mixed, { batchValidation: 'permissive' }));
    expect(some).toMatchObject({ data: [{ id: expect.any(String) }], errors: [{ index: 1 }] });
  });

  it('are listed in pages, forth and back', async () => {
    const all = await good('emails.list', resend.emails.list({ limit: 100 }));
    expect(all).toMatchObject({ object: 'list', has_more: false });
    const ids = all.data.map(({ id }) => id);
    const [first = '', second, third = ''] = ids;
    const page = await resend.emails.list({ limit: 2 });
    expect(page.data).toMatchObject({ has_more: true, data: [{ id: first }, { id: second }] });
    const next = await resend.emails.list({ limit: 1, after: second ?? '' });
    expect(next.data?.data.map(({ id }) => id)).toEqual([third]);
    const back = await resend.emails.list({ limit: 1, before: third });
    expect(back.data).toMatchObject({ has_more: true, data: [{ id: second }] });
    expect(await refused(resend.emails.list({ after: 'nothing' }))).toMatchObject({ status: 404 });
  });

  it('wait, are moved to another time, and cancelled', async () => {
    const { data } = await resend.emails.send(message({ scheduledAt: 'in 1 hour' }));
    const id = data?.id ?? '';
    const before = (await resend.emails.get(id)).data;
    expect(before?.last_event).toBe('scheduled');
    const scheduledAt = new Date(Date.now() + 20 * 86_400_000).toISOString();
    expect(await good('emails.update', resend.emails.update({ id, scheduledAt }))).toEqual({
      object: 'email',
      id,
    });
    const after = (await resend.emails.get(id)).data;
    expect(Date.parse(after?.scheduled_at ?? '')).toBe(Date.parse(scheduledAt));
    expect(after?.text).toBe('Thank you.');
    expect(await good('emails.cancel', resend.emails.cancel(id))).toEqual({ object: 'email', id });
    expect((await resend.emails.get(id)).data?.last_event).toBe('canceled');
    expect(await refused(resend.emails.cancel(id))).toMatchObject({ status: 422 });
    expect(await refused(resend.emails.update({ id, scheduledAt: later() }))).toMatchObject({ status: 422 });
  });

  it('that are moved to now are sent', async () => {
    const { data } = await resend.emails.send(message({ scheduledAt: later() }));
    const id = data?.id ?? '';
    await node.deliverAll();
    expect((await resend.emails.get(id)).data?.last_event).toBe('scheduled');
    await resend.emails.update({ id, scheduledAt: new Date().toISOString() });
    await node.deliverAll();
    expect((await resend.emails.get(id)).data?.last_event).toBe('delivered');
  });

  it('count in metrics', async () => {
    const metrics = await good('emails.metrics', resend.emails.metrics());
    expect(metrics).toMatchObject({
      object: 'metrics',
      dimensions: [],
      totals: { sent: expect.any(Number) },
    });
    expect(metrics.totals.sent).toBeGreaterThan(3);
    const byDomain = await resend.emails.metrics({ dimensions: ['domain'] });
    expect(byDomain.data?.data).toMatchObject([{ domain_name: edge.domain }]);
    expect((await resend.emails.metrics({ dimensions: ['period'] })).data?.data?.[0]?.period).toMatch(
      /^\d{4}-/,
    );
  });

  it.each<[string, object, number, string, RegExp]>([
    ['no from', { from: undefined }, 422, 'missing_required_field', /^Missing `from` field\.$/],
    ['an address that is none', { to: 'nobody' }, 422, 'validation_error', /^Invalid `to/],
    ['no content', { text: undefined }, 422, 'missing_required_field', /one of text and html is required/],
    [
      'a domain of somebody else',
      { from: 'a@elsewhere.example' },
      403,
      'validation_error',
      /elsewhere\.example/,
    ],
    [
      'a file from elsewhere',
      { attachments: [{ path: 'https://example.com/a' }] },
      422,
      'validation_error',
      /`attachments\[0\]\.path`/,
    ],
    ['a topic', { topicId: 't' }, 422, 'validation_error', /`topic_id`/],
    [
      'a time without a zone',
      { scheduledAt: '2030-01-01T00:00:00' },
      422,
      'validation_error',
      /`scheduled_at`.*zone/,
    ],
  ])('are refused for %s', async (_, more, status, name, said) => {
    const refusal = await refused(resend.emails.send(message(more)));
    expect(refusal).toMatchObject({ status, name });
    expect(refusal.message).toMatch(said);
  });

  it('are sent by the client that the guide makes', async () => {
    const made = clientOf(guideCode('from-resend', 'js', edge), 'resend', { Resend }, Resend);
    expect(await made.emails.send(message())).toMatchObject({
      error: null,
      data: { id: expect.any(String) },
    });
  });

  it('are not sent with a key that is wrong, missing or too weak', async () => {
    const wrong = new Resend(`pp_live_${'x'.repeat(32)}`);
    expect(await refused(wrong.emails.send(message()))).toMatchObject({
      status: 403,
      name: 'invalid_api_key',
    });
    expect(await refused(wrong.domains.list())).toMatchObject({ status: 403, name: 'invalid_api_key' });
    const response = await fetch(`${edge.url}/resend/emails`, { method: 'POST', body: '{}' });
    expect([response.status, await response.json()]).toMatchObject([401, { name: 'missing_api_key' }]);
    const { secret } = (await edge.operator('POST', `/accounts/${edge.accountId}/credentials`, {
      scopes: ['send'],
    })) as { secret: string };
    const weak = new Resend(secret, { baseUrl: `${edge.url}/resend` });
    expect((await weak.emails.send(message())).error).toBeNull();
    expect(await refused(weak.domains.list())).toMatchObject({ status: 401, name: 'restricted_api_key' });
  });
});

describe('domains', () => {
  it('are added, read, changed, verified and removed', async () => {
    const made = await good(
      'domains.create',
      resend.domains.create({
        name: 'news.client.example',
        region: 'eu-west-1',
        customReturnPath: 'send',
        trackingSubdomain: 'links',
      }),
    );
    expect(made).toMatchObject({
      name: 'news.client.example',
      status: 'not_started',
      capabilities: { sending: 'enabled', receiving: 'disabled' },
      tracking_subdomain: 'links',
      records: expect.arrayContaining([
        expect.objectContaining({
          record: 'Tracking',
          type: 'CNAME',
          name: 'links',
          value: 'links.pennypost.test',
        }),
        expect.objectContaining({ record: 'DKIM', type: 'TXT', name: 'pennypost._domainkey', ttl: 'Auto' }),
        expect.objectContaining({ record: 'SPF', type: 'TXT', name: '@', status: 'not_started' }),
      ]),
    });
    const { id } = made;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const listed = await good('domains.list', resend.domains.list());
    expect(listed.data.map(({ name }) => name)).toEqual(['news.client.example', edge.domain]);
    expect((await resend.domains.list({ limit: 1, after: id })).data?.data).toMatchObject([
      { name: edge.domain, status: 'verified' },
    ]);
    expect(await good('domains.get', resend.domains.get(id))).toMatchObject({ object: 'domain', id });
    const change = { id, capabilities: { receiving: 'enabled' as const } };
    expect(await good('domains.update', resend.domains.update(change))).toEqual({ object: 'domain', id });
    const after = (await resend.domains.get(id)).data;
    expect(after?.capabilities).toEqual({ sending: 'enabled', receiving: 'enabled' });
    expect(after?.records).toContainEqual(
      expect.objectContaining({ record: 'Receiving', type: 'MX', priority: 10 }),
    );
    expect(await good('domains.verify', resend.domains.verify(id))).toEqual({ object: 'domain', id });
    expect(await refused(resend.domains.update({ id, openTracking: true }))).toMatchObject({
      status: 422,
      message: expect.stringContaining('`open_tracking`'),
    });
    expect(await refused(resend.domains.create({ name: 'news.client.example' }))).toMatchObject({
      status: 422,
    });
    expect(await good('domains.remove', resend.domains.remove(id))).toEqual({
      object: 'domain',
      id,
      deleted: true,
    });
    expect(await refused(resend.domains.get(id))).toMatchObject({ status: 404, name: 'not_found' });
  });
});

describe('webhooks', () => {
  it('are made, posted to as Svix signs, listed with what was posted, and removed', async () => {
    const events = ['email.sent', 'email.delivered', 'email.bounced', 'email.received'] as const;
    const { id, signing_secret: secret } = await good(
      'webhooks.create',
      resend.webhooks.create({ endpoint: hook.url, events: [...events] }),
    );
    expect(await good('webhooks.get', resend.webhooks.get(id))).toMatchObject({
      object: 'webhook',
      endpoint: hook.url,
      events,
      status: 'enabled',
    });
    const sent = await resend.emails.send(
      message({ to: 'gone@bounce.example.net', tags: [{ name: 'order', value: '1' }] }),
    );
    await node.deliverAll();
    const payloads: WebhookEventPayload[] = [];
    await until('the bounce is told', 30_000, async () => {
      return hook.posts.some(({ text }) => text.includes('email.bounced'));
    });
    for (const { headers, text } of hook.posts) {
      const field = (name: string) => String(headers[`svix-${name}`]);
      const signed = { id: field('id'), timestamp: field('timestamp'), signature: field('signature') };
      payloads.push(resend.webhooks.verify({ payload: text, headers: signed, webhookSecret: secret }));
    }
    table.note('webhooks.verify', 'ok');
    const own = payloads.filter(({ data }) => 'email_id' in data && data.email_id === sent.data?.id);
    expect(own.map(({ type }) => type)).toEqual(['email.sent', 'email.bounced']);
    expect(own[1]).toMatchObject({
      data: {
        email_id: sent.data?.id,
        from: `Shop <shop@${edge.domain}>`,
        to: ['gone@bounce.example.net'],
        subject: 'Hello',
        tags: { order: '1' },
        bounce: { type: 'Permanent', subType: 'NoEmail', message: '550 5.1.1 No such user' },
      },
    });
    const listed = await good('webhooks.events.list', resend.webhooks.events.list({ webhookId: id }));
    await until('both are recorded', 30_000, async () => {
      const { data } = await resend.webhooks.events.list({ webhookId: id });
      return data?.data.every(({ status }) => status === 'success') ?? false;
    });
    expect(listed.data[0]?.type).toBe('email.bounced');
    const eventId = listed.data[0]?.id ?? '';
    const of = { webhookId: id, eventId };
    expect(await good('webhooks.events.get', resend.webhooks.events.get(of))).toMatchObject({
      object: 'webhook_event',
      type: 'email.bounced',
      payload: own[1],
    });
    const attempts = await good('webhooks.events.attempts.list', resend.webhooks.events.attempts.list(of));
    expect(attempts.data).toMatchObject([{ http_status_code: 200, response: 'seen' }]);
    expect(await good('webhooks.events.replay', resend.webhooks.events.replay(of))).toEqual({
      object: 'webhook_event',
      id: eventId,
    });
    await until('it is posted again', 30_000, async () => hook.posts.length > payloads.length);
    const rotated = await good('webhooks.rotateSigningSecret', resend.webhooks.rotateSigningSecret(id));
    expect(rotated.signing_secret).toMatch(/^whsec_/);
    expect(rotated.signing_secret).not.toBe(secret);
    expect((await good('webhooks.list', resend.webhooks.list())).data).toMatchObject([{ id, events }]);
    await good('webhooks.update', resend.webhooks.update(id, { status: 'disabled' }));
    expect((await resend.webhooks.get(id)).data?.status).toBe('disabled');
    const unknown = resend.webhooks.create({ endpoint: hook.url, events: ['contact.created'] });
    expect(await refused(unknown)).toMatchObject({
      status: 422,
      message: expect.stringContaining('contact.created is no event'),
    });
    expect(await good('webhooks.remove', resend.webhooks.remove(id))).toEqual({
      object: 'webhook',
      id,
      deleted: true,
    });
    expect(await refused(resend.webhooks.get(id))).toMatchObject({ status: 404 });
  });
});

describe('received mail', () => {
  it('is told by a webhook that names it, and read, listed and forwarded', async () => {
    hook.posts.length = 0;
    const domain = `in.${edge.domain}`;
    await edge.operator('POST', `/accounts/${edge.accountId}/domains`, {
      domain,
      type: 'inbound',
      verified: true,
    });
    await resend.webhooks.create({ endpoint: hook.url, events: ['email.received'] });
    const raw = [
      'From: Ann <ann@people.example>',
      `To: Info <info@${domain}>, other@elsewhere.example`,
      'Cc: c@elsewhere.example',
      'Reply-To: reply@people.example',
      'Subject: A question',
      'Message-ID: <1@people.example>',
      'MIME-Version: 1.0',
      'Content-Type: multipart/related; boundary=b',
      '',
      '--b',
      'Content-Type: text/html',
      '',
      '<p>Hi <img src="cid:p"></p>',
      '--b',
      'Content-Type: image/png; name=p.png',
      'Content-ID: <p>',
      'Content-Transfer-Encoding: base64',
      '',
      'iVBORw==',
      '--b--',
      '',
    ].join('\r\n');
    const emailId = await node.bring(`info@${domain}`, raw);
    await until('it is told', 30_000, async () => hook.posts.length > 0);
    const attachment = { id: '0', filename: 'p.png', content_type: 'image/png', content_id: 'p' };
    expect(JSON.parse(hook.posts[0]?.text ?? '')).toMatchObject({
      type: 'email.received',
      data: {
        email_id: emailId,
        from: 'Ann <ann@people.example>',
        to: [`info@${domain}`, 'other@elsewhere.example'],
        cc: ['c@elsewhere.example'],
        bcc: [],
        received_for: [`info@${domain}`],
        subject: 'A question',
        attachments: [attachment],
      },
    });
    const { receiving } = resend.emails;
    const mail = await good('emails.receiving.get', receiving.get(emailId));
    expect(mail).toMatchObject({
      object: 'email',
      id: emailId,
      subject: 'A question',
      reply_to: ['reply@people.example'],
      html: expect.stringContaining('src="data:image/png;base64,iVBORw=="'),
      headers: { subject: 'A question' },
      message_id: '<1@people.example>',
      attachments: [{ ...attachment, size: 4 }],
    });
    const plain = await receiving.get(emailId, { html_format: 'cid' });
    expect(plain.data?.html).toContain('src="cid:p"');
    expect(await (await fetch(mail.raw?.download_url ?? '')).text()).toBe(raw);
    const listed = await good('emails.receiving.list', receiving.list());
    expect(listed.data).toMatchObject([{ id: emailId, attachments: [{ ...attachment, size: 4 }] }]);
    const files = await good('emails.receiving.attachments.list', receiving.attachments.list({ emailId }));
    expect(files.data).toMatchObject([{ ...attachment, size: 4 }]);
    const file = await good(
      'emails.receiving.attachments.get',
      receiving.attachments.get({ emailId, id: '0' }),
    );
    const bytes = Buffer.from(await (await fetch(file.download_url)).arrayBuffer());
    expect(bytes.toString('base64')).toBe('iVBORw==');
    const from = `shop@${edge.domain}`;
    const to = 'user@example.net';
    const forwarded = await good('emails.receiving.forward', receiving.forward({ emailId, to, from }));
    expect(await edge.mailOf(forwarded.id)).toMatchObject({
      subject: 'A question',
      html: expect.stringContaining('<p>Hi'),
      attachments: [{ contentId: '<p>' }],
    });
    const wrapped = await receiving.forward({ emailId, to, from, passthrough: false, text: 'See below.' });
    expect((await edge.mailOf(wrapped.data?.id ?? '')).attachments).toHaveLength(1);
  });
});

describe('suppressions', () => {
  it('are added, found, listed and removed', async () => {
    const made = await good('suppressions.add', resend.suppressions.add({ email: 'a@example.org' }));
    expect(await good('suppressions.get', resend.suppressions.get(made.id))).toMatchObject({
      object: 'suppression',
      id: made.id,
      email: 'a@example.org',
      origin: 'manual',
      source_id: null,
    });
    expect((await resend.suppressions.get('a@example.org')).data?.id).toBe(made.id);
    const emails = ['b@example.org', 'c@example.org'];
    const batch = await good('suppressions.batch.add', resend.suppressions.batch.add({ emails }));
    expect(batch.data).toHaveLength(2);
    const listed = await good('suppressions.list', resend.suppressions.list({ limit: 2 }));
    expect(listed).toMatchObject({
      has_more: true,
      data: [{ email: 'c@example.org' }, { email: 'b@example.org' }],
    });
    const bounced = await resend.suppressions.list({ origin: 'bounce' });
    expect(bounced.data?.data).toMatchObject([
      { email: 'gone@bounce.example.net', source_id: expect.any(String) },
    ]);
    const removed = await good('suppressions.batch.remove', resend.suppressions.batch.remove({ emails }));
    expect(removed.data).toMatchObject([{ deleted: true }, { deleted: true }]);
    expect(await good('suppressions.remove', resend.suppressions.remove(made.id))).toEqual({
      object: 'suppression',
      id: made.id,
      deleted: true,
    });
    expect(await refused(resend.suppressions.get(made.id))).toMatchObject({ status: 404 });
    const unknown = await refused(resend.suppressions.remove('nobody@example.org'));
    expect(unknown).toMatchObject({ status: 404, name: 'not_found' });
  });
});

describe('templates', () => {
  it('are made, published, sent, changed, copied and removed', async () => {
    const made = await good(
      'templates.create',
      resend.templates
        .create({
          name: 'Order confirmation',
          alias: 'order-confirmation',
          from: `Shop <shop@${edge.domain}>`,
          subject: 'Order {{{NUMBER}}}',
          html: '<p>{{{PRODUCT}}} costs {{{PRICE}}}</p>',
          replyTo: 'help@elsewhere.example',
          variables: [
            { key: 'PRODUCT', type: 'string', fallbackValue: 'An item' },
            { key: 'PRICE', type: 'number', fallbackValue: 25 },
            { key: 'NUMBER', type: 'number' },
          ],
        })
        .then((answer) => answer),
    );
    const { id } = made;
    const template = { id: 'order-confirmation', variables: { NUMBER: 7, PRODUCT: 'A vase' } };
    expect(await refused(resend.emails.send({ to: 'user@example.net', template }))).toMatchObject({
      status: 422,
      name: 'validation_error',
      message: expect.stringContaining('no published version'),
    });
    expect(await good('templates.publish', resend.templates.publish(id))).toEqual({ object: 'template', id });
    const got = await good('templates.get', resend.templates.get('order-confirmation'));
    expect(got).toMatchObject({
      id,
      status: 'published',
      published_at: expect.any(String),
      has_unpublished_versions: false,
      variables: [
        { key: 'PRODUCT', type: 'string', fallback_value: 'An item' },
        { key: 'PRICE', type: 'number', fallback_value: 25 },
        { key: 'NUMBER', type: 'number', fallback_value: null },
      ],
    });
    const sent = await resend.emails.send({ to: 'user@example.net', template });
    expect(await edge.mailOf(sent.data?.id ?? '')).toMatchObject({
      subject: 'Order 7',
      from: { name: 'Shop', address: `shop@${edge.domain}` },
      replyTo: [{ address: 'help@elsewhere.example' }],
      html: '<p>A vase costs 25</p>\n',
    });
    const batch = await resend.batch.send(
      [
        { to: 'user@example.net', template: { id, variables: { NUMBER: 8 } } },
        { to: 'user@example.net', template: { id, variables: {} } },
      ],
      { batchValidation: 'permissive' },
    );
    expect(batch.data).toMatchObject({
      data: [{ id: expect.any(String) }],
      errors: [{ index: 1, message: expect.stringContaining('NUMBER') }],
    });
    await good(
      'templates.update',
      resend.templates.update(id, { name: 'Orders', html: '<b>{{{PRICE}}}</b>' }),
    );
    const copy = await good('templates.duplicate', resend.templates.duplicate(id));
    expect((await resend.templates.duplicate(copy.id).publish()).data).toMatchObject({ object: 'template' });
    const list = await good('templates.list', resend.templates.list({ limit: 2 }));
    expect(list).toMatchObject({
      object: 'list',
      has_more: true,
      data: [{ status: 'published' }, { id: copy.id, name: 'Orders (Copy)', status: 'draft' }],
    });
    const next = await resend.templates.list({ limit: 2, after: copy.id });
    expect(next.data).toMatchObject({ has_more: false, data: [{ id, name: 'Orders' }] });
    expect(await good('templates.remove', resend.templates.remove(copy.id))).toEqual({
      object: 'template',
      id: copy.id,
      deleted: true,
    });
    expect(await refused(resend.templates.get(copy.id))).toMatchObject({ status: 404, name: 'not_found' });
    expect(await refused(resend.templates.create({ name: 'x', html: '{{#if a}}' }))).toMatchObject({
      status: 422,
      name: 'validation_error',
      message: expect.stringContaining('`html`'),
    });
  });
});

describe('what has no counterpart', () => {
  /** Methods with arguments that make each ask. */
  const asks = (): [string, () => PromiseLike<Answered<unknown>>][] => [
    ['emails.share', () => resend.emails.share('1')],
    ['emails.attachments.get', () => resend.emails.attachments.get({ emailId: '1', id: '1' })],
    ['emails.attachments.list', () => resend.emails.attachments.list({ emailId: '1' })],
    ['domains.claims.create', () => resend.domains.claims.create({ name: 'a.example' })],
    ['domains.claims.get', () => resend.domains.claims.get('1')],
    ['domains.claims.verify', () => resend.domains.claims.verify('1')],
    ['apiKeys.create', () => resend.apiKeys.create({ name: 'k' })],
    ['apiKeys.list', () => resend.apiKeys.list()],
    ['apiKeys.remove', () => resend.apiKeys.remove('1')],
    ['broadcasts.list', () => resend.broadcasts.list()],
    ['contacts.list', () => resend.contacts.list()],
    ['contactProperties.list', () => resend.contactProperties.list()],
    ['segments.list', () => resend.segments.list()],
    ['topics.list', () => resend.topics.list()],
    ['automations.list', () => resend.automations.list()],
    ['events.list', () => resend.events.list()],
    ['inboxes.list', () => resend.inboxes.list()],
    ['logs.list', () => resend.logs.list()],
    ['oauthGrants.list', () => resend.oauthGrants.list()],
    ['usage.get', () => resend.usage.get()],
  ];

  it('says what there is instead, in their shape', async () => {
    for (const [method, ask] of asks()) {
      const { status, name, message: said } = await refused(ask());
      expect([method, status, name]).toEqual([method, 404, 'not_found']);
      expect([method, said]).not.toEqual([method, expect.stringContaining('There is nothing at')]);
      table.note(method, said);
    }
  });

  it('and every method for mail, domains, webhooks, suppressions and templates has been called', () => {
    const wanted = ['emails', 'batch', 'domains', 'webhooks', 'suppressions', 'templates'];
    table.print(methodsOf(resend).filter((method) => wanted.includes(method.split('.')[0] ?? '')));
  });
});
