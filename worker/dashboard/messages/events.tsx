import { events as catalogue } from '#domain/delivery/event.ts';
import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Field, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Cut, Empty, Head, Simulated, State, Time } from '../../pages/parts.tsx';
import { type EventSearch, eventsIn, findEvents } from '../../store/event-search.ts';
import { findMessage } from '../../store/messages.ts';
import type { Store } from '../../store/store.ts';
import type { ToldEvent } from '../../store/told-events.ts';
import { Board } from '../board.tsx';
import { toneOf } from './message-timeline.tsx';
import { daysOf, placeOf, soughtOf } from './search.ts';

/** What happens, as it happens. */
export const eventPages = new Board();

const filterNames = ['kind', 'recipient', 'message', 'day'] as const;
const pageSize = 50;
/** Rows that one search looks at; what is known where to be may be among many. */
const searchedRows = { first: 240, further: 900, known: 4_000 };

eventPages.page('/events', async (c, viewer) => {
  const store = c.get('store');
  const nowMs = Date.now();
  const { accountId } = viewer.account;
  const query = (name: string) => (c.req.query(name) ?? '').trim().slice(0, 320);
  const kind = catalogue.find((row) => row.kind === query('kind'))?.kind ?? null;
  const day = daysOf(query('day'), query('day'));
  const before = placeOf(query('before'));
  const search = { kind, recipient: query('recipient') || null, ...day };
  const page =
    query('message') === ''
      ? await findEvents(store, accountId, search, {
          before,
          limit: pageSize,
          rows:
            search.recipient || (kind && kind !== 'accepted')
              ? searchedRows.known
              : before
                ? searchedRows.further
                : searchedRows.first,
          nowMs,
        })
      : { events: await eventsOfMessage(store, accountId, query('message'), search, nowMs), ...noMore };
  const filters = filterNames.filter((name) => query(name) !== '');
  const address = (more: Record<string, string>) =>
    `/events?${new URLSearchParams([...filters.map((name) => [name, query(name)]), ...Object.entries(more)])}`;
  const next = page.next && address({ before: `${page.next.week}-${page.next.seq}` });
  return html(
    c,
    <Page title="Events" viewer={viewer} url={c.req.url}>
      <Head
        title="Events"
        lead={
          <>
            The newest first. Programs read all of them, without gaps, at <code>GET /v1/events</code>.
          </>
        }
      />
      <form method="get" action="/events" class="card" aria-label="Filter">
        <div class="filters">
          <Select
            label="Event"
            name="kind"
            value={kind ?? ''}
            options={[
              { value: '', text: 'any' },
              ...catalogue.map((row) => ({ value: row.kind, text: row.kind.replaceAll('_', ' ') })),
            ]}
          />
          <Field label="Recipient" name="recipient" value={query('recipient')} required={false} />
          <Field label="Message id" name="message" value={query('message')} required={false} />
          <Field label="Day (UTC)" name="day" type="date" value={query('day')} required={false} />
          <div class="row">
            <button type="submit">Show</button>
            {filters.length > 0 && <a href="/events">Clear</a>}
          </div>
        </div>
      </form>
      <section
        class="card flush"
        aria-label="Events"
        id="list"
        data-refresh={before === null && filters.length === 0 ? '5' : undefined}
      >
        {page.events.length === 0 ? (
          <Empty
            title={
              filters.length === 0
                ? 'Nothing has happened yet'
                : next === null
                  ? 'Nothing found'
                  : 'Nothing found yet'
            }
          >
            <p>
              {filters.length > 0 ? (
                next === null ? (
                  'No event that is kept fits. Look at the spelling, or take a filter away.'
                ) : (
                  'The search goes on further back.'
                )
              ) : (
                <>
                  Every message begins with an <em>accepted</em> and ends with a <em>delivered</em> or a{' '}
                  <em>bounced</em>. <a href="/sending#test">Send a test</a> and come back.
                </>
              )}
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Event', 'Recipient', 'What was said', 'At']} />
            <tbody>
              {page.events.map(({ event, messageId, recipient, testMode }) => (
                <tr>
                  <td>
                    <State tone={toneOf(event.kind)}>{event.kind.replaceAll('_', ' ')}</State>
                    {(event.details.simulated === true || testMode) && <Simulated testMode={testMode} />}
                  </td>
                  <td class="one">
                    <a href={`/messages/${messageId}`}>
                      <Cut text={recipient} />
                    </a>
                  </td>
                  <td class="break small">
                    <bdi>{saidOf(event.details)}</bdi>
                  </td>
                  <td class="nowrap">
                    <Time ms={event.atMs} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <nav
        class="row"
        aria-label="Pages"
        id="further"
        data-more={page.searchedToMs === null ? undefined : (next ?? undefined)}
      >
        {before !== null && (
          <a class="button" href={address({})}>
            Newest
          </a>
        )}
        {next && (
          <a class="button" href={next}>
            {page.searchedToMs === null ? 'Older' : 'Search further back'}
          </a>
        )}
        {page.searchedToMs !== null && (
          <span class="quiet small">
            Searched back to <Time ms={page.searchedToMs} />
          </span>
        )}
      </nav>
    </Page>,
  );
});

const noMore = { next: null, searchedToMs: null };

/** Events of one message, the newest first: they stand in its deliveries. */
async function eventsOfMessage(
  store: Store,
  accountId: number,
  id: string,
  search: EventSearch,
  nowMs: number,
): Promise<ToldEvent[]> {
  const sought = soughtOf(id);
  const message = sought.kind === 'id' ? await findMessage(store, accountId, sought.messageId, nowMs) : null;
  return message ? eventsIn(message, search) : [];
}

/** The most telling words of an event's details. */
function saidOf(details: Record<string, unknown>): string {
  const { reply, diagnostic, text, node } = details;
  if (typeof reply === 'object' && reply !== null && 'code' in reply && 'text' in reply)
    return `${String(reply.code)} ${String(reply.text)}`;
  if (typeof diagnostic === 'string') return diagnostic;
  if (typeof text === 'string') return text;
  return typeof node === 'string' ? `node ${node}` : '';
}
