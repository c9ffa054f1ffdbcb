import { Problem } from '#domain/problem.ts';
import { readCursor, writeCursor } from '../../api/requests.ts';
import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Cut, Empty, Head, number, State, subjectText, Time, Titled } from '../../pages/parts.tsx';
import { type Credential, listCredentials } from '../../store/accounts.ts';
import { type LoggedRequest, readRequests } from '../../store/requests.ts';
import { Board } from '../board.tsx';

/** What programs have submitted, and why what was refused was: the first page to look at when mail does not go. */
export const requestPages = new Board();

const pageSize = 50;
const filters = [
  { name: '', text: 'All' },
  { name: 'refused', text: 'Refused' },
  { name: 'accepted', text: 'Accepted' },
] as const;
const wayText: Readonly<Record<string, string>> = {
  api: 'HTTP',
  batch: 'HTTP, batch',
  raw: 'HTTP, whole message',
  smtp: 'SMTP',
  cloudmailin: 'HTTP, CloudMailin',
};

requestPages.page('/requests', async (c, viewer) => {
  const store = c.get('store');
  const { accountId } = viewer.account;
  const answer = c.req.query('answer');
  const only = answer === 'refused' || answer === 'accepted' ? answer : null;
  const before = c.req.query('before');
  const cursor = before === undefined ? { refused: null, message: null } : readCursor(before);
  if (!cursor) throw new Problem('not_found', 'There is no such page of requests. Begin with the newest.');
  const [{ requests, next }, keys] = await Promise.all([
    readRequests(store, accountId, { cursor, limit: pageSize, only }, Date.now()),
    listCredentials(store, accountId),
  ]);
  const keysById = new Map(keys.map((key) => [key.id, key]));
  const address = (more: Record<string, string>) =>
    `/requests?${new URLSearchParams({ ...(only ? { answer: only } : {}), ...more })}`;
  return html(
    c,
    <Page title="Requests" viewer={viewer} url={c.req.url}>
      <Head
        title="Requests"
        lead={
          <>
            What your programs have submitted in the last seven days, and what they were answered. Programs
            read it at <code>GET /v1/requests</code>
          </>
        }
      >
        <nav class="row" aria-label="Which requests">
          {filters.map(({ name, text }) => (
            <a
              class="button small"
              href={name === '' ? '/requests' : `/requests?answer=${name}`}
              aria-current={name === (only ?? '') ? 'true' : undefined}
            >
              {text}
            </a>
          ))}
        </nav>
      </Head>
      <section
        class="card flush"
        aria-label="Requests"
        id="list"
        data-refresh={before === undefined ? '10' : undefined}
      >
        {requests.length === 0 ? (
          <Empty title={only === 'refused' ? 'Nothing was refused' : 'Nothing yet'}>
            <p>
              {only === 'refused'
                ? 'When a submission with one of your keys is refused, it stands here with the reason.'
                : 'Send from your program: what it submits stands here, with the answer.'}{' '}
              <a href="/sending#snippets">Snippets to paste</a>
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['At', 'Answer', 'What', 'How', 'Key']} />
            <tbody>
              {requests.map((request) => (
                <Row request={request} keys={keysById} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      <nav class="row" aria-label="Pages">
        {before !== undefined && (
          <a class="button" href={address({})}>
            Newest
          </a>
        )}
        {next && (
          <a class="button" href={address({ before: writeCursor(next) })}>
            Older
          </a>
        )}
      </nav>
    </Page>,
  );
});

function Row({ request, keys }: { request: LoggedRequest; keys: ReadonlyMap<number, Credential> }) {
  const { refused } = request;
  const status = refused ? request.status : 202;
  const way = refused ? request.way : request.message.source;
  const key = refused ? request.credentialId : request.message.credentialId;
  return (
    <tr>
      <td class="nowrap">
        <Time ms={request.atMs} />
      </td>
      <td>
        <State tone={refused ? 'bad' : 'good'}>{`${status} ${refused ? 'refused' : 'accepted'}`}</State>
      </td>
      <td class="break">
        {refused ? (
          <>
            {request.detail}
            <p class="small quiet">
              <code>{request.code}</code> · request {request.requestId}
            </p>
            {request.leftOut > 0 && (
              <p class="small quiet">
                {number(request.leftOut)} others of this key just before are not listed.
              </p>
            )}
          </>
        ) : (
          <Titled
            href={`/messages/${request.message.messageId}`}
            text={subjectText(request.message.subject)}
          />
        )}
      </td>
      <td class="quiet" data-label="How">
        {wayText[way] ?? way}
      </td>
      <td class="quiet one" data-label="Key">
        <Cut text={keyText(key, keys)} />
      </td>
    </tr>
  );
}

function keyText(id: number, keys: ReadonlyMap<number, Credential>): string {
  if (id === 0) return 'the dashboard';
  const key = keys.get(id);
  return key ? `${key.name || key.username} …${key.hint}` : `key ${id}`;
}
