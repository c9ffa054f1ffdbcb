import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { Courier, CourierOptions } from '../../smtp-node/outbound/courier.ts';
import { courierTo, failureOf, send } from '../support/courier.ts';
import { type FakeMx, type FakeMxOptions, fakeMxCertificate, startFakeMx } from '../support/fake-mx.ts';
import { aMessage } from '../support/mail.ts';
import { resolverOf } from '../support/zone.ts';

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

describe('STARTTLS', () => {
  it('encrypts although the certificate does not verify, and says so', async () => {
    await meet({ tls: true });
    const outcome = await send(courier);
    expect(outcome).toMatchObject({
      type: 'delivered',
      session: { tls: { version: 'TLSv1.3', verdict: 'unverified', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' } },
    });
    expect(outcome.session.tls?.cipher).toMatch(/^TLS_/);
    expect(outcome.session.steps.map((step) => step.name)).toContain('tls');
    expect(mx.messages[0]?.encrypted).toBe(true);
  });

  it('records a certificate that is valid for the MX name as verified', async () => {
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, fakeMxCertificate]);
    try {
      await meet({ tls: true });
      expect((await send(courier)).session.tls).toMatchObject({ verdict: 'verified' });
    } finally {
      setDefaultCACertificates(trusted);
    }
  });

  it.each(['refuse-tls', 'bad-tls'] as const)(
    'that fails (%s) makes the message wait; in clear it goes when it fails again at a later attempt',
    async (fault) => {
      await meet({ tls: true, onConnection: () => fault }, { timeouts: { tlsMs: 2000 } });
      const first = await send(courier);
      expect(first).toMatchObject({ type: 'deferred', failure: { step: 'tls' } });
      expect(first.session.tried.map(({ error }) => error)).toEqual([
        expect.stringMatching(/TLS.*; it waits$/),
      ]);
      expect(mx.messages).toHaveLength(0);
      const second = await send(courier, { attempt: 2 });
      expect(second).toMatchObject({ type: 'delivered', session: { tls: null } });
      expect(second.session.tried).toHaveLength(1);
      expect(second.session.tried[0]?.error).toContain('tried again without TLS');
      expect(mx.connections).toBe(3);
      expect(mx.messages[0]?.encrypted).toBe(false);
    },
  );

  it('that failed for one message does not take the next one in clear along', async () => {
    await meet({ tls: true, onConnection: (n) => (n <= 2 ? 'bad-tls' : null) });
    expect(await send(courier, { attempt: 2 })).toMatchObject({ type: 'delivered', session: { tls: null } });
    expect(await send(courier)).toMatchObject({ type: 'delivered', session: { reused: false } });
    expect(mx.messages.map(({ encrypted }) => encrypted)).toEqual([false, true]);
  });

  it.each([1, 2, 9])('never goes on in clear where text was injected (attempt %i)', async (attempt) => {
    await meet({ tls: true, onConnection: () => 'inject-tls' });
    expect(await send(courier, { attempt })).toMatchObject({
      type: 'deferred',
      failure: { step: 'tls', class: 'protocol', text: expect.stringContaining('after STARTTLS') },
    });
    expect(mx.messages).toEqual([]);
    expect(mx.connections).toBe(1);
  });

  it.each([
    ['drop-after-dot@example.test', 'maybeAccepted'],
    ['drop-in-data@example.test', 'deferred'],
    ['554-early@example.test', 'bounced'],
  ])('hides from nobody whether the final dot had left (%s)', async (rcptTo, type) => {
    await meet({ tls: true });
    const bytes = Buffer.concat([aMessage, Buffer.alloc(8_000_000, 'line of text\r\n')]);
    const outcome = await send(courier, { rcptTo }, { raw: { kind: 'bytes', bytes } });
    expect(outcome).toMatchObject({ type, session: { tls: { version: 'TLSv1.3' } } });
  });

  it('defers on 530 from a host whose handshake had failed', async () => {
    await meet({ tls: true, onConnection: () => 'refuse-tls' });
    const outcome = await send(courier, { attempt: 2, mailFrom: '530-mail@x.test' });
    expect(outcome).toMatchObject({ type: 'deferred', failure: { reply: { code: 530 } } });
  });

  it('bounces on 530 from a host that offered no STARTTLS', async () => {
    await meet();
    expect(await send(courier, { mailFrom: '530-mail@x.test' })).toMatchObject({ type: 'bounced' });
  });
});

