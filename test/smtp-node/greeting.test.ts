import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Patience } from '../../smtp-node/submission/patience.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { submissionAtEdge } from '../support/submission.ts';

const hourMs = 3_600_000;

/** Says EHLO the moment it is connected; gives all that it is told. */
async function talkEarly(port: number, localAddress: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.write('EHLO early.example\r\n');
  await once(socket, 'connect');
  return text(socket);
}

describe('a client that talks before it is greeted', () => {
  it('is refused, and so is all that it says', async () => {
    await using at = await submissionAtEdge();
    const told = await talkEarly(at.port, '127.0.0.3');
    expect(told).toMatch(/^421 mail\.example\.com You talk too soon\r\n$/);
  });

  it('has to wait again, although it waited before', () => {
    const patience = new Patience();
    patience.waited('192.0.2.1');
    expect(patience.has('192.0.2.1')).toBe(true);
    patience.talkedEarly('192.0.2.1');
    expect(patience.has('192.0.2.1')).toBe(false);
  });
});

describe('a client that waits for the greeting', () => {
  it('is greeted at once from the second time on, before a stranger who came first', async () => {
    await using at = await submissionAtEdge();
    await SmtpTalk.open(at.port, { from: '127.0.0.2' });
    const order: string[] = [];
    const greeted = (name: string, from: string) =>
      SmtpTalk.open(at.port, { from }).then(() => order.push(name));
    const stranger = greeted('stranger', '127.0.0.4');
    for (let i = 0; i < 3; i++) await greeted('known', '127.0.0.2');
    await stranger;
    expect(order).toEqual(['known', 'known', 'known', 'stranger']);
  });

  it('is remembered for a day, by its /64 where it has IPv6, and with ten thousand others at most', () => {
    let nowMs = 0;
    const patience = new Patience(() => nowMs);
    patience.waited('2001:db8:1:2::3');
    nowMs += 23 * hourMs;
    expect(patience.has('2001:db8:1:2:ffff::4')).toBe(true);
    expect(patience.has('2001:db8:1:3::3')).toBe(false);
    nowMs += hourMs;
    expect(patience.has('2001:db8:1:2::3')).toBe(false);
    for (let i = 0; i <= 10_000; i++) patience.waited(`10.0.${i >> 8}.${i & 255}`);
    expect(patience.has('10.0.0.0')).toBe(false);
    expect(patience.has('10.0.39.16')).toBe(true);
  });
});
