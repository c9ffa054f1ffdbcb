import { beforeAll, describe, expect, it } from 'vitest';
import { formatReturnPath } from '#domain/message/return-path.ts';
import { foldAccount } from '../../worker/store/fold.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner } from './dashboard-support.ts';
import {
  type Answer,
  bindings,
  bounced,
  call,
  costOf,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const messageIdHeader = 'CAF=needle+1@mail.shop.example';
let account: TestAccount;
let owner: Browser;
let needle: string;

const bulk = async (count: number) => {
  const batch = Array.from({ length: 100 }, (_, i) => mail(account, { to: [`bulk${i}@example.net`] }));
  for (let i = 0; i < count; i += 100) await call('POST', '/v1/send/batch', account.live, batch);
};
const textOf = async (path: string) => await (await owner.get(path)).text();

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', request), {
    email: 'olga@people.example',
    password: 'a long enough sentence',
  });
  const raw = `From: shop@${account.domain}\r\nTo: x@example.net\r\nSubject: The one\r\nMessage-ID: <${messageIdHeader}>\r\nX-Pennypost-Stream: rare\r\n\r\nx\r\n`;
  const sent = await request(
    `/v1/send/raw?mail_from=shop@${account.domain}&rcpt_to=Needle%2Bx@example.net&rcpt_to=other@example.net`,
    {
      method: 'POST',
      body: raw,
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'message/rfc822' },
    },
  );
  needle = ((await sent.json()) as Answer).message_id;
  const node = await new TestNode().hello();
  const { deliveries } = await node.lease();
  const results = deliveries.map((d: Answer) =>
    result(d, d.rcptTo === 'other@example.net' ? delivered : bounced),
  );
  expect((await node.post('results', { results })).status).toBe(200);
  await bulk(900);
});

/** What holds before and after the account is folded: what is known of pages only saves reading. */
describe.each([['not folded yet'], ['folded'], ['folded by a version of a row a page']])(
  'a search in mail that is %s',
  (how) => {
    const isFolded = how !== 'not folded yet';
    beforeAll(async () => {
      if (how === 'folded') expect(await foldAccount(testStore(), account.id, Date.now())).toBe(true);
      else if (isFolded) {
        const pair = `page - ${2 ** 40}`;
        for (const [half, words] of ['words', 'later_words'].entries())
          await bindings.DB.exec(
            `INSERT INTO search_words (account_id, week, page, from_seq, words) SELECT account_id, week, (${pair}) * 2 + ${half}, from_seq, ${words} FROM search_words WHERE ${pair} >= 0`,
          );
        const gone = await bindings.DB.prepare(`DELETE FROM search_words WHERE ${pair} >= 0`).run();
        expect(gone.meta.changes).toBe(1);
      }
    });

    it.each([
      ['needle+x@example.net'],
      ['Needle+x@example.net'],
      [`<${messageIdHeader}>`],
      [messageIdHeader],
    ])('finds %s at once, and nothing else', async (words) => {
      const text = await textOf(`/messages?q=${encodeURIComponent(words)}`);
      expect(text).toContain(`href="/messages/${needle}"`);
      expect(text).not.toContain('Your receipt');
      expect(text).not.toContain('data-more');
    });

    it('says at once that an address is nowhere', async () => {
      const response = await owner.get('/messages?q=nobody@example.net');
      if (isFolded) expect(costOf(response).read).toBeLessThan(100);
      expect(await response.text()).toMatch(/Nothing found<.*No message of the last 30 days fits/s);
    });

    it('goes to the message of an id, of a Message-ID of ours and of a return path', async () => {
      const token = formatReturnPath(needle, 1, new Uint8Array(32));
      for (const words of [
        needle,
        needle.toUpperCase(),
        `<${needle}@${account.domain}>`,
        `${token}@rp.example`,
        token,
      ]) {
        const { headers } = await owner.get(`/messages?q=${encodeURIComponent(words)}`);
        expect(headers.get('Location'), words).toBe(`/messages/${needle}`);
      }
      expect((await owner.get(`/messages?id=${needle}`)).headers.get('Location')).toBe(`/messages/${needle}`);
    });

    it('finds the rare stream among many, and says at once that there is none of a name', async () => {
      let [path, text] = ['/messages?stream=rare', ''];
      for (let i = 0; i < 3 && !text.includes(needle); i++) {
        text = await textOf(path);
        expect(text).not.toContain('Your receipt');
        path = (/data-more="([^"]*)"/.exec(text)?.[1] ?? '/messages').replaceAll('&amp;', '&');
      }
      expect(text).toContain(`href="/messages/${needle}"`);
      const nothing = await owner.get('/messages?stream=nothing');
      expect(costOf(nothing).read < 100).toBe(isFolded);
      expect(await nothing.text()).toContain(isFolded ? 'Nothing found' : 'data-more');
    });

    it('finds the rare event among many', async () => {
      for (const query of [
        'kind=bounced',
        'recipient=needle%2Bx@EXAMPLE.net',
        `message=${needle}&kind=bounced`,
      ]) {
        let [path, text] = [`/events?${query}`, ''];
        for (let i = 0; i < 10 && !text.includes('bounced</span>'); i++) {
          text = await textOf(path);
          path = (/data-more="([^"]*)"/.exec(text)?.[1] ?? '/events').replaceAll('&amp;', '&');
          if (isFolded) break;
        }
        expect(text, query).toContain('bounced</span>');
        expect(text).toContain('Needle+x@example.net');
        expect(text).not.toContain('bulk1@');
      }
      expect(await textOf('/events?kind=complained&day=2020-01-01')).toContain('Nothing found');
      const today = new Date().toISOString().slice(0, 10);
      expect(await textOf(`/events?day=${today}`)).toContain('bulk99@example.net');
    });
  },
);

it('an id that is none is told so, and one of nobody too', async () => {
  expect(await textOf('/messages?id=4711')).toContain('That is no message id');
  expect(await textOf('/messages?q=01a1fbb4-7b1e-7abc-8def-0123456789ab')).toContain(
    'No message of this account has the id',
  );
});

it('messages are filtered by class, domain, state and days together', async () => {
  await call('POST', '/v1/send', account.live, mail(account, { class: 'digest', subject: 'Weekly' }));
  const today = new Date().toISOString().slice(0, 10);
  const of = `since=${today}&until=${today}&class=digest&domain=${account.domain}`;
  expect(await textOf(`/messages?${of}`)).toContain('Weekly</');
  expect(await textOf(`/messages?${of}&status=delivered`)).toMatch(/Nothing found/);
  expect(await textOf(`/messages?${of}&q=weekly`)).toContain('Weekly</');
  expect(await textOf('/messages?until=2020-01-01')).toContain('Nothing found');
});

it('events are paged, each once', async () => {
  const seen: string[] = [];
  let path = '/events';
  for (let i = 0; i < 40; i++) {
    const text = await textOf(path);
    seen.push(...[...text.matchAll(/href="\/messages\/([0-9a-f-]{36})"/g)].map(([, id = '']) => id));
    const next = /href="(\/events\?before=[^"]*)"/.exec(text)?.[1];
    if (!next) break;
    path = next.replaceAll('&amp;', '&');
  }
  // 900 and one digest accepted; of the needle two accepted, two dispatched, one delivered and one bounced.
  expect(seen).toHaveLength(907);
  expect(new Set(seen).size).toBe(902);
});
