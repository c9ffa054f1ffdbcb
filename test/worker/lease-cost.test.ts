import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bindings, call, costOf, mail, migrate, newAccount, type TestAccount, TestNode } from './support.ts';

let account: TestAccount;
let node: TestNode;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  node = await new TestNode().hello();
});

async function send(to: string, mailClass: string): Promise<string> {
  const body = mail(account, { to: [to], class: mailClass });
  return (await call('POST', '/v1/send', account.live, body)).body.message_id;
}

/** What it is given: as a node does, it asks on as long as there is more behind what is passed by. */
async function leasedIds(more: Record<string, unknown>, by = node): Promise<string[]> {
  for (let place: unknown = null; ; ) {
    const { body } = await by.post('lease', { max: 8, place, ...more });
    if (body.deliveries.length > 0 || !body.more)
      return body.deliveries.map(({ messageId }: { messageId: string }) => messageId);
    ({ place } = body);
  }
}

describe('a lease', () => {
  it('takes of busy domains what is priority, of excluded ones nothing', async () => {
    const urgent = await send('a@busy.example', 'priority');
    const digest = await send('b@busy.example', 'digest');
    const excluded = await send('c@paused.example', 'priority');
    const other = await send('d@free.example', 'digest');
    const unwanted = { busyDomains: ['busy.example'], excludeDomains: ['paused.example'] };
    expect(await leasedIds(unwanted)).toEqual([urgent, other]);
    expect(await leasedIds({})).toEqual([excluded, digest]);
  });

  it('gives all the room to this week when older weeks have nothing due', async () => {
    for (let i = 0; i < 9; i++) await send(`user${i}@example.net`, 'standard');
    expect(await leasedIds({})).toHaveLength(8);
    expect(await leasedIds({})).toHaveLength(1);
  });
});

describe('mail that has been due for a minute', () => {
  it('says why it is not tried', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const id = await send('a@slow.example', 'standard');
    const told = async () => {
      const { body } = await call('GET', `/v1/emails/${id}`, account.live);
      return body.deliveries[0].waits_for;
    };
    expect(await told()).toBeNull();
    vi.setSystemTime(Date.now() + 61_000);
    await leasedIds({ busyDomains: ['slow.example'] });
    expect(await told()).toBe(
      'As many deliveries to the hosts of slow.example are under way as may be at once.',
    );
    vi.setSystemTime(Date.now() + 61_000);
    await leasedIds({ excludeDomains: ['slow.example'] });
    expect(await told()).toMatch(/asked to slow down/);
    vi.setSystemTime(Date.now() + 200_000);
    expect(await told()).toBe('No node asks for mail.');
    expect(await leasedIds({})).toEqual([id]);
    expect(await told()).toBeNull();
    vi.useRealTimers();
  });
});

describe('a lease that has room for priority alone', () => {
  it('does not look at what it cannot take', async () => {
    for (let i = 0; i < 25; i++) await send(`user${i}@example.net`, i % 2 ? 'standard' : 'digest');
    const answer = await node.post('lease', { max: 8, otherMax: 0 });
    expect(answer.body.deliveries).toEqual([]);
    expect(costOf(answer).read).toBeLessThan(20);
    expect(await leasedIds({ max: 100 })).toHaveLength(25);
  });

  it('nor one that has no room for digests at them', async () => {
    for (let i = 0; i < 25; i++) await send(`user${i}@example.net`, 'digest');
    const without = costOf(await node.post('lease', { max: 1, otherMax: 0 })).read;
    const answer = await node.post('lease', { max: 1, digestMax: 0 });
    expect(answer.body.deliveries).toEqual([]);
    // and those of the test before, which are leased
    expect(costOf(answer).read - without).toBeLessThan(40);
    expect(await leasedIds({ max: 100 })).toHaveLength(25);
  });

  it('nor one at suppressions of what goes to busy domains', async () => {
    for (let i = 0; i < 25; i++) {
      await send(`user${i}@busy.example`, 'standard');
      const entry = { email: `user${i}@busy.example`, scope: 'other.example' };
      expect((await call('POST', '/v1/suppressions', account.live, entry)).status).toBeLessThan(300);
    }
    const excluded = await node.post('lease', { max: 1, excludeDomains: ['busy.example'] });
    const answer = await node.post('lease', { max: 1, busyDomains: ['busy.example'] });
    expect(answer.body.deliveries).toEqual([]);
    expect(costOf(answer).read).toBe(costOf(excluded).read);
    expect(await leasedIds({ max: 100 })).toHaveLength(25);
  });
});

