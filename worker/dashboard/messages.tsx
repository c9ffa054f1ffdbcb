import { deliveryStates, messageStatus } from '#domain/delivery.ts';
import { isUuidV7 } from '#domain/ids.ts';
import { type MessageSearch, type PageCursor, readMessagePage } from '../store/message-pages.ts';
import { findMessage, type StoredMessage } from '../store/messages.ts';
import { Columns } from './blocks.tsx';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { DeliveryStateOf, Empty, Field, Head, Select, Time } from './parts.tsx';

/** The list of messages: search, filters, pages by cursor. */
export const messagesPages = new Board();

const pageSize = 50;
const dayMs = 86_400_000;

export function MessageTable({ messages }: { messages: StoredMessage[] }) {
  if (messages.length === 0) {
    return (
      <Empty title="No message yet">
        <p>Send one by HTTP or SMTP with a key of yours, or with the form on the next page.</p>
        <a class="button primary" href="/sending#test">
          Send a test message
        </a>
      </Empty>
    );
  }
  return (
    <table class="cards">
      <Columns names={['State', 'Subject', 'To', 'Class', 'Accepted']} />
      <tbody>
        {messages.map((message) => {
          const [first, ...others] = message.deliveries;
          return (
            <tr>
              <td>
                <DeliveryStateOf state={messageStatus(message.deliveries.map(({ state }) => state))} />
              </td>
              <td class="break">
                <a href={`/messages/${message.messageId}`}>{message.subject || '(no subject)'}</a>
                {message.tags.length > 0 && (
                  <span class="row">
                    {message.tags.map((tag) => (
                      <span class="tag">{tag}</span>
                    ))}
                  </span>
                )}
              </td>
              <td class="break">
                {first?.recipient}
                {others.length > 0 && <span class="quiet"> and {others.length} more</span>}
              </td>
              <td class="quiet">{message.class}</td>
              <td class="nowrap">
                <Time ms={message.acceptedAtMs} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function cursorOf(text: string): PageCursor | null {
  const [, week, seq] = /^(\d{4}w\d{2})-(\d{1,16})$/.exec(text) ?? [];
  return week && seq ? { week, seq: Number(seq) } : null;
}

messagesPages.page('/messages', async (c, viewer) => {
  const store = c.get('store');
  const nowMs = Date.now();
  const query = (name: string) => (c.req.query(name) ?? '').trim().slice(0, 320);
  const id = query('id').toLowerCase();
  const { accountId } = viewer.account;
  if (isUuidV7(id) && (await findMessage(store, accountId, id, nowMs)))
    return c.redirect(`/messages/${id}`, 303);
  const day = /^\d{4}-\d{2}-\d{2}$/.test(query('day')) ? Date.parse(`${query('day')}T00:00:00Z`) : Number.NaN;
  const search: MessageSearch = {
    recipient: query('to') || null,
    subject: query('subject') || null,
    tag: query('tag') || null,
    status: deliveryStates.find((state) => state === query('status')) ?? null,
    beforeMs: Number.isNaN(day) ? null : day + dayMs,
    fromMs: Number.isNaN(day) ? null : day,
  };
  const page = await readMessagePage(store, accountId, search, {
    from: cursorOf(query('from')),
    limit: pageSize,
    nowMs,
  });
  const filters = ['id', 'to', 'subject', 'tag', 'status', 'day'].filter((name) => query(name) !== '');
  const older = new URLSearchParams(filters.map((name) => [name, query(name)]));
  if (page.next) older.set('from', `${page.next.week}-${page.next.seq}`);
  return html(
    c,
    <Page title="Messages" viewer={viewer} url={c.req.url}>
      <Head title="Messages">
        <a class="button primary" href="/sending#test">
          Send a test
        </a>
      </Head>
      <form method="get" action="/messages" class="card" aria-label="Search">
        <div class="filters">
          <Field label="Recipient" name="to" value={query('to')} required={false} />
          <Field label="Subject" name="subject" value={query('subject')} required={false} />
          <Field label="Message id" name="id" value={query('id')} required={false} />
          <Field label="Tag" name="tag" value={query('tag')} required={false} />
          <Select
            label="State"
            name="status"
            value={query('status')}
            options={[
              { value: '', text: 'any' },
              ...deliveryStates.map((state) => ({ value: state, text: state })),
            ]}
          />
          <Field label="Day (UTC)" name="day" type="date" value={query('day')} required={false} />
          <div class="row">
            <button type="submit" class="primary">
              Search
            </button>
            {filters.length > 0 && <a href="/messages">Clear</a>}
          </div>
        </div>
      </form>
      <section
        class="card flush"
        aria-label="Messages"
        id="list"
        data-refresh={query('from') === '' ? '10' : undefined}
      >
        {page.messages.length === 0 && filters.length > 0 ? (
          <Empty title="Nothing found">
            <p>
              {page.searchedToMs === null ? (
                'No message of the last 30 days fits. Look at the spelling, or take a filter away.'
              ) : (
                <>
                  Nothing fits back to <Time ms={page.searchedToMs} />.
                </>
              )}
            </p>
          </Empty>
        ) : (
          <MessageTable messages={page.messages} />
        )}
      </section>
      <nav class="row" aria-label="Pages">
        {query('from') !== '' && (
          <a
            class="button"
            href={`/messages?${new URLSearchParams(filters.map((name) => [name, query(name)]))}`}
          >
            Newest
          </a>
        )}
        {page.next && (
          <a class="button" href={`/messages?${older}`}>
            {page.searchedToMs === null ? 'Older' : 'Search further back'}
          </a>
        )}
        {page.searchedToMs !== null && page.messages.length > 0 && (
          <span class="quiet small">
            Searched back to <Time ms={page.searchedToMs} />.
          </span>
        )}
      </nav>
    </Page>,
  );
});
