import { type ScaleLinear, scaleLinear } from 'd3-scale';
import type { Child, PropsWithChildren } from 'hono/jsx';
import { number } from '../pages/parts.tsx';

/** What all pictures of numbers over time have: axes, a key, and the same numbers as a table for those who do not see it. */

export const chartWidth = 720;
export const chartMargin = { top: 12, right: 12, bottom: 26, left: 64 };

/** The scale of the numbers, from 0 to `most` or a little more, but to 4 at least. */
export function countScale(most: number, height: number): ScaleLinear<number, number> {
  return scaleLinear()
    .domain([0, Math.max(4, most)])
    .nice(4)
    .range([height - chartMargin.bottom, chartMargin.top]);
}

/** A word below the axis of time. */
export interface TimeMark {
  x: number;
  text: string;
  anchor: 'start' | 'middle' | 'end';
}

/** Of so many columns each one that is to have a mark, about seven. */
export function isMarked(i: number, count: number): boolean {
  return i % Math.ceil(count / 7) === 0;
}

export interface NumberTable {
  /** What the first column has. */
  of: string;
  rows: readonly { name: string; counts: readonly number[] }[];
}

export function ChartFrame({
  height,
  label,
  y,
  marks,
  series,
  table,
  children,
}: PropsWithChildren<{
  height: number;
  label: string;
  y: ScaleLinear<number, number>;
  marks: readonly TimeMark[];
  /** What is drawn: its name, and how it looks in a box of 24 by 8. */
  series: readonly { text: string; sample: Child }[];
  /** A count of each series; null: the page has the numbers in a table of its own. */
  table: NumberTable | null;
}>) {
  return (
    <figure class="chart stack">
      <svg viewBox={`0 0 ${chartWidth} ${height}`} role="img" aria-label={label}>
        {y.ticks(4).map((tick) => (
          <>
            <line
              class="axis"
              x1={chartMargin.left}
              x2={chartWidth - chartMargin.right}
              y1={y(tick)}
              y2={y(tick)}
            />
            <text x={chartMargin.left - 8} y={y(tick) + 4} text-anchor="end">
              {number(tick)}
            </text>
          </>
        ))}
        {marks.map(({ x, text, anchor }) => (
          <text x={x} y={height - 6} text-anchor={anchor}>
            {text}
          </text>
        ))}
        {children}
      </svg>
      <ul class="key">
        {series.map(({ text, sample }) => (
          <li>
            <svg viewBox="0 0 24 8" aria-hidden="true">
              {sample}
            </svg>
            {text}
          </li>
        ))}
      </ul>
      {table && <Numbers table={table} columns={series.map(({ text }) => text)} />}
    </figure>
  );
}

function Numbers({ table: { of, rows }, columns }: { table: NumberTable; columns: readonly string[] }) {
  return (
    <details>
      <summary class="small quiet">The numbers as a table (UTC)</summary>
      <div class="scroll">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">{of}</th>
              {columns.map((column) => (
                <th scope="col" class="num">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, counts }) => (
              <tr>
                <th scope="row">{name}</th>
                {counts.map((count) => (
                  <td class="num">{number(count)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
