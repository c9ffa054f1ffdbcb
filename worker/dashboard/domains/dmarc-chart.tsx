import { scaleBand, scaleLinear } from 'd3-scale';
import type { DmarcDay, DmarcSource } from '#domain/reports/dmarc-source.ts';
import { number, percent } from '../../pages/parts.tsx';

/** From the bottom up. */
const fates = [
  { key: 'passed', text: 'passed' },
  { key: 'failed', text: 'failed, delivered' },
  { key: 'quarantined', text: 'quarantined' },
  { key: 'rejected', text: 'rejected' },
] as const;

const width = 720;
const height = 220;
const margin = { top: 12, right: 12, bottom: 26, left: 44 };

/** Mail that was sent with the domain's name, a bar a day by what DMARC came to; the numbers follow as a table. */
export function DmarcChart({ days }: { days: readonly DmarcDay[] }) {
  const x = scaleBand<number>()
    .domain(days.map(({ dayMs }) => dayMs))
    .range([margin.left, width - margin.right])
    .padding(0.2);
  const y = scaleLinear()
    .domain([0, Math.max(4, ...days.map(total))])
    .nice(4)
    .range([height - margin.bottom, margin.top]);
  const every = Math.ceil(days.length / 7);
  return (
    <figure class="chart stack">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label="Mail with your domain in From, by day; the numbers are in the table below"
      >
        {y.ticks(4).map((tick) => (
          <>
            <line class="axis" x1={margin.left} x2={width - margin.right} y1={y(tick)} y2={y(tick)} />
            <text x={margin.left - 8} y={y(tick) + 4} text-anchor="end">
              {number(tick)}
            </text>
          </>
        ))}
        {days.map((day, i) => (
          <>
            {i % every === 0 && (
              <text x={(x(day.dayMs) ?? 0) + x.bandwidth() / 2} y={height - 6} text-anchor="middle">
                {dateOf(day).slice(5)}
              </text>
            )}
            {bars(day).map(({ key, from, to }) => (
              <rect
                class={`fate-${key}`}
                x={x(day.dayMs)}
                width={x.bandwidth()}
                y={y(to)}
                height={y(from) - y(to)}
              />
            ))}
          </>
        ))}
      </svg>
      <ul class="key">
        {fates.map(({ key, text }) => (
          <li>
            <svg viewBox="0 0 24 8" aria-hidden="true">
              <rect class={`fate-${key}`} x="1" width="22" y="0" height="8" />
            </svg>
            {text}
          </li>
        ))}
      </ul>
      <details>
        <summary class="small quiet">The numbers as a table (UTC)</summary>
        <div class="scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Day</th>
                {fates.map(({ text }) => (
                  <th scope="col" class="num">
                    {text}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {days.map((day) => (
                <tr>
                  <th scope="row">{dateOf(day)}</th>
                  {fates.map(({ key }) => (
                    <td class="num">{number(day[key])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
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
