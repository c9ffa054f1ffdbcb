import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Courier, CourierOptions } from '../../smtp-node/outbound/courier.ts';
import { courierTo, send, sendIfFree } from '../support/courier.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';
import { oneMx, resolverOf } from '../support/zone.ts';

let mx: FakeMx;
let courier: Courier;

async function meet(server: FakeMxOptions = {}, options: Partial<CourierOptions> = {}): Promise<void> {
  mx = await startFakeMx(server);
  courier = courierTo(mx, options);
}

afterEach(async () => {
  await courier.close();
  await mx.close();
});

describe('connections', () => {
  it('are used again, and then lack the steps of opening one', async () => {
    await meet();
    await send(courier);
    const outcome = await send(courier);
    expect(outcome.session.reused).toBe(true);
    // On a busy machine a turn takes a moment.
    const steps = outcome.session.steps.map((step) => step.name).filter((name) => name !== 'wait');
    expect(steps).toEqual(['dns', 'sign', 'mail', 'rcpt', 'data', 'final']);
    expect(mx.connections).toBe(1);
  });

  it('keep telling of their encryption', async () => {
    await meet({ tls: true });
    await send(courier);
    const outcome = await send(courier);
    expect(outcome.session).toMatchObject({ reused: true, tls: { verdict: 'unverified' } });
  });

  it('are reset after a refused recipient, and used again', async () => {
    await meet();
    await send(courier, { rcptTo: '550-rcpt@example.test' });
    await vi.waitFor(() => expect(courier.stats().idleConnections).toBe(1));
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: true } });
    expect(mx.commands).toContain('RSET');
  });

  it('are reset after a message refused at its end, which some peers keep open', async () => {
    await meet();
    expect(await send(courier, { rcptTo: '554-dot@example.test' })).toMatchObject({ type: 'bounced' });
    await vi.waitFor(() => expect(courier.stats().idleConnections).toBe(1));
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: true } });
    expect(mx.commands).toContain('RSET');
  });

  it('that are told of a transaction still open are given up, and the message goes over a new one', async () => {
    await meet({ onConnection: () => '503-second-mail' });
    await send(courier);
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: false } });
    expect(mx.messages.map((message) => message.connection)).toEqual([1, 2]);
  });

  it('are ended with QUIT after their share of messages', async () => {
    await meet({}, { messagesPerConnection: 2 });
    for (let i = 0; i < 5; i++) await send(courier);
    expect(mx.messages.map((message) => message.connection)).toEqual([1, 1, 2, 2, 3]);
    await vi.waitFor(() => expect(mx.commands.filter((line) => line === 'QUIT')).toHaveLength(2));
  });

  it('are ended with QUIT when idle for long', async () => {
    await meet({}, { idleMs: 30 });
    await send(courier);
    await vi.waitFor(() => expect(mx.openConnections).toBe(0));
    expect(mx.commands.at(-1)).toBe('QUIT');
    expect(courier.stats().openConnections).toBe(0);
  });

  it('are ended with QUIT by close()', async () => {
    await meet();
    await send(courier);
    await courier.close();
    expect(mx.commands.at(-1)).toBe('QUIT');
    expect(await sendIfFree(courier)).toBe('untried');
  });

  it.each(['421-second-mail', 'drop-second-mail'] as const)(
    'that have died unnoticed cost no failure: the message goes over a fresh one (%s)',
    async (fault) => {
      await meet({ onConnection: (n) => (n === 1 ? fault : null) });
      await send(courier);
      const outcome = await send(courier);
      expect(outcome).toMatchObject({ type: 'delivered', session: { reused: false, tried: [] } });
      expect(mx.connections).toBe(2);
      expect(courier.stats().hosts[0]).toMatchObject({ limit: 10, pausedUntilMs: null });
    },
  );

  it('that the peer closes while idle are forgotten', async () => {
    await meet({ onConnection: () => 'drop-when-idle' });
    await send(courier);
    await vi.waitFor(() => expect(courier.stats().openConnections).toBe(0));
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
  });

  it('are never more to one host than allowed, and all wait their turn', async () => {
    await meet({}, { connectionsPerHost: 3 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => send(courier)));
    expect(outcomes.every((outcome) => outcome.type === 'delivered')).toBe(true);
    expect(mx.mostConnections).toBe(3);
  });

  it('are all given back, whatever the deliveries over them came to', async () => {
    await meet(
      { tls: true, onConnection: (n) => (n % 4 === 0 ? 'bad-tls' : null) },
      { connectionsPerHost: 4 },
    );
    const scripts = [
      'ann',
      '550-rcpt',
      '451-dot',
      'drop-at-rcpt',
      'drop-after-dot',
      'garbage-at-rcpt',
      '554-dot',
    ];
    const outcomes = await Promise.all(
      Array.from({ length: 56 }, (_, i) =>
        send(courier, { attempt: 2, rcptTo: `${scripts[i % 7]}@example.test` }),
      ),
    );
    const count = (type: string) => outcomes.filter((outcome) => outcome.type === type).length;
    expect({ delivered: count('delivered'), bounced: count('bounced') }).toEqual({
      delivered: 8,
      bounced: 16,
    });
    expect(count('maybeAccepted')).toBe(8);
    expect(mx.messages).toHaveLength(8);
    await vi.waitFor(() => {
      const { openConnections, idleConnections, waitingDeliveries } = courier.stats();
      expect(openConnections - idleConnections).toBe(0);
      expect(waitingDeliveries).toBe(0);
    });
  });

  it('to a busy host keep no mail for others waiting', async () => {
    const zone = {
      ...oneMx('127.0.0.1'),
      'quick.test': { MX: [{ exchange: 'mx.quick.test', priority: 1 }] },
      'mx.quick.test': { A: ['127.0.0.2'] },
    };
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const options = { connectionsPerHost: 1, resolveRecords: resolverOf(zone) };
    await meet({ beforeFinalReply: () => finished }, options);
    const quick = await startFakeMx({ address: '127.0.0.2', port: mx.port });
    const slow = [send(courier), send(courier)];
    await vi.waitFor(() => expect(courier.stats().waitingDeliveries).toBe(1));
    expect(courier.busyDomains()).toEqual(['example.test']);
    expect(await send(courier, { rcptTo: 'a@quick.test' })).toMatchObject({ type: 'delivered' });
    finish();
    expect((await Promise.all(slow)).map((outcome) => outcome.type)).toEqual(['delivered', 'delivered']);
    expect(courier.busyDomains()).toEqual([]);
    await quick.close();
  });

  it('go to the most urgent of those who wait', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await meet({ beforeFinalReply: () => finished }, { connectionsPerHost: 1 });
    const deliveries = [send(courier, { rcptTo: 'first@example.test' })];
    // How soon a message asks for its turn depends on its signing: the others come when the first has the connection.
    await vi.waitFor(() => expect(mx.commands).toContain('DATA'));
    for (const mailClass of ['digest', 'standard', 'priority'] as const) {
      deliveries.push(send(courier, { class: mailClass, rcptTo: `${mailClass}@example.test` }));
    }
    await vi.waitFor(() => expect(courier.stats().waitingDeliveries).toBe(3));
    finish();
    await Promise.all(deliveries);
    const order = mx.messages.map(({ to }) => to.replace(/@.*/, ''));
    expect(order).toEqual(['first', 'priority', 'standard', 'digest']);
  });

  it('are given to digests up to their share, while others go past those that wait for it', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await meet({ beforeFinalReply: () => finished }, { connectionsPerHost: 4 });
    const digests = Array.from({ length: 6 }, () => send(courier, { class: 'digest' }));
    await vi.waitFor(() =>
      expect(courier.stats()).toMatchObject({ waitingDeliveries: 4, openConnections: 2 }),
    );
    expect(courier.busyDomains()).toEqual([]);
    const others = Array.from({ length: 2 }, () => send(courier));
    await vi.waitFor(() => expect(courier.stats().openConnections).toBe(4));
    expect(courier.stats().waitingDeliveries).toBe(4);
    finish();
    const outcomes = await Promise.all([...digests, ...others]);
    expect(outcomes.map((outcome) => outcome.type)).toEqual(Array(8).fill('delivered'));
  });

  it('that are waited for when the courier is closed leave the message untried', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await meet({ beforeFinalReply: () => finished }, { connectionsPerHost: 1 });
    const first = send(courier);
    await vi.waitFor(() => expect(mx.commands).toContain('DATA'));
    const second = sendIfFree(courier);
    await vi.waitFor(() => expect(courier.stats().waitingDeliveries).toBe(1));
    await courier.close();
    finish();
    expect(await first).toMatchObject({ type: 'delivered' });
    expect(await second).toBe('untried');
    expect(courier.stats().openConnections).toBe(0);
  });

  it('that do not become free in time leave the message untried: nobody refused it', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const options = { connectionsPerHost: 1, slotWaitMs: 50 };
    await meet({ beforeFinalReply: () => finished }, options);
    const slow = send(courier);
    await vi.waitFor(() => expect(mx.commands).toContain('DATA'));
    expect(await sendIfFree(courier)).toBe('untried');
    finish();
    await slow;
  });
});

