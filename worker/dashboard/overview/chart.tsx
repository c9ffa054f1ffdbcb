import { scaleTime } from 'd3-scale';
import { area, line } from 'd3-shape';
import { ChartFrame, chartMargin, chartWidth, countScale, isMarked, type TimeMark } from '../chart-frame.tsx';
import type { Bucket } from './figures.ts';

/** The lines of the picture; dashes tell them apart without colour. */
const lines = [
  { key: 'accepted', text: 'sent', dash: '' },
  { key: 'delivered', text: 'delivered', dash: '' },
  { key: 'bounced', text: 'bounced', dash: 'dash' },
  { key: 'complained', text: 'complained', dash: 'dots' },
] as const;

const height = 240;

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
  const x = scaleTime()
    .domain([times[0] ?? 0, times.at(-1) ?? 1])
    .range([chartMargin.left, chartWidth - chartMargin.right]);
  const y = countScale(
    Math.max(0, ...buckets.map(({ counts }) => Math.max(counts.accepted, counts.delivered))),
    height,
  );
  const name = (ms: number) =>
    hourly ? new Date(ms).toISOString().slice(11, 16) : new Date(ms).toISOString().slice(5, 10);
  const marks = times.flatMap((ms, i): TimeMark[] => {
    const anchor = i === 0 ? 'start' : i === times.length - 1 ? 'end' : 'middle';
    return isMarked(i, times.length) ? [{ x: x(ms), text: name(ms), anchor }] : [];
  });
  const ground = area<Bucket>()
    .x((bucket) => x(bucket.fromMs))
    .y0(y(0))
    .y1(({ counts }) => y(counts.delivered));
  return (
    <ChartFrame
      height={height}
      label="Mail over time; the numbers are in the table below"
      y={y}
      marks={marks}
      series={lines.map(({ key, text, dash }) => ({
        text,
        sample: <line class={`line c-${key} ${dash}`} x1="1" x2="23" y1="4" y2="4" />,
      }))}
      table={
        table
          ? {
              of: hourly ? 'Hour' : 'Day',
              rows: buckets.map(({ fromMs, counts }) => ({
                name: name(fromMs),
                counts: lines.map(({ key }) => counts[key]),
              })),
            }
          : null
      }
    >
      <path class="area" d={ground(buckets) ?? ''} />
      {lines.map(({ key, dash }) => {
        const path = line<Bucket>()
          .x((bucket) => x(bucket.fromMs))
          .y((bucket) => y(bucket.counts[key]));
        return <path class={`line c-${key} ${dash}`} d={path(buckets) ?? ''} />;
      })}
    </ChartFrame>
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
