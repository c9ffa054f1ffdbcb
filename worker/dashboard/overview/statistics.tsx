import { failureClasses } from '#domain/failure/failure-class.ts';
import { dayOf } from '#domain/message/home.ts';
import { type Dimension, dimensions, endedOf } from '#domain/stats.ts';
import { formatCsvRow, inertCell } from '#domain/suppression/csv.ts';
import type { Call } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Field } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Cut, Empty, Figure, Head, number, percent } from '../../pages/parts.tsx';
import { foldAccount } from '../../store/fold.ts';
import { type Counts, type OneValue, readStats } from '../../store/stats.ts';
import { Board } from '../board.tsx';
import { MailChart } from './chart.tsx';
import { readFigures } from './figures.ts';

/** What became of the mail: a picture, totals, and a table by each dimension, which can be downloaded. */
export const statisticsPages = new Board();

const dayMs = 86_400_000;
const quickSpans = [7, 30, 90] as const;
const longestDays = 366;
/** A page shows so many rows; the download has all. */
const shownRows = 100;

/** The dimensions that the page has a table of, as people say them. */
const tables = {
  day: 'day',
  domain: 'domain',
  stream: 'stream',
  tag: 'tag',
  class: 'class',
  provider: 'recipient provider',
  reason: 'reason of a failure',
} satisfies Partial<Record<Dimension, string>>;
type Shown = keyof typeof tables;

const columns = [
  ['sent', 'accepted'],
  ['delivered', 'delivered'],
  ['put off', 'deferred'],
  ['bounced', 'bounced'],
  ['expired', 'expired'],
  ['failed', 'failed'],
  ['suppressed', 'suppressed'],
  ['complained', 'complained'],
  ['opened', 'opened'],
  ['clicked', 'clicked'],
] as const satisfies readonly (readonly [string, keyof Counts])[];

/** What is known of mail by a dimension: who keeps a mailbox is known once it was tried. */
const columnsOf = (by: Shown) =>
  columns.filter(([, kind]) => {
    if (by === 'provider') return !['accepted', 'failed', 'suppressed'].includes(kind);
    if (by === 'reason') return ['deferred', 'bounced', 'expired', 'failed', 'suppressed'].includes(kind);
    return true;
  });

interface Asked {
  by: Shown;
  /** The value of that dimension which the picture and the totals are of; null: all mail. */
  only: OneValue | null;
  fromMs: number;
  toMs: number;
}

/** What the address asks for; what makes no sense is the last 30 days. */
function askedOf(c: Call, nowMs: number): Asked {
  const by = (Object.keys(tables) as Shown[]).find((one) => one === c.req.query('by')) ?? 'day';
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const day = (name: string) => {
    const text = c.req.query(name) ?? '';
    return /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  };
  const toMs = Math.min(Number.isNaN(day('to')) ? today : day('to'), today);
  const quick = quickSpans.find((one) => String(one) === c.req.query('days')) ?? 30;
  const asked = Number.isNaN(day('from')) ? toMs - (quick - 1) * dayMs : day('from');
  const of = (c.req.query('of') ?? '').slice(0, 320);
  const only = by === 'day' || of === '' ? null : { dimension: by, value: of };
  return { by, only, fromMs: Math.max(Math.min(asked, toMs), toMs - (longestDays - 1) * dayMs), toMs };
}

const isoDay = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function nameOf(by: Dimension, value: string): string {
  if (by === 'day') return value.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
  return value;
}

/** What a reason means, where its name is one of the classes of failure. */
function aboutReason(value: string): string | null {
  return failureClasses.find(({ name }) => name === value)?.text ?? null;
}

