import { describe, expect, it } from 'vitest';
import { healthOf, type MailFigures } from '#domain/limits/health.ts';

const figures = (more: Partial<MailFigures>): MailFigures => ({
  sent: 1000,
  delivered: 1000,
  bounced: 0,
  complained: 0,
  deferred: 0,
  failed: 0,
  ...more,
});

describe('sender health', () => {
  it('says nothing of a handful of mails', () => {
    expect(healthOf(figures({ sent: 9, bounced: 9 }))).toEqual({ score: null, word: 'unknown', reasons: [] });
  });

  it('is full when nothing lowers it, and at the limits that count as good', () => {
    expect(healthOf(figures({})).score).toBe(100);
    expect(healthOf(figures({ bounced: 20, complained: 1, deferred: 100, failed: 10 })).score).toBe(100);
  });

  it.each([
    [{ bounced: 30 }, 'warning'],
    [{ bounced: 80 }, 'danger'],
    [{ complained: 5 }, 'danger'],
    [{ bounced: 100, complained: 5 }, 'critical'],
    [{ deferred: 150 }, 'healthy'],
  ])('%o is %s', (more, word) => {
    expect(healthOf(figures(more)).word).toBe(word);
  });

  it('tells the worst reason first, each with what to do, and they add up', () => {
    const { score, reasons } = healthOf(figures({ bounced: 40, complained: 3, failed: 30 }));
    const points = reasons.map((reason) => reason.points);
    expect(points).toEqual(points.toSorted((a, b) => b - a));
    expect(100 - points.reduce((sum, one) => sum + one, 0)).toBe(score);
    expect(reasons.length).toBeGreaterThan(1);
    for (const { what, todo } of reasons) expect(`${what} ${todo}`).toMatch(/%.*\./);
  });

  it('never leaves 0 to 100, and more bounces are never better', () => {
    let before = 100;
    for (let bounced = 0; bounced <= 1000; bounced += 10) {
      const { score } = healthOf(figures({ bounced, complained: 400 }));
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score ?? 101).toBeLessThanOrEqual(before);
      before = score ?? 101;
    }
  });
});
