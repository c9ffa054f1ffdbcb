import { healthOf } from '#domain/health.ts';
import { dayOf } from '#domain/home.ts';
import { listCredentials } from '../store/accounts.ts';
import { hasUsers } from '../store/auth.ts';
import { type Domain, listDomains } from '../store/domains.ts';
import { readMessagePage } from '../store/message-pages.ts';
import {
  countedAtMost,
  type NodeSeen,
  type QueueDepth,
  readQueues,
  readTallies,
  type Tallies,
} from '../store/overview.ts';
import { readStats } from '../store/stats.ts';
import type { Store } from '../store/store.ts';
import { ownName } from '../system-mail/own-key.ts';
import { Card, Columns } from './blocks.tsx';
import { Board, html, viewerOf } from './board.tsx';
import { MailChart, Ring } from './chart.tsx';
import { Page } from './layout.tsx';
import { MessageTable } from './messages.tsx';
import { Head, Note, number, percent, State, Time, type Tone } from './parts.tsx';

export const overviewPages = new Board();

const dayMs = 86_400_000;

const spans = {
  day: { text: '24 hours', bucketMs: 3_600_000, buckets: 24 },
  week: { text: '7 days', bucketMs: 86_400_000, buckets: 7 },
  month: { text: '30 days', bucketMs: 86_400_000, buckets: 30 },
} as const;

const everything = { recipient: null, subject: null, tag: null, status: null, beforeMs: null, fromMs: null };
const healthTone: Record<string, Tone> = {
  healthy: 'good',
  warning: 'warn',
  danger: 'bad',
  critical: 'bad',
  unknown: 'quiet',
};

/**
 * A small account is counted from its messages, exact to the moment. One that sent more than a page may read is
 * told by the counters of its days, which are at most an hour (or 500 events) behind.
 */
async function figuresOf(
  store: Store,
  accountId: number,
  of: { fromMs: number; toMs: number; bucketMs: number },
): Promise<Tallies & { counted: boolean }> {
  const tallies = await readTallies(store, accountId, {
    fromMs: of.fromMs,
    bucketMs: of.bucketMs,
    nowMs: of.toMs,
  });
  if (tallies.complete || of.bucketMs < dayMs) return { ...tallies, counted: false };
  const days = await readStats(store, accountId, {
    by: 'day',
    fromDay: dayOf(of.fromMs),
    toDay: dayOf(of.toMs),
  });
  const byDay = new Map(days.map(({ value, counts }) => [value, counts]));
  const buckets = tallies.buckets.map(({ fromMs }) => {
    const counts = byDay.get(dayOf(fromMs));
    return {
      fromMs,
      sent: counts?.accepted ?? 0,
      delivered: counts?.delivered ?? 0,
      bounced: counts?.bounced ?? 0,
      complained: counts?.complained ?? 0,
    };
  });
  const failed = days.reduce((sum, { counts }) => sum + counts.failed + counts.expired, 0);
  return { ...tallies, buckets, failed, sinceMs: of.fromMs, counted: true };
}

overviewPages.open('get', '/', async (c) => {
  const store = c.get('store');
  const viewer = await viewerOf(c);
  if (!viewer) return c.redirect((await hasUsers(store)) ? '/sign-in' : '/set-up', 303);
  const nowMs = Date.now();
  const { accountId } = viewer.account;
  const asked = c.req.query('span');
  const spanName = asked === 'day' || asked === 'month' ? asked : 'week';
  const span = spans[spanName];
  const end = Math.ceil(nowMs / span.bucketMs) * span.bucketMs;
  const [tallies, { queues, nodes }, newest, domains, keys] = await Promise.all([
    figuresOf(store, accountId, {
      fromMs: end - span.bucketMs * span.buckets,
      toMs: end,
      bucketMs: span.bucketMs,
    }),
    readQueues(store, nowMs),
    readMessagePage(store, accountId, everything, { from: null, limit: 5, nowMs }),
    listDomains(store, accountId, { limit: 20, offset: 0 }),
    listCredentials(store, accountId),
  ]);
  const total = (key: 'sent' | 'delivered' | 'bounced' | 'complained') =>
    tallies.buckets.reduce((sum, bucket) => sum + bucket[key], 0);
  const figures = {
    sent: total('sent'),
    delivered: total('delivered'),
    bounced: total('bounced'),
    complained: total('complained'),
    deferred: tallies.deferred,
    failed: tallies.failed,
  };
  const health = healthOf(figures);
  const verified = domains.some((domain) => domain.status === 'verified');
  const hasKey = keys.some(({ username, revokedAtMs }) => username !== ownName && revokedAtMs === null);
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
      {(!verified || !hasKey || newest.messages.length === 0) && (
        <FirstSteps domains={domains} verified={verified} hasKey={hasKey} sent={newest.messages.length > 0} />
      )}
      <div class="stack" id="figures" data-refresh="15">
        <dl class="figures">
          <Figure name="Sent" value={number(figures.sent)} more="recipients" />
          <Figure
            name="Delivered"
            value={number(figures.delivered)}
            more={percent(figures.delivered, figures.sent)}
          />
          <Figure
            name="Bounced"
            value={number(figures.bounced)}
            more={percent(figures.bounced, figures.sent)}
          />
          <Figure
            name="Complained"
            value={number(figures.complained)}
            more={percent(figures.complained, figures.sent)}
          />
        </dl>
        {tallies.counted && <p class="small quiet">Counted by day; the newest hour may be missing.</p>}
        {!tallies.complete && !tallies.counted && (
          <p class="small quiet">
            Counted from the newest messages only, since <Time ms={tallies.sinceMs} />.
          </p>
        )}
      </div>
      <div class="grid wide-first">
        <Card id="over-time" title={<>Mail of the last {span.text}</>}>
          <MailChart tallies={tallies.buckets} hourly={spanName === 'day'} />
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
      <QueuesAndNodes queues={queues} nodes={nodes} nowMs={nowMs} />
    </Page>,
  );
});

function Figure({ name, value, more }: { name: string; value: string; more: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <small>{more}</small>
      </dd>
    </div>
  );
}

/** What an account needs before its first mail, with the way to each. */
function FirstSteps({
  domains,
  verified,
  hasKey,
  sent,
}: {
  domains: Domain[];
  verified: boolean;
  hasKey: boolean;
  sent: boolean;
}) {
  const pending = domains.find(({ status }) => status === 'pending');
  const records = pending ? `/domains/${pending.id}#records` : '/domains';
  const step = (done: boolean, text: unknown) => (
    <li>
      <State tone={done ? 'good' : 'quiet'}>{done ? 'done' : 'to do'}</State> {text}
    </li>
  );
  return (
    <Card id="first" title="First steps">
      <ol class="plain stack tight">
        {step(domains.length > 0, <a href="/domains#add">Add the domain that you send from</a>)}
        {step(verified, <a href={records}>Publish its DNS records and verify it</a>)}
        {step(sent, <a href="/sending#test">Send a test message and watch it travel</a>)}
        {step(hasKey, <a href="/sending#keys">Make a key for your program</a>)}
      </ol>
    </Card>
  );
}

/** Longer ago than this, a node that asks for work every few seconds is away. */
const awayAfterMs = 3 * 60_000;

export function QueuesAndNodes({
  queues,
  nodes,
  nowMs,
}: {
  queues: QueueDepth[];
  nodes: NodeSeen[];
  nowMs: number;
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
            <Note tone="warn">
              No node has ever said hello, so nothing is delivered. Start one (see README, Deploy).
            </Note>
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