statisticsPages.page('/statistics', async (c, viewer) => {
  const nowMs = Date.now();
  const store = c.get('store');
  const { accountId } = viewer.account;
  const { by, only, fromMs, toMs } = askedOf(c, nowMs);
  const { buckets, total, complete } = await readFigures(store, accountId, {
    by: 'day',
    fromMs,
    toMs,
    nowMs,
    only,
  });
  const rows =
    by === 'day'
      ? buckets
          .map(({ fromMs: at, counts }) => ({ value: dayOf(at), counts }))
          .filter(({ counts }) => columns.some(([, kind]) => counts[kind] > 0))
          .reverse()
      : await readStats(store, accountId, { by, fromDay: dayOf(fromMs), toDay: dayOf(toMs), nowMs });
  const shown = rows.slice(0, shownRows);
  const query = (more: Record<string, string>) =>
    new URLSearchParams({ by, from: isoDay(fromMs), to: isoDay(toMs), ...more }).toString();
  const days = (toMs - fromMs) / dayMs + 1;
  return html(
    c,
    <Page title="Statistics" viewer={viewer} url={c.req.url}>
      <Head
        title="Statistics"
        lead="What happened on each UTC day, counted to this moment. Mail in test mode and to the simulator counts nowhere."
      >
        <nav class="row" aria-label="Span">
          {quickSpans.map((span) => (
            <a
              class="button small"
              href={`/statistics?${new URLSearchParams({ by, days: String(span), ...(only && { of: only.value }) })}`}
              aria-current={days === span && isoDay(toMs) === isoDay(nowMs) ? 'true' : undefined}
            >
              {span} days
            </a>
          ))}
        </nav>
      </Head>
      <form method="get" action="/statistics" class="card" aria-label="Range">
        <input type="hidden" name="by" value={by} />
        {only && <input type="hidden" name="of" value={only.value} />}
        <div class="filters">
          <Field label="From (UTC)" name="from" type="date" value={isoDay(fromMs)} />
          <Field label="To (UTC)" name="to" type="date" value={isoDay(toMs)} />
          <div class="row">
            <button type="submit">Show</button>
          </div>
        </div>
      </form>
      <dl class="figures">
        <Figure name="Sent" value={number(total.accepted)} more="recipients" />
        <Figure
          name="Delivered"
          value={number(total.delivered)}
          more={`${percent(total.delivered, endedOf(total))} of what ended`}
        />
        <Figure
          name="Bounced"
          value={number(total.bounced)}
          more={`${percent(total.bounced, endedOf(total))}, good is at most 2 %`}
        />
        <Figure
          name="Complained"
          value={number(total.complained)}
          more={`${percent(total.complained, total.delivered, 2)}, good is at most 0.1 %`}
        />
        <Figure name="Opened" value={number(total.opened)} more="times, machines included" />
        <Figure name="Clicked" value={number(total.clicked)} more="times, machines included" />
      </dl>
      {!complete && (
        <p class="small quiet">So much has just happened that it is still being counted; look again soon.</p>
      )}
      <Card
        id="picture"
        title={only ? <bdi>{`Over time, ${tables[by]} ${only.value}`}</bdi> : 'Over time'}
        aside={only && <a href={`/statistics?${query({})}`}>All mail</a>}
      >
        <MailChart buckets={buckets} hourly={false} table={by !== 'day' && days <= shownRows} />
      </Card>
      <nav class="row" aria-label="By">
        {Object.entries(tables).map(([one, text]) => (
          <a
            class="button small"
            href={`/statistics?${query({ by: one })}`}
            aria-current={one === by ? 'true' : undefined}
          >
            by {text}
          </a>
        ))}
      </nav>
      <Card
        id="table"
        title={`By ${tables[by]}`}
        flush
        aside={<a href={`/statistics/export?${query({})}`}>Download as CSV</a>}
      >
        {shown.length === 0 ? (
          <Empty title="Nothing happened in these days">
            <p>
              Choose other days, or <a href="/sending">send something</a>.
            </p>
          </Empty>
        ) : (
          <section class="scroll" tabindex={0} aria-label="Numbers">
            <table class="dense">
              <thead>
                <tr>
                  <th scope="col">{tables[by]}</th>
                  {by !== 'reason' && (
                    <th scope="col" class="num">
                      rate
                    </th>
                  )}
                  {columnsOf(by).map(([name]) => (
                    <th scope="col" class="num">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {shown.map(({ value, counts }) => (
                  <tr>
                    <th scope="row">
                      {by === 'day' ? (
                        nameOf(by, value)
                      ) : (
                        <a
                          href={`/statistics?${query({ of: value })}`}
                          aria-current={only?.value === value ? 'true' : undefined}
                        >
                          <Cut text={value} />
                        </a>
                      )}
                      {by === 'reason' && <span class="quiet small"> {aboutReason(value)}</span>}
                    </th>
                    {by !== 'reason' && <td class="num">{percent(counts.delivered, endedOf(counts))}</td>}
                    {columnsOf(by).map(([, kind]) => (
                      <td class="num">{number(counts[kind])}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
        {rows.length > shown.length && (
          <p class="card-foot small quiet">
            {number(rows.length - shown.length)} more rows are in the download.
          </p>
        )}
      </Card>
    </Page>,
  );
});

statisticsPages.page('/statistics/export', async (c, viewer) => {
  const nowMs = Date.now();
  const store = c.get('store');
  const { accountId } = viewer.account;
  const asked = askedOf(c, nowMs);
  const by = dimensions.find((one) => one === c.req.query('by')) ?? 'day';
  await foldAccount(store, accountId, nowMs);
  const rows = await readStats(store, accountId, {
    by,
    fromDay: dayOf(asked.fromMs),
    toDay: dayOf(asked.toMs),
    nowMs,
  });
  const kinds = columns.map(([, kind]) => kind);
  const lines = rows.map(({ value, counts }) => [
    inertCell(nameOf(by, value)),
    ...kinds.map((kind) => String(counts[kind])),
  ]);
  const name = `statistics-by-${by}-${isoDay(asked.fromMs)}-${isoDay(asked.toMs)}.csv`;
  return c.body([[by, ...kinds], ...lines].map(formatCsvRow).join(''), 200, {
    'Content-Type': 'text/csv; charset=utf-8; header=present',
    'Content-Disposition': `attachment; filename="${name}"`,
  });
});
