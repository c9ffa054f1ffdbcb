import { scaleBand } from 'd3-scale';
import type { DmarcDay, DmarcSource } from '#domain/reports/dmarc-source.ts';
import { number, percent } from '../../pages/parts.tsx';
import { ChartFrame, chartMargin, chartWidth, countScale, isMarked, type TimeMark } from '../chart-frame.tsx';

/** From the bottom up. */
const fates = [
  { key: 'passed', text: 'passed' },
  { key: 'failed', text: 'failed, delivered' },
  { key: 'quarantined', text: 'quarantined' },
  { key: 'rejected', text: 'rejected' },
] as const;

const height = 220;

/** Mail that was sent with the domain's name, a bar a day by what DMARC came to; the numbers follow as a table. */
export function DmarcChart({ days }: { days: readonly DmarcDay[] }) {
  const x = scaleBand<number>()
    .domain(days.map(({ dayMs }) => dayMs))
    .range([chartMargin.left, chartWidth - chartMargin.right])
    .padding(0.2);
  const y = countScale(Math.max(0, ...days.map(total)), height);
  const marks = days.flatMap((day, i): TimeMark[] =>
    isMarked(i, days.length)
      ? [{ x: (x(day.dayMs) ?? 0) + x.bandwidth() / 2, text: dateOf(day).slice(5), anchor: 'middle' }]
      : [],
  );
  return (
    <ChartFrame
      height={height}
      label="Mail with your domain in From, by day; the numbers are in the table below"
      y={y}
      marks={marks}
      series={fates.map(({ key, text }) => ({
        text,
        sample: <rect class={`fate-${key}`} x="1" width="22" y="0" height="8" />,
      }))}
      table={{
        of: 'Day',
        rows: days.map((day) => ({ name: dateOf(day), counts: fates.map(({ key }) => day[key]) })),
      }}
    >
      {days.flatMap((day) =>
        bars(day).map(({ key, from, to }) => (
          <rect
            class={`fate-${key}`}
            x={x(day.dayMs)}
            width={x.bandwidth()}
            y={y(to)}
            height={y(from) - y(to)}
          />
        )),
      )}
    </ChartFrame>
  );
}

/** Who sends with the domain's name, how much of it passes, and what that means. */
export function DmarcSources({ sources }: { sources: readonly DmarcSource[] }) {
  return (
    <div class="scroll">
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col" class="num">
              Mail
            </th>
            <th scope="col" class="num">
              DKIM
            </th>
            <th scope="col" class="num">
              SPF
            </th>
            <th scope="col">What it means</th>
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <tr>
              <th scope="row">
                <code>{source.sourceIp}</code>
                {source.domains.length > 0 && <div class="small quiet">{source.domains.join(', ')}</div>}
              </th>
              <td class="num">{number(source.count)}</td>
              <td class="num">{percent(source.byDkim, source.count)}</td>
              <td class="num">{percent(source.bySpf, source.count)}</td>
              <td>
                {source.meaning}
                <div class="small quiet">told by {source.reporters.join(', ')}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function bars(day: DmarcDay): { key: string; from: number; to: number }[] {
  let from = 0;
  return fates.flatMap(({ key }) => {
    const bar = { key, from, to: from + day[key] };
    from = bar.to;
    return bar.to > bar.from ? [bar] : [];
  });
}

function total(day: DmarcDay): number {
  return fates.reduce((sum, { key }) => sum + day[key], 0);
}

function dateOf({ dayMs }: DmarcDay): string {
  return new Date(dayMs).toISOString().slice(0, 10);
}
