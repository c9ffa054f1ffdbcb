import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { trackingLimits } from '#domain/delivery/tracked-event.ts';
import { newMessageId } from '#domain/message/ids.ts';
import { linkPaths } from '#domain/message/tracking.ts';
import { linkSigner } from '../../worker/tokens/mail-links.ts';
import { Internet } from './receiver.ts';
import { sent } from './returned-mail.ts';
import {
  type Answer,
  allEvents,
  call,
  costOf,
  mail,
  migrate,
  newAccount,
  parsedMail,
  rawOf,
  request,
  sendRaw,
  type TestAccount,
} from './support.ts';
import { browser, keys, linksOf, visit } from './tracking-support.ts';
import { eventually, newEndpoint } from './webhook-support.ts';

const today = '2026-11-18';
const html =
  '<html><body><p>Grüße <a class=x href="https://shop.example/a?x=1&amp;y=2">receipt</a></p></body></html>';
const all = { track_opens: true, track_clicks: true, unsubscribe: true };

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(`${today}T12:00:00Z`) });
  await migrate();
});
afterAll(() => {
  vi.useRealTimers();
});

const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const send = (account: TestAccount, more: Record<string, unknown> = {}) =>
  call('POST', '/v1/send', account.live, mail(account, { html_body: html, ...more }));
const sentId = async (account: TestAccount, more: Record<string, unknown> = {}): Promise<string> =>
  (await send(account, more)).body.message_id;
const setAll = (account: TestAccount, value: boolean) =>
  call('PATCH', '/v1/settings', account.live, {
    track_opens: value,
    track_clicks: value,
    unsubscribe: value,
  });
const eventsOf = async (account: TestAccount, messageId: string): Promise<Answer[]> =>
  (await call('GET', `/v1/emails/${messageId}/events`, account.live)).body.data;
const kindsOf = async (account: TestAccount, messageId: string) =>
  (await eventsOf(account, messageId)).map(({ kind }) => kind);
/** A delivered message with all links, some seconds later. */
async function read(account: TestAccount, recipient = 'reader@example.net', more = {}) {
  const body = { html_body: html, ...all, ...more };
  const { messageId } = await sent(account, recipient, { body });
  pass(10);
  return { messageId, ...(await linksOf(messageId)) };
}