describe('the mail of one account', () => {
  const flood = 150;
  let before = 0;

  it('keeps no other waiting, however much of it stands before', async () => {
    const other = await newAccount();
    const mails = Array.from({ length: flood / 50 }, () =>
      mail(account, { to: Array.from({ length: 50 }, (_, i) => `u${i}@d${i}.example`) }),
    );
    expect((await call('POST', '/v1/send/batch', account.live, mails)).status).toBe(202);
    const sent = await call('POST', '/v1/send', other.live, mail(other, { to: ['last@example.net'] }));
    const given = await leasedIds({ max: 20 });
    expect(given).toContain(sent.body.message_id);
    before = given.length;
  });

  it('is all given, whatever was looked at behind it', async () => {
    const others = [await newAccount(), await newAccount()];
    for (const one of others) {
      await call(
        'POST',
        '/v1/send',
        one.live,
        mail(one, { to: Array.from({ length: 12 }, (_, i) => `u${i}@x.example`) }),
      );
    }
    let place: string | null = null;
    let given = 0;
    for (;;) {
      const { body } = await node.post('lease', { max: 9, place });
      given += body.deliveries.length;
      place = body.place;
      if (body.deliveries.length === 0 && !body.more) break;
    }
    expect(given).toBe(flood + 1 - before + 24);
  });
});

describe('a lease that gives nothing', () => {
  const weekMs = 7 * 86_400_000;
  const perQueue = 25;
  let sender: TestAccount;

  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const startMs = Date.now() + 60 * 86_400_000;
    for (let week = 0; week < 5; week++) {
      vi.setSystemTime(startMs + week * weekMs);
      sender ??= await newAccount();
      for (const mailClass of ['priority', 'standard', 'digest']) {
        const one = mail(sender, { to: ['a@busy.example'], class: mailClass });
        const sent = await call('POST', '/v1/send/batch', sender.live, Array(perQueue).fill(one));
        expect(sent.status).toBe(202);
      }
    }
    vi.setSystemTime(Date.now() + 3_600_000);
    await node.hello();
  });
  afterAll(() => vi.useRealTimers());

  const setStatus = (status: string) =>
    call('PUT', `/admin/v1/accounts/${sender.id}/status`, bindings.OPERATOR_TOKEN, { status });

  it.each([
    ['are of a suspended account', 'suspended', {}],
    ['go to a throttled domain', 'active', { excludeDomains: ['busy.example'] }],
    [
      'go to a throttled domain, by one with much room',
      'active',
      { excludeDomains: ['busy.example'], max: 500 },
    ],
  ])('reads a hundred rows at most, however many queues %s', async (_, status, more) => {
    await setStatus(status);
    const answer = await node.post('lease', { max: 50, ...more });
    expect(answer.body).toMatchObject({ deliveries: [], more: true });
    expect(costOf(answer).trips).toBe(1);
    expect(costOf(answer).read).toBeLessThanOrEqual(100);
    await setStatus('active');
  });

  it('leaves what stands behind it to the next, which gives it all in the order of the classes', async () => {
    const given: string[] = [];
    let place: string | null = null;
    for (let more = true; more; ) {
      const { body } = await node.post('lease', { max: 40, place });
      given.push(...body.deliveries.map((one: { class: string }) => one.class));
      ({ more, place } = body);
    }
    expect(given).toEqual(
      ['priority', 'standard', 'digest'].flatMap((name) => Array(5 * perQueue).fill(name)),
    );
  });

  it('by the order of falling due within a class, whatever week it is of', async () => {
    const at = Date.now();
    const last = await (async () => {
      vi.setSystemTime(at - 2 * weekMs);
      const body = Array(60).fill(mail(sender, { send_at: new Date(at).toISOString() }));
      const early = await call('POST', '/v1/send/batch', sender.live, body);
      expect(early.status).toBe(202);
      vi.setSystemTime(at - 60_000);
      return (await call('POST', '/v1/send', sender.live, mail(sender))).body.message_id;
    })();
    vi.setSystemTime(at + 60_000);
    await node.hello();
    expect(await leasedIds({ max: 1 })).toEqual([last]);
  });
});

