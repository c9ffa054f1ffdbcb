import { describe, expect, it } from 'vitest';
import { exceededBy, rateLimited } from '#domain/limits/rate-limit.ts';
import { dayOfPhase, judgePhase, phases, type WarmingCounts, warmingLimits } from '#domain/limits/warming.ts';

const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 2, 15, 30);
const onDay = (day: number) => start + (day - 1) * dayMs;
const counts = (more: Partial<WarmingCounts> = {}): WarmingCounts => ({
  delivered: 1000,
  bounced: 0,
  expired: 0,
  failed: 0,
  complained: 0,
  ...more,
});

describe('the limits of a phase', () => {
  it.each([
    ['phase_1', 50, 1_500],
    ['phase_2', 2_000, 10_000],
    ['phase_3', 15_000, 60_000],
    ['phase_4', 100_000, 200_000],
  ] as const)('%s goes from %i to %i in fourteen days, evenly', (phase, first, last) => {
    expect(warmingLimits(phase, start, onDay(1))?.daily).toBe(first);
    expect(warmingLimits(phase, start, onDay(14))?.daily).toBe(last);
    const middle = Math.round(first + ((last - first) * 6) / 13);
    expect(warmingLimits(phase, start, onDay(7))?.daily).toBe(middle);
  });
  it('are a tenth an hour and a two-hundred-and-fiftieth a minute, one at least', () => {
    expect(warmingLimits('phase_1', start, onDay(1))).toEqual({ daily: 50, hourly: 5, minute: 1 });
    expect(warmingLimits('phase_4', start, onDay(14))).toEqual({
      daily: 200_000,
      hourly: 20_000,
      minute: 800,
    });
  });
  it('stay at the last while it waits, and end when it is warmed or off', () => {
    expect(warmingLimits('phase_1', start, onDay(99))?.daily).toBe(1_500);
    expect(warmingLimits('warmed', start, onDay(1))).toBeNull();
    expect(warmingLimits('off', start, onDay(1))).toBeNull();
  });
  it('change with the UTC day, whatever the hour of the beginning', () => {
    expect(dayOfPhase(start, Date.UTC(2026, 10, 2, 23, 59, 59, 999))).toBe(1);
    expect(dayOfPhase(start, Date.UTC(2026, 10, 3))).toBe(2);
  });
});

describe('a phase', () => {
  it('ends when its days are over and the mail was good', () => {
    const names = [...phases.map((phase) => phase.name), 'warmed' as const];
    for (const [i, { name }] of phases.entries()) {
      expect(judgePhase(name, start, counts(), onDay(14))).toBeNull();
      expect(judgePhase(name, start, counts(), onDay(15))).toBe(names[i + 1]);
    }
  });
  it.each([
    ['delivery under 95 %', { delivered: 949, expired: 51 }],
    ['bounces over 2 %', { delivered: 979, bounced: 21 }],
    ['complaints over 0.1 %', { delivered: 1000, complained: 2 }],
    ['no mail at all', { delivered: 0 }],
  ])('waits at %s', (_, more) => {
    expect(judgePhase('phase_2', start, counts(more), onDay(15))).toBeNull();
  });
  it.each([
    ['bounces over 5 %', { delivered: 949, bounced: 51 }],
    ['complaints over 0.3 %', { delivered: 1000, complained: 4 }],
  ])('goes a step back at %s, at any time', (_, more) => {
    expect(judgePhase('phase_3', start, counts(more), onDay(2))).toBe('phase_2');
    expect(judgePhase('phase_1', start, counts(more), onDay(2))).toBe('phase_1');
  });
  it('just holds at its thresholds', () => {
    const at = counts({ delivered: 950, bounced: 20, expired: 30, complained: 0 });
    expect(judgePhase('phase_1', start, at, onDay(15))).toBe('phase_2');
    const five = counts({ delivered: 950, bounced: 50 });
    expect(judgePhase('phase_3', start, five, onDay(2))).toBeNull();
  });
});

describe('a limit', () => {
  it('is exceeded by what does not fit any more, the longest window first', () => {
    const daily = { type: 'daily' as const, limit: 50, used: 49 };
    const minute = { type: 'minute' as const, limit: 1, used: 1 };
    expect(exceededBy(1, [daily])).toBeNull();
    expect(exceededBy(2, [daily, minute])).toBe(daily);
    expect(exceededBy(1, [daily, minute])).toBe(minute);
  });
  it('is told with its fields', () => {
    const of = { who: 'shop.example', what: 'recipients', count: 1, warmingPhase: 'phase_1' as const };
    const now = Date.UTC(2026, 10, 21, 12, 59, 30, 500);
    const problem = rateLimited({ type: 'hourly', limit: 5, used: 5 }, of, now);
    expect(problem.headers).toEqual({ 'Retry-After': '30' });
    expect(problem.toJSON()).toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      error: 'rate_limit_exceeded',
      message:
        'shop.example may send 5 recipients an hour while it is being warmed (phase_1), 5 are used; try again in 30 seconds.',
      limit_type: 'hourly',
      limit: 5,
      used: 5,
      retry_after_seconds: 30,
      warming_phase: 'phase_1',
    });
    const large = rateLimited({ type: 'minute', limit: 1, used: 0 }, { ...of, count: 3 }, now);
    expect(large.detail).toContain('this message has 3: send smaller ones');
  });
});
