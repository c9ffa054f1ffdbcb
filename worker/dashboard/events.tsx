import { events as catalogue } from '#domain/event.ts';
import { readNewestEvents } from '../store/events.ts';
import { Columns } from './blocks.tsx';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { toneOf } from './message-timeline.tsx';
import { Empty, Head, Select, State, Time } from './parts.tsx';

/** What happens, as it happens. */
export const eventPages = new Board();

eventPages.page('/events', async (c, viewer) => {
  const kind = catalogue.find((row) => row.kind === c.req.query('kind'))?.kind ?? null;
  const newest = await readNewestEvents(c.get('store'), viewer.account.accountId, Date.now());
  const shown = newest.filter(({ event }) => kind === null || event.kind === kind);
  return html(
    c,
    <Page title="Events" viewer={viewer} url={c.req.url}>
      <Head
        title="Events"
        lead={
          <>
            The newest, kept up to date while you look. Programs read all of them, without gaps, at{' '}
            <code>GET /v1/events</code>.
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
          <div class="row">
            <button type="submit">Show</button>
          </div>
        </div>
      </form>
      <section class="card flush" aria-label="Newest events" id="tail" data-refresh="5">
        {shown.length === 0 ? (
          <Empty title={kind ? 'None among the newest' : 'Nothing has happened yet'}>
            <p>
              Every message begins with an <em>accepted</em> and ends with a <em>delivered</em> or a{' '}
              <em>bounced</em>. <a href="/sending#test">Send a test</a> and come back.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Event', 'Recipient', 'What was said', 'At']} />
            <tbody>
              {shown.map(({ event, messageId, recipient }) => (
                <tr>
                  <td>
                    <State tone={toneOf(event.kind)}>{event.kind.replaceAll('_', ' ')}</State>
                  </td>
                  <td class="break">
                    <a href={`/messages/${messageId}`}>{recipient}</a>
                  </td>
                  <td class="break small">{saidOf(event.details)}</td>
                  <td class="nowrap">
                    <Time ms={event.atMs} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </Page>,
  );
});

/** The most telling words of an event's details. */
function saidOf(details: Record<string, unknown>): string {
  const { reply, diagnostic, text, node } = details;
  if (typeof reply === 'object' && reply !== null && 'code' in reply && 'text' in reply)
    return `${String(reply.code)} ${String(reply.text)}`;
  if (typeof diagnostic === 'string') return diagnostic;
  if (typeof text === 'string') return text;
  return typeof node === 'string' ? `node ${node}` : '';
}