describe('mail that another node holds', () => {
  const held = 120;
  let sender: TestAccount;
  let holder: TestNode;

  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 200 * 86_400_000);
    sender = await newAccount();
    holder = await new TestNode('node-b').hello();
    const mails = Array.from({ length: held }, (_, i) => mail(sender, { to: [`u${i}@d${i}.example`] }));
    for (const some of [mails.slice(0, 60), mails.slice(60)])
      expect((await call('POST', '/v1/send/batch', sender.live, some)).status).toBe(202);
    vi.setSystemTime(Date.now() + 60_000);
    await node.hello();
    for (let count = 0; count < held; ) count += (await leasedIds({ max: 200 }, holder)).length;
  });
  afterAll(() => vi.useRealTimers());

  it('is read neither whole by an idle lease nor again by the next', async () => {
    const first = await node.post('lease', { max: 50 });
    expect(first.body).toMatchObject({ deliveries: [], more: true });
    expect(costOf(first).read).toBeLessThanOrEqual(100);
    const rowsRead: number[] = [];
    let { place } = first.body;
    for (let more = true; more && rowsRead.length < 10; ) {
      let turn = 0;
      for (more = true; more && turn < 10; turn++) {
        const answer = await node.post('lease', { max: 50, place });
        rowsRead.push(costOf(answer).read);
        ({ more, place } = answer.body);
      }
      more = turn > 1;
    }
    // What is left in sight is so little that it stands in nobody's way.
    expect(rowsRead.length).toBeLessThan(10);
    expect(rowsRead.at(-1)).toBeLessThanOrEqual(60);
    expect(rowsRead.reduce((sum, one) => sum + one, 0)).toBeLessThan(held * 5);
  });

  it('hides nothing that stands behind it', async () => {
    const urgent = await call('POST', '/v1/send', sender.live, mail(sender, { class: 'priority' }));
    const usual = await call('POST', '/v1/send', sender.live, mail(sender));
    const given: string[] = [];
    let place: string | null = null;
    for (let more = true; more; ) {
      const { body } = await node.post('lease', { max: 50, place });
      given.push(...body.deliveries.map(({ messageId }: { messageId: string }) => messageId));
      ({ more, place } = body);
    }
    expect(given).toEqual([urgent.body.message_id, usual.body.message_id]);
  });

  it('is seen as soon as it is given back, where little of its class is held', async () => {
    const few = await call('POST', '/v1/send', sender.live, mail(sender, { class: 'digest' }));
    vi.setSystemTime(Date.now() + 60_000);
    const [lease] = (await holder.lease(200)).deliveries;
    expect(lease.messageId).toBe(few.body.message_id);
    let place: string | null = null;
    const askOn = async () => {
      const given: { messageId: string }[] = [];
      for (let more = true; more; ) {
        const { body } = await node.post('lease', { max: 50, place });
        given.push(...body.deliveries);
        ({ more, place } = body);
      }
      return given.map((one) => one.messageId);
    };
    expect(await askOn()).toEqual([]);
    const { messageId, n, leaseId } = lease;
    await holder.post('release', { leases: [{ messageId, n, leaseId }] });
    expect(await askOn()).toEqual([messageId]);
  });
});
