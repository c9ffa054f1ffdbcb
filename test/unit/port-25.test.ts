import { beforeEach, describe, expect, it } from 'vitest';
import { Port25 } from '../../smtp-node/outbound/port-25.ts';

let nowMs: number;
let port: Port25;

beforeEach(() => {
  nowMs = 0;
  port = new Port25(() => nowMs);
});

const close = () => {
  for (const name of ['a', 'b', 'c']) port.wasSilent(name, 'open');
};

describe('port 25', () => {
  it('is open as long as fewer than three destinations are silent in a row', () => {
    for (const name of ['a', 'b', 'b', 'a']) port.wasSilent(name, 'open');
    expect(port.passage()).toBe('open');
    port.answered();
    port.wasSilent('c', 'open');
    expect(port.passage()).toBe('open');
  });

  it('is asked again by one delivery after ten seconds, and then after ever longer pauses up to a quarter of an hour', () => {
    close();
    for (const pauseSeconds of [10, 20, 40, 80, 160, 320, 640, 900, 900]) {
      nowMs += pauseSeconds * 1000 - 1;
      expect(port.passage()).toBe('closed');
      nowMs += 1;
      expect([port.passage(), port.passage()]).toEqual(['probe', 'closed']);
      port.wasSilent('d', 'probe');
    }
  });

  it('is asked no later for all that was under way when it closed', () => {
    close();
    for (let i = 0; i < 20; i++) port.wasSilent(`late ${i}`, 'open');
    nowMs += 10_000;
    expect(port.passage()).toBe('probe');
  });

  it('is open again as soon as anybody answers', () => {
    close();
    port.answered();
    expect([port.seemsClosed, port.passage()]).toEqual([false, 'open']);
  });
});
