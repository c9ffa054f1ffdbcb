import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloudflareFields } from '#domain/delivery/relay-fields.ts';
import type { Relay } from '#domain/delivery/transport.ts';
import type { MailClass } from '#domain/message/class.ts';
import type { Courier } from '../../smtp-node/outbound/courier.ts';
import { Destinations } from '../../smtp-node/outbound/destinations.ts';
import { KeptFields, withKeptFields } from '../../smtp-node/signing/kept-fields.ts';
import { courierTo, failureOf, send, sendIfFree } from '../support/courier.ts';
import { type FakeMx, startFakeMx } from '../support/fake-mx.ts';
import { freePort } from '../support/free-port.ts';
import { relayLogin, startRelay, type TestRelay } from '../support/relay.ts';
import { resolverOf, type Zone } from '../support/zone.ts';

let mx: FakeMx;
let courier: Courier;
let relay: TestRelay | null = null;

beforeEach(async () => {
  mx = await startFakeMx();
  courier = courierTo(mx);
});

afterEach(async () => {
  await courier.close();
  await mx.close();
  await relay?.close();
  relay = null;
});

async function use(
  options: Parameters<typeof startRelay>[0] = {},
  more: Partial<Relay> = {},
): Promise<TestRelay> {
  relay = await startRelay(options, more);
  courier.useRelays([relay.relay]);
  return relay;
}

const byRelay = { route: ['smarthost'] };

describe('a delivery by a relay', () => {
  it('is signed, signed in for and told with its transport; no MX hears of it', async () => {
    const { messages, methods } = await use();
    const outcome = await send(courier, byRelay);
    expect(outcome).toMatchObject({
      type: 'delivered',
      reply: { code: 250, status: '2.0.0' },
      session: { transport: 'smarthost', mx: { host: 'localhost', address: '127.0.0.1' } },
    });
    expect(outcome.session.steps.map(({ name }) => name)).toContain('auth');
    expect(messages).toMatchObject([{ user: 'shop', to: ['ann@example.test'] }]);
    expect(messages[0]?.raw).toMatch(/^DKIM-Signature:/);
    expect(methods).toEqual(['PLAIN']);
    expect(mx.connections).toBe(0);
  });

  it('signs in by LOGIN where there is nothing else, once for a connection', async () => {
    const { messages, methods } = await use({ authMethods: ['LOGIN'] });
    await send(courier, byRelay);
    expect((await send(courier, byRelay)).session.reused).toBe(true);
    expect(messages).toHaveLength(2);
    expect(methods).toEqual(['LOGIN']);
  });

  it('asks a relay without a login for none', async () => {
    const { messages } = await use({ authOptional: true }, { login: null });
    expect((await send(courier, byRelay)).type).toBe('delivered');
    expect(messages).toHaveLength(1);
  });

  it('waits when the sign-in is refused, and takes a new secret at once', async () => {
    const { relay: told, messages } = await use({}, { login: { ...relayLogin, secret: 'old' } });
    const outcome = await send(courier, byRelay);
    expect(outcome.type).toBe('deferred');
    expect(failureOf(outcome)).toMatchObject({ step: 'auth', reply: { code: 535 } });
    courier.useRelays([{ ...told, login: relayLogin }]);
    expect((await send(courier, byRelay)).type).toBe('delivered');
    expect(messages).toHaveLength(1);
  });

  it.each([
    ['implicit', { secure: true }],
    ['starttls', { disabledCommands: [] }],
  ] as const)('never gives its secret to whom it cannot verify (%s)', async (tls, options) => {
    const { methods } = await use({ ...options, disabledCommands: [] }, { tls });
    const outcome = await send(courier, byRelay);
    expect(failureOf(outcome)).toMatchObject({ step: 'tls', text: expect.stringContaining('not valid') });
    expect(methods).toEqual([]);
  });

  it('never speaks in clear where STARTTLS is wanted', async () => {
    const { methods } = await use({}, { tls: 'starttls' });
    expect(failureOf(await send(courier, byRelay)).text).toContain('offers no STARTTLS');
    expect(methods).toEqual([]);
  });

  it('bounces what the relay says of the recipient, and what is larger than it takes', async () => {
    await use({ refuse: { at: 'rcpt', code: 550, text: '5.1.1 no such user' } });
    expect((await send(courier, byRelay)).type).toBe('bounced');
    await relay?.close();
    await use({}, { maxBytes: 10 });
    expect(failureOf(await send(courier, byRelay))).toMatchObject({ class: 'too_large', status: '5.3.4' });
  });

  it('waits for a relay that nobody has told of', async () => {
    const outcome = await send(courier, { route: ['unheard'] });
    expect(outcome).toMatchObject({ type: 'deferred', failure: { class: 'system' } });
  });
});

