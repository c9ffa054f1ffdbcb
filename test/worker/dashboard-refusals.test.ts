import { beforeAll, describe, expect, it } from 'vitest';
import { numberOfUuid } from '#domain/number-id.ts';
import { access } from '../../worker/identity/access.ts';
import { Browser } from '../support/browser.ts';
import { totpOf } from '../support/totp.ts';
import { letInstallationMail, mailedSecret, newMember, setUpOwner } from './dashboard-support.ts';
import { bringMail, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { bindings, call, migrate, newAccount, request, type TestAccount } from './support.ts';
import { newEndpoint } from './webhook-support.ts';

/** Every form of the pages, with what is wrong in it: what is said, where, and what the form still has in it. */

interface BadForm {
  /** The path that it is posted to, as the table of access has it. */
  path: string;
  fields?: Record<string, string>;
  /** The fields that are at fault; none: it is the form as a whole. */
  at: string[];
  /** What was typed and stands there again. */
  keeps?: string[];
  /** Without a session. */
  stranger?: true;
}

const text = 'x'.repeat(400);
const forms: BadForm[] = [
  {
    path: '/sign-in',
    stranger: true,
    fields: { email: 'a@b.example', password: 'no' },
    at: ['password'],
    keeps: ['email'],
  },
  { path: '/sign-in/code', stranger: true, fields: { code: '000000' }, at: ['code'], keeps: ['code'] },
  { path: '/sign-in/link', stranger: true, fields: { email: 'nobody' }, at: ['email'], keeps: ['email'] },
  { path: '/sign-in/forgotten', stranger: true, fields: { email: '@' }, at: ['email'], keeps: ['email'] },
  { path: '/sign-in/open', stranger: true, fields: { token: 'x'.repeat(32) }, at: ['token'] },
  {
    path: '/sign-in/reset',
    stranger: true,
    fields: { token: 'x'.repeat(32), password: 'long enough words' },
    at: ['token'],
  },
  { path: '/sign-in/passkey', stranger: true, fields: { response: '{}' }, at: [] },
  { path: '/invitation', stranger: true, fields: { name: '', password: 'short' }, at: ['name', 'password'] },
  { path: '/sending/keys', fields: { name: '', scopes: 'send' }, at: ['name'] },
  { path: '/sending/keys', fields: { name: 'shop' }, at: ['scopes'], keeps: ['name'] },
  {
    path: '/sending/keys',
    fields: { name: 'shop', scopes: 'read', domain: 'elsewhere.example' },
    at: ['domain'],
    keeps: ['name'],
  },
  {
    path: '/sending/test',
    fields: { from: 'a@elsewhere.example', to: 'b@example.net' },
    at: ['from'],
    keeps: ['from', 'to'],
  },
  {
    path: '/sending/test',
    fields: { from: 'a@elsewhere.example', to: 'nobody' },
    at: ['to'],
    keeps: ['from', 'to'],
  },
  {
    path: '/domains',
    fields: { domain: 'not a domain', type: 'outbound' },
    at: ['domain'],
    keeps: ['domain'],
  },
  {
    path: '/domains/:id/dkim/selector',
    fields: { dkim_selector: '1.mail' },
    at: ['dkim_selector'],
    keeps: ['dkim_selector'],
  },
  {
    path: '/domains/:id/links',
    fields: { link_label: 'two.labels' },
    at: ['link_label'],
    keeps: ['link_label'],
  },
  {
    path: '/domains/:id/dkim/import',
    fields: { selector: 'own', private_key: 'a public one' },
    at: ['private_key'],
    keeps: ['selector'],
  },
  {
    path: '/domains/:id/routes',
    fields: { pattern: 'not one', action: 'drop' },
    at: ['pattern'],
    keeps: ['pattern'],
  },
  {
    path: '/domains/:id/routes',
    fields: { pattern: 'info', action: 'forward', addresses: 'nobody' },
    at: ['addresses'],
    keeps: ['addresses'],
  },
  {
    path: '/domains/:id/rules',
    fields: {
      name: '',
      priority: 'first',
      field0: 'subject',
      comparator0: 'matches',
      value0: '[',
      action: 'drop',
    },
    at: ['name', 'priority', 'value0'],
    keeps: ['field0', 'action'],
  },
  {
    path: '/received/:id/reply',
    fields: { from: 'me@elsewhere.example', to: 'b@example.net', text_body: 'Fine.' },
    at: ['from'],
    keeps: ['from', 'to', 'text_body'],
  },
  {
    path: '/aliases',
    fields: { address: 'postmaster', forward_to: 'one@home.example', description: 'shop' },
    at: ['address'],
    keeps: ['address', 'forward_to', 'description'],
  },
  {
    path: '/templates/new',
    fields: { type: 'layout', name: '', slug: 'No slug', description: 'for receipts' },
    at: ['name', 'slug'],
    keeps: ['type', 'slug', 'description'],
  },
  {
    path: '/templates/:id',
    fields: { name: '', slug: 'x', subject: 'Hi {{name}}', html_body: 'Hi', from: 'nobody', active: 'true' },
    at: ['name', 'slug', 'from'],
    keeps: ['slug', 'subject', 'html_body', 'from', 'active'],
  },
  {
    path: '/templates/:id',
    fields: { name: 'Receipt', slug: 'receipt', html_body: '{{#if name}}', layout: '' },
    at: ['html_body'],
    keeps: ['name', 'html_body'],
  },
  {
    path: '/templates/:id',
    fields: { name: 'Receipt', slug: 'receipt', html_body: 'Hi', variables: 'total: number = x' },
    at: ['variables'],
    keeps: ['variables'],
  },
  {
    path: '/templates/:id',
    fields: { name: 'Receipt', slug: 'receipt', html_body: 'Hi', declare: 'true', example: '[1' },
    at: ['example'],
    keeps: ['declare', 'html_body'],
  },
  {
    path: '/templates/:id/test',
    fields: { test_from: 'a@elsewhere.example', to: 'b@example.net', test_example: '{}' },
    at: ['test_example'],
    keeps: ['test_from', 'to'],
  },
  {
    path: '/templates/:id/test',
    fields: { test_from: 'a@elsewhere.example', to: 'b@example.net', test_example: '{"name":"Ann"}' },
    at: ['test_from'],
    keeps: ['to'],
  },
  {
    path: '/templates/:id/test',
    fields: { test_from: '', to: 'nobody', test_example: 'name' },
    at: ['test_example'],
  },
  {
    path: '/templates/:id/test',
    fields: { test_from: '', to: 'nobody', test_example: '{"name":"Ann"}' },
    at: ['to'],
  },
  {
    path: '/suppressions',
    fields: { email: 'nobody', note: 'why' },
    at: ['email'],
    keeps: ['email', 'note'],
  },
  { path: '/suppressions/import', at: ['file'] },
  {
    path: '/webhooks',
    fields: { url: 'nowhere', format: 'event', events: 'bounced', description: 'd' },
    at: ['url'],
    keeps: ['url', 'events', 'description'],
  },
  {
    path: '/webhooks/:id/replay',
    fields: { from: 'now', to: 'later' },
    at: ['from', 'to'],
    keeps: ['from', 'to'],
  },
  {
    path: '/settings/invitations',
    fields: { email: 'nobody', role: 'viewer' },
    at: ['email'],
    keeps: ['email', 'role'],
  },
  { path: '/settings/members/:id/role', fields: { role: 'king' }, at: ['role'] },
  {
    path: '/settings/mail',
    fields: { content_days: '9999', track_opens: 'true' },
    at: ['content_days'],
    keeps: ['content_days', 'track_opens'],
  },
  {
    path: '/profile/password',
    fields: { current: 'wrong', 'new-password': 'long enough words' },
    at: ['current'],
  },
  {
    path: '/profile/password',
    fields: { current: 'a long enough sentence', 'new-password': 'short' },
    at: ['new-password'],
  },
  { path: '/profile/two-factor', fields: { password: 'wrong' }, at: ['password'] },
  { path: '/profile/passkeys', fields: { name: '', response: '{}' }, at: ['name'] },
  { path: '/profile/passkeys', fields: { name: text, response: '{}' }, at: ['name'], keeps: ['name'] },
  { path: '/operator/accounts', fields: { name: text }, at: ['name'], keeps: ['name'] },
  { path: '/operator/nodes', fields: { node: text }, at: ['node'], keeps: ['node'] },
  {
    path: '/operator/transports',
    fields: { name: 'Not A Name', preset: 'smtp', host: 'relay.example', tls: 'none' },
    at: ['name'],
    keeps: ['name', 'host', 'tls'],
  },
  {
    path: '/operator/transports/rules',
    fields: { domain: 'no domain', class: 'digest', first: 'relay', second: 'direct' },
    at: ['domain'],
    keeps: ['domain', 'class', 'second'],
  },
  {
    path: '/operator/transports/domains',
    fields: { switched: 'no domain', by: 'direct' },
    at: ['switched'],
    keeps: ['switched', 'by'],
  },
  {
    path: '/operator/transports/domains',
    fields: { switched: '', by: 'relay' },
    at: ['switched'],
    keeps: ['by'],
  },
  { path: '/operator/system-mail', fields: { domain: 'elsewhere.example' }, at: ['domain'] },
];

/** Forms whose refusal another test below has, since something has to be there first. */
const toldBelow = [
  '/set-up',
  '/profile/two-factor/confirm',
  '/profile/two-factor/off',
  '/invitation/open',
  '/templates/:id/preview',
];

/** Buttons: nothing is typed, so nothing of it can be wrong. */
const buttons = [
  '/sign-in/passkey/options',
  '/sign-out',
  '/account',
  '/messages/:id/returned/:event/wrong',
  '/messages/:id/cancel',
  '/messages/:id/resend',
  '/sending/keys/:id/revoke',
  '/domains/:id/verify',
  '/domains/:id/vouch',
  '/domains/:id/dkim/delegate',
  '/domains/:id/dkim/rotate',
  '/domains/:id/dkim/:selector/retire',
  '/domains/:id/remove',
  '/domains/:id/routes/:route/remove',
  '/domains/:id/rules/:rule/remove',
  '/received/:id/replay',
  '/aliases/:id/state',
  '/aliases/:id/verify',
  '/aliases/:id/remove',
  '/templates/:id/versions/:version/publish',
  '/templates/:id/versions/:version/restore',
  '/templates/:id/remove',
  '/suppressions/remove',
  '/webhooks/:id/test',
  '/webhooks/:id/rotate',
  '/webhooks/:id/state',
  '/webhooks/:id/remove',
  '/webhook-deliveries/:id/replay',
  '/settings/invitations/:id/cancel',
  '/settings/members/:id/remove',
  '/profile/theme',
  '/profile/sessions/:id/end',
  '/profile/passkeys/options',
  '/profile/passkeys/:id/remove',
  '/operator/nodes/:nodeId/revoke',
  '/operator/nodes/:nodeId/submission',
  '/operator/transports/:name/pause',
  '/operator/transports/:name/remove',
  '/operator/transports/rules/remove',
  '/operator/check',
  '/operator/accounts/:id/join',
  '/operator/accounts/:id/suspend',
  '/operator/accounts/:id/resume',
];

const origin = 'https://api.test';
const password = 'a long enough sentence';
const newBrowser = () => new Browser(origin, (path, init) => request(path, init));
let account: TestAccount;
let owner: Browser;
let setUpRefused: Response;
const ids: Record<string, string> = {};

beforeAll(async () => {
  await migrate();
  // The first account there is becomes the operator's own.
  account = await newAccount();
  const internet = new Internet();
  setUpRefused = await newBrowser().post('/set-up', { code: 'AAAA-AAAA-AAAA', name: 'Olga', password });
  owner = await setUpOwner(newBrowser(), { email: 'root@people.example', password });
  await letInstallationMail(account);
  await owner.post('/operator/transports', { name: 'relay', preset: 'smtp', host: 'relay.example' });
  const domain = await newReceivingDomain(account, 'both');
  const { body } = await call('GET', `/v1/domains/${domain}`, account.live);
  await newReceivingDomain(account, 'alias');
  const email = await newMember(account, 'viewer');
  const member = await bindings.DB.prepare(
    'SELECT m.id FROM auth_members m JOIN auth_users u ON u.id = m.user_id WHERE u.email = ?',
  )
    .bind(email)
    .first<{ id: string }>();
  ids.domains = String(numberOfUuid('domain', body.id));
  ids.received = (await bringMail(`info@${domain}`, letterTo(`info@${domain}`))).id;
  ids.members = member?.id ?? '';
  const content = { name: 'Receipt', subject: 'Hi {{name}}', html_body: '<p>Hi {{name}}</p>' };
  const made = await call('POST', '/v1/templates', account.live, content);
  ids.templates = String(numberOfUuid('template', made.body.template.id));
  ids.webhooks = (await newEndpoint(account, internet)).id;
}, 60_000);

const filled = (path: string) =>
  path.replace(/\/([\w-]+)\/:id/, (_, kind: string) => `/${kind}/${ids[kind]}`);

/** Of a page the form that posts to a path and says that it was refused; with what each field has in it. */
function refusedForm(page: string, path: string) {
  const forms = page.match(/<form[^>]*>.*?<\/form>/gs) ?? [];
  const form = forms.find((one) => one.includes(`action="${path}`) && one.includes('id="refusal"')) ?? '';
  const anchor = /action="[^"#]*#([^"]*)"/.exec(form)?.[1];
  const invalid = [...form.matchAll(/<(?:input|select|textarea)[^>]*aria-invalid="true"[^>]*>/g)].map(
    ([tag]) => ({
      name: / name="([^"]*)"/.exec(tag)?.[1] ?? '',
      id: / id="([^"]*)"/.exec(tag)?.[1] ?? '',
      describedBy: (/ aria-describedby="([^"]*)"/.exec(tag)?.[1] ?? '').split(' '),
    }),
  );
  const has = (name: string, value: string) =>
    new RegExp(`name="${name}"[^>]* value="${value}"[^>]*>`).test(form) ||
    new RegExp(`<textarea[^>]* name="${name}"[^>]*>\\n?${value}`).test(form) ||
    new RegExp(`<select[^>]* name="${name}".*?<option value="${value}" selected="">`, 's').test(form);
  return { form, anchor, invalid, has };
}

