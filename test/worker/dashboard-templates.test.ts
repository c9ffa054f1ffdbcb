import { beforeAll, describe, expect, it } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { Browser } from '../support/browser.ts';
import { acceptMailed, letInstallationMail, mailsTo, setUpOwner, textOf } from './dashboard-support.ts';
import { call, migrate, newAccount, request, type TestAccount } from './support.ts';

const origin = 'https://api.test';
const newBrowser = () => new Browser(origin, (path, init) => request(path, init));
let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(newBrowser(), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
  await letInstallationMail(account);
}, 60_000);

const pageOf = async (path: string, browser = owner) => await (await browser.get(path)).text();
const content = {
  name: 'Receipt',
  subject: 'Receipt for {{name}}',
  html_body: '<p>Dear {{name}},</p>\n{{#each items}}<p>{{title}}</p>{{/each}}',
};
const api = async (method: string, path: string, body?: unknown) =>
  (await call(method, `/v1/templates${path}`, account.live, body)).body;
/** The page of a new template. */
const made = async (more: object = {}): Promise<string> => {
  const { template } = await api('POST', '', { ...content, ...more });
  return `/templates/${numberOfUuid('template', template.id)}`;
};
/** What the form of a template has in it, as a browser posts it. */
const typed = (slug: string, more: Record<string, string> = {}) => ({
  name: content.name,
  slug,
  subject: content.subject,
  html_body: content.html_body.replaceAll('\n', '\r\n'),
  active: 'true',
  ...more,
});

describe('the list of templates', () => {
  it('tells of none, and then of each by its name, state and kind', async () => {
    expect(await textOf(await owner.get('/templates'))).toContain('No template yet');
    await made({ slug: 'listed', description: 'after paying' });
    await made({ slug: 'frame', name: 'Frame', type: 'layout', html_body: '{{{@content}}}', publish: false });
    const text = await textOf(await owner.get('/templates'));
    expect(text).toMatch(/Frame layoutframe.*draft.*Receipt listedafter paying.*version 1 published/);
    expect(await textOf(await owner.get('/templates?type=layout'))).not.toContain('after paying');
    expect(await textOf(await owner.get('/templates?q=nothing'))).toContain('Nothing matches');
  });
});

describe('a new template', () => {
  it('begins as a draft that can be looked at at once', async () => {
    for (const type of ['template', 'layout']) {
      const answer = await owner.post('/templates/new', { type, name: `First ${type}` });
      const place = answer.headers.get('Location') ?? '';
      expect(place).toMatch(/^\/templates\/\d+\?done=template-added$/);
      expect(await textOf(await owner.get(place))).toContain(`First ${type}`);
      const frame = await pageOf(place.replace(/\?.*/, '/html'));
      expect(frame).not.toContain('What is wrong');
      expect(frame).toMatch(type === 'layout' ? /The content stands here/ : /<li>title: price<\/li>/);
    }
    expect((await api('GET', '/first-template')).template).toMatchObject({ status: 'draft' });
  });

  it('whose slug is taken is told so at the field', async () => {
    await made({ slug: 'taken' });
    const page = await (
      await owner.post('/templates/new', { type: 'template', name: 'A', slug: 'taken' })
    ).text();
    expect(page).toMatch(/id="slug-fault">is taken/);
  });
});

