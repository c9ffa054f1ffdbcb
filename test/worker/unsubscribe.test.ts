import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newMessageId } from '#domain/message/ids.ts';
import { linkSigner } from '../../worker/tokens/mail-links.ts';
import { Internet } from './receiver.ts';
import { sent } from './returned-mail.ts';
import {
  type Answer,
  allEvents,
  bindings,
  call,
  mail,
  migrate,
  newAccount,
  request,
  type TestAccount,
} from './support.ts';
import { keys, linksOf, postOneClick, visit } from './tracking-support.ts';
import { eventually, newEndpoint } from './webhook-support.ts';

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-18T12:00:00Z') });
  await migrate();
});
afterAll(() => {
  vi.useRealTimers();
});

async function received(account: TestAccount, recipient = 'reader@example.net', more = {}) {
  const { messageId } = await sent(account, recipient, { body: { unsubscribe: true, ...more } });
  return { messageId, path: (await linksOf(messageId)).unsubscribe };
}
const kindsOf = async (account: TestAccount, messageId: string) =>
  (await call('GET', `/v1/emails/${messageId}/events`, account.live)).body.data.map(
    ({ kind }: Answer) => kind,
  );
const suppressionsOf = async (account: TestAccount): Promise<Answer[]> =>
  (await call('GET', '/v1/suppressions', account.live)).body.data;

describe('who posts to unsubscribe', () => {
  it('gets no more mail from that domain, and the sender is told', async () => {
    const internet = new Internet();
    const account = await newAccount();
    const endpoint = await newEndpoint(account, internet, undefined, { events: ['email.unsubscribed'] });
    const { messageId, path } = await received(account);
    const answer = await postOneClick(path);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(`reader@example.net gets no more mail from ${account.domain}`);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': expect.stringMatching(/^text\/plain/),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    });
    expect(await suppressionsOf(account)).toMatchObject([
      {
        email: 'reader@example.net',
        reason: 'unsubscribe',
        scope: account.domain,
        source: 'one_click',
        message_id: messageId,
        expires_at: null,
      },
    ]);
    const again = await call('POST', '/v1/send', account.live, mail(account, { to: ['reader@example.net'] }));
    expect([again.status, again.body.code]).toEqual([422, 'all_suppressed']);
    const with2 = mail(account, { to: ['reader@example.net', 'other@example.net'] });
    const { body } = await call('POST', '/v1/send', account.live, with2);
    expect((await call('GET', `/v1/emails/${body.message_id}`, account.live)).body.deliveries).toMatchObject([
      { recipient: 'reader@example.net', status: 'suppressed', reason: 'unsubscribe' },
      { recipient: 'other@example.net', status: 'queued' },
    ]);
    const event = (await allEvents(account.live)).find(({ kind }) => kind === 'unsubscribed');
    expect(event).toMatchObject({
      type: 'email.unsubscribed',
      message_id: messageId,
      recipient: 'reader@example.net',
      details: { suppresses: true, scope: account.domain },
    });
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(1));
    expect(internet.to(endpoint.host)[0]?.body).toMatchObject({ type: 'email.unsubscribed' });
    const stats = await call('GET', '/v1/stats', account.live);
    expect(stats.body.data).toMatchObject([{ unsubscribed: 1 }]);
  });

  it('still gets mail from other domains of the account, and from other accounts', async () => {
    const account = await newAccount();
    const other = await newAccount();
    const second = `second.${account.domain}`;
    await call('POST', `/admin/v1/accounts/${account.id}/domains`, bindings.OPERATOR_TOKEN, {
      domain: second,
      verified: true,
    });
    const { path } = await received(account);
    await postOneClick(path);
    const to = { to: ['reader@example.net'] };
    for (const [key, body] of [
      [account.live, mail(account, { ...to, from: `a@${second}` })],
      [other.live, mail(other, to)],
    ] as const) {
      expect((await call('POST', '/v1/send', key, body)).status).toBe(202);
    }
  });

  it('may do it again, also twice at once: it is one event and one entry', async () => {
    const account = await newAccount();
    const { messageId, path } = await received(account);
    const answers = await Promise.all([postOneClick(path), postOneClick(path), postOneClick(path)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await postOneClick(path)).status).toBe(200);
    expect(
      (await kindsOf(account, messageId)).filter((kind: string) => kind === 'unsubscribed'),
    ).toHaveLength(1);
    expect(await suppressionsOf(account)).toHaveLength(1);
  });

  it('is heard anew when somebody has removed the suppression since', async () => {
    const account = await newAccount();
    const { path } = await received(account);
    await postOneClick(path);
    await call('DELETE', `/v1/suppressions/reader@example.net?scope=${account.domain}`, account.live);
    expect(await suppressionsOf(account)).toEqual([]);
    await postOneClick(path);
    expect(await suppressionsOf(account)).toMatchObject([{ reason: 'unsubscribe', scope: account.domain }]);
  });

  it('does so as multipart/form-data too (RFC 8058 §3.2)', async () => {
    const account = await newAccount();
    const { path } = await received(account);
    const form = new FormData();
    form.append('List-Unsubscribe', 'One-Click');
    expect((await postOneClick(path, form, {})).status).toBe(200);
    expect(await suppressionsOf(account)).toHaveLength(1);
  });

  it('is told that it is done only when it is', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const account = await newAccount();
    const { path } = await received(account);
    await bindings.DB.exec('ALTER TABLE suppressions RENAME TO suppressions_away');
    try {
      const answer = await postOneClick(path);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('gets no more mail');
    } finally {
      await bindings.DB.exec('ALTER TABLE suppressions_away RENAME TO suppressions');
      log.mockRestore();
    }
    expect((await postOneClick(path)).status).toBe(200);
    expect(await suppressionsOf(account)).toHaveLength(1);
  });
});