describe('a relay that takes some header fields alone', () => {
  const message = [
    'Received: from client',
    ' by us',
    'From: shop@example.test',
    'Feedback-ID: a:b',
    'X-Order: 1',
    'Sender: boss@example.test',
    'Subject: Hello',
    '',
    'Sender: stays, as this is no field',
    '.',
    '',
  ].join('\r\n');
  const kept = message
    .replace(/^Received: .*\r\n .*\r\n/, '')
    .replace(/^(Feedback-ID|Sender): .*\r\n/gm, (line) => (line.includes('stays') ? line : ''));

  it.each([
    ['small', ''],
    ['of several blocks', 'a line of the body\r\n'.repeat(10_000)],
  ])('gets a message without the others and signs itself: %s', async (_size, more) => {
    const { messages } = await use({}, { fields: cloudflareFields });
    const raw = { kind: 'bytes', bytes: Buffer.from(message + more) } as const;
    const fields = [{ name: 'CFBL-Address', value: 'fbl@example.test; report=arf' }];
    const outcome = await send(courier, { ...byRelay, fields }, { raw });
    expect(outcome).toMatchObject({ type: 'delivered', dkim: [] });
    expect(outcome.session.leftOut).toEqual(['Received', 'Feedback-ID', 'Sender']);
    expect(messages[0]?.raw).toBe(kept + more);
  });

  it('leaves the message whole for the transport after it', async () => {
    await use(
      { refuse: { at: 'dot', code: 554, text: '5.7.1 relay access denied' } },
      { fields: cloudflareFields },
    );
    const raw = { kind: 'bytes', bytes: Buffer.from(message) } as const;
    const outcome = await send(courier, { route: ['smarthost', 'direct'] }, { raw });
    expect(outcome.session.leftOut).toBeUndefined();
    expect(outcome).toMatchObject({ type: 'delivered', dkim: ['ed1'] });
    expect(mx.messages[0]?.raw.toString('latin1')).toContain('Sender: boss@example.test');
  });

  it('gets the same, however the message is cut', () => {
    const part = fc.constantFrom('From: a', '\r\n', ' folded', 'B-1: x', 'x-y:', ':', 'body');
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.nat(20)), (parts, cuts) => {
        const whole = Buffer.from(parts.join(''));
        const pieces = new KeptFields(['from', 'x-*']);
        let at = 0;
        const out = [...cuts, whole.length].map((length) => {
          at += length;
          return pieces.push(whole.subarray(at - length, at));
        });
        expect(Buffer.concat([...out, pieces.end()])).toEqual(withKeptFields(whole, ['from', 'x-*']));
        expect(withKeptFields(whole, null)).toEqual(whole);
      }),
    );
  });
});

describe('the limits of a relay', () => {
  it('no more messages over one connection than recipients of a session', async () => {
    await use({}, { sessionRecipients: 2 });
    const reused = [];
    for (let i = 0; i < 4; i++) reused.push((await send(courier, byRelay)).session.reused);
    expect(reused).toEqual([false, true, false, true]);
  });

  it('says which relay it waited for in vain, as that takes no more in a minute', async () => {
    await courier.close();
    courier = courierTo(mx, { slotWaitMs: 0 });
    await use({}, { perMinute: 1 });
    await send(courier, byRelay);
    const paced: string[] = [];
    const hooks = { onPaced: (relay: string) => void paced.push(relay) };
    expect(await sendIfFree(courier, byRelay, { hooks })).toBe('untried');
    expect(paced).toEqual(['smarthost']);
  });

  it('no more in a minute than it takes, evenly, and the most urgent first', async () => {
    let nowMs = 0;
    const destinations = new Destinations({ most: 25, now: () => nowMs });
    const at = { name: 'relay ses', most: 25, perMinute: 120 };
    const enter = (mailClass: MailClass, waitMs = 0) =>
      destinations.enter(at, 'example.test', mailClass, waitMs);
    // What one second has in store.
    expect([await enter('standard'), await enter('standard'), await enter('standard')]).toEqual([
      expect.anything(),
      expect.anything(),
      { paced: true },
    ]);
    const order: MailClass[] = [];
    const waiting = (['standard', 'priority'] as const).map(async (mailClass) => {
      await enter(mailClass, 10_000);
      order.push(mailClass);
    });
    nowMs += 500;
    await waiting[1];
    expect(order).toEqual(['priority']);
    nowMs += 500;
    await waiting[0];
    destinations.close();
  });
});

