import { scaleLinear, scaleTime } from 'd3-scale';
import { area, line } from 'd3-shape';
import { number } from '../../pages/parts.tsx';
import type { Bucket } from './figures.ts';

/** The lines of the picture; dashes tell them apart without colour. */
const lines = [
  { key: 'accepted', text: 'sent', dash: '' },
  { key: 'delivered', text: 'delivered', dash: '' },
  { key: 'bounced', text: 'bounced', dash: 'dash' },
  { key: 'complained', text: 'complained', dash: 'dots' },
] as const;

const width = 720;
const height = 240;
const margin = { top: 12, right: 12, bottom: 26, left: 44 };

/** Mail over time as SVG; the same numbers follow as a table for those who do not see it. */
export function MailChart({
  buckets,
  hourly,
  table = true,
}: {
  buckets: readonly Bucket[];
  hourly: boolean;
  /** False where the page has the numbers in a table of its own. */
  table?: boolean;
}) {
  const times = buckets.map(({ fromMs }) => fromMs);
  const most = Math.max(4, ...buckets.map(({ counts }) => Math.max(counts.accepted, counts.delivered)));
  const x = scaleTime()
    .domain([times[0] ?? 0, times.at(-1) ?? 1])
    .range([margin.left, width - margin.right]);
  const y = scaleLinear()
    .domain([0, most])
    .nice(4)
    .range([height - margin.bottom, margin.top]);
  const label = (ms: number) =>
    hourly ? new Date(ms).toISOString().slice(11, 16) : new Date(ms).toISOString().slice(5, 10);
  const every = Math.ceil(buckets.length / 7);
  const ground = area<Bucket>()
    .x((bucket) => x(bucket.fromMs))
    .y0(y(0))
    .y1(({ counts }) => y(counts.delivered));
  return (
    <figure class="chart stack">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label="Mail over time; the numbers are in the table below"
      >
        {y.ticks(4).map((tick) => (
          <>
            <line class="axis" x1={margin.left} x2={width - margin.right} y1={y(tick)} y2={y(tick)} />
            <text x={margin.left - 8} y={y(tick) + 4} text-anchor="end">
              {number(tick)}
            </text>
          </>
        ))}
        {buckets.map((bucket, i) =>
          i % every === 0 ? (
            <text
              x={x(bucket.fromMs)}
              y={height - 6}
              text-anchor={i === 0 ? 'start' : i === buckets.length - 1 ? 'end' : 'middle'}
            >
              {label(bucket.fromMs)}
            </text>
          ) : null,
        )}
        <path class="area" d={ground(buckets) ?? ''} />
        {lines.map(({ key, dash }) => {
          const path = line<Bucket>()
            .x((bucket) => x(bucket.fromMs))
            .y((bucket) => y(bucket.counts[key]));
          return <path class={`line c-${key} ${dash}`} d={path(buckets) ?? ''} />;
        })}
      </svg>
      <ul class="key">
        {lines.map(({ key, text, dash }) => (
          <li>
            <svg viewBox="0 0 24 8" aria-hidden="true">
              <line class={`line c-${key} ${dash}`} x1="1" x2="23" y1="4" y2="4" />
            </svg>
            {text}
          </li>
        ))}
      </ul>
      {table && (
        <details>
          <summary class="small quiet">The numbers as a table (UTC)</summary>
          <div class="scroll">
            <table class="plain-table">
              <thead>
                <tr>
                  <th scope="col">{hourly ? 'Hour' : 'Day'}</th>
                  {lines.map(({ text }) => (
                    <th scope="col" class="num">
                      {text}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {buckets.map((bucket) => (
                  <tr>
                    <th scope="row">{label(bucket.fromMs)}</th>
                    {lines.map(({ key }) => (
                      <td class="num">{number(bucket.counts[key])}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </figure>
  );
}

/** A score on a ring. */
export function Ring({ score, tone }: { score: number | null; tone: string }) {
  const around = 2 * Math.PI * 42;
  return (
    <svg
      viewBox="0 0 100 100"
      role="img"
      aria-label={score === null ? 'No score yet' : `Health ${score} of 100`}
    >
      <circle class="track" cx="50" cy="50" r="42" fill="none" stroke-width="9" />
      {score !== null && (
        <circle
          class={tone}
          cx="50"
          cy="50"
          r="42"
          fill="none"
          stroke-width="9"
          stroke-linecap="round"
          stroke-dasharray={`${(around * score) / 100} ${around}`}
          transform="rotate(-90 50 50)"
        />
      )}
      <text x="50" y="60" text-anchor="middle">
        {score ?? '–'}
      </text>
    </svg>
  );
}
