import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DigestPace } from '../../smtp-node/outbound/digest-pace.ts';

describe('digests', () => {
  let opened = 0;
  const pace = () => new DigestPace(50, () => (opened += 1));

  beforeEach(() => {
    opened = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('have their whole share as often as they are asked for, where nothing is urgent', () => {
    const own = pace();
    own.given();
    expect(own).toMatchObject({ most: 25, isOpen: true });
    vi.advanceTimersByTime(1000);
    expect(opened).toBe(0);
  });

  it('beside urgent mail have a quarter of it, every 150 ms', () => {
    const own = pace();
    own.given();
    vi.advanceTimersByTime(100);
    own.urgentBegan();
    expect(own).toMatchObject({ most: 7, isOpen: false });
    vi.advanceTimersByTime(49);
    expect(opened).toBe(0);
    vi.advanceTimersByTime(1);
    expect(opened).toBe(1);
    expect(own.isOpen).toBe(true);
    own.given();
    expect(own.isOpen).toBe(false);
    vi.advanceTimersByTime(150);
    expect(opened).toBe(2);
  });

  it('have it all again three seconds after the last of it began', () => {
    const own = pace();
    own.urgentBegan();
    vi.advanceTimersByTime(2000);
    own.urgentBegan();
    vi.advanceTimersByTime(2999);
    expect(own.most).toBe(7);
    own.given();
    vi.advanceTimersByTime(1);
    expect(own).toMatchObject({ most: 25, isOpen: true });
    // Whoever waited meanwhile is told.
    vi.advanceTimersByTime(149);
    expect(opened).toBe(1);
  });
});