function expectFaults(page: string, { path, at }: { path: string; at: string[] }) {
  const found = refusedForm(page, path);
  expect(found.form, 'the form says that it was refused').not.toBe('');
  expect(found.invalid.map(({ name }) => name).sort()).toEqual([...at].sort());
  for (const { id, describedBy } of found.invalid) {
    expect(describedBy).toContain(`${id}-fault`);
    expect(found.form).toMatch(new RegExp(`<span class="fault" id="${id}-fault">[^<]+<`));
  }
  for (const name of at)
    if (path !== filled('/settings/members/:id/role')) expect(found.form).toContain(`<a href="#${name}">`);
  if (at.length === 0) expect(found.form).toMatch(/id="refusal" tabindex="-1"><p>[^<]+/);
  // The browser goes to the block of the form; the pages of the door have that block alone.
  if (found.anchor !== undefined) expect(page).toContain(`id="${found.anchor}"`);
  else expect(page).toContain('class="door"');
  return found;
}

it('every form of the pages is told of here', () => {
  const posts = access
    .filter(
      ({ method, who }) =>
        method === 'POST' &&
        (who.surface === 'dashboard' || (who.surface === 'public' && who.limit === 'pages')),
    )
    .map(({ path }) => path);
  const known = new Set([...forms.map(({ path }) => path), ...toldBelow, ...buttons]);
  expect(posts.filter((path) => !known.has(path))).toEqual([]);
  expect([...known].filter((path) => !posts.includes(path))).toEqual([]);
});

