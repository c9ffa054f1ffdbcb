import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Courier, CourierOptions } from '../../smtp-node/outbound/courier.ts';
import { courierTo, failureOf, send } from '../support/courier.ts';
import { type FakeMx, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';
import { aMessage } from '../support/mail.ts';

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

describe('a delivery', () => {
  it('is delivered byte for byte behind its signatures, and tells of each step', async () => {
    await meet();
    const outcome = await send(courier);
    expect(outcome).toMatchObject({
      type: 'delivered',
      reply: { code: 250, status: '2.0.0', text: 'Queued as 12345' },
      dkim: ['ed1'],
      session: { mx: { host: 'mx.test', address: '127.0.0.1' }, tls: null, reused: false, tried: [] },
    });
    // On a busy machine a turn takes a moment.
    const steps = outcome.session.steps.map((step) => step.name).filter((name) => name !== 'wait');
    expect(steps).toEqual(['dns', 'sign', 'connect', 'greeting', 'ehlo', 'mail', 'rcpt', 'data', 'final']);
    const raw = mx.messages[0]?.raw ?? Buffer.alloc(0);
    expect(raw.toString()).toMatch(/^DKIM-Signature: /);
    expect(raw.subarray(raw.length - aMessage.length).equals(aMessage)).toBe(true);
    expect(mx.messages[0]).toMatchObject({ from: 'b-token@bounces.pennypost.test', to: 'ann@example.test' });
  });

  it.each([
    ['450-mail@x.test', 'ann@example.test', 'mail', 450],
    ['b-t@x.test', '451-rcpt@example.test', 'rcpt', 451],
    ['b-t@x.test', '452-data@example.test', 'data', 452],
    ['b-t@x.test', '451-dot@example.test', 'final', 451],
  ])('is deferred by a 4yz reply (%s %s)', async (mailFrom, rcptTo, step, code) => {
    await meet();
    const outcome = await send(courier, { mailFrom, rcptTo });
    expect(outcome).toMatchObject({ type: 'deferred', failure: { step, reply: { code }, code: null } });
    expect(mx.connections).toBe(1);
  });

  it.each([
    ['550-mail@x.test', 'ann@example.test', 'mail', 550],
    ['b-t@x.test', '550-rcpt@example.test', 'rcpt', 550],
    ['b-t@x.test', '552-data@example.test', 'data', 552],
    ['b-t@x.test', '554-dot@example.test', 'final', 554],
  ])('is bounced by a 5yz reply (%s %s)', async (mailFrom, rcptTo, step, code) => {
    await meet();
    const outcome = await send(courier, { mailFrom, rcptTo });
    expect(outcome).toMatchObject({
      type: 'bounced',
      failure: { step, reply: { code, status: '5.7.0' }, status: null },
    });
    expect(mx.messages).toHaveLength(0);
  });

  it('is bounced by a 5yz that comes in the middle of the content', async () => {
    await meet();
    const bytes = Buffer.concat([aMessage, Buffer.alloc(8_000_000, 'line of text\r\n')]);
    const outcome = await send(
      courier,
      { rcptTo: '554-early@example.test' },
      { raw: { kind: 'bytes', bytes } },
    );
    expect(outcome).toMatchObject({ type: 'bounced', failure: { reply: { code: 554 }, step: 'data' } });
    expect(courier.stats().openConnections).toBe(0);
  });

  it('reads a reply of several lines', async () => {
    await meet();
    const outcome = await send(courier, { rcptTo: 'multiline@example.test' });
    expect(outcome).toMatchObject({ reply: { code: 250, status: '2.6.0', text: 'Accepted as 12345' } });
  });

  it.each(['garbage-at-rcpt@example.test', 'mixed@example.test'])(
    'is deferred without an SMTP code when the peer talks nonsense (%s)',
    async (rcptTo) => {
      await meet();
      const failure = failureOf(await send(courier, { rcptTo }));
      expect(failure).toMatchObject({ reply: null, class: 'protocol', step: 'rcpt' });
    },
  );

  it.each(['drop-at-rcpt@example.test', 'drop-in-data@example.test'])(
    'is deferred, not perhaps accepted, when the connection breaks before the final dot (%s)',
    async (rcptTo) => {
      await meet();
      const bytes = Buffer.concat([aMessage, Buffer.alloc(8_000_000, 'line of text\r\n')]);
      const outcome = await send(courier, { rcptTo }, { raw: { kind: 'bytes', bytes } });
      expect(outcome).toMatchObject({ type: 'deferred', failure: { reply: null, class: 'network' } });
      expect(failureOf(outcome).code).toMatch(/^E/);
    },
  );

  it.each(['drop-after-dot@example.test', 'garbage-after-dot@example.test', 'hang-after-dot@example.test'])(
    'is perhaps accepted when no reply to the final dot can be read (%s)',
    async (rcptTo) => {
      await meet({}, { timeouts: { finalMs: 300 } });
      const outcome = await send(courier, { rcptTo });
      expect(outcome).toMatchObject({ type: 'maybeAccepted', failure: { reply: null, step: 'final' } });
    },
  );

  it('is deferred when the peer does not greet in time', async () => {
    await meet({ onConnection: () => 'slow-banner' }, { timeouts: { greetingMs: 100 } });
    const outcome = await send(courier);
    expect(outcome).toMatchObject({
      type: 'deferred',
      failure: { step: 'greeting', code: 'ETIMEDOUT', reply: null, class: 'network' },
    });
  });

  it('is deferred when the peer stops taking the content', async () => {
    await meet({}, { timeouts: { dataBlockMs: 300 } });
    const bytes = Buffer.concat([aMessage, Buffer.alloc(30_000_000, 'line of text\r\n')]);
    const outcome = await send(
      courier,
      { rcptTo: 'stall-in-data@example.test' },
      { raw: { kind: 'bytes', bytes } },
    );
    expect(outcome).toMatchObject({
      type: 'deferred',
      failure: { step: 'data', code: 'ETIMEDOUT', reply: null },
    });
    expect(courier.stats().openConnections).toBe(0);
  });

  it('is deferred when every host refuses to talk, with the words of the refusal', async () => {
    await meet({ onConnection: () => '554-banner' });
    const outcome = await send(courier);
    expect(outcome).toMatchObject({ type: 'deferred', failure: { step: 'greeting', reply: { code: 554 } } });
    expect(outcome.session.mx).toEqual({ host: 'mx.test', address: '127.0.0.1' });
  });

  it('speaks HELO to a peer that does not know EHLO', async () => {
    await meet({ onConnection: () => '502-ehlo' });
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
    expect(mx.commands.slice(0, 3)).toEqual([
      'EHLO node.pennypost.test',
      'HELO node.pennypost.test',
      'MAIL FROM:<b-token@bounces.pennypost.test>',
    ]);
  });

  it('never rejects, even when the message cannot be read', async () => {
    await meet();
    const raw = { kind: 'file', path: '/nowhere/at/all', sizeBytes: 10 } as const;
    expect(await send(courier, {}, { raw })).toMatchObject({
      type: 'deferred',
      failure: { class: 'system', code: 'ENOENT' },
    });
  });

  it('is never sent with an address that breaks out of its command', async () => {
    await meet();
    const outcome = await send(courier, { rcptTo: 'ann@example.test>\r\nRCPT TO:<bob@example.test' });
    expect(outcome).toMatchObject({ type: 'failed', reason: 'policy' });
    expect(mx.connections).toBe(0);
  });
});

describe('beforeData', () => {
  it.each([['PIPELINING'], ['8BITMIME']])(
    'runs after RCPT was accepted and before DATA (%s)',
    async (extension) => {
      await meet({ extensions: [extension] });
      let said: string[] = [];
      const beforeData = async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        said = mx.commands.map((line) => line.slice(0, 4));
      };
      expect(await send(courier, {}, { beforeData })).toMatchObject({ type: 'delivered' });
      expect(said).toEqual(['EHLO', 'MAIL', 'RCPT']);
    },
  );

  it('does not run when RCPT is refused', async () => {
    await meet();
    let ran = false;
    const beforeData = async () => {
      ran = true;
    };
    await send(courier, { rcptTo: '550-rcpt@example.test' }, { beforeData });
    expect(ran).toBe(false);
  });

  it('keeps DATA from being sent when it fails, and leaves the connection fit for the next', async () => {
    await meet();
    const beforeData = () => Promise.reject(new Error('the journal is full'));
    const outcome = await send(courier, {}, { beforeData });
    expect(outcome).toMatchObject({
      type: 'deferred',
      failure: { class: 'system', reply: null, step: 'data' },
    });
    expect(failureOf(outcome).text).toContain('the journal is full');
    await vi.waitFor(() => expect(courier.stats().idleConnections).toBe(1));
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: true } });
    expect(mx.commands.map((line) => line.slice(0, 4))).toEqual([
      'EHLO',
      'MAIL',
      'RCPT',
      'RSET',
      'MAIL',
      'RCPT',
      'DATA',
    ]);
  });
});
