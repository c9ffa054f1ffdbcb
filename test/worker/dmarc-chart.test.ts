import { describe, expect, it } from 'vitest';
import type { AggregateRow } from '#domain/reports/aggregate-report.ts';
import { type DmarcDay, dmarcSources } from '#domain/reports/dmarc-source.ts';
import { DmarcChart, DmarcSources } from '../../worker/dashboard/domains/dmarc-chart.tsx';

const dayMs = 86_400_000;
const first = Date.UTC(2026, 10, 24);
const day = (i: number, more: Partial<DmarcDay>): DmarcDay => ({
  ...{ dayMs: first + i * dayMs, passed: 0, failed: 0, quarantined: 0, rejected: 0 },
  ...more,
});
const chart = async (...days: DmarcDay[]) => String(await DmarcChart({ days }));
/** Top and height of the bars of a kind in the picture, without the key. */
const bars = (html: string, kind: string) =>
  [...html.matchAll(/<rect class="fate-(\w+)" x="[\d.]+" width="[\d.]+" y="([\d.]+)" height="([\d.]+)"/g)]
    .filter(([, name, , height]) => name === kind && height !== '8')
    .map(([, , y, height]) => [Number(y), Number(height)]);

describe('the picture of DMARC', () => {
  it('has a bar a day, in parts that stand on each other', async () => {
    const html = await chart(day(0, { passed: 30, rejected: 10 }), day(1, {}), day(2, { failed: 20 }));
    const [[passedTop = 0, passed = 0] = []] = bars(html, 'passed');
    const [[rejectedTop = 0, rejected = 0] = []] = bars(html, 'rejected');
    const [[, failed = 0] = []] = bars(html, 'failed');
    expect(rejectedTop + rejected).toBeCloseTo(passedTop);
    expect(passed / rejected).toBeCloseTo(3);
    expect(failed / rejected).toBeCloseTo(2);
    expect(bars(html, 'quarantined')).toEqual([]);
  });
  it('has its numbers as a table', async () => {
    const html = await chart(day(0, { passed: 1234, quarantined: 5 }));
    const row = '<th scope="row">2026-11-24</th><td class="num">1,234</td><td class="num">0</td>';
    expect(html).toContain(`${row}<td class="num">5</td><td class="num">0</td>`);
  });
  it('can be drawn without a day', async () => {
    expect(await chart()).not.toMatch(/NaN|undefined|Infinity/);
  });
});

it('the table of sources escapes what reports say', async () => {
  const row: AggregateRow = {
    ...{ sourceIp: '192.0.2.1', count: 8, disposition: 'none', dkimAligned: true, spfAligned: false },
    ...{ overrides: [], headerFrom: 'a.test', envelopeFrom: '', dkim: [], spf: [] },
  };
  const sources = dmarcSources([
    { reporter: '<script>', rows: [row, { ...row, count: 2, dkimAligned: false }] },
  ]);
  const html = String(await DmarcSources({ sources }));
  expect(html).toContain('told by &lt;script&gt;');
  expect(html).toContain('<td class="num">10</td><td class="num">80.0 %</td><td class="num">0.0 %</td>');
  expect(html).toContain('Passes in part: 2 of 10');
});