describe('a message that asks for it', () => {
  it('has a pixel at the end of its body, links that lead through us, and fields to unsubscribe', async () => {
    const account = await newAccount();
    const id = await sentId(account, all);
    const found = await linksOf(id);
    expect(found.pixel).toMatch(/^\/t\/[a-z2-7]{53}\.gif$/);
    expect(found.html.trimEnd()).toBe(
      `<html><body><p>Grüße <a class=x href="https://api.test${found.clicks[0]}">receipt</a></p>` +
        `<img src="https://api.test${found.pixel}" width="1" height="1" alt=""></body></html>`,
    );
    const target = new URLSearchParams(found.clicks[0]?.split('?')[1]).get('u');
    expect(target).toBe('https://shop.example/a?x=1&y=2');
    expect(found.text.trimEnd()).toBe('Thank you.');
    expect(found.unsubscribe).toMatch(/^\/u\/[a-z2-7]{53}$/);
    expect(found.unsubscribePost).toBe('List-Unsubscribe=One-Click');
    expect((await call('GET', `/v1/emails/${id}`, account.live)).body).toMatchObject(all);
  });

  it('has its unsubscribe link whole in one line of the header, whoever folds', async () => {
    const account = await newAccount();
    const raw = await rawOf(await sentId(account, all));
    expect(raw).toMatch(/^List-Unsubscribe:(\r\n)? <https:\/\/api\.test\/u\/[a-z2-7]{53}>\r$/m);
    expect(raw).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
  });

  it('keeps links that are no web addresses, or that ask to be left alone', async () => {
    const kept =
      '<a href="mailto:a@b.example">m</a><a href="tel:1">t</a><a href="#x">h</a><a href="/x">r</a><a name="n">n</a>' +
      '<a href="https://a.example/" data-pennypost-untracked>a</a><a rel="noopener pennypost-untracked" href="https://b.example/">b</a>' +
      '<link href="https://c.example/"><img src="https://d.example/">';
    const account = await newAccount();
    const id = await sentId(account, { html_body: kept, track_clicks: true });
    expect((await linksOf(id)).html.trimEnd()).toBe(kept);
    expect((await call('GET', `/v1/emails/${id}`, account.live)).body.track_clicks).toBe(false);
  });

  it('has the pixel at its end when it is a fragment, or its body is not closed', async () => {
    const account = await newAccount();
    for (const part of ['<p>Hi', '<body><p>Hi', 'Hi']) {
      const { html: sentHtml, pixel } = await linksOf(
        await sentId(account, { html_body: part, track_opens: true }),
      );
      expect(sentHtml.trimEnd()).toBe(
        `${part}<img src="https://api.test${pixel}" width="1" height="1" alt="">`,
      );
    }
  });

  it('stays as it is when its HTML cannot be read for sure', async () => {
    const account = await newAccount();
    const ambiguous = '<select><xmp><a href="https://a.example/">';
    const id = await sentId(account, { ...all, html_body: ambiguous });
    expect((await parsedMail(id)).html?.trimEnd()).toBe(ambiguous);
    expect((await call('GET', `/v1/emails/${id}`, account.live)).body).toMatchObject({
      track_opens: false,
      track_clicks: false,
      unsubscribe: true,
    });
  });

  it('has a bounded number of links that lead through us', async () => {
    const account = await newAccount();
    const many = '<a href="https://a.example/">a</a>'.repeat(trackingLimits.links + 2);
    const { clicks, html: sentHtml } = await linksOf(
      await sentId(account, { html_body: many, track_clicks: true }),
    );
    expect(clicks).toHaveLength(trackingLimits.links);
    expect(sentHtml.match(/href="https:\/\/a\.example\/"/g)).toHaveLength(2);
  });

  it.each([['List-Unsubscribe'], ['list-unsubscribe-post']])(
    'keeps the %s of its sender, and gets none of ours',
    async (name) => {
      const account = await newAccount();
      const id = await sentId(account, { unsubscribe: true, headers: { [name]: '<mailto:u@shop.example>' } });
      const raw = await rawOf(id);
      expect(raw.match(/^list-unsubscribe/gim)).toHaveLength(1);
      expect(raw).not.toContain('/u/');
      expect((await call('GET', `/v1/emails/${id}`, account.live)).body.unsubscribe).toBe(false);
    },
  );

  it('costs the intake no more than any other', async () => {
    const account = await newAccount();
    await send(account);
    const plain = costOf(await send(account));
    const tracked = costOf(await send(account, all));
    expect(plain).toMatchObject({ trips: 2 });
    expect(tracked.trips).toBe(2);
    expect(tracked.written).toBe(plain.written);
    const rehearsed = await call(
      'POST',
      '/v1/send?dry_run=true',
      account.live,
      mail(account, { html_body: html, ...all }),
    );
    expect(rehearsed.body.size_bytes).toBeGreaterThan((await rawOf(await sentId(account))).length + 200);
  });
});

