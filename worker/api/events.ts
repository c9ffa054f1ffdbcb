import { publicEvent } from '#domain/delivery/event.ts';
import { Problem } from '#domain/problem.ts';
import { newApp, queryOf } from '../http/app.ts';
import { rowsOf, sees } from '../identity/rows.ts';
import { type EventCursor, endOfEvents, readEvents } from '../store/events.ts';
import { eventsQuery } from './queries.ts';

/** `GET /v1/events?after=`: every event of the account in order, without gaps. */
export const eventsApp = newApp();

eventsApp.get('/events', async (c) => {
  const { after, limit } = queryOf(c, eventsQuery);
  const rows = rowsOf(c);
  if (after === 'end') {
    const end = await endOfEvents(c.get('store'), rows.accountId, Date.now());
    return c.json({ data: [], next: formatCursor(end), has_more: false });
  }
  const { events, next, more } = await readEvents(
    c.get('store'),
    rows.accountId,
    parseCursor(after),
    limit,
    Date.now(),
  );
  return c.json({
    // A key that is limited to some domains passes by the others: a page may be short, and the cursor goes on all the same.
    data: events
      .filter(({ signingDomain }) => sees(rows, signingDomain))
      .map(({ event, ...of }) => ({ ...publicEvent(event, of), cursor: formatCursor(of.cursor) })),
    next: next ? formatCursor(next) : '',
    has_more: more,
  });
});

function formatCursor({ week, seq, taken }: EventCursor): string {
  return `${week}-${seq}-${taken}`;
}

function parseCursor(text: string): EventCursor | null {
  if (text === '') return null;
  const [, week, seq, taken] = /^(\d{4}w\d{2})-(\d{1,15})-(\d{1,6})$/.exec(text) ?? [];
  if (week && seq && taken) return { week, seq: Number(seq), taken: Number(taken) };
  const detail = 'must be a cursor that an earlier answer gave';
  throw new Problem('invalid_body', `after ${detail}`, { errors: [{ pointer: 'after', detail }] });
}
