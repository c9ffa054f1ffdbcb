import { beforeAll, describe, expect, it } from 'vitest';
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
  TestNode,
} from './support.ts';
import { linksOf, postOneClick } from './tracking-support.ts';
import { eventually, newEndpoint } from './webhook-support.ts';

beforeAll(async () => {
  await migrate();
});

const reader = 'reader@example.net';
const kinds = { tags: ['news', 'weekly'], class: 'digest', stream: 'offers' } as const;

async function linkOf(account: TestAccount, more: Record<string, unknown>, recipient = reader) {
  const { messageId } = await sent(account, recipient, { body: { ...kinds, ...more } });
  return { messageId, path: (await linksOf(messageId)).unsubscribe };
}
const entriesOf = async (account: TestAccount): Promise<Answer[]> =>
  (await call('GET', '/v1/suppressions', account.live)).body.data;
const scopesOf = async (account: TestAccount) => (await entriesOf(account)).map(({ scope }) => scope).sort();
const send = async (account: TestAccount, more: Record<string, unknown>) =>
  await call('POST', '/v1/send', account.live, mail(account, { to: [reader], ...more }));
/** Posts the form of the page as a browser without a script does. */
async function choose(path: string, stop: string[], was: string[] = []) {
  const form = new URLSearchParams({ preferences: 'save' });
  for (const scope of stop) form.append('stop', scope);
  for (const scope of was) form.append('was', scope);
  const response = await request(path, { method: 'POST', body: form, headers: { Accept: 'text/html' } });
  return { status: response.status, text: await response.text() };
}
const page = async (path: string) => await (await request(path, { headers: { Accept: 'text/html' } })).text();
async function second(account: TestAccount): Promise<string> {
  const domain = `second.${account.domain}`;
  await call('POST', `/admin/v1/accounts/${account.id}/domains`, bindings.OPERATOR_TOKEN, {
    domain,
    verified: true,
  });
  return domain;
}

describe('one click', () => {
  // Which of these mails still go: of the same kind; of another tag; of another class; of another stream; of another domain.
  it.each([
    ['account', 'account', 'account', [422, 422, 422, 422, 422]],
    ['domain', null, 'domain', [422, 422, 422, 422, 202]],
    ['class', 'class:digest', 'class', [422, 422, 202, 422, 422]],
    ['stream', 'stream:offers', 'stream', [422, 422, 422, 202, 422]],
    ['tag', 'tag:news', 'tag', [422, 202, 422, 422, 422]],
  ] as const)('in the scope %s', async (type, scope, scopeType, statuses) => {
    const account = await newAccount();
    const other = await second(account);
    const { messageId, path } = await linkOf(account, { unsubscribe_scope: type });
    expect(path.split('?')[1]).toBe(scope === null ? undefined : `scope=${encodeURIComponent(scope)}`);
    expect((await postOneClick(path)).status).toBe(200);
    const shown = scope ?? account.domain;
    expect(await entriesOf(account)).toMatchObject([
      { email: reader, reason: 'unsubscribe', scope: shown, scope_type: scopeType, message_id: messageId },
    ]);
    const told = (await allEvents(account.live)).find(({ kind }) => kind === 'unsubscribed');
    expect(told?.details).toEqual({ suppresses: true, scope: shown });
    const mails = [
      kinds,
      { ...kinds, tags: ['offers'] },
      { ...kinds, class: 'standard' },
      { ...kinds, stream: undefined },
      { ...kinds, from: `a@${other}` },
    ];
    const answers = [];
    for (const one of mails) answers.push((await send(account, one)).status);
    expect(answers).toEqual(statuses);
    // Beside another recipient: left out alone.
    const both = await send(account, { ...kinds, to: [reader, 'other@example.net'] });
    const { body } = await call('GET', `/v1/emails/${both.body.message_id}`, account.live);
    expect(body.deliveries.map(({ status }: Answer) => status)).toEqual(['suppressed', 'queued']);
  });

  it('is asked for by the scope alone, and by neither where the account has not said so', async () => {
    const account = await newAccount();
    expect((await linkOf(account, { unsubscribe_scope: 'account' })).path).toContain('?scope=account');
    expect((await linkOf(account, {})).path).toBe('');
    expect((await linkOf(account, { unsubscribe: false, unsubscribe_scope: 'tag' })).path).toBe('');
    const several = await send(account, { to: [reader, 'b@example.net'], unsubscribe_scope: 'domain' });
    expect(several.status).toBe(202);
  });

  it.each([
    [{ unsubscribe_scope: 'tag' }, 'add tags'],
    [{ unsubscribe_scope: 'list' }, 'account'],
  ])('of %j is refused with what to do', async (more, word) => {
    const account = await newAccount();
    const { status, body } = await send(account, more);
    expect([status, body.errors[0].pointer]).toEqual([400, '/unsubscribe_scope']);
    expect(body.errors[0].detail).toContain(word);
  });

  it('takes no scope but the one that was signed', async () => {
    const account = await newAccount();
    const { path } = await linkOf(account, { unsubscribe_scope: 'tag' });
    const bare = path.split('?')[0] ?? '';
    for (const forged of [bare, `${bare}?scope=account`, `${bare}?scope=tag%3Aother`])
      expect((await postOneClick(forged)).status).toBe(404);
    expect(await entriesOf(account)).toEqual([]);
  });

  it('holds with a tag of any characters', async () => {
    const account = await newAccount();
    const { path } = await linkOf(account, { unsubscribe_scope: 'tag', tags: ['Ä&?#:€ "x"'] });
    expect((await postOneClick(path)).status).toBe(200);
    expect(await scopesOf(account)).toEqual(['tag:Ä&?#:€ "x"']);
  });
});