describe('a host that takes ten messages over a connection', () => {
  it.each(['mail', 'rcpt', 'data'] as const)(
    'and then says 452 to %s gets all of 150 at the first try, and its measure is learnt',
    async (step) => {
      await meet({ session: { most: 10, step } }, { connectionsPerHost: 5 });
      const outcomes = await Promise.all(Array.from({ length: 150 }, () => send(courier)));
      expect(outcomes.filter((outcome) => outcome.type === 'delivered')).toHaveLength(150);
      expect(mx.messages).toHaveLength(150);
      expect(courier.stats().hosts[0]).toMatchObject({ messagesPerConnection: 10, limit: 5 });
      const refusals = mx.commands.filter((line) => line.startsWith('MAIL')).length - 150;
      expect(refusals).toBeLessThanOrEqual(5);
    },
  );

  it('is asked anew after an hour', async () => {
    let nowMs = Date.now();
    await meet({ session: { most: 2, step: 'data' } }, { now: () => nowMs });
    for (let i = 0; i < 4; i++) expect(await send(courier)).toMatchObject({ type: 'delivered' });
    expect(courier.stats().hosts[0]).toMatchObject({ messagesPerConnection: 2 });
    nowMs += 3_600_001;
    expect(courier.stats().hosts[0]?.messagesPerConnection).toBe(100);
  });
});

