import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { z } from 'zod';
import { phaseDays, phases, warmingStates } from '#domain/limits/warming.ts';
import { Card } from '../../pages/blocks.tsx';
import { number, State } from '../../pages/parts.tsx';

/** `GET /v1/domains/:id/warming`, as far as it is shown. */
export const warmingSchema = z.object({
  phase: z.enum(warmingStates),
  phase_started_at: z.string(),
  days_in_current_phase: z.number().nullable(),
  current_limits: z
    .object({ daily_limit: z.number(), hourly_limit: z.number(), per_minute_limit: z.number() })
    .nullable(),
  today_sent: z.number(),
  remaining_today: z.number().nullable(),
  metrics: z.object({
    delivery_rate: z.number().nullable(),
    bounce_rate: z.number().nullable(),
    complaint_rate: z.number().nullable(),
  }),
});
/** How far the domain is warmed, and the curve of what it may send in a day. */
export function Warming({ warming }: { warming: z.output<typeof warmingSchema> }) {
  const { phase, current_limits: limits, days_in_current_phase: day, metrics } = warming;
  const at = phases.findIndex(({ name }) => name === phase);
  const rate = (value: number | null) => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);
  return (
    <Card
      id="warming"
      title="Warming"
      aside={<State tone={limits === null ? 'good' : 'wait'}>{phase.replaceAll('_', ' ')}</State>}
    >
      {limits === null ? (
        <p>
          {phase === 'off'
            ? 'The operator does without it: no limit by day.'
            : 'It is done: no limit by day.'}
        </p>
      ) : (
        <>
          <p class="quiet">
            Mailbox providers get to know a new domain slowly; what it may send grows with each day that goes
            well.
          </p>
          <WarmingCurve at={at} day={day ?? 1} />
          <dl class="figures">
            <div>
              <dt>Today</dt>
              <dd>
                {number(warming.today_sent)} <small>of {number(limits.daily_limit)}</small>
              </dd>
            </div>
            <div>
              <dt>In an hour</dt>
              <dd>{number(limits.hourly_limit)}</dd>
            </div>
            <div>
              <dt>In a minute</dt>
              <dd>{number(limits.per_minute_limit)}</dd>
            </div>
          </dl>
        </>
      )}
      <dl class="facts">
        <dt>Delivered in this phase</dt>
        <dd>{rate(metrics.delivery_rate)}</dd>
        <dt>Bounced</dt>
        <dd>{rate(metrics.bounce_rate)}</dd>
        <dt>Complained</dt>
        <dd>{rate(metrics.complaint_rate)}</dd>
      </dl>
    </Card>
  );
}

function WarmingCurve({ at, day }: { at: number; day: number }) {
  const x = scaleLinear()
    .domain([1, phases.length * phaseDays])
    .range([48, 708]);
  const y = scaleLog().domain([50, 200_000]).range([150, 14]);
  const points = phases.flatMap(({ first, last }, i) => [
    { day: i * phaseDays + 1, limit: first },
    { day: (i + 1) * phaseDays, limit: last },
  ]);
  const today = Math.max(0, at) * phaseDays + Math.min(day, phaseDays);
  const phase = phases[Math.max(0, at)] ?? phases[0];
  const limit = phase.first + ((phase.last - phase.first) * (Math.min(day, phaseDays) - 1)) / (phaseDays - 1);
  const curve = line<{ day: number; limit: number }>()
    .x((point) => x(point.day))
    .y((point) => y(point.limit));
  return (
    <figure class="chart">
      <svg
        viewBox="0 0 720 176"
        role="img"
        aria-label={`Daily limit over ${phases.length * phaseDays} days; today is day ${today} with ${Math.round(limit)}`}
      >
        {[100, 1_000, 10_000, 100_000].map((tick) => (
          <>
            <line class="axis" x1="48" x2="708" y1={y(tick)} y2={y(tick)} />
            <text x="42" y={y(tick) + 4} text-anchor="end">
              {tick >= 1_000 ? `${tick / 1_000}k` : tick}
            </text>
          </>
        ))}
        {phases.map((_, i) => (
          <text x={x(i * phaseDays + 1)} y="170">
            day {i * phaseDays + 1}
          </text>
        ))}
        <path class="line c-delivered" d={curve(points) ?? ''} />
        <circle class="dot f-delivered" cx={x(today)} cy={y(Math.max(50, limit))} r="5" />
      </svg>
    </figure>
  );
}
