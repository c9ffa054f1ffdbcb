import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { webhookLimits } from '#domain/webhook.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { Card } from '../../pages/blocks.tsx';
import { Field, Fields } from '../../pages/forms.tsx';
import { Note, number, Time } from '../../pages/parts.tsx';
import { webhookDays } from '../../store/home-tables.ts';

/** Posting again what was posted to an endpoint within a time. */

/** A range as it is typed: each a date and time of day in UTC. */
interface Typed {
  from: string;
  to: string;
}

/** What a replay that was done is shown as. */
export const replayedSchema = z.object({
  typed: z.object({ from: z.string(), to: z.string() }),
  replayed: z.number(),
  nextMs: z.number().nullable(),
});

/** What came of a replay: how many, and where it stopped because it had reached its most; null: it did everything. */
export type ReplayShown = z.output<typeof replayedSchema>;

const answerSchema = z.object({
  replayed: z.number(),
  next_from: z.iso.datetime({ offset: true }).nullable(),
});
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Has the API post a range again. Gives what the page then says. @throws Problem about its fields */
export async function replay(c: Call, accountId: number, id: string, typed: Typed): Promise<ReplayShown> {
  const [from, to] = [instantOf(typed.from), instantOf(typed.to)];
  const errors = [...(from === null ? ['/from'] : []), ...(to === null ? ['/to'] : [])].map((pointer) => ({
    pointer,
    detail: 'must be a date and a time of day, such as 2026-11-20T14:30',
  }));
  if (errors.length > 0) throw new Problem('invalid_body', 'The time is not valid.', { errors });
  const answer = await callApi(
    c,
    accountId,
    { method: 'POST', path: `/webhooks/${id}/replay`, body: { from, to } },
    answerSchema,
  );
  const nextMs = answer.next_from === null ? null : Date.parse(answer.next_from);
  return { typed, replayed: answer.replayed, nextMs };
}

/** What a field of type `datetime-local` gives (HTML §2.3.5.4), taken for UTC; null: something else. */
function instantOf(text: string): string | null {
  const instant = z.iso.datetime().safeParse(`${text}${/T\d\d:\d\d$/.test(text) ? ':00' : ''}Z`);
  return instant.success ? instant.data : null;
}

export function Replay({
  path,
  shown,
  nowMs,
}: {
  path: string;
  shown: ReplayShown | undefined;
  nowMs: number;
}) {
  const left = shown?.nextMs ?? null;
  const minute = Math.floor(nowMs / minuteMs) * minuteMs;
  const from = left !== null ? localOf(left) : (shown?.typed.from ?? localOf(minute - dayMs));
  const to = shown?.typed.to ?? localOf(minute + minuteMs);
  return (
    <Card id="replay" title="Post again what was made between two times">
      {shown && <Replayed count={shown.replayed} nextMs={left} />}
      <p>
        For a receiver that has lost something. Requests keep their <code>webhook-id</code>, so a receiver
        that looks at it takes nothing twice. What still waits to be posted is left as it is.
      </p>
      <Fields action={`${path}/replay`} submit="Post again" plain>
        <Field label="From (UTC)" name="from" type="datetime-local" value={from} />
        <Field
          label="Before (UTC)"
          name="to"
          type="datetime-local"
          value={to}
          hint={`What was posted is kept for ${webhookDays} days; at most ${number(webhookLimits.replay)} are posted again at once.`}
        />
      </Fields>
    </Card>
  );
}

function Replayed({ count, nextMs }: { count: number; nextMs: number | null }) {
  return (
    <Note tone={count > 0 ? 'good' : 'quiet'}>
      <p>
        {count === 0
          ? 'Nothing was made in this time, or it still waits to be posted.'
          : `${number(count)} ${count === 1 ? 'is' : 'are'} posted again.`}
      </p>
      {nextMs !== null && (
        <p>
          That is the most at once; the rest, from <Time ms={nextMs} /> on, is chosen below.
        </p>
      )}
    </Note>
  );
}

/** A time as a field of type `datetime-local` has it, in UTC, with seconds and less only where there are any. */
function localOf(ms: number): string {
  return new Date(ms).toISOString().replace(/(:00)?\.000Z$|Z$/, '');
}