describe('a lease', () => {
  it.each([
    ['tag:news', [true, false, true, true, true]],
    ['class:digest', [true, true, false, true, true]],
    ['stream:offers', [true, true, true, false, true]],
    ['stream:transactional', [false, false, false, true, false]],
    ['account', [true, true, true, true, true]],
  ])('obeys an entry for %s that came after the message', async (scope, held) => {
    const account = await newAccount();
    const other = await second(account);
    const mails = [
      kinds,
      { ...kinds, tags: ['offers'] },
      { ...kinds, class: 'priority' },
      { ...kinds, stream: 'transactional' },
      { ...kinds, from: `a@${other}` },
    ];
    const ids: string[] = [];
    for (const one of mails) ids.push((await send(account, one)).body.message_id);
    const added = await call('POST', '/v1/suppressions', account.live, { email: reader, scope });
    expect(added).toMatchObject({ status: 201, body: { scope } });
    const node = await new TestNode().hello();
    for (let i = 0; i < 5; i++) await node.lease();
    const statuses = await Promise.all(
      ids.map(async (id) => (await call('GET', `/v1/emails/${id}`, account.live)).body.deliveries[0].status),
    );
    expect(statuses.map((status) => status === 'suppressed')).toEqual(held);
    const events = await call('GET', `/v1/emails/${ids[held.indexOf(true)]}/events`, account.live);
    expect(events.body.data.at(-1).details.entry).toMatchObject({ scope });
  });
});

