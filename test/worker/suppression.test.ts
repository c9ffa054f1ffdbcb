import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  allEvents,
  call,
  mail,
  migrate,
  newAccount,
  suppress,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  await suppress(account, 'gone@example.net');
  await suppress(account, 'angry@example.net', { reason: 'complaint' });
  await suppress(account, 'scoped@example.net', { scope: 'other.example' });
  await suppress(account, 'mine@example.net', { scope: account.domain, reason: 'unsubscribe' });
  await suppress(account, 'forgiven@example.net', { expiresAtMs: Date.now() - 1 });
  await suppress(account, 'full@example.net', { expiresAtMs: Date.now() + 60_000 });
  await suppress(await newAccount(), 'theirs@example.net');
});

const send = (more: Record<string, unknown>) => call('POST', '/v1/send', account.live, mail(account, more));

describe('suppressed recipients', () => {
  it('are left out with an event each that says which entry and why; the others go', async () => {
    const sent = await send({ to: ['gone@example.net', 'good@example.net'], bcc: 'angry@example.net' });
    expect(sent.status).toBe(202);
    const id = sent.body.message_id;
    const { body: detail } = await call('GET', `/v1/emails/${id}`, account.live);
    expect(detail.deliveries.map((d: Answer) => [d.recipient, d.status, d.reason])).toEqual([
      ['gone@example.net', 'suppressed', 'hard_bounce'],
      ['good@example.net', 'queued', null],
      ['angry@example.net', 'suppressed', 'complaint'],
    ]);
    const events = (await allEvents(account.live)).filter((e) => e.message_id === id);
    expect(events.map((e) => [e.kind, e.recipient])).toEqual([
      ['accepted', 'good@example.net'],
      ['suppressed', 'gone@example.net'],
      ['suppressed', 'angry@example.net'],
    ]);
    expect(events[2]).toMatchObject({
      type: 'email.suppressed',
      details: {
        reason: 'complaint',
        entry: { address: 'angry@example.net', scope: 'account', since: '2026-01-01T00:00:00.000Z' },
      },
    });
    const { deliveries } = await (await new TestNode().hello()).lease();
    expect(deliveries.map((d: Answer) => d.rcptTo)).toEqual(['good@example.net']);
  });

  it('are told by the message itself in its own timeline', async () => {
    const { body } = await send({ to: ['gone@example.net', 'good@example.net'] });
    const { body: events } = await call('GET', `/v1/emails/${body.message_id}/events`, account.live);
    expect(events.data.map((e: Answer) => `${e.kind} ${e.recipient}`).sort()).toEqual([
      'accepted good@example.net',
      'suppressed gone@example.net',
    ]);
  });

  it('that are all there is make the message refused: 422, nothing stored', async () => {
    const sent = await send({ to: ['gone@example.net', 'full@example.net'], subject: 'to nobody' });
    expect(sent).toMatchObject({ status: 422, body: { code: 'all_suppressed' } });
    const { body } = await call('GET', '/v1/emails?subject=to+nobody', account.live);
    expect(body.data).toEqual([]);
  });

  it.each([
    ['gone+tag@example.net', 202, 'tags are not folded away'],
    ['GONE@example.net', 202, 'the local part counts exactly'],
    ['gone@EXAMPLE.net', 422, 'the domain is lower-cased'],
    ['scoped@example.net', 202, 'an entry of another sending domain does not count'],
    ['mine@example.net', 422, 'an entry of this sending domain does'],
    ['forgiven@example.net', 202, 'an entry that is over does not count'],
    ['full@example.net', 422, 'an entry that is not over does'],
    ['theirs@example.net', 202, 'an entry of another account does not count'],
  ])('%s: %d, since %s', async (to, status) => {
    expect((await send({ to })).status).toBe(status);
  });

  it('are found among fifty, and for each message of a batch', async () => {
    const to = [...Array.from({ length: 49 }, (_, i) => `u${i}@example.net`), 'gone@example.net'];
    const { body } = await call('POST', '/v1/send/batch', account.live, [
      mail(account, { to }),
      mail(account, { to: 'gone@example.net' }),
    ]);
    expect(body[1].code).toBe('all_suppressed');
    const { body: detail } = await call('GET', `/v1/emails/${body[0].message_id}`, account.live);
    expect(detail.deliveries.filter((d: Answer) => d.status === 'suppressed')).toHaveLength(1);
  });
});
