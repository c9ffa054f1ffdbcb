import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  newKey,
  rawOf,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
let other: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  other = await newAccount();
});

const api = async (
  method: string,
  path: string,
  body?: unknown,
  key = account.live,
): Promise<{ status: number; body: Answer }> => await call(method, `/v1/templates${path}`, key, body);
const content = {
  name: 'Receipt',
  subject: 'Your receipt, {{name}}',
  html_body: '<p>Dear {{name}}, you paid {{total}}.</p>',
  variables: [{ name: 'total', default: '0.00' }],
};
const made = async (more: object = {}) => {
  const { status, body } = await api('POST', '', { ...content, ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.template;
};
/** A message that names a template. */
const naming = (more: object) => ({ from: `shop@${account.domain}`, to: ['user@example.net'], ...more });
const send = (more: object, headers = {}) => call('POST', '/v1/send', account.live, naming(more), headers);

describe('templates', () => {
  it('are made, read, listed, changed and removed, in the shape of Postscale', async () => {
    const template = await made({ slug: 'first', description: 'after paying' });
    expect(template).toEqual({
      id: expect.stringMatching(/^00000003-0000-8000-8000-[0-9a-f]{12}$/),
      org_id: account.id,
      type: 'template',
      name: 'Receipt',
      slug: 'first',
      description: 'after paying',
      active: true,
      status: 'published',
      has_draft: false,
      version: 1,
      published_version: 1,
      subject: content.subject,
      html_body: content.html_body,
      text_body: null,
      variables: [{ name: 'total', type: 'string', default: '0.00' }],
      layout: null,
      from: null,
      reply_to: [],
      names: ['name', 'total'],
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await api('GET', '/first')).body.template).toEqual(template);
    expect((await api('GET', `/${template.id}`)).body.template).toEqual(template);
    const { html_body: _, ...changed } = (
      await api('PATCH', '/first', { name: 'Bill', subject: 'Bill of {{name}}' })
    ).body.template;
    expect(changed).toMatchObject({
      name: 'Bill',
      subject: 'Bill of {{name}}',
      version: 2,
      published_version: 2,
    });
    const listed = (await api('GET', '?query=bil')).body;
    expect(listed).toMatchObject({
      total: 1,
      limit: 50,
      offset: 0,
      templates: [{ slug: 'first', version: 2 }],
    });
    expect((await api('GET', '', undefined, other.live)).body.templates).toEqual([]);
    expect((await api('GET', '/first', undefined, other.live)).status).toBe(404);
    expect((await api('DELETE', '/first')).status).toBe(204);
    expect((await api('GET', '/first')).status).toBe(404);
  });

  it('get a slug of their name', async () => {
    expect((await made({ name: 'Wëlcome, friend!' })).slug).toBe('welcome-friend');
  });

  it.each<[object, number, string]>([
    [{ slug: 'Bad_slug' }, 400, '/slug'],
    [{ slug: '-a' }, 400, '/slug'],
    [{ slug: 'a' }, 400, '/slug'],
    [{ name: '' }, 400, '/name'],
    [{ name: 'x'.repeat(192) }, 400, '/name'],
    [{ html_body: '<p>{{#if a}}</p>' }, 400, '/html_body'],
    [{ html_body: '<p>{{> part}}</p>' }, 400, '/html_body'],
    [{ subject: 'a\nb' }, 400, '/subject'],
    [{ html_body: null }, 400, '/html_body'],
    [{ variables: [{ name: 'a', type: 'number', default: 'x' }] }, 400, '/variables/0/default'],
    [{ variables: [{ name: 'a' }, { name: 'a' }] }, 400, '/variables'],
    [{ layout: 'nothing' }, 400, '/layout'],
    [{ from: 'nobody' }, 400, '/from'],
    [{ type: 'layout', html_body: '<p></p>' }, 400, '/html_body'],
    [{ slug: 'taken' }, 409, '/slug'],
  ])('refuse %j', async (more, status, pointer) => {
    if (status === 409) await made({ slug: 'taken' });
    const answer = await api('POST', '', { ...content, slug: 'refused', ...more });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([status, pointer]);
  });

  it('have versions: drafts are not sent, and one can go back', async () => {
    await made({ slug: 'versions', subject: 'one' });
    const draft = (await api('PATCH', '/versions', { subject: 'two', publish: false })).body.template;
    expect(draft).toMatchObject({ subject: 'two', version: 2, published_version: 1, has_draft: true });
    await api('PATCH', '/versions', { subject: 'two and a half', publish: false });
    const rendered = async (more: object = {}) =>
      (await api('POST', '/versions/render', { variables: { name: 'A' }, ...more })).body;
    expect(await rendered()).toMatchObject({ version: 1, subject: 'one' });
    expect(await rendered({ version: 'draft' })).toMatchObject({ version: 2, subject: 'two and a half' });
    expect((await api('POST', '/versions/publish')).body.template).toMatchObject({
      published_version: 2,
      has_draft: false,
    });
    await api('PATCH', '/versions', { subject: 'three' });
    expect((await api('GET', '/versions/versions')).body.versions).toMatchObject([
      { version: 3, status: 'published', subject: 'three' },
      { version: 2, status: 'earlier', subject: 'two and a half' },
      { version: 1, status: 'earlier', subject: 'one' },
    ]);
    expect((await api('POST', '/versions/versions/1/publish')).body.template.published_version).toBe(1);
    expect(await rendered()).toMatchObject({ version: 1, subject: 'one' });
    expect((await api('POST', '/versions/versions/9/publish')).status).toBe(404);
    expect((await api('POST', '/versions/render', { version: 9 })).status).toBe(404);
  });

  it('keep the newest fifty versions, and the published one', async () => {
    await made({ slug: 'many' });
    for (let i = 0; i < 52; i++) await api('PATCH', '/many', { subject: `v${i}` });
    await api('POST', '/many/versions/10/publish');
    await api('PATCH', '/many', { subject: 'draft', publish: false });
    const { versions } = (await api('GET', '/many/versions')).body;
    expect(versions).toHaveLength(50);
    expect(versions.at(-1).version).toBe(5);
  });

  it('are rendered with values of the request in place of what is kept', async () => {
    await made({ slug: 'shown' });
    const { body } = await api('POST', '/shown/render', {
      variables: { name: 'A&B', total: '9' },
      html_body: '<b>{{name}}</b>',
    });
    expect(body).toEqual({
      version: 1,
      subject: 'Your receipt, A&B',
      html_body: '<b>A&amp;B</b>',
      text_body: 'A&B\n',
    });
    const missing = await api('POST', '/shown/render', {});
    expect([missing.status, missing.body.errors]).toEqual([
      400,
      [{ pointer: '/variables/name', detail: 'is missing: the template has {{name}}' }],
    ]);
  });

  it('have layouts around them, which stay while they are used', async () => {
    await made({
      slug: 'frame',
      type: 'layout',
      subject: '',
      html_body: '<body>{{{@content}}}<i>{{shop}}</i></body>',
      variables: [{ name: 'shop', default: 'Us' }],
    });
    await made({ slug: 'framed', layout: 'frame' });
    const { body } = await api('POST', '/framed/render', { variables: { name: 'Ann' } });
    expect(body.html_body).toBe('<body><p>Dear Ann, you paid 0.00.</p><i>Us</i></body>');
    expect((await api('GET', '/framed')).body.template.layout).toBe('frame');
    const kept = await api('DELETE', '/frame');
    expect([kept.status, kept.body.detail]).toEqual([
      409,
      'The layout frame is around 1 templates; give them another first.',
    ]);
    expect((await api('PATCH', '/framed', { layout: null })).body.template.layout).toBeNull();
    expect((await api('DELETE', '/frame')).status).toBe(204);
  });

  it('are sent as a test', async () => {
    await made({ slug: 'tested' });
    const { status, body } = await api('POST', '/tested/test', {
      to: 'me@example.net',
      variables: { name: 'Ann' },
      from: `a@${account.domain}`,
    });
    expect(status).toBe(202);
    expect(await rawOf(body.message_id)).toContain('Subject: [Test] Your receipt, Ann');
    expect(
      (await api('POST', '/tested/test', { to: 'me@example.net', variables: { name: 'Ann' } })).body.errors[0]
        .pointer,
    ).toBe('/from');
  });

  it('are changed by keys that may, and seen by those that read', async () => {
    const read = (await newKey(account, { scopes: ['read'] })).secret;
    const limited = (await newKey(account, { scopes: ['read', 'manage'], domains: [account.domain] })).secret;
    expect((await api('GET', '', undefined, read)).status).toBe(200);
    expect((await api('POST', '', content, read)).status).toBe(403);
    expect((await api('POST', '', content, limited)).status).toBe(403);
    expect((await api('GET', '', undefined, limited)).status).toBe(200);
  });
});

describe('a message of a template', () => {
  it('is what the template comes to, by slug or id, and its events tell which', async () => {
    const template = await made({
      slug: 'sent',
      from: `Shop <shop@${account.domain}>`,
      reply_to: ['help@elsewhere.example'],
    });
    const { status, body } = await send({
      template: 'sent',
      variables: { name: 'Ann <b>', total: '12' },
      from: undefined,
    });
    expect(status).toBe(202);
    const raw = await rawOf(body.message_id);
    expect(raw).toContain('Subject: Your receipt, Ann <b>');
    expect(raw).toContain('From: Shop');
    expect(raw).toContain('Reply-To: help@elsewhere.example');
    expect(raw).toContain('<p>Dear Ann &lt;b&gt;, you paid 12.</p>');
    expect(raw).toContain('Dear Ann <b>, you paid 12.');
    const used = { id: template.id, version: 1 };
    const told = (await call('GET', `/v1/emails/${body.message_id}`, account.live)).body;
    expect(told.template).toEqual(used);
    const events = (await call('GET', `/v1/emails/${body.message_id}/events`, account.live)).body.data;
    expect(events[0].template).toEqual(used);
    const feed = (await call('GET', '/v1/events?limit=100', account.live)).body.data;
    expect(feed.find((one: Answer) => one.message_id === body.message_id).template).toEqual(used);
    const byId = await send({ template_id: template.id, variables: { name: 'B' }, subject: 'Own subject' });
    expect(await rawOf(byId.body.message_id)).toContain('Subject: Own subject');
  });

  it.each<[object, string, RegExp]>([
    [{ template: 'nothing' }, '/template', /there is no template/],
    [{ template: 'used' }, '/variables/name', /is missing: the template has \{\{name\}\}/],
    [{ template: 'used', template_id: 'used' }, '/template', /together with template_id/],
    [{ template: 'used', html_body: '<p>' }, '/html_body', /together with a template/],
    [{ template: 'used', text_body: 'x' }, '/text_body', /together with a template/],
    [{ template: 'used', variables: [] }, '/variables', /must be an object/],
    [{ template: 'draft-only' }, '/template', /no published version/],
    [{ template: 'off' }, '/template', /switched off/],
    [{ template: 'used', layout: 'used', variables: { name: 'A' } }, '/layout', /there is no layout/],
    [{ variables: {} }, '/subject', /expected string/],
  ])('is refused for %j', async (more, pointer, said) => {
    if ((await api('GET', '/used')).status === 404) {
      await made({ slug: 'used' });
      await made({ slug: 'draft-only', publish: false });
      await made({ slug: 'off', active: false });
    }
    const { status, body } = await send(more);
    expect([status, body.errors[0].pointer]).toEqual([400, pointer]);
    expect(body.errors[0].detail).toMatch(said);
  });

  it('of another account is not found, and a wrong key is told first', async () => {
    await made({ slug: 'mine' });
    const foreign = await call('POST', '/v1/send', other.live, {
      from: `a@${other.domain}`,
      to: 'b@example.net',
      template: 'mine',
    });
    expect(foreign.body.errors[0].detail).toContain('there is no template');
    expect((await call('POST', '/v1/send', 'pp_live_nothing', naming({ template: 'mine' }))).status).toBe(
      401,
    );
  });

  it('is answered once under an idempotency key, whatever became of the template', async () => {
    await made({ slug: 'once' });
    const body = { template: 'once', variables: { name: 'A' } };
    const first = await send(body, { 'Idempotency-Key': 't-1' });
    await api('DELETE', '/once');
    const second = await send(body, { 'Idempotency-Key': 't-1' });
    expect([second.status, second.body]).toEqual([202, first.body]);
    expect((await send({ ...body, variables: { name: 'B' } }, { 'Idempotency-Key': 't-1' })).status).toBe(
      409,
    );
  });

  it('in a batch has an answer of its own', async () => {
    await made({ slug: 'batched' });
    const { body } = await call('POST', '/v1/send/batch', account.live, [
      naming({ template: 'batched', variables: { name: 'A' } }),
      naming({ template: 'batched' }),
      mail(account),
    ]);
    expect(body.results ?? body.data ?? body).toMatchObject([
      { status: 'queued' },
      { code: 'invalid_body', errors: [{ pointer: '/1/variables/name' }] },
      { status: 'queued' },
    ]);
  });

  it('may have a layout around inline content', async () => {
    await made({ slug: 'around', type: 'layout', subject: '', html_body: '<main>{{{@content}}}</main>' });
    const { body } = await send({ subject: 'x', html_body: '<p>{{inline}}</p>', layout: 'around' });
    expect(await rawOf(body.message_id)).toContain('<main><p>{{inline}}</p></main>');
  });

  it('costs one round trip more, and a message without a template nothing', async () => {
    await made({ slug: 'priced' });
    await call('POST', '/v1/send', account.live, mail(account));
    const plain = costOf(await call('POST', '/v1/send', account.live, mail(account)));
    const templated = costOf(await send({ template: 'priced', variables: { name: 'A' } }));
    expect(plain.trips).toBe(2);
    expect(templated.trips).toBe(3);
    expect(templated.written).toBe(plain.written);
  });

  it('is rehearsed', async () => {
    await made({ slug: 'rehearsed' });
    const dry = await call(
      'POST',
      '/v1/send?dry_run=true',
      account.live,
      naming({ template: 'rehearsed', variables: { name: 'A' } }),
    );
    expect(dry.body).toMatchObject({ dry_run: true, would_send: true });
  });
});
