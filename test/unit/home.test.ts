import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dayOf,
  homeOf,
  startOfWeek,
  weekEndMs,
  weekOf,
  weekStartMs,
  weeksBetween,
} from '#domain/message/home.ts';
import { newMessageId } from '#domain/message/ids.ts';
import { newestRows, readsRowsBinding, writableRows, writtenRows } from '#domain/message/row-form.ts';

const dayMs = 86_400_000;
const someTime = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });

/** The ISO week the slow way: day by day from the Monday of the week that holds 4 January. */
function weekByCounting(ms: number): string {
  const mondayOf = (time: number) => {
    const date = new Date(time);
    date.setUTCHours(0, 0, 0, 0);
    while (date.getUTCDay() !== 1) date.setUTCDate(date.getUTCDate() - 1);
    return date.getTime();
  };
  const monday = mondayOf(ms);
  for (let year = new Date(ms).getUTCFullYear() + 1; ; year--) {
    const first = mondayOf(Date.UTC(year, 0, 4));
    if (first > monday) continue;
    let number = 1;
    for (let at = first; at < monday; at += 7 * dayMs) number++;
    return `${year}w${String(number).padStart(2, '0')}`;
  }
}

describe('the ISO week of a time', () => {
  // ISO 8601-1:2019 and the ends of years with 52 and 53 weeks.
  it.each([
    ['1970-01-01', '1970w01'],
    ['2020-12-31', '2020w53'],
    ['2021-01-03', '2020w53'],
    ['2021-01-04', '2021w01'],
    ['2024-12-29', '2024w52'],
    ['2024-12-30', '2025w01'],
    ['2026-01-01', '2026w01'],
    ['2026-11-16', '2026w47'],
    ['2026-12-31', '2026w53'],
    ['2027-01-03', '2026w53'],
    ['2027-01-04', '2027w01'],
  ])('%s is in %s', (day, week) => {
    expect(weekOf(Date.parse(`${day}T00:00:00Z`))).toBe(week);
    expect(weekOf(Date.parse(`${day}T23:59:59.999Z`))).toBe(week);
  });

  it('is what counting days gives', () => {
    fc.assert(
      fc.property(someTime, (ms) => {
        expect(weekOf(ms)).toBe(weekByCounting(ms));
      }),
    );
  });

  it('is what counting days gives around every new year', () => {
    for (let year = 1971; year < 2100; year++) {
      for (let day = -8; day <= 8; day++) {
        const ms = Date.UTC(year, 0, 1) + day * dayMs;
        expect(weekOf(ms)).toBe(weekByCounting(ms));
      }
    }
  });

  it('orders as text by time', () => {
    fc.assert(
      fc.property(someTime, someTime, (a, b) => {
        fc.pre(a <= b);
        expect(weekOf(a) <= weekOf(b)).toBe(true);
      }),
    );
  });

  it('has a start and an end that hold it', () => {
    fc.assert(
      fc.property(someTime, (ms) => {
        const week = weekOf(ms);
        expect(weekStartMs(week)).toBe(startOfWeek(ms));
        expect(weekStartMs(week)).toBeLessThanOrEqual(ms);
        expect(weekEndMs(week)).toBeGreaterThan(ms);
        expect(weekOf(weekEndMs(week))).not.toBe(week);
        expect(weekOf(weekEndMs(week) - 1)).toBe(week);
      }),
    );
  });
});

describe('weeks between two times', () => {
  it('are all the weeks of their days, oldest first, each once', () => {
    fc.assert(
      fc.property(someTime, fc.integer({ min: 0, max: 60 * dayMs }), (from, length) => {
        const days = new Set<string>();
        for (let ms = from; ms <= from + length; ms += dayMs / 2) days.add(weekByCounting(ms));
        days.add(weekByCounting(from + length));
        expect(weeksBetween(from, from + length)).toEqual([...days]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the home of a message', () => {
  it('is told by its id alone', () => {
    fc.assert(
      fc.property(
        someTime,
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        fc.integer({ min: 0, max: 255 }),
        (ms, random, shard) => {
          expect(homeOf(newMessageId(ms, random, shard))).toEqual({ shard, week: weekByCounting(ms) });
        },
      ),
    );
  });
});

describe('a day', () => {
  it('is the UTC date without dashes', () => {
    expect(dayOf(Date.parse('2026-11-21T23:59:59.999Z'))).toBe('20261121');
    expect(dayOf(Date.parse('2026-11-22T00:30:00+01:00'))).toBe('20261121');
  });
});

describe('the form of rows', () => {
  it('is one that the version before can read', () => {
    const afterOf = (...names: string[]) => writableRows(['OTHER', ...names]);
    expect(afterOf('READS_ROWS_1')).toBe(1);
    expect(afterOf(readsRowsBinding)).toBe(newestRows);
    expect(afterOf('READS_ROWS_999')).toBe(newestRows);
    expect(afterOf()).toBe(1);
    expect(['', '0', 'two', '1.5'].map((text) => afterOf(`READS_ROWS_${text}`))).toEqual([1, 1, 1, 1]);
  });

  it('is the first where nothing says what was written', () => {
    expect(['3', '999', undefined, '', '0', 'two'].map(writtenRows)).toEqual([3, 999, 1, 1, 1, 1]);
  });
});
