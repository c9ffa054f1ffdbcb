import { beforeAll, describe, expect, it } from 'vitest';
import { events } from '#domain/delivery/event.ts';
import { sampleEvent } from '#domain/event-formats/sample.ts';
import { webhookBodies } from '#domain/webhook.ts';
import { cloudmailinError } from '../../worker/api/answers/cloudmailin.ts';
import { problemAnswer } from '../../worker/api/answers/problem.ts';
import { errorsOf, openApiDocument } from '../../worker/api/openapi.ts';
import { examples } from '../../worker/api/operations/examples.ts';
import type { Operation } from '../../worker/api/operations/operation.ts';
import { groups, operations } from '../../worker/api/operations.ts';
import { webhookPosts } from '../../worker/api/webhook-posts.ts';
import { groupHref } from '../../worker/docs/reference.tsx';
import { app } from '../../worker/routes.ts';
import { agreed } from './alias-support.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet, ok } from './receiver.ts';
import {
  type Answer,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';
import { newEndpoint, newestDelivery } from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  account = await newAccount();
});

function operationOf(id: string): Operation {
  const operation = operations.find((one) => one.id === id);
  if (!operation) throw new Error(`no operation ${id}`);
  return operation;
}

const routeOf = ({ method, path }: { method: string; path: string }) => `${method.toUpperCase()} ${path}`;
/** What is for customers' programs; the rest is for operators, nodes and people. */
const isPublic = ({ method, path }: { method: string; path: string }) =>
  method !== 'ALL' && /^\/(v1|api)\//.test(path);

