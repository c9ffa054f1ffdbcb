import { beforeAll, describe, expect, it } from 'vitest';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain } from './received-support.ts';
import { Internet } from './receiver.ts';
import { bindings, call, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

let browser: Browser;
let account: TestAccount;
let domain: string;
let id: string;

beforeAll(async () => {
  await migrate();
  new Internet();
  browser = new Browser('https://api.test', (path, init) => request(path, init));
  await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
  const row = await bindings.DB.prepare('SELECT min(id) AS id FROM accounts WHERE id > 0').first<{
    id: number;
  }>();
  const made = await newAccount();
  const { body } = await call(
    'POST',
    `/admin/v1/accounts/${row?.id}/credentials`,
    bindings.OPERATOR_TOKEN,
    {},
  );
  account = { ...made, id: row?.id ?? 0, live: body.secret };
  domain = await newReceivingDomain(account);
  const html = ['MIME-Version: 1.0', 'Content-Type: text/html', 'X-Mark: <b>bold</b>'];
  const to = `info@${domain}`;
  ({ id } = await bringMail(to, letterTo(to, html, '<script>alert(1)</script><p>Hello</p>')));
});

const page = async (path: string) => {
  const response = await browser.get(path);
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('the page Received', () => {
  it('lists what came, and is searched', async () => {
    const { text } = await page('/received');
    expect(text).toContain(`href="/received/${id}"`);
    expect(text).toContain('Grüße');
    expect((await page('/received?q=gr%C3%BC%C3%9Fe')).text).toContain(id);
    expect((await page('/received?subject=nothing')).text).toContain('Nothing matches');
    expect((await page('/received?status=failed')).text).not.toContain(id);
  });

  it('shows a mail with its verdicts, its fields as text, and why it was routed so', async () => {
    const { text } = await page(`/received/${id}`);
    expect(text).toContain('By <strong>rule *</strong>');
    expect(text).toContain('ann@people.example from 192.0.2.7 (mx.people.example), over TLS');
    expect(text).toContain('X-Mark: &lt;b&gt;bold&lt;/b&gt;');
    expect(text).not.toContain('<script>alert');
    for (const check of ['SPF', 'DKIM', 'DMARC', 'ARC', 'Reverse DNS'])
      expect(text).toContain(`<td>${check}</td>`);
    expect(text).not.toContain('<td>Spam</td>');
  });

  it('shows what rspamd said, where it was asked', async () => {
    const to = `spam@${domain}`;
    const spam = { score: 7.3, action: 'add header', symbols: ['BAYES_SPAM', 'MIME_GOOD'] };
    const mail = await bringMail(to, letterTo(to), { verdicts: { ...noVerdicts, spam } });
    const { text } = await page(`/received/${mail.id}`);
    expect(text).toContain('<td>Spam</td>');
    expect(text).toContain('add header');
    expect(text).toContain('score 7.3: BAYES_SPAM, MIME_GOOD');
    const { body } = await call('GET', `/v1/inbound-emails/${mail.id}`, account.live);
    expect(body.email.spam).toEqual(spam);
  });

  it('shows its HTML in a frame that runs and fetches nothing, and gives it as it came', async () => {
    const framed = await page(`/received/${id}/html`);
    expect(framed.headers.get('Content-Security-Policy')).toMatch(/^sandbox; default-src 'none'/);
    const raw = await page(`/received/${id}/raw`);
    expect(raw.headers.get('Content-Disposition')).toBe(`attachment; filename="${id}.eml"`);
    expect(raw.text).toContain('<script>alert(1)</script>');
    expect((await page('/received/0')).status).toBe(404);
  });

  it('gives mails and what is in them as files only, by every route that has them', async () => {
    const to = `files@${domain}`;
    const parts = [
      '--b\r\nContent-Type: text/html; name="a.html"\r\nContent-Disposition: attachment\r\n',
      '<script>alert(1)</script>\r\n--b--',
    ];
    const type = 'Content-Type: multipart/mixed; boundary=b';
    const received = await bringMail(to, letterTo(to, [type], parts.join('\r\n')));
    const from = `shop@${await newReceivingDomain(account, 'both')}`;
    const attachments = [{ filename: 'a.html', content: btoa('<p>'), content_type: 'text/html' }];
    const message = { from, to: ['you@example.net'], subject: 'x', text_body: 'x', attachments };
    const { body: sent } = await call('POST', '/v1/send', account.live, message);
    const headers = { Authorization: `Bearer ${account.live}` };
    const api = `/v1/inbound-emails/${received.id}`;
    const files: [string, string, Response][] = [
      ['eml', `${api}/raw`, await request(`${api}/raw`, { headers })],
      ['', `${api}/attachments/0`, await request(`${api}/attachments/0/download`, { headers })],
    ];
    for (const [ending, path] of [
      ['eml', `/received/${received.id}/raw`],
      ['', `/received/${received.id}/attachments/0`],
      ['eml', `/messages/${sent.message_id}/raw`],
      ['', `/messages/${sent.message_id}/parts/0`],
    ] as const)
      files.push([ending, path, await browser.get(path)]);
    for (const [ending, path, response] of files) {
      const of = (name: string) => response.headers.get(name);
      expect([path, response.status]).toEqual([path, 200]);
      expect([path, of('Content-Disposition')]).toEqual([
        path,
        expect.stringMatching(/^attachment; filename/),
      ]);
      expect([path, of('Content-Type')]).toEqual([
        path,
        ending === 'eml' ? 'message/rfc822' : 'application/octet-stream',
      ]);
      expect([path, of('X-Content-Type-Options')]).toEqual([path, 'nosniff']);
      expect([path, of('Content-Security-Policy')]).toEqual([path, "default-src 'none'; sandbox"]);
      expect([path, of('Cache-Control')]).toEqual([path, expect.stringContaining('no-store')]);
      await response.body?.cancel();
    }
  });

  it('says why nobody can be told again', async () => {
    const response = await browser.post(`/received/${id}/replay`, {});
    expect(response.status).toBe(409);
  });
});

describe('the answer to a received mail', () => {
  it('is written on a page, sent once, and keeps what was typed when it is refused', async () => {
    const own = await newReceivingDomain(account, 'both');
    const to = `info@${own}`;
    const mail = await bringMail(to, letterTo(to, ['Reply-To: help@people.example'], 'How\n> are\nyou?'));
    const at = `/received/${mail.id}/reply`;
    expect((await page(`/received/${mail.id}`)).text).toContain(`href="${at}"`);
    const { text } = await page(at);
    const fieldOf = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(text)?.[1] ?? '';
    expect(['from', 'to', 'subject'].map(fieldOf)).toEqual([to, 'help@people.example', 'Re: Grüße']);
    expect(text).toMatch(/ann@people\.example&gt; wrote:\n&gt; How\n&gt;&gt; are\n&gt; you\?/);
    const form = {
      from: fieldOf('from'),
      to: fieldOf('to'),
      subject: 'Re: you',
      text_body: 'Fine.',
      once: fieldOf('once'),
    };
    const refused = await browser.post(at, { ...form, from: 'me@nowhere.example' });
    const again = await refused.text();
    expect(refused.status).toBe(403);
    expect(again).toContain('Fine.');
    expect(again).not.toContain(form.once);
    const sent = await browser.post(at, form);
    expect(sent.status).toBe(303);
    expect(sent.headers.get('Location')).toMatch(/^\/messages\/[0-9a-f-]{36}\?done=sent$/);
    expect((await browser.post(at, form)).headers.get('Location')).toBe(sent.headers.get('Location'));
    const id = sent.headers.get('Location')?.slice(10, 46) ?? '';
    const raw = await rawOf(id);
    expect(raw).toMatch(/^To: help@people\.example\r$/m);
    expect(raw).toMatch(/^In-Reply-To: <[^>]+@people\.example>\r$/m);
  });
});

describe('the routes of a domain', () => {
  it('are shown, tried, added and removed', async () => {
    const { body } = await call('GET', `/v1/domains/${domain}`, account.live);
    const number = numberOfUuid('domain', body.id);
    const at = `/domains/${number}/routes`;
    expect((await page(`/domains/${number}`)).text).toContain(`href="${at}"`);
    expect((await page(at)).text).toContain('all endpoints of the account');
    const added = await browser.post(at, { pattern: 'info', action: 'refuse', text: 'Not here' });
    expect(added.headers.get('Location')).toBe(`${at}?done=route-added`);
    const tried = await page(`${at}?to=info@${domain}`);
    expect(tried.text).toContain('is refused');
    expect(tried.text).toContain('550 5.7.1 Not here');
    const nobody = await browser.post(at, { pattern: 'x', action: 'forward', addresses: 'nobody', text: '' });
    expect(await nobody.text()).toContain('id="addresses-fault"');
    const refused = await browser.post(at, { pattern: 'a b', action: 'drop' });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining('<a href="#pattern">Address</a>: must be a local part'),
    ]);
    const [, route] = /routes\/(\d+)\/remove/.exec((await page(at)).text) ?? [];
    expect((await browser.post(`${at}/${route}/remove`, {})).status).toBe(303);
    const { body: left } = await call('GET', `/v1/domains/${domain}/routes`, account.live);
    expect(left.data).toHaveLength(1);
    await browser.post(`${at}/${left.data[0].id}/remove`, {});
    expect(await doors(`info@${domain}`)).toMatchObject([{ door: 'refused', reply: '550 5.1.1' }]);
  });
});