describe('SIZE', () => {
  it('declares the octets that are sent', async () => {
    await meet();
    await send(courier);
    const [message] = mx.messages;
    expect(message?.mailParameters).toBe(`SIZE=${message?.raw.length}`);
  });

  it('bounces a message over the limit of the peer without sending it', async () => {
    await meet({ extensions: ['SIZE 500'] });
    const outcome = await send(courier);
    expect(outcome).toMatchObject({
      type: 'bounced',
      failure: { status: '5.3.4', class: 'too_large', reply: null },
    });
    expect(mx.commands).toEqual(['EHLO node.pennypost.test']);
  });

  it('takes a limit of 0 for none', async () => {
    await meet({ extensions: ['SIZE 0'] });
    expect(await send(courier)).toMatchObject({ type: 'delivered' });
  });
});

const utf8Header = Buffer.from(aMessage.toString().replace('A message', 'Żółć'));

describe('SMTPUTF8', () => {
  it('is said when a header field is not ASCII', async () => {
    await meet({ extensions: ['8BITMIME', 'SMTPUTF8'] });
    const raw = { kind: 'bytes', bytes: utf8Header } as const;
    await send(courier, { smtputf8: true, eightBit: true }, { raw });
    expect(mx.messages[0]?.mailParameters).toBe('BODY=8BITMIME SMTPUTF8');
  });

  it('is said when a local part is not ASCII, and the domain then stays as it is', async () => {
    const zone = {
      'xn--bcher-kva.test': { MX: [{ exchange: 'mx.test', priority: 1 }] },
      'mx.test': { A: ['127.0.0.1'] },
    };
    await meet({ extensions: ['SMTPUTF8'] }, { resolveRecords: resolverOf(zone) });
    await send(courier, { smtputf8: true, rcptTo: 'zoë@bücher.test' });
    expect(mx.messages[0]).toMatchObject({ to: 'zoë@bücher.test', mailParameters: 'SMTPUTF8' });
  });

  it('is not needed for a domain, which is sent as A-labels', async () => {
    const zone = {
      'xn--bcher-kva.test': { MX: [{ exchange: 'mx.test', priority: 1 }] },
      'mx.test': { A: ['127.0.0.1'] },
    };
    await meet({ extensions: [] }, { resolveRecords: resolverOf(zone) });
    const outcome = await send(courier, { smtputf8: true, rcptTo: 'zoe@bücher.test' });
    expect(outcome).toMatchObject({ type: 'delivered' });
    expect(mx.messages[0]).toMatchObject({ to: 'zoe@xn--bcher-kva.test', mailParameters: '' });
  });

  it('defers what needs it at a peer that lacks it, and bounces it when it still does', async () => {
    await meet({ extensions: ['8BITMIME'] });
    const rcptTo = 'zoë@example.test';
    const first = await send(courier, { rcptTo });
    expect(first).toMatchObject({ type: 'deferred', failure: { status: '4.6.7', reply: null } });
    expect(failureOf(first).text).toContain('SMTPUTF8');
    const second = await send(courier, { rcptTo, attempt: 2 });
    expect(second).toMatchObject({ type: 'bounced', failure: { status: '5.6.7', reply: null } });
    expect(mx.commands).toEqual(['EHLO node.pennypost.test']);
  });

  it('is not said for a header that nobody asked it for, which goes as it came', async () => {
    await meet({ extensions: ['8BITMIME', 'SMTPUTF8'] });
    await send(courier, { smtputf8: false, eightBit: true }, { raw: { kind: 'bytes', bytes: utf8Header } });
    expect(mx.messages[0]?.mailParameters).toBe('BODY=8BITMIME');
    expect(mx.messages[0]?.raw.subarray(-utf8Header.length).equals(utf8Header)).toBe(true);
  });

  it('is not said for a header in Latin-1, which is no UTF-8', async () => {
    const bytes = Buffer.from(aMessage.toString().replace('A message', 'Grüße'), 'latin1');
    await meet({ extensions: ['8BITMIME', 'SMTPUTF8'] });
    await send(courier, { smtputf8: true, eightBit: true }, { raw: { kind: 'bytes', bytes } });
    expect(mx.messages[0]?.mailParameters).toBe('BODY=8BITMIME');
  });
});

describe('8BITMIME', () => {
  const bytes = Buffer.from(aMessage.toString().replace('Hello.', 'Grüße.'));

  it('is said for eight-bit content', async () => {
    await meet({ extensions: ['8BITMIME'] });
    await send(courier, { eightBit: true }, { raw: { kind: 'bytes', bytes } });
    expect(mx.messages[0]?.mailParameters).toBe('BODY=8BITMIME');
  });

  it('is not said to a peer without it, which gets the content unchanged', async () => {
    await meet({ extensions: [] });
    await send(courier, { eightBit: true }, { raw: { kind: 'bytes', bytes } });
    expect(mx.messages[0]?.mailParameters).toBe('');
    expect(mx.messages[0]?.raw.subarray(-bytes.length).equals(bytes)).toBe(true);
  });
});
