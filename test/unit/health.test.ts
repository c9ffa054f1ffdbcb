import { describe, expect, it } from 'vitest';
import { healthOf, judgeHealth, type KeptHealth, type MailFigures } from '#domain/limits/health.ts';

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

describe('what follows from sender health', () => {
  const well: KeptHealth = { level: 'healthy', digestPaused: false };
  const kept = (level: KeptHealth['level'], digestPaused = false): KeptHealth => ({ level, digestPaused });

  it.each([
    ['a decline is told', well, { bounced: 30 }, 'warning', true],
    ['a second one, too', kept('warning'), { bounced: 80 }, 'danger', true],
    ['what has not changed is not', kept('warning'), { bounced: 30 }, 'warning', false],
    [
      'a bound that is only just passed leaves the level as it is',
      kept('warning'),
      { bounced: 20, failed: 20 },
      'warning',
      false,
    ],
    ['nor is what has become better told', kept('danger'), { bounced: 0 }, 'healthy', false],
    [
      'too little to tell leaves the level as it is',
      kept('danger'),
      { sent: 9, bounced: 9 },
      'danger',
      false,
    ],
    ['and nothing at all has it forgotten', kept('danger'), { sent: 0, delivered: 0 }, 'healthy', false],
  ] as const)('%s', (_, before, more, level, tells) => {
    expect(judgeHealth(before, figures(more), 'off')).toMatchObject({ level, tells, digestPaused: false });
  });

  it('wavers about no bound: each decline is told once, until it is better by the margin', () => {
    let now: KeptHealth = well;
    const told: number[] = [];
    for (const bounced of [20, 24, 22, 24, 22, 24, 0, 24]) {
      const next = judgeHealth(now, figures({ bounced }), 'off');
      if (next.tells) told.push(bounced);
      now = next;
    }
    expect(told).toEqual([24, 24]);
  });

  it('is that digest waits from the level on that the operator sets, and no longer than that', () => {
    const paused = judgeHealth(kept('warning'), figures({ bounced: 80 }), 'danger');
    expect(paused).toMatchObject({ level: 'danger', digestPaused: true, tells: true });
    expect(judgeHealth(kept('danger'), figures({ bounced: 80 }), 'critical').digestPaused).toBe(false);
    // The operator sets it afterwards.
    expect(judgeHealth(kept('danger'), figures({ bounced: 80 }), 'warning')).toMatchObject({
      digestPaused: true,
      tells: true,
    });
    expect(judgeHealth(paused, figures({ bounced: 80 }), 'danger').tells).toBe(false);
    expect(judgeHealth(paused, figures({}), 'danger')).toMatchObject({ digestPaused: false, tells: false });
    expect(judgeHealth(paused, figures({ bounced: 80 }), 'off').digestPaused).toBe(false);
  });
});
