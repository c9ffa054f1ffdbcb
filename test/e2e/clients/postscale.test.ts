/**
 * The calls of Postscale's command-line client, imitated: the requests that its reference lists, each a row, and of the answers
 * what the client decodes, under the names by which it does.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../../lab/until.ts';
import { runCommand } from '../../support/command.ts';
import { type EdgeFixture, startEdgeFixture } from '../../support/edge-fixture.ts';
import { guideCode } from '../../support/guide-code.ts';
import { Hook } from '../../support/hook.ts';
import { MethodTable } from '../../support/method-table.ts';

let edge: EdgeFixture;
let hook: Hook;
const table = new MethodTable('postscale');
const noted = new Set<string>();
beforeAll(async () => {
  edge = await startEdgeFixture();
  hook = await Hook.start();
});
afterAll(async () => {
  await edge?.stop();
  await hook?.stop();
});

/** One call as the client does it; the answer must have what it decodes. `:x` in the path is of `at`. */
async function ask<T>(
  row: string,
  schema: z.ZodType<T>,
  { at = {}, query = '', body }: Asked = {},
): Promise<T> {
  const [method = '', pattern = ''] = row.split(' ');
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(at[name] ?? ''));
  const answer = await fetch(`${edge.url}${path}${query}`, {
    method,
    headers: { Authorization: `Bearer ${edge.liveKey}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect([row, answer.status < 300, text]).toEqual([row, true, text]);
  if (!noted.has(row)) table.note(row, `${answer.status}`);
  noted.add(row);
  return schema.parse(text === '' ? null : JSON.parse(text));
}
interface Asked {
  at?: Record<string, string>;
  query?: string;
  body?: unknown;
}

const uuid = z.uuid();
const time = z.iso.datetime();
const count = z.int().min(0);
const sent = z.object({ message_id: uuid, status: z.string() });
const email = z.object({
  id: uuid,
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  status: z.string(),
  created_at: time,
});
const domain = z.object({
  id: uuid,
  domain: z.string(),
  type: z.string(),
  verified: z.boolean(),
  spf_verified: z.boolean(),
  dkim_verified: z.boolean(),
  created_at: time,
});
const suppression = z.object({
  id: uuid,
  email: z.string(),
  reason: z.string(),
  source_message_id: uuid.nullable(),
  bounce_code: z.string().nullish(),
  feedback_type: z.string().nullish(),
  scope_type: z.string(),
  source: z.string(),
  created_at: time,
});
const webhook = z.object({
  id: uuid,
  webhook_url: z.url(),
  event_types: z.array(z.string()).nullable(),
  has_secret: z.literal(true),
});
const template = z.object({
  id: uuid,
  org_id: z.unknown(),
  name: z.string(),
  slug: z.string(),
  description: z.string(),
  subject: z.string(),
  html_body: z.string().nullable(),
  text_body: z.string().nullable(),
  active: z.boolean(),
  created_at: time,
  updated_at: time,
});

const message = (more: object = {}) => ({
  from: `Shop <shop@${edge.domain}>`,
  to: ['user@example.net'],
  subject: 'Hello',
  text_body: 'Thank you.',
  ...more,
});

describe('the calls of Postscale’s client', () => {
  it('of webhooks', async () => {
    const webhook_url = hook.url;
    const event_types = ['email.sent', 'email.delivered', 'email.bounced'];
    const made = z.object({ webhook, secret: z.string().startsWith('whsec_') });
    const { webhook: own } = await ask('POST /v1/webhooks', made, { body: { webhook_url, event_types } });
    const { webhooks } = await ask('GET /v1/webhooks', z.object({ webhooks: z.array(webhook) }));
    expect(webhooks).toEqual([own]);
    const { webhook: other } = await ask('POST /v1/webhooks', made, { body: { webhook_url, event_types } });
    await ask('DELETE /v1/webhooks/:id', z.null(), { at: { id: other.id } });
  });

  it('of messages, and what is posted of them', async () => {
    const metadata = { order: '42' };
    const { message_id } = await ask('POST /v1/send', sent, {
      body: message({ tags: ['receipt'], metadata, unsubscribe_scope: 'domain' }),
    });
    await ask('POST /v1/send', sent, { body: message({ to: ['gone@bounce.example'] }) });
    await (await edge.node()).deliverAll();
    const listed = z.object({ emails: z.array(email), total: count });
    const { emails, total } = await ask('GET /v1/emails', listed, { query: '?limit=10&offset=0' });
    expect([emails.length, total]).toEqual([2, 2]);
    const at = { id: message_id };
    const found = await ask('GET /v1/emails/:id', z.object({ email }), { at });
    expect(found.email).toMatchObject({ id: message_id, status: 'delivered' });
    const told = z.object({ events: z.array(z.object({ event_type: z.string() })) });
    const { events } = await ask('GET /v1/emails/:id/events', told, { at });
    expect(events.map(({ event_type }) => event_type)).toEqual(
      expect.arrayContaining(['email.sent', 'email.delivered']),
    );
    const flat = z.object({ event: z.string(), email_id: z.string(), to: z.string() });
    const posted = await until('the posts', 20_000, async () => {
      const own = hook.posts.map(({ headers, text }) => ({ headers, body: flat.parse(JSON.parse(text)) }));
      return own.length < 4 ? undefined : own;
    });
    expect(posted.map(({ body }) => body.event).toSorted()).toEqual([
      'email.bounced',
      'email.delivered',
      'email.sent',
      'email.sent',
    ]);
    for (const { headers, body } of posted)
      expect(headers).toMatchObject({
        'x-postscale-event': body.event,
        'x-postscale-attempt': '1',
        'x-postscale-delivery-id': expect.any(String),
        'x-postscale-signature': expect.stringMatching(/^t=\d+,v1=[0-9a-f]{64}$/),
      });
    const warning = z.object({ source: z.string(), message: z.string() });
    const tried = z.object({
      deliveries: z.array(z.object({ id: z.string() })),
      total: count,
      warnings: z.array(warning),
    });
    const [of] = z.object({ webhooks: z.array(webhook) }).parse(await edge.get('/v1/webhooks')).webhooks;
    await until('the tries to be noted', 20_000, async () => {
      const query = `?status=delivered&endpoint_id=${of?.id}&days=1`;
      const { deliveries } = await ask('GET /v1/webhook-deliveries', tried, { query });
      return deliveries.length >= 4 ? true : undefined;
    });
  });

  it('of suppressions', async () => {
    const listed = z.object({ suppressions: z.array(suppression), total: count });
    const body = { email: 'left@example.net', reason: 'manual' };
    await ask('POST /v1/suppressions', suppression, { body });
    const { suppressions, total } = await ask('GET /v1/suppressions', listed);
    expect([total, suppressions.map(({ email: to, source }) => [to, source])]).toEqual([
      2,
      expect.arrayContaining([['left@example.net', 'api']]),
    ]);
    expect(suppressions.find(({ email: to }) => to === 'gone@bounce.example')).toMatchObject({
      reason: 'hard_bounce',
      bounce_code: '550',
      source_message_id: expect.any(String),
    });
    const checked = z.object({ suppressed: z.boolean(), entry: suppression.nullable() });
    const check = (to: string) => ask('GET /v1/suppressions/check', checked, { query: `?email=${to}` });
    expect(await check('left@example.net')).toMatchObject({ suppressed: true, entry: { reason: 'manual' } });
    await ask('DELETE /v1/suppressions/:email', z.null(), { at: { email: 'left@example.net' } });
    expect(await check('left@example.net')).toEqual({ suppressed: false, entry: null });
  });

  it('of domains', async () => {
    const body = {
      domain: 'news.example',
      type: 'both',
      catch_all_enabled: true,
      inbound_mx_acknowledged: true,
    };
    const made = await ask('POST /v1/domains', domain, { body });
    const listed = z.object({ domains: z.array(domain), limit: count, offset: count });
    const { domains } = await ask('GET /v1/domains', listed, { query: '?limit=10&offset=0' });
    expect(domains.map(({ id }) => id)).toContain(made.id);
    const at = { id: made.id };
    expect(await ask('GET /v1/domains/:id', domain, { at })).toMatchObject({ verified: false });
    await ask('GET /v1/domains/:id/dns', z.looseObject({}), { at });
    const verified = domain.pick({ verified: true, spf_verified: true, dkim_verified: true });
    expect((await ask('POST /v1/domains/:id/verify', verified, { at })).verified).toBe(false);
    const warming = z.object({ phase: z.string(), remaining_this_hour: count.nullable() });
    const own = domains.find((one) => one.domain === edge.domain);
    for (const id of [own?.id ?? '', edge.domain])
      expect((await ask('GET /v1/domains/:id/warming', warming, { at: { id } })).phase).toBe('warmed');
    await ask('DELETE /v1/domains/:id', z.null(), { at });
  });

  it('of templates', async () => {
    const one = z.object({ template });
    const body = { name: 'Welcome', slug: 'welcome', subject: 'Hi {{name}}', html_body: '<p>{{name}}</p>' };
    const { template: made } = await ask('POST /v1/templates', one, { body });
    const listed = z.object({ templates: z.array(template.pick({ id: true, slug: true })), total: count });
    expect(await ask('GET /v1/templates', listed)).toMatchObject({
      total: 1,
      templates: [{ slug: 'welcome' }],
    });
    const at = { id: made.id };
    expect(await ask('GET /v1/templates/:id', one, { at })).toEqual({ template: made });
    await ask('PATCH /v1/templates/:id', one, { at, body: { subject: 'Hello {{name}}' } });
    for (const named of [{ template: 'welcome' }, { template_id: made.id }]) {
      const { from, to } = message();
      const { message_id } = await ask('POST /v1/send', sent, {
        body: { from, to, ...named, variables: { name: 'Ann' } },
      });
      expect((await edge.mailOf(message_id)).subject).toBe('Hello Ann');
    }
    await ask('DELETE /v1/templates/:id', z.null(), { at });
  });

  it('as the guide says them, on a command line', async () => {
    const { code, output } = await runCommand('sh', ['-c', guideCode('from-postscale', 'sh', edge)]);
    expect([code, output]).toEqual([0, expect.stringContaining('"status":"queued"')]);
    table.print([]);
  });
});
