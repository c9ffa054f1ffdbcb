import { describe, expect, it } from 'vitest';
import { betterStatus, toldReply } from '#domain/bounce/told-reply.ts';

const rows: [text: string, code: number | null, status: string | null][] = [
  ['550 5.1.1 User unknown', 550, '5.1.1'],
  ['550-5.1.1 No such\n550 5.1.1 mailbox', 550, '5.1.1'],
  ['host mx.example.org[192.0.2.1] said: 452 4.2.2 Over quota (in reply to RCPT TO command)', 452, '4.2.2'],
  ['Remote host said: 550 sorry, no mailbox here (#5.1.1)', 550, '5.1.1'],
  ["Remote server returned '554 5.7.1 blocked'", 554, '5.7.1'],
  ['550: 5.2.2 Mailbox full', 550, '5.2.2'],
  ['ERROR_CODE :550, ERROR_CODE :5.1.1 user', 550, '5.1.1'],
  ['<<< 503 5.5.1 Need RCPT\n<<< 550 User unknown', 550, '5.5.1'],
  ['554 5.4.7 expired.<421 4.4.2 Connection timed out>', 421, '4.4.2'],
  ['host mx [192.0.2.250]:550 SIZE=1543', null, null],
  ['Exim 4.72, 10.5.1.1, 2026-11-03 450px v5.1.1', null, null],
  ['', null, null],
];

describe('toldReply', () => {
  it.each(rows)('%s', (text, code, status) => {
    expect(toldReply(text)).toMatchObject({ code, status });
  });
});

describe('betterStatus', () => {
  const told = (text: string) => toldReply(text);

  it('prefers what the remote server said', () => {
    expect(betterStatus('5.1.1', told('552 5.2.2 Over quota'))).toBe('5.2.2');
    expect(betterStatus('5.0.0', told('no such user (#5.1.1)'))).toBe('5.1.1');
    expect(betterStatus(null, told('(#5.1.1)'))).toBe('5.1.1');
  });

  it('keeps the reported status against a generic or a loose one', () => {
    expect(betterStatus('5.1.1', told('550 5.0.0 User unknown'))).toBe('5.1.1');
    expect(betterStatus('5.1.1', told('mentions 5.7.1 somewhere'))).toBe('5.1.1');
    expect(betterStatus('4.4.1', told('Connection refused'))).toBe('4.4.1');
  });
});
