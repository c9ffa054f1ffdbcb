import { describe, expect, it } from 'vitest';
import {
  capacityTable,
  type MeasuredUse,
  messagesOfAHome,
  monthTable,
  mostMessagesPerSecond,
  type Usage,
  usageItems,
} from '../bench/model.ts';

const nothing = Object.fromEntries(usageItems.map((item) => [item, 0])) as unknown as Usage;
const message = {
  ...nothing,
  requests: 1,
  rowsWritten: 8,
  d1Trips: 2,
  platformMs: 5,
  queueWrites: 0,
  leases: 0.1,
  bodyBytes: 2000,
  metadataBytes: 1000,
};
const measured: MeasuredUse = { one: message, fifty: message, poll: nothing, tick: nothing };
const cells = (what: string) => capacityTable(measured).rows.find(([name]) => name === what);

describe('the model of capacity', () => {
  it('charges what the plan does not include, and says what for', () => {
    // 10 million: no request beyond those included; 80 million rows, of which 50 are.
    expect(monthTable(measured).rows.at(-1)).toEqual(['10,000,000', '35.00', 'plan 5, rows written 30.00']);
    expect(monthTable(measured).rows[0]).toEqual(['10,000', '5.00', 'all is included in the plan']);
  });

  it('fills databases to 70 % with what is kept', () => {
    // 7 GB / (2,000 × 4.5 + 1,000 × 34.5 bytes and days)
    expect(Math.round(messagesOfAHome(message))).toBe(160_920);
    expect(Math.round(mostMessagesPerSecond(message))).toBe(477);
    expect(cells('homes')?.slice(1, 5)).toEqual(['6', '54', '537', '5,370']);
    expect(cells('installations')?.slice(1, 5)).toEqual(['1', '1', '3', '21']);
  });

  it('counts the queue messages of ticks, and what leases ask of the hub', () => {
    expect(cells('hub requests a second, all installations')?.slice(1, 5)).toEqual([
      '1',
      '10',
      '100',
      '1,000',
    ]);
    expect(cells('queue operations a second')?.slice(1, 5)).toEqual(['0.25', '2.7', '27', '270']);
  });

  it('says of each number where it is from', () => {
    for (const row of capacityTable(measured).rows) {
      expect(row).toHaveLength(6);
      expect(row.at(-1)).toMatch(/\w/);
    }
  });
});