describe('a route', () => {
  const relayFirst = { route: ['smarthost', 'direct'] };

  it('goes on where the relay takes no message of that size', async () => {
    await use({}, { maxBytes: 10 });
    const outcome = await send(courier, relayFirst);
    expect(outcome.session.passedOn).toMatchObject([
      {
        transport: 'smarthost',
        error: expect.stringContaining('more than the 10 that relay smarthost takes'),
      },
    ]);
    expect(outcome).toMatchObject({ type: 'delivered', session: { mx: { host: 'mx.test' } } });
  });

  it('goes on where the relay is not there, to be delivered once', async () => {
    courier.useRelays([{ ...(await startAndStop()), name: 'smarthost' }]);
    const outcome = await send(courier, relayFirst);
    expect(outcome).toMatchObject({ type: 'delivered', session: { mx: { host: 'mx.test' } } });
    expect(outcome.session.transport).toBeUndefined();
    expect(outcome.session.tried.map(({ host }) => host)).toEqual(['localhost']);
    expect(mx.messages).toHaveLength(1);
  });

  it.each([
    ['the sign-in is refused', {}, { login: { user: 'shop', secret: 'wrong' } }],
    [
      'it is over its quota',
      { refuse: { at: 'rcpt', code: 452, text: '4.5.3 daily quota exceeded, too many messages' } },
      {},
    ],
    [
      'it is on a blocklist',
      { refuse: { at: 'dot', code: 554, text: '5.7.1 blocked using zen.spamhaus.org' } },
      {},
    ],
    ['it does not relay', { refuse: { at: 'rcpt', code: 554, text: '5.7.1 relay access denied' } }, {}],
  ] as const)('goes on where %s, and says so', async (_why, options, more) => {
    const { messages } = await use(options as Parameters<typeof startRelay>[0], more);
    const outcome = await send(courier, relayFirst);
    expect(outcome.session.passedOn).toMatchObject([{ transport: 'smarthost' }]);
    expect(outcome).toMatchObject({ type: 'delivered', session: { mx: { host: 'mx.test' } } });
    expect([messages.length, mx.messages.length]).toEqual([0, 1]);
  });

  it.each([
    ['the recipient is unknown', 550, '5.1.1 no such user', 'bounced'],
    ['the message is refused', 554, '5.6.0 this looks like spam', 'bounced'],
    ['the recipient is full', 452, '4.2.2 mailbox full', 'deferred'],
  ] as const)('ends where %s', async (_why, code, text, type) => {
    await use({ refuse: { at: 'dot', code, text } });
    expect((await send(courier, relayFirst)).type).toBe(type);
    expect(mx.messages).toHaveLength(0);
  });

  it('ends where the relay may have taken it', async () => {
    courier.useRelays([await asRelay(mx)]);
    const other = { route: ['smarthost', 'direct'], rcptTo: 'drop-after-dot@example.test' };
    expect((await send(courier, other)).type).toBe('maybeAccepted');
    expect(mx.messages).toHaveLength(0);
  });

  it('leaves port 25 alone when nobody answers there, and finds out when somebody does', async () => {
    let nowMs = Date.now();
    const nowhere = '127.0.0.3';
    const zone: Zone = Object.fromEntries(
      [1, 2, 3, 4, 5].flatMap((n) => [
        [`d${n}.test`, { MX: [{ exchange: `mx.d${n}.test`, priority: 1 }] }],
        [`mx.d${n}.test`, { A: [n === 5 ? mx.address : nowhere] }],
      ]),
    );
    await courier.close();
    courier = courierTo(mx, { resolveRecords: resolverOf(zone), now: () => nowMs });
    const { messages } = await use();
    const route = ['direct', 'smarthost'];
    for (const n of [1, 2, 3]) {
      const outcome = await send(courier, { route, rcptTo: `a@d${n}.test` });
      expect(outcome).toMatchObject({ type: 'delivered', session: { transport: 'smarthost' } });
      expect(outcome.session.tried).toHaveLength(1);
    }
    const after = await send(courier, { route, rcptTo: 'a@d5.test' });
    expect(after.session).toMatchObject({
      transport: 'smarthost',
      tried: [],
      passedOn: [{ transport: 'direct', error: expect.stringContaining('port 25 of this node seems') }],
    });
    expect(mx.connections).toBe(0);
    nowMs += 11_000;
    expect((await send(courier, { route, rcptTo: 'a@d5.test' })).session.transport).toBeUndefined();
    expect((await send(courier, { route, rcptTo: 'a@d5.test' })).session.transport).toBeUndefined();
    expect([messages.length, mx.messages.length]).toEqual([4, 2]);
  });
});

/** A relay that is gone. */
async function startAndStop(): Promise<Relay> {
  const { relay: gone, close } = await startRelay({}, { port: await freePort() });
  await close();
  return gone;
}

async function asRelay({ port }: FakeMx): Promise<Relay> {
  const { relay: told, close } = await startRelay();
  await close();
  return { ...told, port, login: null };
}
