import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import {
  bounced,
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

let account: TestAccount;
let owner: Browser;
let node: TestNode;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
  node = await new TestNode().hello();
});

async function send(more: Record<string, unknown>): Promise<string> {
  const { status, body } = await call('POST', '/v1/send', account.live, mail(account, more));
  expect(status).toBe(202);
  return body.message_id;
}

async function end(outcome: Record<string, unknown>): Promise<void> {
  const { deliveries } = await node.lease();
  await node.post('results', { results: deliveries.map((one: object) => result(one, outcome)) });
}

const pageOf = async (id: string, query = '') => await (await owner.get(`/messages/${id}${query}`)).text();
const wordsOf = async (id: string) => await textOf(await owner.get(`/messages/${id}`));

describe('the page of a message says what comes next', () => {
  it('of one that waits, is taken, and is refused, and what that does to the address', async () => {
    const waiting = await send({ to: ['next@example.net'] });
    expect(await wordsOf(waiting)).toContain('It waits for a mail node to take it');
    await end(delivered);
    expect(await wordsOf(waiting)).toContain('The recipient’s mail server took it.');
    const relayed = await send({ to: ['relayed@example.net'] });
    const session = {
      mx: null,
      tls: null,
      reused: false,
      steps: [],
      tried: [],
      transport: 'ses',
      leftOut: ['Sender'],
    };
    await end({ ...delivered, session, dkim: [] });
    const words = await wordsOf(relayed);
    expect(words).toContain('It was handed to the relay ses, which took it.');
    expect(words).toContain('without header fields that it does not take: Sender');
    expect(words).toContain('not signed here');
    const refused = await send({ to: ['gone@example.net'] });
    const simulated = await send({ to: ['hard-bounce@simulator.mail.example.org'] });
    await end(bounced);
    expect(await wordsOf(refused)).toMatch(/refused it for good.*The address was suppressed by it/);
    expect(await pageOf(refused)).toContain('href="/suppressions?query=gone%40example.net"');
    expect(await wordsOf(simulated)).toContain('It is simulated, so the address is not suppressed');
    const later = await send({ send_at: new Date(Date.now() + 3_600_000).toISOString() });
    expect(await wordsOf(later)).toContain('It was asked to wait');
    await call('POST', `/v1/emails/${later}/cancel`, account.live);
    expect(await wordsOf(later)).toContain('Nothing was sent.');
    const { body } = await call('POST', '/v1/send', account.test, mail(account));
    expect(await wordsOf(body.message_id)).toContain('delivered to nobody');
  });

  it('with the events as data behind a fold', async () => {
    const id = await send({ to: ['data@example.net'] });
    await end(delivered);
    const text = /<pre id="events-0">(.*?)<\/pre>/s.exec(await pageOf(id))?.[1]?.replaceAll('&quot;', '"');
    const kinds = (JSON.parse(text ?? '') as { kind: string }[]).map(({ kind }) => kind);
    expect(kinds).toEqual(['accepted', 'dispatched', 'delivered']);
  });
});

describe('many recipients', () => {
  it('are a table, of which one is shown', async () => {
    const to = Array.from({ length: 6 }, (_, i) => `many${i}@example.net`);
    const id = await send({ to });
    await end(delivered);
    const table = await pageOf(id);
    expect(table).not.toContain('class="timeline"');
    for (const [n] of to.entries()) expect(table).toContain(`?recipient=${n}#delivery-${n}"`);
    const one = await pageOf(id, '?recipient=4');
    expect(one).toContain('id="delivery-4"');
    expect(one).not.toContain('id="delivery-3"');
    expect(one).toContain('class="timeline"');
  });
});

describe('the content', () => {
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const files = {
    html_body: '<p>Hello</p><img src="cid:logo"><img src="cid:nobody">',
    text_body: 'Hello in words',
    attachments: [
      { filename: 'rechnung für <b>.pdf', content: btoa('%PDF-'), content_type: 'application/pdf' },
      { filename: 'logo.png', content: pixel, content_type: 'image/png', content_id: 'logo' },
    ],
  };

  it('is shown as HTML on a wide and a narrow screen and in the dark, as text, and as it is sent', async () => {
    const id = await send(files);
    const page = await pageOf(id);
    expect(page).toContain('class="mail desktop"');
    for (const view of ['mobile', 'dark'])
      expect(await pageOf(id, `?view=${view}`)).toContain(`class="mail ${view}"`);
    const text = await pageOf(id, '?view=text');
    expect(text).toContain('Hello in words');
    expect(text).not.toContain('<iframe');
    expect(await pageOf(id, '?view=source')).toMatch(/id="headers">.*Subject: Your receipt/s);
    expect(await pageOf(id, '?view=nonsense')).toContain('class="mail desktop"');
    const plain = await pageOf(await send({}), '?view=mobile');
    expect(plain).toContain('Thank you.');
    expect(plain).not.toContain('view=mobile');
  });

  it('shows the pictures that the mail brings, and no other', async () => {
    const id = await send(files);
    const html = await (await owner.get(`/messages/${id}/html`)).text();
    expect(html).toContain(`src="data:image/png;base64,${pixel}"`);
    expect(html).toContain('src="cid:nobody"');
  });

  it('lists its parts with their sizes, each to be fetched as a file that runs nowhere', async () => {
    const id = await send(files);
    const page = await pageOf(id);
    expect(page).toContain('rechnung für &lt;b&gt;.pdf');
    expect(page).toContain('>5 B<');
    const part = await owner.get(`/messages/${id}/parts/1`);
    expect(part.headers.get('Content-Type')).toBe('application/octet-stream');
    expect(part.headers.get('Content-Disposition')).toBe(
      "attachment; filename*=UTF-8''rechnung%20f%C3%BCr%20%3Cb%3E.pdf",
    );
    expect(await part.text()).toBe('%PDF-');
    expect(await (await owner.get(`/messages/${id}/parts/text`)).text()).toContain('Hello in words');
    for (const none of ['2', '-1', 'x', '0x0', '__proto__'])
      expect((await owner.get(`/messages/${id}/parts/${none}`)).status).toBe(404);
    const foreign = await newAccount();
    const { body } = await call('POST', '/v1/send', foreign.live, mail(foreign, files));
    expect((await owner.get(`/messages/${body.message_id}/parts/0`)).status).toBe(404);
  });
});

describe('what could be better', () => {
  it('is told of the content, which is kept until a day that is told', async () => {
    const html = '<a href="http://elsewhere.example/x">x</a><a href="https://elsewhere.example/y">y</a>';
    const id = await send({ html_body: html, text_body: 'x' });
    const text = await wordsOf(id);
    expect(text).toContain(`Links lead to elsewhere.example, not to ${account.domain}.`);
    expect(text).toContain('1 of its links begin with http:.');
    expect(text).toMatch(/kept until \d{4}-\d\d-\d\d 00:00 UTC/);
    expect(await wordsOf(await send({ text_body: 'Thank you.' }))).toContain('What could be betternothing');
  });
});