describe('a message that does not ask for it', () => {
  it('is what its sender wrote', async () => {
    const account = await newAccount();
    const id = await sentId(account);
    expect((await parsedMail(id)).html?.trimEnd()).toBe(html);
    const raw = await rawOf(id);
    expect(raw).not.toMatch(/list-unsubscribe|api\.test/i);
    expect((await call('GET', `/v1/emails/${id}`, account.live)).body).toMatchObject({
      track_opens: false,
      track_clicks: false,
      unsubscribe: false,
    });
  });

  it('gets what its account asks for all its mail, unless it says no', async () => {
    const account = await newAccount();
    await setAll(account, true);
    const found = await linksOf(await sentId(account));
    expect([found.pixel, found.unsubscribe].map((link) => link.slice(0, 3))).toEqual(['/t/', '/u/']);
    expect(found.clicks).toHaveLength(1);
    const no = { track_opens: false, track_clicks: false, unsubscribe: false };
    const plain = await linksOf(await sentId(account, no));
    expect(plain).toMatchObject({ pixel: '', clicks: [], unsubscribe: '' });
    expect(plain.html.trimEnd()).toBe(html);
    const cloudmailin = await call('POST', '/api/v0.1/pennypost/messages', account.live, {
      from: `a@${account.domain}`,
      to: 'user@example.net',
      subject: 's',
      html,
    });
    expect((await linksOf(cloudmailin.body.id)).clicks).toHaveLength(1);
  });

  it('gets nothing of it with several recipients, or as a whole message, and says so', async () => {
    const account = await newAccount();
    await setAll(account, true);
    const several = await sentId(account, { to: ['a@example.net'], bcc: ['b@example.net'] });
    const envelope = `mail_from=a@${account.domain}&rcpt_to=user@example.net`;
    const whole = `From: a@${account.domain}\r\nSubject: s\r\nDate: Wed, 18 Nov 2026 12:00:00 +0000\r\nMessage-ID: <a@b>\r\nContent-Type: text/html\r\n\r\n<a href="https://a.example/">a</a>\r\n`;
    const raw = (await sendRaw(account.live, whole, envelope)).body.message_id;
    expect(await rawOf(raw)).toBe(whole);
    expect((await parsedMail(several)).html?.trimEnd()).toBe(html);
    for (const id of [several, raw]) {
      expect((await call('GET', `/v1/emails/${id}`, account.live)).body).toMatchObject({
        track_opens: false,
        track_clicks: false,
        unsubscribe: false,
      });
    }
  });
});

describe('a wish that cannot be met', () => {
  it.each([['track_opens'], ['track_clicks'], ['unsubscribe']])(
    '%s with several recipients is refused, with the way out',
    async (name) => {
      const account = await newAccount();
      const { status, body } = await send(account, { [name]: true, cc: ['c@example.net'] });
      expect(status).toBe(400);
      expect(body.errors).toEqual([
        { pointer: `/${name}`, detail: expect.stringMatching(/exactly one recipient.*\/v1\/send\/batch/) },
      ]);
    },
  );

  it.each([['track_opens'], ['track_clicks']])('%s without HTML is refused', async (name) => {
    const account = await newAccount();
    const { status, body } = await call('POST', '/v1/send', account.live, mail(account, { [name]: true }));
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ pointer: `/${name}`, detail: expect.stringContaining('html_body') }]);
  });

  it('is refused for its own message of a batch only, and the same address twice is one recipient', async () => {
    const account = await newAccount();
    const twice = { html_body: html, track_opens: true, cc: ['user@example.net'] };
    const { body } = await call('POST', '/v1/send/batch', account.live, [
      mail(account, twice),
      mail(account, { ...twice, cc: ['c@example.net'] }),
    ]);
    expect(body).toMatchObject([{ status: 'queued' }, { errors: [{ pointer: '/1/track_opens' }] }]);
    expect((await linksOf(body[0].message_id)).pixel).not.toBe('');
  });

  it.each([['yes'], [1]])('%j is no wish', async (value) => {
    const account = await newAccount();
    const { status, body } = await send(account, { track_clicks: value });
    expect([status, body.errors[0].pointer]).toEqual([400, '/track_clicks']);
  });
});