describe('the page behind the link', () => {
  it('shows what is stopped, goes wider and narrower, and back', async () => {
    const internet = new Internet();
    const account = await newAccount();
    const endpoint = await newEndpoint(account, internet, undefined, {
      events: ['suppression.added', 'suppression.removed', 'email.unsubscribed'],
    });
    const { messageId, path } = await linkOf(account, { unsubscribe_scope: 'tag' });
    const before = await page(path);
    expect(before).toContain('gets no more mail of this sender about “news”');
    expect(before).not.toContain('weekly');
    expect(before).not.toContain('checked');
    await postOneClick(path);
    expect(await page(path)).toContain('<h1>Unsubscribed</h1>');
    const wider = await choose(path, ['tag:news', account.domain], ['tag:news']);
    expect(wider.status).toBe(200);
    expect(wider.text).toContain(`mail from ${account.domain}`);
    expect(await scopesOf(account)).toEqual([account.domain, 'tag:news'].sort());
    await choose(path, [], ['tag:news', account.domain]);
    expect(await scopesOf(account)).toEqual([]);
    expect((await send(account, kinds)).status).toBe(202);
    await choose(path, ['account']);
    expect(await scopesOf(account)).toEqual(['account']);
    await eventually(() => expect(internet.to(endpoint.host)).toHaveLength(8));
    const told = internet.to(endpoint.host).map(({ body }) => {
      const { type, data } = body as Answer;
      return `${type} ${data.scope ?? data.details.scope}`;
    });
    expect(told.sort()).toEqual(
      ['tag:news', account.domain, 'account']
        .flatMap((scope) => [`email.unsubscribed ${scope}`, `suppression.added ${scope}`])
        .concat(['tag:news', account.domain].map((scope) => `suppression.removed ${scope}`))
        .sort(),
    );
    const { body } = await call('GET', `/v1/emails/${messageId}/events`, account.live);
    expect(body.data.filter(({ kind }: Answer) => kind === 'unsubscribed')).toHaveLength(3);
  });

  it('takes back nothing but what the recipient has chosen', async () => {
    const account = await newAccount();
    const { path } = await linkOf(account, { unsubscribe: true });
    await call('POST', '/v1/suppressions', account.live, {
      email: reader,
      scope: account.domain,
      reason: 'complaint',
    });
    expect(await page(path)).toContain('Only the sender can change that');
    await choose(path, [], [account.domain]);
    expect(await scopesOf(account)).toEqual([account.domain]);
    const strange = await choose(path, ['tag:made-up']);
    expect(strange.status).toBe(400);
    expect(await scopesOf(account)).toEqual([account.domain]);
  });

  it('may go on for ever: the timeline does not, and the wish is obeyed', async () => {
    const account = await newAccount();
    const { messageId, path } = await linkOf(account, { unsubscribe: true });
    for (let i = 0; i < 22; i++) {
      await choose(path, [account.domain]);
      if (i < 21) await choose(path, [], [account.domain]);
    }
    expect(await scopesOf(account)).toEqual([account.domain]);
    const { body } = await call('GET', `/v1/emails/${messageId}/events`, account.live);
    expect(body.data.filter(({ kind }: Answer) => kind === 'unsubscribed')).toHaveLength(20);
  });
});

describe('suppressions of the API', () => {
  it('have scopes one by one, as filters, and in files both ways', async () => {
    const account = await newAccount();
    const wanted = ['account', account.domain, 'class:digest', 'stream:offers', 'tag:Spring; "Sale"'];
    for (const scope of wanted)
      expect((await call('POST', '/v1/suppressions', account.live, { email: reader, scope })).status).toBe(
        201,
      );
    expect(await scopesOf(account)).toEqual([...wanted].sort());
    const found = await call('GET', '/v1/suppressions?scope=class:digest', account.live);
    expect(found.body.data).toMatchObject([{ scope: 'class:digest', scope_type: 'class' }]);
    const csv = await request('/v1/suppressions/export', {
      headers: { Authorization: `Bearer ${account.live}` },
    });
    const file = await csv.text();
    const target = await newAccount();
    const headers = { Authorization: `Bearer ${target.live}`, 'Content-Type': 'text/csv' };
    const done = await request('/v1/suppressions/import?commit=true', {
      method: 'POST',
      body: file,
      headers,
    });
    expect(await done.json()).toMatchObject({ new: 5, invalid: 0 });
    expect(await scopesOf(target)).toEqual([...wanted].sort());
    const scope = encodeURIComponent('tag:Spring; "Sale"');
    expect((await call('DELETE', `/v1/suppressions/${reader}?scope=${scope}`, account.live)).status).toBe(
      204,
    );
    expect(await scopesOf(account)).toHaveLength(4);
  });

  it.each(['class:bulk', 'stream:A b', 'tag:', `tag:${'x'.repeat(65)}`, 'list:news'])(
    'do not take %s',
    async (scope) => {
      const account = await newAccount();
      const { status, body } = await call('POST', '/v1/suppressions', account.live, { email: reader, scope });
      expect([status, body.errors[0].pointer]).toEqual([400, '/scope']);
    },
  );
});
