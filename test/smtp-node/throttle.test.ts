import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxPauseMs, newThrottle, slowDown, speedUp } from '../../smtp-node/outbound/throttle.ts';

describe('the limit of a host', () => {
  it('halves once for a burst of refusals, not once for each', () => {
    const once = slowDown(newThrottle(10), 1000, 500);
    expect(once).toMatchObject({ limit: 5, pausedUntilMs: 1500 });
    expect(slowDown(once, 1200, 500)).toEqual(once);
  });

  it('halves again, and pauses twice as long, when the host goes on refusing after the pause', () => {
    const twice = slowDown(slowDown(newThrottle(10), 0, 500), 500, 500);
    expect(twice).toMatchObject({ limit: 2, pausedUntilMs: 1500 });
  });

  it('grows by one after as many successes as it allows connections', () => {
    let throttle = slowDown(newThrottle(4), 0, 500);
    throttle = speedUp(speedUp(throttle));
    expect(throttle.limit).toBe(3);
    throttle = speedUp(speedUp(throttle));
    expect(throttle.limit).toBe(3);
    expect(speedUp(throttle)).toMatchObject({ limit: 4, pauseMs: 0 });
  });

  it('stays between one and the maximum, and a pause below its bound, whatever happens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.boolean(), { maxLength: 100 }),
        (max, events) => {
          let throttle = newThrottle(max);
          let nowMs = 0;
          for (const fine of events) {
            nowMs = Math.max(nowMs + 1, throttle.pausedUntilMs);
            throttle = fine ? speedUp(throttle) : slowDown(throttle, nowMs, 500);
            expect(throttle.limit).toBeGreaterThanOrEqual(1);
            expect(throttle.limit).toBeLessThanOrEqual(max);
            expect(throttle.pausedUntilMs - nowMs).toBeLessThanOrEqual(maxPauseMs);
          }
        },
      ),
    );
  });
});
