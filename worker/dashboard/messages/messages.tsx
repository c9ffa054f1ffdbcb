import { deliveryStates, messageStatus } from '#domain/delivery/delivery.ts';
import { classNames } from '#domain/message/class.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Field, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import {
  Cut,
  DeliveryStateOf,
  Empty,
  Head,
  Simulated,
  subjectText,
  Time,
  Titled,
} from '../../pages/parts.tsx';
import { listDomains } from '../../store/domains.ts';
import { metadataDays } from '../../store/home-tables.ts';
import {
  anyMessage,
  type MessageSearch,
  type PageCursor,
  readMessagePage,
} from '../../store/message-pages.ts';
import { findMessage, type ListedMessage } from '../../store/messages.ts';
import { Board } from '../board.tsx';
import { daysOf, placeOf, type Sought, soughtOf } from './search.ts';

/** The list of messages: search, filters, pages by cursor. */
export const messagesPages = new Board();

const pageSize = 50;

export function MessageTable({ messages }: { messages: ListedMessage[] }) {
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
                {(message.testMode || message.deliveries.some(({ simulated }) => simulated)) && (
                  <Simulated testMode={message.testMode} />
                )}
              </td>
              <td class="break">
                <Titled href={`/messages/${message.messageId}`} text={subjectText(message.subject)} />
                {message.tags.length > 0 && (
                  <span class="row">
                    {message.tags.map((tag) => (
                      <bdi class="tag" title={tag}>
                        {tag}
                      </bdi>
                    ))}
                  </span>
                )}
              </td>
              <td class="one">
                {first && <Cut text={first.recipient} />}
                {others.length > 0 && <span class="quiet"> and {others.length} more</span>}
              </td>
              <td class="quiet">
                {message.class}
                {message.stream !== defaultStream && <Cut text={message.stream} />}
              </td>
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

const filterNames = ['q', 'status', 'tag', 'class', 'stream', 'domain', 'since', 'until'] as const;
/** Rows that one search looks at; what goes on by itself takes larger steps, and what is known where to be more. */
const searchedRows = { first: 450, further: 2_000, known: 10_000 };

messagesPages.page('/messages', async (c, viewer) => {
  const store = c.get('store');
  const nowMs = Date.now();
  const query = (name: string) => (c.req.query(name) ?? '').trim().slice(0, 998);
  const { accountId } = viewer.account;
  const id = query('id');
  const sought = soughtOf(id === '' ? query('q') : id);
  if (sought.kind === 'id' && (await findMessage(store, accountId, sought.messageId, nowMs)))
    return c.redirect(`/messages/${sought.messageId}`, 303);
  const domains = await listDomains(store, accountId, { limit: 100, offset: 0 });
  const search: MessageSearch = {
    ...anyMessage,
    ...daysOf(query('since'), query('until')),
    recipient: sought.kind === 'address' ? { address: sought.text, anyCase: true } : null,
    messageIdHeader: sought.kind === 'messageId' ? sought.text : null,
    text: sought.kind === 'text' && id === '' ? sought.text : null,
    tag: query('tag') || null,
    class: classNames.find((name) => name === query('class')) ?? null,
    stream: query('stream') || null,
    status: deliveryStates.find((state) => state === query('status')) ?? null,
    domains: query('domain') ? [query('domain')] : null,
  };
  const before = placeOf(query('before'));
  const known = search.recipient !== null || search.messageIdHeader !== null || search.tag !== null;
  const of = {
    from: before,
    limit: pageSize,
    nowMs,
    rows: known ? searchedRows.known : before ? searchedRows.further : searchedRows.first,
  };
  const none = { messages: [], next: null, searchedToMs: null, skipped: 0 };
  let page = sought.kind === 'id' || id !== '' ? none : await readMessagePage(store, accountId, search, of);
  // A Message-ID looks like an address.
  if (sought.kind === 'address' && page.messages.length === 0 && page.next === null)
    page = await readMessagePage(
      store,
      accountId,
      { ...search, recipient: null, messageIdHeader: sought.text },
      of,
    );
  const filters = filterNames.filter((name) => query(name) !== '');
  const filtered = filters.length > 0 || id !== '';
  const address = (more: Record<string, string>) =>
    `/messages?${new URLSearchParams([...filters.map((name) => [name, query(name)]), ...Object.entries(more)])}`;
  return html(
    c,
    <Page title="Messages" viewer={viewer} url={c.req.url}>
      <Head title="Messages">
        <a class="button primary" href="/sending#test">
          Send a test
        </a>
      </Head>
      <form method="get" action="/messages" class="card" aria-label="Search">
        <Field
          label="Search"
          name="q"
          type="search"
          value={id === '' ? query('q') : id}
          required={false}
          hint="An address, a message id, a Message-ID, a return path, or words of a subject"
        />
        <div class="filters">
          <Select
            label="State"
            name="status"
            value={query('status')}
            options={[
              { value: '', text: 'any' },
              ...deliveryStates.map((state) => ({ value: state, text: state })),
            ]}
          />
          <Field label="Tag" name="tag" value={query('tag')} required={false} />
          <Select
            label="Class"
            name="class"
            value={query('class')}
            options={[{ value: '', text: 'any' }, ...classNames.map((name) => ({ value: name, text: name }))]}
          />
          <Field label="Stream" name="stream" value={query('stream')} required={false} />
          <Select
            label="From domain"
            name="domain"
            value={query('domain')}
            options={[
              { value: '', text: 'any' },
              ...domains.map(({ name }) => ({ value: name, text: name })),
            ]}
          />
          <Field label="Since (UTC day)" name="since" type="date" value={query('since')} required={false} />
          <Field label="Until (UTC day)" name="until" type="date" value={query('until')} required={false} />
          <div class="row">
            <button type="submit" class="primary">
              Search
            </button>
            {filtered && <a href="/messages">Clear</a>}
          </div>
        </div>
      </form>
      <section
        class="card flush"
        aria-label="Messages"
        id="list"
        data-refresh={before === null && !filtered ? '10' : undefined}
      >
        {page.messages.length === 0 && (filtered || before !== null) ? (
          <Empty title={page.next === null ? 'Nothing found' : 'Nothing found yet'}>
            <p>{aboutNothing(sought, { isId: id !== '', goesOn: page.next !== null })}</p>
          </Empty>
        ) : (
          <MessageTable messages={page.messages} />
        )}
      </section>
      <nav class="row" aria-label="Pages" id="further" data-more={moreOf(page, address)}>
        {before !== null && (
          <a class="button" href={address({})}>
            Newest
          </a>
        )}
        {page.next && (
          <a class="button" href={address({ before: `${page.next.week}-${page.next.seq}` })}>
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

/** Where a search that has not come to its end goes on, by itself where there are scripts. */
function moreOf(
  page: { next: PageCursor | null; searchedToMs: number | null },
  address: (more: Record<string, string>) => string,
): string | undefined {
  if (page.next === null || page.searchedToMs === null) return undefined;
  return address({ before: `${page.next.week}-${page.next.seq}` });
}

function aboutNothing(sought: Sought, { isId, goesOn }: { isId: boolean; goesOn: boolean }): string {
  if (isId && sought.kind !== 'id')
    return 'That is no message id: one has 32 hexadecimal digits in five groups, such as 01a1fbb4-7b1e-7abc-8def-0123456789ab.';
  if (sought.kind === 'id')
    return `No message of this account has the id ${sought.messageId}, or its time is over: messages are kept ${metadataDays} days.`;
  if (goesOn) return 'The search goes on further back.';
  return `No message of the last ${metadataDays} days fits. Look at the spelling, or take a filter away.`;
}