describe('a temporary refusal', () => {
  it.each(['450-rcpt@example.test', '451-data@example.test'])(
    'of a message over a used connection (%s) is believed of a new one, once',
    async (rcptTo) => {
      await meet();
      await send(courier);
      const outcome = await send(courier, { rcptTo });
      expect(outcome).toMatchObject({ type: 'deferred', session: { reused: false, tried: [] } });
      expect(mx.connections).toBe(2);
      expect(courier.stats().hosts[0]).toMatchObject({ messagesPerConnection: 100 });
    },
  );

  it('that speaks of the mailbox is believed at once', async () => {
    await meet();
    await send(courier);
    expect(await send(courier, { rcptTo: 'busy@example.test' })).toMatchObject({ type: 'deferred' });
    expect(mx.connections).toBe(1);
  });

  it.each([
    [{ mailFrom: '451-mail@bounces.test' }, 2],
    [{ rcptTo: '451-data@example.test' }, 2],
    [{ rcptTo: '450-rcpt@example.test' }, 1],
    [{ rcptTo: '451-dot@example.test' }, 1],
  ])('at MAIL or DATA (%j) ends the connection, elsewhere not', async (delivery, connections) => {
    await meet();
    expect(await send(courier, delivery)).toMatchObject({ type: 'deferred' });
    await vi.waitFor(() => {
      const { openConnections, idleConnections } = courier.stats();
      expect(openConnections - idleConnections).toBe(0);
    });
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
    expect(mx.connections).toBe(connections);
  });
});

describe('a host that asks to slow down', () => {
  it('is given half the connections and a pause, and its domains are told', async () => {
    await meet({}, { throttlePauseMs: 60_000 });
    const outcome = await send(courier, { rcptTo: '421-rcpt@example.test' });
    expect(outcome).toMatchObject({ type: 'deferred', failure: { reply: { code: 421 } } });
    expect(courier.stats().hosts[0]).toMatchObject({ limit: 5, pausedUntilMs: expect.any(Number) });
    expect(courier.throttledDomains()).toEqual(['example.test']);
  });

  it('gets nothing new during the pause, and nobody waits for the end of a long one', async () => {
    await meet({}, { throttlePauseMs: 240_000, slotWaitMs: 120_000 });
    await send(courier, { rcptTo: '421-rcpt@example.test' });
    expect(await send(courier)).toMatchObject({ type: 'deferred', failure: { class: 'rate_limited' } });
    expect(mx.connections).toBe(1);
  });

  it('is not thought to when one mailbox is busy', async () => {
    await meet({}, { throttlePauseMs: 60_000 });
    await send(courier, { rcptTo: 'busy@example.test' });
    expect(courier.stats().hosts[0]).toMatchObject({ limit: 10, pausedUntilMs: null });
  });

  it('is served again after the pause, and its limit grows back step by step', async () => {
    await meet({ onConnection: (n) => (n === 1 ? '421-banner' : null) }, { connectionsPerHost: 4 });
    await send(courier);
    expect(courier.stats().hosts[0]?.limit).toBe(2);
    await send(courier);
    await send(courier);
    expect(courier.stats().hosts[0]?.limit).toBe(3);
    for (let i = 0; i < 3; i++) await send(courier);
    expect(courier.stats().hosts[0]?.limit).toBe(4);
    expect(courier.throttledDomains()).toEqual([]);
  });
});
