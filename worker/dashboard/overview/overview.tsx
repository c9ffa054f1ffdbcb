import { healthDays, healthOf, mailFigures } from '#domain/limits/health.ts';
import { endedOf } from '#domain/stats.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Figure, Head, Note, number, percent, State, Time, type Tone } from '../../pages/parts.tsx';
import { findAccount, listCredentials } from '../../store/accounts.ts';
import { hasUsers } from '../../store/auth.ts';
import { listDomains } from '../../store/domains.ts';
import { anyMessage, readMessagePage } from '../../store/message-pages.ts';
import { countedAtMost, type NodeSeen, type QueueDepth, readQueues } from '../../store/overview.ts';
import { listEndpoints } from '../../store/webhook-endpoints.ts';
import { Board, viewerOf } from '../board.tsx';
import { MessageTable } from '../messages/messages.tsx';
import { MailChart, Ring } from './chart.tsx';
import { readFigures } from './figures.ts';
import { FirstSteps } from './first-steps.tsx';

export const overviewPages = new Board();

const spans = {
  day: { text: '24 hours', by: 'hour', ms: 23 * 3_600_000 },
  week: { text: '7 days', by: 'day', ms: 6 * 86_400_000 },
  month: { text: '30 days', by: 'day', ms: 29 * 86_400_000 },
} as const;

const healthTone: Record<string, Tone> = {
  healthy: 'good',
  warning: 'warn',
  danger: 'bad',
  critical: 'bad',
  unknown: 'quiet',
};

overviewPages.open('get', '/', async (c) => {
  const viewer = await viewerOf(c);
  const store = c.get('store');
  if (!viewer) return c.redirect((await hasUsers(store)) ? '/sign-in' : '/set-up', 303);
  const nowMs = Date.now();
  const { accountId } = viewer.account;
  const asked = c.req.query('span');
  const spanName = asked === 'day' || asked === 'month' ? asked : 'week';
  const span = spans[spanName];
  const [{ buckets, total, complete }, { queues, nodes }, newest, domains, keys, endpoints, account] =
    await Promise.all([
      readFigures(store, accountId, { by: span.by, fromMs: nowMs - span.ms, toMs: nowMs, nowMs }),
      readQueues(store, nowMs),
      readMessagePage(store, accountId, anyMessage, { from: null, limit: 5, nowMs }),
      listDomains(store, accountId, { limit: 20, offset: 0 }),
      listCredentials(store, accountId),
      listEndpoints(store, accountId),
      findAccount(store, accountId),
    ]);
  const figures = mailFigures(total);
  const health = healthOf(figures);
  return html(
    c,
    <Page title="Overview" viewer={viewer} url={c.req.url}>
      <Head title="Overview">
        <nav class="row" aria-label="Span of time">
          {Object.entries(spans).map(([name, { text }]) => (
            <a
              class="button small"
              href={`/?span=${name}`}
              aria-current={name === spanName ? 'true' : undefined}
            >
              {text}
            </a>
          ))}
        </nav>
      </Head>
      <FirstSteps {...{ keys, domains, endpoints }} sent={newest.messages.length > 0} />
      <div class="stack" id="figures" data-refresh="15">
        <dl class="figures">
          <Figure name="Sent" value={number(figures.sent)} more="recipients" />
          <Figure
            name="Delivered"
            value={number(figures.delivered)}
            more={`${percent(total.delivered, endedOf(total))} of what ended`}
          />
          <Figure
            name="Bounced"
            value={number(figures.bounced)}
            more={percent(figures.bounced, figures.sent)}
          />
          <Figure
            name="Complained"
            value={number(figures.complained)}
            more={percent(figures.complained, figures.sent, 2)}
          />
        </dl>
        {!complete && (
          <p class="small quiet">
            So much has just happened that it is still being counted; look again soon.
          </p>
        )}
      </div>
      <div class="grid wide-first">
        <Card id="over-time" title={<>Mail of the last {span.text}</>}>
          <MailChart buckets={buckets} hourly={spanName === 'day'} />
        </Card>
        <Card id="health" title="Sender health">
          <div class="score">
            <Ring score={health.score} tone={healthTone[health.word] ?? 'quiet'} />
            <div class="stack tight">
              <div>
                <State tone={healthTone[health.word] ?? 'quiet'}>{health.word}</State>
              </div>
              <p class="small quiet">
                {health.score === null
                  ? 'It is told once ten recipients have been sent to.'
                  : 'How mailbox providers are likely to see you.'}
              </p>
            </div>
          </div>
          {account?.digestPaused && (
            <Note tone="warn">
              Mail of class digest is paused since the health of the last {healthDays} days is{' '}
              {account.healthLevel}. It goes out by itself once that is better; all other mail goes out as
              ever.
            </Note>
          )}
          {health.reasons.length > 0 ? (
            <ul class="plain stack tight">
              {health.reasons.map((reason) => (
                <li>
                  <strong class="num">−{reason.points}</strong> {reason.what}
                  <p class="small quiet">{reason.todo}</p>
                </li>
              ))}
            </ul>
          ) : (
            health.score !== null && <p>Nothing lowers it.</p>
          )}
        </Card>
      </div>
      <Card id="newest" title="Newest messages" flush aside={<a href="/messages">All messages</a>}>
        <MessageTable messages={newest.messages} />
      </Card>
      <QueuesAndNodes {...{ queues, nodes, nowMs }} hasBinding={c.get('env').bindings.EMAIL !== undefined} />
    </Page>,
  );
});

/** Longer ago than this, a node that asks for work every few seconds is away. */
const awayAfterMs = 3 * 60_000;

export function QueuesAndNodes({
  queues,
  nodes,
  nowMs,
  hasBinding,
}: {
  queues: QueueDepth[];
  nodes: NodeSeen[];
  nowMs: number;
  /** The Worker has the binding by which it hands mail to Cloudflare itself. */
  hasBinding: boolean;
}) {
  return (
    <div class="grid">
      <Card id="queues" title="Queues" flush>
        <div class="scroll">
          <table>
            <Columns names={['Class', { num: 'Waiting' }, 'Oldest since']} />
            <tbody>
              {queues.map((queue) => (
                <tr>
                  <th scope="row">{queue.class}</th>
                  <td class="num">
                    {number(queue.waiting)}
                    {queue.waiting >= countedAtMost ? '+' : ''}
                  </td>
                  <td>{queue.oldestDueMs === null ? '–' : <Time ms={queue.oldestDueMs} as="ago" />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      <Card id="nodes" title="Nodes" flush>
        {nodes.length === 0 ? (
          <div class="empty">
            {hasBinding ? (
              <p>
                No node: mail leaves by the binding of the Worker,{' '}
                <a href="/docs/no-port-25#without-a-node">as its rules say</a>.
              </p>
            ) : (
              <Note tone="warn">
                No mail node has ever reported, so nothing is delivered. Start one:{' '}
                <a href="/docs/deploy#a-node">how that is done</a>.
              </Note>
            )}
          </div>
        ) : (
          <div class="scroll">
            <table>
              <Columns names={['Node', 'State', 'Last seen']} />
              <tbody>
                {nodes.map((node) => (
                  <tr>
                    <th scope="row" class="break">
                      {node.nodeId}
                      {node.hostName !== node.nodeId && <span class="small quiet"> {node.hostName}</span>}
                    </th>
                    <td>
                      {nowMs - node.lastSeenAtMs < awayAfterMs ? (
                        <State tone="good">here</State>
                      ) : (
                        <State tone="bad">away</State>
                      )}
                    </td>
                    <td>
                      <Time ms={node.lastSeenAtMs} as="ago" />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </div>
  );
}
