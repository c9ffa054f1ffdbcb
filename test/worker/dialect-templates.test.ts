import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  call,
  costOf,
  migrate,
  newAccount,
  newKey,
  rawOf,
  type TestAccount,
} from './support.ts';

let account: TestAccount;
let from: string;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  from = `shop@${account.domain}`;
});

const api = async (method: string, path: string, body?: unknown) =>
  await call(method, `/v1${path}`, account.live, body);

describe('Postmark’s templates', () => {
  const ask = async (method: string, path: string, body?: unknown, key = account.live) =>
    await call(method, `/postmark${path}`, key, body);
  const made = async (more: object = {}): Promise<Answer> => {
    const { status, body } = await ask('POST', '/templates/', {
      Name: 'Receipt',
      Subject: 'Your receipt, {{name}}',
      HtmlBody: '<p>Dear {{name}}</p>',
      TextBody: 'Dear {{name}}',
      ...more,
    });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  };
  const sent = (more: object) => ({ From: from, To: 'user@example.net', ...more });

  it('are made, read, listed, changed and removed, by number and by alias', async () => {
    const short = {
      TemplateId: expect.any(Number),
      Name: 'Receipt',
      Active: true,
      Alias: 'order-receipt',
      TemplateType: 'Standard',
      LayoutTemplate: null,
    };
    const template = await made({ Alias: 'Order_Receipt', LayoutTemplate: null });
    expect(template).toEqual(short);
    const full = {
      ...short,
      TemplateId: template.TemplateId,
      Subject: 'Your receipt, {{name}}',
      HtmlBody: '<p>Dear {{name}}</p>',
      TextBody: 'Dear {{name}}',
      AssociatedServerId: account.id,
    };
    for (const id of [template.TemplateId, 'order-receipt', 'Order_Receipt'])
      expect((await ask('GET', `/templates/${id}`)).body).toEqual(full);
    expect((await ask('GET', '/templates?count=10&offset=0')).body).toEqual({
      TotalCount: 1,
      Templates: [template],
    });
    expect((await ask('GET', '/templates?count=10&offset=0&templateType=Layout')).body.TotalCount).toBe(0);
    const changed = await ask('PUT', `/templates/${template.TemplateId}`, { Name: 'Bill', TextBody: '' });
    expect(changed).toMatchObject({ status: 200, body: { ...short, Name: 'Bill' } });
    expect((await ask('GET', '/templates/order-receipt')).body).toMatchObject({
      Name: 'Bill',
      HtmlBody: full.HtmlBody,
      TextBody: null,
    });
    expect((await ask('DELETE', `/templates/${template.TemplateId}`)).body).toEqual({
      ErrorCode: 0,
      Message: `Template ${template.TemplateId} removed.`,
    });
    expect(await ask('GET', '/templates/order-receipt')).toMatchObject({
      status: 422,
      body: { ErrorCode: 1101 },
    });
  });

  it('need no alias, and may have the same name', async () => {
    const [first, second] = [await made({ Name: 'Twice' }), await made({ Name: 'Twice' })];
    expect([first.Alias, second.Alias]).toEqual(['twice', expect.stringMatching(/^twice-[0-9a-z]+$/)]);
    expect((await made({ Name: 'Счёт', Alias: '' })).Alias).toMatch(/^template/);
  });

  it('have layouts around them', async () => {
    const layout = await made({
      Name: 'Frame',
      Subject: '',
      HtmlBody: '<main>{{{@content}}}<i>{{shop}}</i></main>',
      TextBody: '{{{@content}}}--{{shop}}',
      Alias: 'frame',
      TemplateType: 'Layout',
    });
    expect(layout).toMatchObject({ TemplateType: 'Layout', LayoutTemplate: null });
    const framed = await made({ Name: 'Framed', LayoutTemplate: 'frame' });
    expect(framed.LayoutTemplate).toBe('frame');
    const listed = await ask('GET', '/templates?count=10&offset=0&layoutTemplate=frame');
    expect(listed.body).toEqual({ TotalCount: 1, Templates: [framed] });
    const { body } = await ask(
      'POST',
      '/email/withTemplate',
      sent({ TemplateId: framed.TemplateId, TemplateModel: { name: 'Ann', shop: 'Us' }, InlineCss: true }),
    );
    const raw = await rawOf(body.MessageID);
    expect(raw).toContain('<main><p>Dear Ann</p><i>Us</i></main>');
    expect(raw).toContain('Dear Ann--Us');
    expect(await ask('DELETE', '/templates/frame')).toMatchObject({ status: 422, body: { ErrorCode: 1130 } });
    const off = await ask('PUT', '/templates/framed', { LayoutTemplate: null });
    expect(off.body.LayoutTemplate).toBeNull();
    expect((await ask('DELETE', '/templates/frame')).status).toBe(200);
  });

  it('are sent as they are published, and a change goes on top of that', async () => {
    const { TemplateId } = await made({ Alias: 'drafted' });
    await api('PATCH', '/templates/drafted', { subject: 'Draft', publish: false });
    expect((await ask('GET', '/templates/drafted')).body.Subject).toBe('Your receipt, {{name}}');
    await ask('PUT', `/templates/${TemplateId}`, { HtmlBody: '<b>{{name}}</b>' });
    const { body } = await ask(
      'POST',
      '/email/withTemplate/',
      sent({ TemplateAlias: 'Drafted', TemplateModel: { name: 'Zoë' }, Tag: 'bill' }),
    );
    expect(body).toMatchObject({ ErrorCode: 0, Message: 'OK', To: 'user@example.net' });
    expect(await rawOf(body.MessageID)).toContain('<b>Zo=C3=AB</b>');
    const told = (await api('GET', `/emails/${body.MessageID}`)).body;
    expect(told).toMatchObject({ subject: 'Your receipt, Zoë', tags: ['bill'], template: { version: 2 } });
  });

  it('are sent in a batch, with an answer each', async () => {
    await made({ Alias: 'batched' });
    const answer = await ask('POST', '/email/batchWithTemplates', {
      Messages: [
        sent({ TemplateAlias: 'batched', TemplateModel: { name: 'A' } }),
        sent({ TemplateAlias: 'batched', TemplateModel: {} }),
        sent({ TemplateAlias: 'nothing', TemplateModel: {} }),
        sent({ TemplateModel: {} }),
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual([
      expect.objectContaining({ ErrorCode: 0, MessageID: expect.any(String) }),
      { ErrorCode: 300, Message: "Invalid 'TemplateModel.name': is missing: the template has {{name}}." },
      { ErrorCode: 1101, Message: "Invalid 'TemplateAlias': there is no template “nothing”." },
      {
        ErrorCode: 1101,
        Message: "Invalid 'TemplateId': is required: name the template by TemplateId or TemplateAlias.",
      },
    ]);
  });

  it.each<[string, object, number, RegExp]>([
    ['/templates', { Subject: 's', TextBody: 't' }, 1120, /'Name'/],
    ['/templates', { Name: 'n', TextBody: 't' }, 1120, /'Subject'/],
    ['/templates', { Name: 'n', Subject: 's' }, 1120, /'HtmlBody'/],
    ['/templates', { Name: 'x'.repeat(200), Subject: 's', TextBody: 't' }, 1121, /'Name'/],
    ['/templates', { Name: 'n', Subject: 's', TextBody: '{{#if a}}' }, 1122, /'TextBody': is not Handlebars/],
    ['/templates', { Name: 'n', Subject: 's', TextBody: 't', Alias: 'taken' }, 1122, /taken/],
    ['/templates', { Name: 'n', Subject: 's', TextBody: 't', TemplateType: 'Other' }, 1122, /'TemplateType'/],
    [
      '/templates',
      { Name: 'n', Subject: 's', TextBody: 't', LayoutTemplate: 'no' },
      1101,
      /'LayoutTemplate'/,
    ],
    ['/templates', { Name: 'n', HtmlBody: '<p>', TemplateType: 'Layout' }, 1131, /'HtmlBody'/],
    ['/templates', { Name: 'n', Subject: 's', HtmlBody: '<p>', TemplateType: 'Layout' }, 1123, /'Subject'/],
    ['/email', { From: 'a@b.example', TemplateId: 1 }, 300, /'TemplateId'/],
    ['/email/withTemplate', { TemplateAlias: 'taken', HtmlBody: '<p>' }, 1123, /'HtmlBody'/],
    ['/email/withTemplate', { TemplateAlias: 'taken', TemplateId: 1 }, 1123, /TemplateId/],
    ['/email/withTemplate', { TemplateAlias: 'taken', TemplateModel: [] }, 300, /'TemplateModel'/],
  ])('%s refuses %j', async (path, body, code, said) => {
    if ((await ask('GET', '/templates/taken')).status !== 200) await made({ Alias: 'taken' });
    const answer = await ask('POST', path, path === '/templates' ? body : sent(body));
    expect([answer.status, answer.body]).toEqual([
      422,
      { ErrorCode: code, Message: expect.stringMatching(said) },
    ]);
  });

  it('are validated, with a model that fits', async () => {
    await made({
      Name: 'Foot',
      Alias: 'foot',
      Subject: '',
      HtmlBody: '<i>{{{@content}}}{{foot}}</i>',
      TextBody: '',
      TemplateType: 'Layout',
    });
    const { body } = await ask('POST', '/templates/validate', {
      Subject: '{{subject}} of {{company.name}}',
      HtmlBody: '{{#each products}}<b>{{name}}{{../shop}}</b>{{/each}}{{^competitors}}none{{/competitors}}',
      TextBody: 'Total {{#if total}}{{total.sum}}{{/if',
      TestRenderModel: { shop: 'Us', products: [{ name: 'A&B' }], competitors: false },
      LayoutTemplate: 'foot',
    });
    expect(body).toEqual({
      AllContentIsValid: false,
      Subject: { ContentIsValid: true, ValidationErrors: [], RenderedContent: 'subject_Value of name_Value' },
      HtmlBody: {
        ContentIsValid: true,
        ValidationErrors: [],
        RenderedContent: '<i><b>A&amp;BUs</b>nonefoot_Value</i>',
      },
      TextBody: {
        ContentIsValid: false,
        ValidationErrors: [{ Message: expect.stringContaining('line 1'), Line: 1, CharacterPosition: 0 }],
        RenderedContent: '',
      },
      SuggestedTemplateModel: {
        subject: 'subject_Value',
        company: { name: 'name_Value' },
        products: [{ name: 'A&B' }],
        shop: 'Us',
        competitors: false,
        foot: 'foot_Value',
      },
    });
    const layout = await ask('POST', '/templates/validate', { HtmlBody: '<p>', TemplateType: 'Layout' });
    expect(layout.body).toMatchObject({ AllContentIsValid: false, HtmlBody: { ContentIsValid: false } });
    const list = await ask('POST', '/templates/validate', { TextBody: '{{#each a}}{{b}}{{/each}}' });
    expect(list.body.SuggestedTemplateModel).toEqual({ a: Array(3).fill({ b: 'b_Value' }) });
    expect(await ask('POST', '/templates/validate', {})).toMatchObject({
      status: 422,
      body: { ErrorCode: 1120 },
    });
  });

  it('are pushed nowhere else', async () => {
    const push = async (to: number) =>
      await ask('PUT', '/templates/push', {
        SourceServerID: account.id,
        DestinationServerID: to,
        PerformChanges: true,
      });
    expect(await push(account.id)).toMatchObject({ status: 200, body: { TotalCount: 0, Templates: [] } });
    expect(await push(7)).toMatchObject({ status: 422, body: { ErrorCode: 601 } });
  });

  it('are for keys that may', async () => {
    const read = (await newKey(account, { scopes: ['read'] })).secret;
    expect((await ask('GET', '/templates?count=1&offset=0', undefined, read)).status).toBe(200);
    expect(await ask('POST', '/templates', { Name: 'n' }, read)).toMatchObject({
      status: 401,
      body: { ErrorCode: 10 },
    });
  });
});

describe('Resend’s templates', () => {
  const ask = async (method: string, path: string, body?: unknown, headers = {}) =>
    await call(method, `/resend${path}`, account.live, body, headers);
  const made = async (more: object = {}): Promise<string> => {
    const { status, body } = await ask('POST', '/templates', {
      name: 'Order',
      subject: 'Order {{{NUMBER}}}',
      html: '<p>{{{PRODUCT}}}: {{{PRICE}}}</p>',
      variables: [
        { key: 'PRODUCT', type: 'string', fallback_value: 'item' },
        { key: 'PRICE', type: 'number', fallback_value: 25 },
        { key: 'NUMBER', type: 'number', fallback_value: null },
      ],
      ...more,
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.id;
  };
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;

  it('are drafts until they are published; made, read, listed, changed, copied, removed', async () => {
    const id = await made({ alias: 'Order Confirmation', reply_to: 'help@elsewhere.example', from });
    const full = {
      object: 'template',
      id,
      name: 'Order',
      alias: 'order-confirmation',
      status: 'draft',
      from,
      reply_to: ['help@elsewhere.example'],
      subject: 'Order {{{NUMBER}}}',
      html: '<p>{{{PRODUCT}}}: {{{PRICE}}}</p>',
      text: null,
      published_at: null,
      created_at: expect.stringMatching(time),
      updated_at: expect.stringMatching(time),
      has_unpublished_versions: true,
      current_version_id: '1',
      variables: [
        { key: 'PRODUCT', type: 'string', fallback_value: 'item' },
        { key: 'PRICE', type: 'number', fallback_value: 25 },
        { key: 'NUMBER', type: 'number', fallback_value: null },
      ].map((one) => ({ ...one, created_at: expect.any(String), updated_at: expect.any(String) })),
    };
    expect((await ask('GET', `/templates/${id}`)).body).toEqual(full);
    const draft = await ask('POST', '/emails', { to: 'user@example.net', template: { id } });
    expect([draft.status, draft.body]).toEqual([
      422,
      {
        statusCode: 422,
        name: 'validation_error',
        message:
          'Invalid `template.id` field: the template “order-confirmation” has no published version; publish one.',
      },
    ]);
    expect((await ask('POST', '/templates/order-confirmation/publish')).body).toEqual({
      object: 'template',
      id,
    });
    expect(
      (await ask('PATCH', `/templates/${id}`, { name: 'Orders', html: '<i>{{{PRICE}}}</i>' })).body,
    ).toEqual({
      object: 'template',
      id,
    });
    expect((await ask('GET', `/templates/${id}`)).body).toMatchObject({
      name: 'Orders',
      html: '<i>{{{PRICE}}}</i>',
      status: 'published',
      published_at: expect.stringMatching(time),
      has_unpublished_versions: true,
    });
    const copy = (await ask('POST', `/templates/${id}/duplicate`)).body;
    expect(copy).toEqual({ object: 'template', id: expect.any(String) });
    expect((await ask('GET', `/templates/${copy.id}`)).body).toMatchObject({
      name: 'Orders (Copy)',
      alias: 'orders-copy',
      html: '<i>{{{PRICE}}}</i>',
      status: 'draft',
      from,
    });
    const page = (await ask('GET', '/templates?limit=1')).body;
    expect(page).toMatchObject({
      object: 'list',
      has_more: true,
      data: [{ id: copy.id, published_at: null }],
    });
    const next = (await ask('GET', `/templates?limit=1&after=${copy.id}`)).body;
    expect(next.data).toEqual([
      {
        id,
        name: 'Orders',
        alias: 'order-confirmation',
        status: 'published',
        published_at: expect.stringMatching(time),
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ]);
    expect((await ask('DELETE', `/templates/${copy.id}`)).body).toEqual({
      object: 'template',
      id: copy.id,
      deleted: true,
    });
    expect(await ask('GET', `/templates/${copy.id}`)).toMatchObject({
      status: 404,
      body: { name: 'not_found' },
    });
  });

  it('are sent with variables, one by one and in batches', async () => {
    const id = await made({ name: 'Sent', from: `Shop <${from}>` });
    await ask('POST', `/templates/${id}/publish`);
    const message = (more: object = {}) => ({
      to: ['user@example.net'],
      template: { id: 'Sent', variables: { PRODUCT: 'Vintage', NUMBER: 7, ...more } },
    });
    const one = await ask('POST', '/emails', message());
    expect(one.status).toBe(200);
    const raw = await rawOf(one.body.id);
    expect(raw).toContain('Subject: Order 7');
    expect(raw).toContain('<p>Vintage: 25</p>');
    expect(raw).toContain('Vintage: 25\r\n');
    expect(raw).toContain(`From: Shop <${from}>`);
    const own = await ask('POST', '/emails', { ...message(), subject: 'Own', from });
    expect(await rawOf(own.body.id)).toContain('Subject: Own');
    const bad = { ...message(), template: { id, variables: {} } };
    const strict = await ask('POST', '/emails/batch', [message(), bad]);
    expect([strict.status, strict.body.message]).toEqual([
      422,
      'Invalid `[1].template.variables.NUMBER` field: is missing: the template needs NUMBER, a number.',
    ]);
    const permissive = await ask('POST', '/emails/batch', [message(), bad], {
      'x-batch-validation': 'permissive',
    });
    expect(permissive.body).toEqual({
      data: [{ id: expect.any(String) }],
      errors: [{ index: 1, message: expect.stringContaining('template.variables.NUMBER') }],
    });
  });

  it('answer once under an idempotency key, whatever became of the template', async () => {
    const id = await made({ name: 'Once', from });
    await ask('POST', `/templates/${id}/publish`);
    const body = { to: 'user@example.net', template: { id, variables: { NUMBER: 1 } } };
    const first = await ask('POST', '/emails', body, { 'Idempotency-Key': 'once' });
    await ask('DELETE', `/templates/${id}`);
    expect((await ask('POST', '/emails', body, { 'Idempotency-Key': 'once' })).body).toEqual(first.body);
  });

  it('cost one round trip more, and a message without one nothing', async () => {
    const id = await made({ name: 'Priced', from });
    await ask('POST', `/templates/${id}/publish`);
    const plain = { from, to: 'user@example.net', subject: 's', text: 't' };
    await ask('POST', '/emails', plain);
    const costs = [plain, { to: 'user@example.net', template: { id, variables: { NUMBER: 1 } } }].map(
      async (body) => costOf(await ask('POST', '/emails', body)).trips,
    );
    expect(await Promise.all(costs)).toEqual([2, 3]);
  });

  it.each<[string, object, RegExp]>([
    ['/templates', { html: '<p>' }, /^Missing `name` field\.$/],
    ['/templates', { name: 'n' }, /`html`/],
    ['/templates', { name: 'n', html: '{{#if a}}' }, /`html` field: is not Handlebars/],
    ['/templates', { name: 'n', html: '<p>', colour: 1 }, /`colour` field: there is no such field/],
    [
      '/templates',
      { name: 'n', html: '<p>', variables: [{ key: 'A', type: 'number', fallback_value: 'x' }] },
      /`variables\[0\]\.fallback_value` field: must be a number/,
    ],
    ['/templates', { name: 'n', html: '<p>', variables: [{ key: 'A B' }] }, /`variables\[0\]\.key` field/],
    ['/emails', { template: 'welcome' }, /`template\.id` field: must be the id or the alias/],
    ['/emails', { template: { id: 'nothing' } }, /`template\.id` field: there is no template “nothing”/],
    ['/emails', { template: { id: 'x', more: 1 } }, /`template\.more` field: there is no such field/],
    ['/emails', { template: { id: 'nothing', variables: 7 } }, /`template\.variables` field/],
  ])('%s refuses %j', async (path, body, said) => {
    const answer = await ask('POST', path, path === '/emails' ? { to: 'a@example.net', ...body } : body);
    expect([answer.status, answer.body.message]).toEqual([422, expect.stringMatching(said)]);
  });
});
