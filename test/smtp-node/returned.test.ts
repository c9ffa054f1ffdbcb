import { createTransport } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-edge.ts';
import { inboundAtEdge, known } from '../support/inbound.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const oneMiB = 1024 * 1024;
const report = 'From: <>\r\nSubject: Undelivered Mail\r\n\r\nIt failed.\r\n';

/** EHLO, MAIL and RCPT; gives the reply to RCPT. */
async function envelope(talk: SmtpTalk, rcptTo = known, mailFrom = ''): Promise<string> {
  await talk.say('EHLO mx.example.net');
  await talk.say(`MAIL FROM:<${mailFrom}>`);
  return await talk.say(`RCPT TO:<${rcptTo}>`);
}

async function deliver(talk: SmtpTalk, content: string): Promise<string> {
  expect(await talk.say('DATA')).toMatch(/^354 /);
  talk.write(content);
  return await talk.say('\r\n.');
}

describe('the return path', () => {
  it('offers STARTTLS and SIZE, and no login', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    const plain = await talk.say('EHLO mx.example.net');
    expect(plain).toMatch(/^250.STARTTLS$/m);
    expect(plain).toMatch(new RegExp(`^250.SIZE ${25 * oneMiB}$`, 'm'));
    await talk.startTls();
    expect(await talk.say('EHLO mx.example.net')).not.toMatch(/AUTH|STARTTLS/);
    expect(await talk.say('AUTH PLAIN AGEAYg==')).toMatch(/^50\d /);
  });

  it.each(['', 'mailer-daemon@mx.example.net', 'anybody@anywhere.example'])(
    'takes a report from <%s>',
    async (mailFrom) => {
      await using at = await inboundAtEdge();
      const talk = await SmtpTalk.open(at.port);
      expect(await envelope(talk, known, mailFrom)).toMatch(/^250 2\.1\.5 /);
      expect(await deliver(talk, report)).toMatch(/^250 2\.\d\.\d Taken$/);
      expect(at.edge.returned).toEqual([{ mailFrom, rcptTo: [known], raw: `${report}\r\n` }]);
    },
  );

  it('takes it over TLS, from a client of its own kind', async () => {
    await using at = await inboundAtEdge();
    const transport = createTransport({
      host: '127.0.0.1',
      port: at.port,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
    });
    await transport.sendMail({ envelope: { from: '', to: [known] }, raw: report });
    transport.close();
    expect(at.edge.returned[0]?.raw).toContain('It failed.');
  });

  it('relays nothing: it has no address but those that the edge knows', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    for (const address of [
      'user@example.net',
      'b-forged@bounces.example',
      'user%example.net@mail.example.com',
    ]) {
      expect(await envelope(talk, address, 'a@example.com')).toMatch(/^550 5\.1\.1 /);
    }
    expect(await talk.say('DATA')).toMatch(/^503 /);
    expect(at.edge.returned).toEqual([]);
  });

  it('takes the mail for the recipients that there are, each once', async () => {
    await using at = await inboundAtEdge();
    at.edge.known.add('b-two@bounces.example');
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    expect(await talk.say('RCPT TO:<b-three@bounces.example>')).toMatch(/^550 5\.1\.1 /);
    expect(await talk.say('RCPT TO:<b-two@bounces.example>')).toMatch(/^250 /);
    await deliver(talk, report);
    expect(at.edge.returned.map((mail) => mail.rcptTo)).toEqual([[known, 'b-two@bounces.example']]);
  });

  it('takes at most fifty recipients', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    const replies: string[] = [];
    for (let i = 1; i <= 50; i++) {
      at.edge.known.add(`b-${i}@bounces.example`);
      replies.push(await talk.say(`RCPT TO:<b-${i}@bounces.example>`));
    }
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual([
      ...Array.from({ length: 49 }, () => '250'),
      '452',
    ]);
  });

  it('says 451 at RCPT while the edge is away, and takes it afterwards', async () => {
    await using at = await inboundAtEdge();
    at.edge.script.set('inbound/check', () => 'drop');
    const talk = await SmtpTalk.open(at.port);
    expect(await envelope(talk)).toMatch(/^451 4\.3\.0 /);
    at.edge.script.delete('inbound/check');
    expect(await talk.say(`RCPT TO:<${known}>`)).toMatch(/^250 /);
  });

  it.each([
    ['is away', () => 'drop' as const],
    ['fails', () => problem(500, 'internal_error')],
    ['does not take this node', () => problem(401, 'unauthorized')],
    ['answers nonsense', () => ({ status: 200, body: { verdicts: [] } })],
  ])('says 451 after DATA when the edge %s, so that the peer keeps the mail', async (_, answer) => {
    await using at = await inboundAtEdge();
    at.edge.script.set('inbound', answer);
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    expect(await deliver(talk, report)).toMatch(/^451 4\.3\.0 /);
  });

  it.each([
    ['unknown', /^550 5\.1\.1 /],
    ['refused', /^550 5\.7\.1 .*5965/],
  ])('says 550 when the edge finds the mail %s', async (verdict, reply) => {
    await using at = await inboundAtEdge();
    at.edge.script.set('inbound', () => ({ status: 200, body: { verdicts: [verdict] } }));
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    expect(await deliver(talk, report)).toMatch(reply);
  });

  it('says 250 only after the edge has it', async () => {
    await using at = await inboundAtEdge();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    at.edge.script.set('inbound', async () => {
      asked.resolve();
      await gate.promise;
      order.push('edge');
      return null;
    });
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    const said = deliver(talk, report).then((reply) => order.push(reply.slice(0, 3)));
    await asked.promise;
    expect(order).toEqual([]);
    gate.resolve();
    await said;
    expect(order).toEqual(['edge', '250']);
  });

  it('takes a mebibyte and no more', async () => {
    await using at = await inboundAtEdge();
    const line = `${'x'.repeat(1022)}\r\n`;
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    expect(await deliver(talk, line.repeat(1023))).toMatch(/^250 /);
    await envelope(talk);
    expect(await deliver(talk, line.repeat(1025))).toMatch(/^552 5\.3\.4 /);
    await talk.say('MAIL FROM:<> SIZE=1048577');
    expect(await talk.say(`RCPT TO:<${known}>`)).toMatch(/^552 5\.3\.4 /);
    expect(at.edge.returned).toHaveLength(1);
  });

  it.each([
    ['LF . CRLF', 'a\n.\r\nMAIL FROM:<x@example.com>'],
    ['LF . LF', 'a\n.\nMAIL FROM:<x@example.com>'],
    ['CR . CR', 'a\r.\rMAIL FROM:<x@example.com>'],
  ])('refuses %s, and takes what follows for no command', async (_, smuggled) => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    expect(await deliver(talk, `Subject: x\r\n\r\n${smuggled}`)).toMatch(/^550 5\.5\.2 /);
    expect(await talk.say('NOOP')).toMatch(/^250 /);
    expect(at.edge.returned).toEqual([]);
  });

  it('ends a session that guesses addresses', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk, 'guess0@bounces.example');
    const replies: string[] = [];
    for (let i = 1; i <= 10; i++) replies.push(await talk.say(`RCPT TO:<guess${i}@bounces.example>`));
    expect(replies.slice(0, 9).every((reply) => reply.startsWith('550 5.1.1'))).toBe(true);
    expect(replies[9]).toMatch(/^421 4\.7\.1 /);
    expect(await talk.reply()).toBe('closed');
  });

  it('takes so many connections of one address and frees them again', async () => {
    await using at = await inboundAtEdge({ connectionsPerAddress: 2 });
    const first = await SmtpTalk.open(at.port);
    const second = await SmtpTalk.open(at.port);
    const third = await SmtpTalk.open(at.port);
    expect(await third.say('NOOP')).toBe('closed');
    expect(await first.say('QUIT')).toMatch(/^221 /);
    expect(await first.reply()).toBe('closed');
    const fourth = await SmtpTalk.open(at.port);
    expect(await fourth.say('NOOP')).toMatch(/^250 /);
    expect(await second.say('NOOP')).toMatch(/^250 /);
  });

  it.each([
    ['is silent', { idleMs: 100 }, /^421 |^closed/],
    ['lasts too long', { sessionMs: 100 }, /^421 4\.4\.2 /],
  ])('hangs up on a session that %s', async (_, limits, reply) => {
    await using at = await inboundAtEdge(limits);
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.reply()).toMatch(reply);
  });

  it('hangs up on a message that never ends, and hands nothing in', async () => {
    await using at = await inboundAtEdge({ dataMs: 100 });
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    await talk.say('DATA');
    talk.write('Subject: half a mess');
    expect(await talk.reply()).toMatch(/^421 4\.4\.2 /);
    expect(at.edge.returned).toEqual([]);
  });

  it('lets a mail in transfer come to its end when it stops', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk);
    await talk.say('DATA');
    talk.write(report);
    const stopped = at.inbound.stop(10_000);
    expect(await talk.say('\r\n.')).toMatch(/^250 /);
    await stopped;
    expect(at.edge.returned).toHaveLength(1);
  });

  it('does not listen when it has no ports', async () => {
    await using at = await inboundAtEdge({ ports: [] });
    expect(at.inbound.ports).toEqual([]);
  });

  it('counts what it answers', async () => {
    await using at = await inboundAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await envelope(talk, 'nobody@bounces.example');
    await talk.say(`RCPT TO:<${known}>`);
    await deliver(talk, report);
    const text = await at.meters.registry.metrics();
    expect(text).toContain('pennypost_returned_recipients_total{reply="550"} 1');
    expect(text).toContain('pennypost_returned_recipients_total{reply="250"} 1');
    expect(text).toContain('pennypost_returned_total{reply="2"} 1');
  });
});