describe('the pixel', () => {
  it('is a picture that nobody keeps, and its fetch an event', async () => {
    const account = await newAccount();
    const { messageId, pixel } = await read(account);
    const response = await visit(pixel);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/gif',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    });
    expect(response.headers.has('Set-Cookie')).toBe(false);
    const bytes = await response.bytes();
    expect(new TextDecoder('latin1').decode(bytes).slice(0, 6)).toBe('GIF89a');
    const opened = (await eventsOf(account, messageId)).at(-1);
    expect(opened).toMatchObject({
      kind: 'opened',
      type: 'email.opened',
      recipient: 'reader@example.net',
      details: { userAgent: browser, machine: false },
    });
    expect((await call('GET', `/v1/emails/${messageId}`, account.live)).body.status).toBe('delivered');
  });

  it('says when it was probably no person', async () => {
    const account = await newAccount();
    const guesses: unknown[] = [];
    const visits: Parameters<typeof visit>[1][] = [
      {},
      { method: 'HEAD' },
      { headers: { 'Sec-Purpose': 'prefetch;prerender' } },
      { headers: { 'User-Agent': 'Mozilla/5.0' } },
    ];
    for (const init of visits) {
      const { messageId, pixel } = await read(account);
      await visit(pixel, init);
      guesses.push((await eventsOf(account, messageId)).at(-1)?.details.machine);
    }
    const { messageId } = await sent(account, 'soon@example.net', { body: { html_body: html, ...all } });
    await visit((await linksOf(messageId)).pixel);
    guesses.push((await eventsOf(account, messageId)).at(-1)?.details.machine);
    expect(guesses).toEqual([false, true, true, true, true]);
  });

  it('comes all the same, without an event, when its token is not ours', async () => {
    const account = await newAccount();
    const { messageId, pixel, unsubscribe } = await read(account);
    const before = await kindsOf(account, messageId);
    const token = pixel.slice(3, -4);
    const swapped = token.startsWith('a') ? `b${token.slice(1)}` : `a${token.slice(1)}`;
    for (const bad of [
      swapped,
      `${token.slice(0, -1)}b`,
      'x',
      unsubscribe.slice(3),
      '%00',
      'a'.repeat(5000),
    ]) {
      const response = await visit(`/t/${bad}.gif`);
      expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'image/gif']);
    }
    expect(await kindsOf(account, messageId)).toEqual(before);
  });
});

describe('a link', () => {
  it('leads where it did before, and following it is an event', async () => {
    const account = await newAccount();
    const { messageId, clicks } = await read(account);
    const response = await visit(clicks[0] ?? '');
    expect(response.status).toBe(302);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      location: 'https://shop.example/a?x=1&y=2',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    });
    expect((await eventsOf(account, messageId)).at(-1)).toMatchObject({
      kind: 'clicked',
      type: 'email.clicked',
      details: { url: 'https://shop.example/a?x=1&y=2', userAgent: browser, machine: false },
    });
  });

  it('leads nowhere when its target or its token was changed', async () => {
    const account = await newAccount();
    const { messageId, clicks, pixel, unsubscribe } = await read(account);
    const before = await kindsOf(account, messageId);
    const [path = '', query = ''] = (clicks[0] ?? '').split('?');
    const evil = `u=${encodeURIComponent('https://evil.example/')}`;
    const host = `u=${encodeURIComponent('https://\u0173hop.example/a?x=1&y=2')}`; // its low byte is that of an s
    for (const link of [
      `${path}?${evil}`,
      `${path}?${evil}&${query}`,
      `${path}?${host}`,
      path,
      `${path}?u=`,
      `/c/${pixel.slice(3, -4)}?${evil}`,
      `/c/${unsubscribe.slice(3)}?u=`,
      `/c/x?${evil}`,
    ]) {
      const response = await visit(link);
      expect([link, response.status, response.headers.get('Location')]).toEqual([link, 404, null]);
      expect(await response.text()).not.toContain('evil.example');
    }
    const page = await visit(`${path}?${evil}`, { headers: { Accept: 'text/html' } });
    expect([page.status, page.headers.get('Location')]).toEqual([404, null]);
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('This link is not good');
    expect(await kindsOf(account, messageId)).toEqual(before);
  });

  it('goes on leading there when its message is kept no more', async () => {
    const gone = { messageId: newMessageId(Date.UTC(2026, 0, 1), new Uint8Array(10), 0), n: 0 };
    const links = await linkSigner({ origin: '', keys }, gone);
    const response = await visit(await links.click('https://shop.example/'));
    expect([response.status, response.headers.get('Location')]).toEqual([302, 'https://shop.example/']);
    expect((await visit(await links.pixel())).status).toBe(200);
  });

  it('is still followed when the event cannot be written, and the log says so', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const broken = { messageId: newMessageId(Date.now(), new Uint8Array(10), 0), n: 0 };
    const links = await linkSigner({ origin: '', keys }, broken);
    const { env } = await import('cloudflare:workers');
    const failing = {
      ...(env as object),
      DB: {
        prepare: () => ({ bind: () => ({}) }),
        batch: async () => {
          throw new Error('D1_ERROR: away');
        },
      },
    };
    const response = await request(
      await links.click('https://shop.example/'),
      { redirect: 'manual' },
      failing,
    );
    expect(response.status).toBe(302);
    expect(log.mock.calls.flat().join('')).toMatch(/not recorded.*D1_ERROR: away/);
    log.mockRestore();
  });
});