describe('the page of a template', () => {
  it('has its content, an example made of what it reads, and a frame without scripts', async () => {
    const path = await made({ slug: 'seen', variables: [{ name: 'name', default: 'Ann' }] });
    const answer = await owner.get(path);
    expect(answer.headers.get('Content-Security-Policy')).not.toContain('unsafe');
    const page = await answer.text();
    expect(page).toContain('<textarea id="variables"');
    expect(page).toContain('name: string = &quot;Ann&quot;');
    expect(page).toMatch(/&quot;items&quot;: \[\s*{\s*&quot;title&quot;: &quot;title&quot;/);
    expect(page).toContain(`sandbox="" src="${path}/html"`);
    const frame = await owner.get(`${path}/html`);
    expect(frame.headers.get('Content-Security-Policy')).toMatch(/^sandbox; default-src 'none'/);
    expect(await frame.text()).toBe('<p>Dear Ann,</p>\n<p>title</p>');
    expect(await pageOf(`${path}/html?view=text`)).toContain('Dear Ann,');
  });

  it('saves a draft, and publishes; what is not changed makes no version', async () => {
    const path = await made({ slug: 'saved' });
    const saved = await owner.post(path, typed('saved', { subject: 'Bill', variables: 'name = Ann' }));
    expect(saved.headers.get('Location')).toBe(`${path}?done=template-saved`);
    expect((await api('GET', '/saved')).template).toMatchObject({
      version: 2,
      published_version: 1,
      subject: 'Bill',
      html_body: content.html_body,
      variables: [{ name: 'name', type: 'string', default: 'Ann' }],
    });
    expect(await textOf(await owner.get(path))).toContain('newer version not published');
    const same = typed('saved', { subject: 'Bill', variables: 'name = Ann', publish: 'true' });
    const published = await owner.post(path, same);
    expect(published.headers.get('Location')).toBe(`${path}?done=template-published`);
    await owner.post(path, { ...same, publish: '', name: 'Renamed' });
    expect((await api('GET', '/saved')).template).toMatchObject({
      name: 'Renamed',
      version: 2,
      published_version: 2,
      has_draft: false,
    });
  });

  it('declares what the example has', async () => {
    const path = await made({ slug: 'declared' });
    const example = JSON.stringify({ name: 'Ann', items: [], paid: true, total: 1.5, shop: { name: 'x' } });
    await owner.post(path, typed('declared', { variables: 'name', declare: 'true', example }));
    expect((await api('GET', '/declared')).template.variables).toEqual([
      { name: 'name', type: 'string' },
      { name: 'items', type: 'list' },
      { name: 'paid', type: 'boolean' },
      { name: 'total', type: 'number' },
      { name: 'shop', type: 'object' },
    ]);
  });

  it('puts a layout around it, whose own variables are in the example', async () => {
    await made({ slug: 'around', type: 'layout', html_body: '<i>{{shop}}</i>{{{@content}}}' });
    const path = await made({ slug: 'inside', html_body: '<b>in</b>' });
    await owner.post(path, typed('inside', { html_body: '<b>in</b>', layout: 'around' }));
    expect(await pageOf(path)).toContain('&quot;shop&quot;: &quot;shop&quot;');
    expect(await pageOf(`${path}/html`)).toBe('<i>shop</i><b>in</b>');
  });

  it('is not there for another account, and not for what is no id', async () => {
    const { template } = (await call('POST', '/v1/templates', (await newAccount()).live, content)).body;
    const foreign = `/templates/${numberOfUuid('template', template.id)}`;
    for (const path of [foreign, '/templates/999999', '/templates/nothing'])
      for (const [method, place] of [
        ['get', ''],
        ['get', '/html'],
        ['get', '/versions'],
        ['post', ''],
        ['post', '/preview'],
        ['post', '/test'],
        ['post', '/versions/1/publish'],
        ['post', '/versions/1/restore'],
        ['post', '/remove'],
      ] as const)
        expect([place, (await owner[method](path + place)).status]).toEqual([place, 404]);
  });

  it('is taken away; a layout in use is not, and says why', async () => {
    const layout = await made({ slug: 'held', type: 'layout', html_body: '{{{@content}}}' });
    const path = await made({ slug: 'holder', layout: 'held' });
    const refused = await owner.post(`${layout}/remove`);
    expect([refused.status, await textOf(refused)]).toEqual([409, expect.stringContaining('is around 1')]);
    expect((await owner.post(`${path}/remove`)).headers.get('Location')).toBe(
      '/templates?done=template-removed',
    );
    expect((await owner.get(path)).status).toBe(404);
  });
});

describe('a preview of what is typed', () => {
  const preview = async (path: string, more: Record<string, string>) =>
    await owner.post(`${path}/preview`, { subject: 'Hi {{name}}', html_body: '<p>{{name}}</p>', ...more });

  it('is the mail in the frame, or its text', async () => {
    const path = await made({ slug: 'typed' });
    const example = '{"name": "<Bo>"}';
    const frame = await preview(path, { example });
    expect(frame.headers.get('Content-Security-Policy')).toMatch(/^sandbox; .*frame-ancestors 'self'$/);
    expect(await frame.text()).toBe('<p>&lt;Bo&gt;</p>');
    const text = await (await preview(path, { example, text_body: 'Dear {{name}}', view: 'text' })).text();
    expect(text).toContain('Dear &lt;Bo&gt;</pre>');
    const defaults = await preview(path, { variables: 'name: string = "Cy"' });
    expect(await defaults.text()).toBe('<p>Cy</p>');
    expect((await api('GET', '/typed')).template.html_body).toBe(content.html_body);
  });

  it.each<[Record<string, string>, string, RegExp]>([
    [{}, 'example', /is missing.*name/],
    [{ example: '{\n"name": }' }, 'example', /^is not JSON on line 2, column 9: unexpected token/],
    [{ example: '["name"]' }, 'example', /must be an object/],
    [{ example: '{"name": 1}', variables: 'name' }, 'example', /must be a string/],
    [{ variables: 'name: text' }, 'variables', /^Line 1: the type must be one of string/],
    [{ variables: 'a\n\na' }, 'variables', /must name each variable once/],
    [{ variables: 'a\nb,c' }, 'variables', /^Line 2: must be a name/],
    [{ html_body: '{{#if name}}' }, 'html_body', /Handlebars/],
    [{ subject: '{{#if}}' }, 'subject', /#if/],
    [{ html_body: '' }, 'html_body', /required/],
    [{ layout: 'nothing' }, 'layout', /there is no layout/],
  ])('of %j tells the script of the fault at %s', async (more, field, detail) => {
    const path = await made({ slug: `fault-${crypto.randomUUID()}` });
    const answer = await preview(path, { ...more, answer: 'json' });
    expect(await answer.json()).toMatchObject({ faults: [{ field, detail: expect.stringMatching(detail) }] });
  });

  it('tells the script the subject', async () => {
    const path = await made({ slug: 'subject' });
    const answer = await preview(path, { example: '{"name":"Ann"}', answer: 'json' });
    expect(await answer.json()).toMatchObject({ faults: [], subject: 'Hi Ann' });
  });
});

describe('the versions of a template', () => {
  it('are told with what each changed, and one can go back or go on from one', async () => {
    const path = await made({ slug: 'versions' });
    await api('PATCH', '/versions', {
      html_body: content.html_body.replace('Dear', 'Hello'),
      publish: false,
    });
    await api('PATCH', '/versions', { publish: true });
    await api('PATCH', '/versions', { subject: 'Bill', publish: false });
    const text = await textOf(await owner.get(`${path}/versions`));
    expect(text).toMatch(/3.*draft.*2.*published.*1.*earlier/);
    expect(text).toMatch(/Version 2 and version 3.*Subject.*−Receipt for {{name}}.*\+Bill/);
    const page = await pageOf(`${path}/versions?from=1&to=2`);
    expect(page).toContain('<del>&lt;p&gt;<mark>Dear</mark> {{name}},');
    expect(page).toContain('<ins>&lt;p&gt;<mark>Hello</mark> {{name}},');
    expect(page).not.toContain('<h3>Subject</h3>');
    expect(await textOf(await owner.get(`${path}/versions?from=2&to=2`))).toContain('They say the same');
    const back = await owner.post(`${path}/versions/1/publish`);
    expect(back.headers.get('Location')).toBe(`${path}/versions?done=template-published`);
    expect((await api('GET', '/versions')).template.published_version).toBe(1);
    await owner.post(`${path}/versions/2/restore`);
    expect((await api('GET', '/versions')).template).toMatchObject({
      subject: content.subject,
      html_body: content.html_body.replace('Dear', 'Hello'),
      published_version: 1,
    });
    for (const version of ['9', 'x'])
      expect((await owner.post(`${path}/versions/${version}/restore`)).status).toBe(404);
    expect(await pageOf(`${path}/html?version=1`)).toContain('Dear');
  });
});

describe('a test', () => {
  it('is sent with the example, from who is typed', async () => {
    const path = await made({ slug: 'tested' });
    const sent = await owner.post(`${path}/test`, {
      test_from: `shop@${account.domain}`,
      to: 'tested@example.net',
      test_example: '{"name":"Ann","items":[{"title":"Tea"}]}',
    });
    expect(sent.headers.get('Location')).toMatch(/^\/messages\/[\w-]+\?done=sent$/);
    const [mail] = await mailsTo('tested@example.net');
    expect([mail?.subject, mail?.html]).toEqual(['[Test] Receipt for Ann', expect.stringContaining('Tea')]);
  });
});

describe('who may', () => {
  it('a viewer looks at templates and changes none', async () => {
    const path = await made({ slug: 'viewed', variables: [{ name: 'name' }] });
    const email = 'viewer@people.example';
    await owner.post('/settings/invitations', { email, role: 'viewer' });
    const viewer = newBrowser();
    await acceptMailed(viewer, email, { name: 'Vic', password: 'a long enough sentence' });
    const page = await pageOf(path, viewer);
    expect(page).toContain('id="source-html"');
    expect(page).not.toMatch(/<textarea|data-preview/);
    expect(await pageOf(`${path}/versions`, viewer)).not.toContain('/publish"');
    expect((await viewer.get(`${path}/html`)).status).toBe(200);
    expect((await viewer.get('/templates/new')).status).toBe(403);
    expect((await viewer.post(`${path}/preview`, { html_body: 'x' })).status).toBe(403);
  });

  it('what is done stands in the audit log', async () => {
    const path = await made({ slug: 'audited' });
    await owner.post(path, typed('audited', { subject: 'x' }));
    await owner.post(`${path}/versions/1/publish`);
    await owner.post(`${path}/remove`);
    const text = await textOf(await owner.get('/audit'));
    expect(text).toMatch(/template removed.*audited.*template published.*audited.*template changed.*audited/);
  });
});