describe('what is wrong in a form is said at its fields', () => {
  it.each(forms.map((form) => [form.path, form] as const))(
    '%s',
    async (_, { path, fields = {}, at, keeps = [], stranger }) => {
      let browser = owner;
      if (stranger) browser = newBrowser();
      if (path === '/invitation') {
        await owner.post('/settings/invitations', { email: 'invited@people.example', role: 'viewer' });
        await browser.post('/invitation/open', { token: await mailedSecret('invited@people.example') });
      }
      const more: Record<string, string> =
        path === '/aliases'
          ? {
              domain: /<option value="([^"]+)"/.exec(await (await browser.get('/aliases')).text())?.[1] ?? '',
            }
          : path === '/received/:id/reply'
            ? { once: crypto.randomUUID() }
            : {};
      const target = filled(path);
      const refused =
        path === '/suppressions/import'
          ? await browser.upload(target, { csv: '' })
          : await browser.post(target, { ...fields, ...more });
      expect([target, refused.status >= 400 && refused.status < 500]).toEqual([target, true]);
      const { has } = expectFaults(await refused.text(), { path: target, at });
      for (const name of keeps) expect([name, has(name, fields[name] ?? '')]).toEqual([name, true]);
    },
  );

  it('the set-up', async () => {
    expect(setUpRefused.status).toBe(403);
    const { has } = expectFaults(await setUpRefused.text(), { path: '/set-up', at: ['code'] });
    expect(has('name', 'Olga')).toBe(true);
  });

  it('an address that is tried', async () => {
    const refused = await owner.get(`${filled('/domains/:id/routes')}?to=a+b%40`);
    expect(refused.status).toBe(400);
    const { has } = expectFaults(await refused.text(), { path: filled('/domains/:id/routes'), at: ['to'] });
    expect(has('to', 'a b@')).toBe(true);
  });

  it('a code of the second factor, whose form still shows what the app scans', async () => {
    const begun = await owner.post('/profile/two-factor', { password });
    expect(begun.headers.get('Location')).toBe('/profile#totp');
    const page = await (await owner.get('/profile')).text();
    const sealed = /name="set-up" value="([^"]*)"/.exec(page)?.[1] ?? '';
    const uri = /otpauth:[^<]*/.exec(page)?.[0] ?? 'no address';
    const refused = await owner.post('/profile/two-factor/confirm', { code: '000000', 'set-up': sealed });
    const again = await refused.text();
    expectFaults(again, { path: '/profile/two-factor/confirm', at: ['code'] });
    expect(again).toContain(uri);
    expect(await (await owner.get('/profile')).text()).not.toContain('otpauth:');
    const secret = /secret=([A-Z2-7]+)/.exec(uri)?.[1] ?? '';
    const code = await totpOf(secret, Date.now());
    const stranger = newBrowser();
    await stranger.post('/sign-in', { email: 'root@people.example', password });
    const stolen = await stranger.post('/profile/two-factor/confirm', { code: '0', 'set-up': sealed });
    expect(await stolen.text()).not.toContain('otpauth:');
    await owner.post('/profile/two-factor/confirm', { code });
    const kept = await owner.post('/profile/two-factor/off', { password: 'wrong' });
    expectFaults(await kept.text(), { path: '/profile/two-factor/off', at: ['password'] });
  });

  it('a preview, in its frame', async () => {
    const typed = { subject: 'Hi', html_body: '{{name}} {{#if}}', variables: 'a b', example: '{' };
    const frame = await owner.post(filled('/templates/:id/preview'), typed);
    expect(await frame.text()).toMatch(/<b>(Example|Variables): <\/b>[^<]+/);
    const next = await owner.post(filled('/templates/:id/preview'), { ...typed, variables: '', example: '' });
    expect(await next.text()).toMatch(/<b>HTML: <\/b>[^<]+#if/);
  });

  it('an invitation that is over', async () => {
    const gone = await newBrowser().post('/invitation/open', { token: 'x' });
    expect([gone.status, (await gone.text()).includes('This invitation is over')]).toEqual([404, true]);
  });

  it('nothing is said of it on the page without the form', async () => {
    for (const path of ['/sending', '/settings', '/profile', '/operator', filled('/domains/:id/routes')])
      expect(await (await owner.get(path)).text()).not.toMatch(/id="refusal"|aria-invalid/);
  });

  it('a button says why not, where it stands', async () => {
    const path = filled('/domains/:id/verify');
    for (let i = 0; i < 10; i++) await owner.post(path);
    const refused = await owner.post(path);
    expect([refused.status, Number(refused.headers.get('Retry-After')) > 0]).toEqual([429, true]);
    expect(refusedForm(await refused.text(), path).form).toContain('10 times a minute at most');
  });
});
