import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inboundAtEdge, known } from '../support/inbound.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { submissionAtEdge } from '../support/submission.ts';

/** Writes an octet now and then until the other side hangs up. */
async function drip(talk: SmtpTalk): Promise<string> {
  const over = new AbortController();
  const reply = talk.reply().finally(() => over.abort());
  while (!over.signal.aborted) {
    talk.write('N');
    await pause(20);
  }
  return await reply;
}

describe('a client that talks of no mail', () => {
  it.each(['EHLO x', 'NOOP', 'RSET'])(
    'says %s a hundred times between two messages, not more',
    async (command) => {
      await using at = await submissionAtEdge();
      const talk = await SmtpTalk.open(at.port);
      expect(await talk.logIn()).toMatch(/^235 /);
      for (let i = 0; i < 90; i++) expect(await talk.say(command)).toMatch(/^250/);
      await talk.beginMessage();
      expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(/^250 /);
      for (let i = 0; i < 100; i++) expect(await talk.say(command)).toMatch(/^250/);
      expect(await talk.say(command)).toBe('421 4.7.0 Too many commands without a message');
      expect(await talk.reply()).toBe('closed');
    },
  );
});

describe('a client that sends an octet now and then (row 12)', () => {
  it('has a bounded time until it must have logged in', async () => {
    await using at = await submissionAtEdge({ loginMs: 300 });
    expect(await drip(await SmtpTalk.open(at.port))).toMatch(/^421 4\.4\.2 /);
  });

  it('has it also while it goes on saying commands', async () => {
    await using at = await submissionAtEdge({ loginMs: 300 });
    const talk = await SmtpTalk.open(at.tlsPort, { tls: true });
    let reply = '';
    while (/^(|250 .*)$/.test(reply)) {
      reply = await talk.say('RSET');
      await pause(60);
    }
    expect(reply).toMatch(/^(421|closed)/);
  });

  it('has it also in the TLS handshake', async () => {
    await using at = await submissionAtEdge({ loginMs: 200 });
    const socket = connect(at.tlsPort, '127.0.0.1');
    socket.on('error', () => {});
    // a record of the handshake (RFC 8446 §5.1) that never comes to its end
    socket.write(Buffer.from([22, 3, 1, 2, 0]));
    const dripping = setInterval(() => socket.write(Buffer.from([1])), 20);
    await once(socket.resume(), 'close');
    clearInterval(dripping);
    expect(socket.destroyed).toBe(true);
  });

  it('keeps its session when it has logged in, but must end each command line in time', async () => {
    await using at = await submissionAtEdge({ loginMs: 200, idleMs: 500 });
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toMatch(/^235 /);
    await pause(300);
    expect(await talk.say('NOOP')).toMatch(/^250 /);
    expect(await drip(talk)).toMatch(/^421 4\.4\.2 /);
  });

  it('may take its time over a message', async () => {
    await using at = await submissionAtEdge({ loginMs: 200, idleMs: 200 });
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    for (const octet of 'Subject: x\r\n\r\n') {
      talk.write(octet);
      await pause(30);
    }
    expect(await talk.say('x\r\n.')).toMatch(/^250 /);
  });

  it('has a bounded time at a return path until it names an address that is here', async () => {
    await using at = await inboundAtEdge({ arrivalMs: 300 });
    expect(await drip(await SmtpTalk.open(at.port))).toMatch(/^421 4\.4\.2 /);
    const good = await SmtpTalk.open(at.port);
    await good.say('EHLO mx.example');
    await good.say('MAIL FROM:<>');
    expect(await good.say(`RCPT TO:<${known}>`)).toMatch(/^250 /);
    await pause(400);
    expect(await good.say('NOOP')).toMatch(/^250 /);
  });
});

describe('a port that few addresses have filled (row 12)', () => {
  it('takes one of theirs for a newcomer, the oldest of who has most, and none that has logged in', async () => {
    await using at = await submissionAtEdge({ maxConnections: 5, connectionsPerAddress: 4 });
    const settled = await SmtpTalk.open(at.port, { from: '127.0.0.2' });
    expect(await settled.logIn()).toMatch(/^235 /);
    const crowd: SmtpTalk[] = [];
    for (let i = 0; i < 3; i++) crowd.push(await SmtpTalk.open(at.port, { from: '127.0.0.2' }));
    const other = await SmtpTalk.open(at.port, { from: '127.0.0.3' });
    const newcomer = await SmtpTalk.open(at.port, { from: '127.0.0.4' });
    expect(await crowd[0]?.reply()).toMatch(/^421 4\.7\.0 /);
    for (const talk of [newcomer, settled, other, crowd[1], crowd[2]]) {
      expect(await talk?.say('NOOP')).toMatch(/^250 /);
    }
  });

  it('turns the newcomer away when its address has as many itself', async () => {
    await using at = await inboundAtEdge({ maxConnections: 2, connectionsPerAddress: 4 });
    const first = await SmtpTalk.open(at.port, { from: '127.0.0.2' });
    const second = await SmtpTalk.open(at.port, { from: '127.0.0.3' });
    const turnedAway = connect({ port: at.port, host: '127.0.0.1', localAddress: '127.0.0.4' });
    const [said] = (await once(turnedAway, 'data')) as [Buffer];
    expect(said.toString()).toMatch(/^421 /);
    turnedAway.destroy();
    for (const talk of [first, second]) expect(await talk.say('NOOP')).toMatch(/^250 /);
  });
});
