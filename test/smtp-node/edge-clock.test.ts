import { afterEach, describe, expect, it, vi } from 'vitest';
import { EdgeClock } from '../../smtp-node/edge-clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe("the edge's clock", () => {
  it('goes on as it was set, however the clock of the node jumps', () => {
    let runMs = 1_000;
    const clock = new EdgeClock(() => runMs);
    const mark = clock.markMs();
    runMs += 200;
    clock.set(5_000_000, mark);
    expect(clock.nowMs()).toBe(5_000_100);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 20 * 60_000);
    runMs += 1_000;
    expect(clock.nowMs()).toBe(5_001_100);
  });

  it("is the node's own until the edge has answered", () => {
    expect(Math.abs(new EdgeClock().nowMs() - Date.now())).toBeLessThan(1_000);
  });
});
