import { publicEvent } from '#domain/event.ts';
import { Problem } from '#domain/problem.ts';
import { type EventCursor, readEvents } from '../store/events.ts';
import { newApp, queryOf } from './app.ts';
import { needs } from './authenticated.ts';
import { eventsQuery } from './queries.ts';

/** `GET /v1/events?after=`: every event of the account in order, without gaps. */
export const eventsApp = newApp();

eventsApp.get('/events', needs('read'), async (c) => {
  const { after, limit } = queryOf(c, eventsQuery);
  const { accountId } = c.get('credential');
  const events = await readEvents(c.get('store'), accountId, parseCursor(after), limit, Date.now());
  const last = events.at(-1);
  return c.json({
    data: events.map(({ event, ...of }) => ({ ...publicEvent(event, of), cursor: formatCursor(of.cursor) })),
    next: last ? formatCursor(last.cursor) : after,
    has_more: events.length === limit,
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