describe('whoever has a link', () => {
  it('makes one event a minute of it', async () => {
    const account = await newAccount();
    const { messageId, pixel, clicks } = await read(account);
    for (const [seconds, link] of [
      [0, pixel],
      [0, pixel],
      [0, clicks[0]],
      [50, pixel],
      [0, clicks[0]],
      [11, pixel],
    ] as const) {
      pass(seconds);
      await visit(link ?? '');
    }
    const kinds = await kindsOf(account, messageId);
    expect(kinds.slice(-3)).toEqual(['opened', 'clicked', 'opened']);
    expect(kinds.filter((kind) => kind === 'clicked')).toHaveLength(1);
  });

  it('fills no database: events of a delivery are bounded, also all at once, and links go on working', async () => {
    const account = await newAccount();
    const many = Array.from({ length: 30 }, (_, i) => `<a href="https://shop.example/${i}">${i}</a>`).join(
      '',
    );
    const { messageId, clicks, pixel } = await read(account, 'many@example.net', { html_body: many });
    expect(clicks).toHaveLength(30);
    const responses = await Promise.all(clicks.map((link) => visit(link)));
    expect(responses.map(({ status }) => status)).toEqual(clicks.map(() => 302));
    for (let i = 0; i < 3; i++) {
      pass(61);
      await visit(pixel);
    }
    const kinds = await kindsOf(account, messageId);
    expect(kinds.filter((kind) => kind === 'clicked' || kind === 'opened')).toHaveLength(
      trackingLimits.events,
    );
    expect((await visit(clicks[29] ?? '')).headers.get('Location')).toBe('https://shop.example/29');
  });
});

describe('opens and clicks', () => {
  it('are in the feed, in webhooks and in statistics', async () => {
    const internet = new Internet();
    const account = await newAccount();
    const events = ['email.opened', 'email.clicked'];
    const endpoint = await newEndpoint(account, internet, undefined, { events });
    const { messageId, pixel, clicks } = await read(account, 'reader@example.net', { tags: ['receipt'] });
    await visit(pixel);
    await visit(clicks[0] ?? '');
    const feed = await allEvents(account.live);
    expect(feed.slice(-2)).toMatchObject([
      { kind: 'opened', message_id: messageId, tags: ['receipt'] },
      { kind: 'clicked', message_id: messageId, details: { url: 'https://shop.example/a?x=1&y=2' } },
    ]);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(2));
    expect(internet.to(endpoint.host).map(({ body }) => body)).toMatchObject([
      { type: 'email.opened', data: { message_id: messageId, machine: false } },
      { type: 'email.clicked', data: { url: 'https://shop.example/a?x=1&y=2' } },
    ]);
    const { body } = await call('GET', '/v1/stats?by=tag', account.live);
    expect(body.data).toMatchObject([{ tag: 'receipt', opened: 1, clicked: 1, delivered: 1 }]);
  });

  it('are of no other method', async () => {
    const account = await newAccount();
    const { pixel, clicks } = await read(account);
    for (const link of [pixel, clicks[0] ?? '']) {
      expect((await visit(link, { method: 'POST' })).status).toBe(405);
    }
    expect(Object.values(linkPaths)).toEqual(['/t/', '/c/', '/u/']);
  });
});