describe('a form that does not ask to unsubscribe', () => {
  it.each([
    ['nothing', '', 400],
    ['another value', 'List-Unsubscribe=Two-Click', 400],
    ['another field', 'Unsubscribe=One-Click', 400],
    ['more than a form has', `List-Unsubscribe=One-Click&x=${'x'.repeat(66_000)}`, 413],
  ])('changes nothing (%s)', async (_what, body, status) => {
    const account = await newAccount();
    const { messageId, path } = await received(account);
    const before = await kindsOf(account, messageId);
    const answer = await postOneClick(path, body);
    expect(answer.status).toBe(status);
    if (status === 400) {
      expect(JSON.parse(answer.text).errors).toMatchObject([
        { pointer: 'List-Unsubscribe', detail: expect.stringContaining('One-Click') },
      ]);
    }
    expect(await kindsOf(account, messageId)).toEqual(before);
    expect(await suppressionsOf(account)).toEqual([]);
  });

  it('changes nothing as JSON', async () => {
    const account = await newAccount();
    const { path } = await received(account);
    const type = { 'Content-Type': 'application/json' };
    expect((await postOneClick(path, '{"List-Unsubscribe":"One-Click"}', type)).status).toBe(400);
    expect(await suppressionsOf(account)).toEqual([]);
  });
});

describe('the page', () => {
  it('tells what it is for, has a button without a script, and changes nothing', async () => {
    const account = await newAccount();
    const { messageId, path } = await received(account);
    const before = await kindsOf(account, messageId);
    for (const method of ['GET', 'HEAD']) {
      const response = await visit(path, { method, headers: { Accept: 'text/html' } });
      expect(response.status).toBe(200);
      expect(response.headers.get('Content-Security-Policy')).toContain("form-action 'self'");
      expect(response.headers.get('Referrer-Policy')).toBe('no-referrer');
      expect(response.headers.get('X-Robots-Tag')).toBe('noindex');
      expect(response.headers.has('Set-Cookie')).toBe(false);
      const text = await response.text();
      if (method === 'GET') {
        expect(text).toContain(`<form method="post" action="${path}"`);
        expect(text).toContain('name="List-Unsubscribe" value="One-Click"');
        expect(text).toContain('reader@example.net');
      }
    }
    expect(await kindsOf(account, messageId)).toEqual(before);
    expect(await suppressionsOf(account)).toEqual([]);
    const done = await request(path, {
      method: 'POST',
      body: 'List-Unsubscribe=One-Click',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
    });
    expect(done.headers.get('Content-Type')).toMatch(/^text\/html/);
    expect(await done.text()).toContain('<h1>Unsubscribed</h1>');
    expect(await suppressionsOf(account)).toHaveLength(1);
  });

  it.each([['GET'], ['POST']])('of a token that is not good is not there (%s)', async (method) => {
    const account = await newAccount();
    const { path } = await received(account);
    const gone = { messageId: newMessageId(Date.UTC(2026, 0, 1), new Uint8Array(10), 0), n: 0 };
    const old = await (await linkSigner({ origin: '', keys }, gone)).unsubscribe(null);
    for (const bad of [`${path.slice(0, -2)}aa`, '/u/x', old]) {
      for (const accept of ['*/*', 'text/html']) {
        const response = await request(bad, {
          method,
          headers: { Accept: accept, 'Content-Type': 'application/x-www-form-urlencoded' },
          ...(method === 'POST' ? { body: 'List-Unsubscribe=One-Click' } : {}),
        });
        expect([bad, response.status]).toEqual([bad, 404]);
        expect(await response.text()).toContain('This link is not good');
      }
    }
    expect(await suppressionsOf(account)).toEqual([]);
  });
});

describe('a recipient who is none', () => {
  const simulated = 'delivered@simulator.mail.example.org';

  it('of the simulator is suppressed only when that is asked for', async () => {
    const account = await newAccount();
    const { messageId, path } = await received(account, simulated);
    expect((await postOneClick(path)).status).toBe(200);
    expect(await suppressionsOf(account)).toEqual([]);
    const event = (await call('GET', `/v1/emails/${messageId}/events`, account.live)).body.data.at(-1);
    expect(event).toMatchObject({ kind: 'unsubscribed', details: { suppresses: false, simulated: true } });
    const asked = await received(account, simulated, { metadata: { simulator_suppress: 'true' } });
    await postOneClick(asked.path);
    expect(await suppressionsOf(account)).toMatchObject([{ email: simulated, reason: 'unsubscribe' }]);
  });

  it('of mail in test mode is not suppressed', async () => {
    const account = await newAccount();
    const body = mail(account, { unsubscribe: true, test_mode: true });
    const { body: answer } = await call('POST', '/v1/send', account.live, body);
    expect((await postOneClick((await linksOf(answer.message_id)).unsubscribe)).status).toBe(200);
    expect(await suppressionsOf(account)).toEqual([]);
  });
});