describe('the description of the API', () => {
  it('is served, and names every operation of the table', async () => {
    const { status, body } = await call('GET', '/openapi.json', null);
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(openApiDocument('https://api.test'))));
    const named = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${path}`),
    );
    expect(named).toHaveLength(operations.length);
    expect(named).toContain('post /v1/send');
  });

  it('tells of every route that there is, and of no other', () => {
    const routes = new Set(app.routes.filter(isPublic).map(routeOf));
    expect([...routes].sort()).toEqual(operations.map(routeOf).sort());
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  });

  it('has no reference to what is not there', () => {
    const document = openApiDocument('https://api.test') as Answer;
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name ?? '');
    expect(JSON.stringify(document)).not.toMatch(/oneOrMany|\$defs/);
  });

  it('has an example of every body and every answer in JSON, which its check holds against the schemas', () => {
    const { paths } = openApiDocument('https://api.test') as Answer;
    const bare = operations.flatMap(({ id, method, path, body, answer }) => {
      const told = paths[path.replace(/:(\w+)/g, '{$1}')][method];
      const asked = body ? Object.values<Answer>(told.requestBody.content) : [];
      const isJson = answer.schema !== null && answer.type === undefined;
      const answered = isJson ? [told.responses[answer.status].content['application/json']] : [];
      const varies = told.parameters.filter((one: Answer) => one.in === 'path');
      return [...asked, ...answered, ...varies].every(({ example }) => example !== undefined) ? [] : [id];
    });
    expect(bare).toEqual([]);
  });

  it('has no default in a schema, by which makers of clients take a member for one that must be there', () => {
    // A member of a body may be called so; what examples hold is no schema.
    const withDefault = (part: unknown, isNames = false): unknown[] => {
      if (typeof part !== 'object' || part === null) return [];
      const own = !isNames && Object.hasOwn(part, 'default') ? [part] : [];
      return Object.entries(part).reduce(
        (found, [name, inner]) =>
          !isNames && /^examples?$/.test(name)
            ? found
            : found.concat(withDefault(inner, !isNames && name === 'properties')),
        own,
      );
    };
    expect(withDefault({ properties: { default: { default: 1 } } })).toEqual([{ default: 1 }]);
    expect(withDefault(openApiDocument('https://api.test'))).toEqual([]);
    const { properties } = (openApiDocument('https://api.test') as Answer).components.schemas.Message;
    expect(properties.class.description).toContain('Default: `standard`.');
  });

  it('tells what is posted to webhooks, of every type, as it is posted', () => {
    const { webhooks } = openApiDocument('https://api.test') as Answer;
    for (const { kind, type } of events) {
      const format = type === null ? 'cloudmailin' : 'event';
      const [body] = webhookBodies(format, [sampleEvent(kind)]);
      const post = webhookPosts.find(({ name }) => name === (type ?? 'format cloudmailin'));
      expect(webhooks).toHaveProperty([post?.name ?? '', 'post', 'requestBody']);
      expect(post?.schema.safeParse(JSON.parse(body?.text ?? '')).error).toBeUndefined();
    }
    for (const { schema, example } of webhookPosts) expect(schema.safeParse(example).error).toBeUndefined();
  });

  it('tells what a field takes', () => {
    const { properties, required } = (openApiDocument('https://api.test') as Answer).components.schemas
      .Message;
    // A template may have the others.
    expect(required ?? []).toEqual([]);
    expect(properties.to.anyOf[0]).toMatchObject({ type: 'string' });
    expect(properties.to.anyOf[1]).toMatchObject({ type: 'array', maxItems: 50 });
    expect(properties.class.enum).toEqual(['priority', 'standard', 'digest']);
  });

  it.each(operations.map((one) => [one.method, one.path]))('%s %s is there', async (method, path) => {
    const { status, body } = await call(method.toUpperCase(), path.replace(/:\w+/g, '0'), null);
    expect(status, JSON.stringify(body)).toBe(401);
  });
});

describe('the real answers are as described:', () => {
  /** Answers that have been seen: the operation and, of another good answer, its status and type. */
  const seen = new Set<string>();
  const names = ({ id, also }: Operation) => [id, ...(also ? [`${id} also`] : [])];

  /** Calls and holds the answer against its description; `id also` is the other good answer of `id`. */
  async function check(name: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const [id = '', also] = name.split(' ');
    const operation = operationOf(id);
    const described = also ? operation.also : operation.answer;
    if (!described) throw new Error(`no ${name}`);
    expect(method).toBe(operation.method.toUpperCase());
    const type = operation.body?.type;
    const response = await request(path, {
      method,
      headers: {
        Authorization: `Bearer ${account.live}`,
        ...(type ? { 'Content-Type': type } : {}),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(described.status);
    seen.add(name);
    if (!described.schema) {
      expect(text).toBe('');
      return null;
    }
    const wanted = described.type ?? 'application/json';
    expect(response.headers.get('Content-Type')?.split(';')[0]).toBe(wanted);
    const value = wanted === 'application/json' ? JSON.parse(text) : text;
    described.schema.parse(value);
    return value;
  }

  it('of sending, messages and events', async () => {
    await suppress(account, 'held@example.net');
    const { message_id: id } = await check('send', 'POST', '/v1/send', mail(account, { tags: ['a'] }));
    const both = mail(account, { to: ['user@example.net', 'held@example.net'] });
    await check('send also', 'POST', '/v1/send?dry_run=true', both);
    await check('sendBatch', 'POST', '/v1/send/batch', [mail(account), {}]);
    const envelope = `mail_from=a@${account.domain}&rcpt_to=user@example.net`;
    const raw = `From: a@${account.domain}\r\nSubject: s\r\n\r\nb\r\n`;
    await check('sendRaw', 'POST', `/v1/send/raw?${envelope}`, raw);
    await check('cloudmailinSend', 'POST', '/api/v0.1/pennypost/messages', {
      from: `a@${account.domain}`,
      to: 'user@example.net',
      subject: 's',
      plain: 'p',
    });
    const node = await new TestNode().hello();
    const { deliveries } = await node.lease();
    await node.post('results', { results: deliveries.map((d: Answer) => result(d, delivered)) });
    await check('listEmails', 'GET', '/v1/emails');
    await check('getEmail', 'GET', `/v1/emails/${id}`);
    await check('getEmailEvents', 'GET', `/v1/emails/${id}/events`);
    const later = { send_at: new Date(Date.now() + 60_000) };
    const { body: waiting } = await call('POST', '/v1/send', account.live, mail(account, later));
    const sooner = { send_at: new Date(Date.now() + 30_000) };
    await check('rescheduleEmail', 'PATCH', `/v1/emails/${waiting.message_id}`, sooner);
    await check('cancelEmail', 'POST', `/v1/emails/${waiting.message_id}/cancel`);
    await check('cloudmailinMessage', 'GET', `/api/v0.1/pennypost/messages/${id}`);
    await check('listEvents', 'GET', '/v1/events');
    await check('listRequests', 'GET', '/v1/requests');
    for (const by of ['day', 'tag', 'domain', 'class']) await check('getStats', 'GET', `/v1/stats?by=${by}`);
    await check('getCredential', 'GET', '/v1/credential');
    await check('listAuditEntries', 'GET', '/v1/audit');
    await check('getSettings', 'GET', '/v1/settings');
    await check('changeSettings', 'PATCH', '/v1/settings', { content_days: 7 });
  });

  it('of webhooks', async () => {
    const url = internet.at('described.example.com', ok);
    const { id } = await check('createWebhook', 'POST', '/v1/webhooks', { url, events: ['email.bounced'] });
    const at = `/v1/webhooks/${id}`;
    await check('changeWebhook', 'PATCH', at, { state: 'disabled' });
    await check('listWebhooks', 'GET', '/v1/webhooks');
    await check('getWebhook', 'GET', at);
    await check('rotateWebhookSecret', 'POST', `${at}/rotate`);
    await check('testWebhook', 'POST', `${at}/test`);
    internet.names.delete('described.example.com');
    await check('testWebhook', 'POST', `${at}/test`);
    await check('deleteWebhook', 'DELETE', at);
  });

  it('of webhook deliveries', async () => {
    const endpoint = await newEndpoint(account, internet);
    await call('POST', '/v1/send', account.live, mail(account));
    const posted = await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
    await check('listWebhookDeliveries', 'GET', '/v1/webhook-deliveries?limit=1');
    await check('getWebhookDelivery', 'GET', `/v1/webhook-deliveries/${posted.id}`);
    await check('replayWebhookDelivery', 'POST', `/v1/webhook-deliveries/${posted.id}/replay`);
    const [from, to] = [-60_000, 60_000].map((ms) => new Date(Date.now() + ms).toISOString());
    await check('replayWebhook', 'POST', `/v1/webhooks/${endpoint.id}/replay`, { from, to });
  });

  it('of templates', async () => {
    const at = '/v1/templates';
    const body = { name: 'T', slug: 'tee', subject: 's', html_body: '<p>{{a}}</p>' };
    await check('createTemplate', 'POST', at, { ...body, variables: [{ name: 'a', default: 'x' }] });
    await check('listTemplates', 'GET', at);
    await check('getTemplate', 'GET', `${at}/tee`);
    await check('changeTemplate', 'PATCH', `${at}/tee`, { subject: 't', publish: false });
    await check('listTemplateVersions', 'GET', `${at}/tee/versions`);
    await check('publishTemplate', 'POST', `${at}/tee/publish`);
    await check('publishTemplateVersion', 'POST', `${at}/tee/versions/1/publish`);
    await check('renderTemplate', 'POST', `${at}/tee/render`, {});
    const test = { from: `a@${account.domain}`, to: 'user@example.net' };
    await check('testTemplate', 'POST', `${at}/tee/test`, test);
    await check('deleteTemplate', 'DELETE', `${at}/tee`);
  });

  it('of suppressions', async () => {
    const at = '/v1/suppressions';
    const expiry = { expires_at: new Date(Date.now() + 60_000) };
    await check('createSuppression', 'POST', at, { email: 'told@example.net', note: 'by phone', ...expiry });
    await check('listSuppressions', 'GET', at);
    await check('checkSuppression', 'GET', `${at}/check?email=told@example.net`);
    const csv = await check('exportSuppressions', 'GET', `${at}/export`);
    const { errors } = await check(
      'importSuppressions',
      'POST',
      `${at}/import`,
      `${csv}nobody,manual,account\r\n`,
    );
    expect(errors).toHaveLength(1);
    await check('deleteSuppression', 'DELETE', `${at}/told%40example.net`);
  });

  it('of domains', async () => {
    const { id } = await check('createDomain', 'POST', '/v1/domains', {
      domain: 'told.example',
      type: 'both',
    });
    const at = `/v1/domains/${id}`;
    await check('getDomain', 'GET', at);
    await check('verifyDomain', 'POST', `${at}/verify`);
    await check('listDomains', 'GET', '/v1/domains');
    await check('getDomainDns', 'GET', `${at}/dns`);
    await check('getDomainDns also', 'GET', `${at}/dns?format=bind`);
    await check('getDomainDkim', 'GET', `${at}/dkim`);
    await check('importDomainDkim', 'POST', `${at}/dkim`, examples.importDomainDkim?.body);
    await check('retireDomainDkim', 'POST', `${at}/dkim/pennypost/retire`);
    await check('rotateDomainDkim', 'POST', `${at}/dkim/rotate`);
    await check('changeDomain', 'PATCH', at, { active: false });
    await check('deleteDomain', 'DELETE', at);
    const { body: vouched } = await call('GET', `/v1/domains/${account.domain}`, account.live);
    await check('getWarming', 'GET', `/v1/domains/${vouched.id}/warming`);
    await check('listAuditEntries', 'GET', '/v1/audit');
  });

  it('of receiving', async () => {
    const domain = await newReceivingDomain(account);
    const at = `/v1/domains/${domain}/routes`;
    await check('listRoutes', 'GET', at);
    const { id: route } = await check('createRoute', 'POST', at, { pattern: 'support+*', action: 'drop' });
    await check('changeRoute', 'PATCH', `${at}/${route}`, { action: 'refuse', text: 'No' });
    for (const to of ['a', 'support+x', 'postmaster'])
      await check('testRoute', 'POST', `${at}/test`, { to: `${to}@${domain}` });
    await check('deleteRoute', 'DELETE', `${at}/${route}`);
    const rules = `/v1/domains/${domain}/rules`;
    const conditions = [{ field: 'header', header_name: 'X-A', comparator: 'matches', value: 'a+' }];
    const { id: rule } = await check('createRule', 'POST', rules, { name: 'x', conditions, action: 'drop' });
    await check('listRules', 'GET', rules);
    await check('changeRule', 'PATCH', `${rules}/${rule}`, { action: 'refuse', text: 'No' });
    await check('deleteRule', 'DELETE', `${rules}/${rule}`);
    for (const name of ['dmarc', 'tls-reports'] as const)
      await check(
        name === 'dmarc' ? 'getDmarcReports' : 'getTlsReports',
        'GET',
        `/v1/domains/${domain}/${name}`,
      );
    await newEndpoint(account, internet);
    const parts = ['MIME-Version: 1.0', 'Content-Type: text/plain', 'Content-Disposition: attachment'];
    const { id } = await bringMail(`a@${domain}`, letterTo(`a@${domain}`, parts));
    await check('listInboundEmails', 'GET', '/v1/inbound-emails');
    await check('getInboundEmail', 'GET', `/v1/inbound-emails/${id}`);
    await check('getInboundEmailRaw', 'GET', `/v1/inbound-emails/${id}/raw`);
    await check('downloadInboundAttachment', 'GET', `/v1/inbound-emails/${id}/attachments/0/download`);
    await check('replyInboundEmail', 'POST', `/v1/inbound-emails/${id}/reply`, {
      from: `a@${account.domain}`,
      text_body: 'x',
    });
    await check('cloudmailinAddresses', 'GET', '/api/v0.1/pennypost/addresses');
    await check('cloudmailinIncomingStatuses', 'GET', '/api/v0.1/pennypost/incoming_statuses');
    await check('cloudmailinOutboundMessages', 'GET', '/api/v0.1/pennypost/outbound_messages');
    await check('replayInboundEmail', 'POST', `/v1/inbound-emails/${id}/replay`);
  });

  it('of aliases', async () => {
    const domain = await newReceivingDomain(account, 'alias');
    const to = await agreed(account, 'described@people.example');
    for (const [at, shared] of [
      ['/v1/aliases', ''],
      ['/v1/shield/aliases', 'Shared'],
    ]) {
      const made = await check(`create${shared}Alias`, 'POST', at ?? '', { domain, forward_to: [to] });
      const one = `${at}/${made.alias.id}`;
      await check(`list${shared}Aliases`, 'GET', at ?? '');
      await check(`get${shared}Alias`, 'GET', one);
      await check(`change${shared}Alias`, 'PATCH', one, { description: 'told' });
      if (shared === '') await check('askDestinations', 'POST', `${one}/verify`);
      await bringMail(made.alias.address, letterTo(made.alias.address));
      await check('listInboundEmails', 'GET', '/v1/inbound-emails');
      await check('listEmails', 'GET', '/v1/emails');
      await check(`delete${shared}Alias`, 'DELETE', one);
    }
  });

  it('each of them', () => {
    expect([...seen].sort()).toEqual(operations.flatMap(names).sort());
  });

  it('with unknown fields it would be told', () => {
    const { schema } = operationOf('send').answer;
    expect(schema?.safeParse({ message_id: 'x', status: 'queued' }).success).toBe(false);
    expect(operationOf('getCredential').answer.schema?.safeParse({}).success).toBe(false);
  });
});

describe('an error', () => {
  const json = { 'Content-Type': 'application/json' };
  /** What a mistaken caller may send to any operation. */
  const mistakes: [string, RequestInit][] = [
    ['nothing', {}],
    ['no JSON', { headers: json, body: '{' }],
    ['other fields', { headers: json, body: '{"colour":"red"}' }],
    ['another type', { headers: { 'Content-Type': 'image/png' }, body: 'x' }],
    ['a file of nonsense', { headers: { 'Content-Type': 'text/csv' }, body: '"' }],
  ];

  it.each(operations.map((one) => [one.id, one] as const))(
    'of %s is one that is described',
    async (_, one) => {
      const path = one.path.replace(':username', 'pennypost').replace(/:\w+/g, '0');
      const described = [...errorsOf(one)].flatMap(([status, codes]) =>
        codes.map((code) => `${status} ${code}`),
      );
      for (const query of ['', '?limit=x&by=x&email=x&scope=-&format=x&commit=x&dry_run=x']) {
        for (const [mistake, { headers, body }] of mistakes) {
          const bodied = one.method !== 'get' && body !== undefined;
          const response = await request(path + query, {
            method: one.method.toUpperCase(),
            headers: { Authorization: `Bearer ${account.live}`, ...(bodied ? headers : {}) } as HeadersInit,
            ...(bodied ? { body } : {}),
          });
          if (response.ok) continue;
          const told: Answer = await response.json();
          (one.shortErrors ? cloudmailinError : problemAnswer).parse(told);
          if (one.shortErrors) expect([...errorsOf(one).keys()], mistake).toContain(response.status);
          else expect(described, mistake).toContain(`${response.status} ${told.code}`);
        }
      }
    },
  );

  it.each([
    ['createDomain', 'POST', '/v1/domains', () => ({ domain: account.domain }), 'conflict'],
    ['createDomain', 'POST', '/v1/domains', () => ({ domain: 'no domain' }), 'invalid_body'],
    ['rotateDomainDkim', 'POST', '/v1/domains/SENDER/dkim/rotate', () => undefined, 'conflict'],
    ['retireDomainDkim', 'POST', '/v1/domains/SENDER/dkim/none/retire', () => undefined, 'not_found'],
    ['createWebhook', 'POST', '/v1/webhooks', () => ({ url: 'https://127.0.0.1/' }), 'invalid_body'],
    ['createWebhook', 'POST', '/v1/webhooks', () => ({ url: 'https://away.example.com/' }), 'unavailable'],
    ['deleteSuppression', 'DELETE', '/v1/suppressions/nobody', () => undefined, 'invalid_body'],
  ])('of %s: %s %s', async (id, method, path, body, code) => {
    internet.names.set('away.example.com', 'servfail');
    if (path.endsWith('/rotate')) await call(method, path.replace('SENDER', account.domain), account.live);
    const answer = await call(method, path.replace('SENDER', account.domain), account.live, body());
    expect(answer.body.code).toBe(code);
    expect(errorsOf(operationOf(id)).get(answer.status)).toContain(code);
  });
});

describe('the reference', () => {
  it('shows every operation on the page of its group, and names it on the first page', async () => {
    const overview = await (await request('/docs/api')).text();
    let all = '';
    for (const group of groups) {
      const response = await request(groupHref(group));
      expect(response.headers.get('Content-Type')).toContain('text/html');
      const html = await response.text();
      expect(html).toMatch(/^<!doctype html><html lang="en">/);
      for (const { id, summary } of group.operations) {
        expect(html).toContain(`<h2 id="${id}">`);
        expect(html).toContain(summary.replaceAll("'", '&#39;'));
        expect(overview).toContain(`href="${groupHref(group)}#${id}"`);
      }
      expect(html).not.toMatch(/undefined|\[object|string,null/);
      all += html;
    }
    expect(all).toContain('string or null');
    expect(all).toContain('Answer: 204 It is gone, without a body');
  });
});

describe('an answer of /v1', () => {
  const send = (more: Record<string, unknown> = {}, key = account.live) =>
    call('POST', '/v1/send', key, mail(account, more));

  it('message_id, status: 202 of a live key', async () => {
    expect((await send()).body).toEqual({
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'queued',
    });
  });
  it('environment: of a test key', async () => {
    expect((await send({}, account.test)).body).toEqual({
      message_id: expect.any(String),
      status: 'simulated',
      environment: 'test',
    });
  });
  it('error: a sentence that says what is wrong', async () => {
    await suppress(account, 'gone@example.net');
    const { status, body } = await send({ to: ['gone@example.net'] });
    expect(status).toBe(422);
    expect(body.error).toBe(body.detail);
    expect(body.error).toContain('gone@example.net');
  });
  it.each([
    ['from', { from: `Ann <ann@SENDER>` }],
    ['to', { to: 'user@example.net' }],
    ['cc', { cc: ['c@example.net'] }],
    ['bcc', { bcc: ['b@example.net'] }],
    ['reply_to', { reply_to: 'r@example.net' }],
    ['subject', { subject: 'Ünï' }],
    ['text_body', { text_body: 't' }],
    ['html_body', { html_body: '<p>h</p>' }],
    ['headers', { headers: { 'X-A': '1' } }],
    ['attachments', { attachments: [{ filename: 'a.txt', content: 'YQ==', content_type: 'text/plain' }] }],
    ['tags', { tags: ['a'] }],
    ['metadata', { metadata: { order: '42' } }],
    ['class', { class: 'digest' }],
    ['send_at', { send_at: new Date(Date.now() + 3_600_000).toISOString() }],
    ['test_mode', { test_mode: true }],
  ])('%s: is taken, and refused when it is of a wrong type', async (field, more) => {
    const value = JSON.parse(JSON.stringify(more).replaceAll('SENDER', account.domain));
    expect((await send(value)).status).toBe(202);
    const { status, body } = await send({ [field]: 1 });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_body' });
    expect(body.errors[0].pointer).toMatch(new RegExp(`^/${field}`));
  });
  it('an unknown field is refused by its name', async () => {
    const { status, body } = await send({ colour: 'red' });
    expect(status).toBe(400);
    expect(body.error).toContain('colour');
  });
});
