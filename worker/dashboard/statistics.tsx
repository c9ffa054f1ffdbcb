import { dayOf } from '#domain/home.ts';
import { dimensions } from '#domain/stats.ts';
import { readStats } from '../store/stats.ts';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { Empty, Head, number, percent } from './parts.tsx';

/** What became of the mail, by day, tag, domain and class. */
export const statisticsPages = new Board();

const days = [7, 30, 90] as const;
const shownRows = 200;

statisticsPages.page('/statistics', async (c, viewer) => {
  const by = dimensions.find((one) => one === c.req.query('by')) ?? 'day';
  const span = days.find((one) => String(one) === c.req.query('days')) ?? 30;
  const nowMs = Date.now();
  const rows = await readStats(c.get('store'), viewer.account.accountId, {
    by,
    fromDay: dayOf(nowMs - (span - 1) * 86_400_000),
    toDay: dayOf(nowMs),
  });
  const shown = (by === 'day' ? rows.toReversed() : rows).slice(0, shownRows);
  const link = (text: string, to: { by: string; days: number }, on: boolean) => (
    <a
      class="button small"
      href={`/statistics?by=${to.by}&days=${to.days}`}
      aria-current={on ? 'true' : undefined}
    >
      {text}
    </a>
  );
  return html(
    c,
    <Page title="Statistics" viewer={viewer} url={c.req.url}>
      <Head
        title="Statistics"
        lead="Counted once an hour or every 500 events, by UTC day; test mail is left out."
      >
        <div class="row">
          <nav class="row" aria-label="By">
            {dimensions.map((one) => link(`by ${one}`, { by: one, days: span }, one === by))}
          </nav>
          <nav class="row" aria-label="Span">
            {days.map((one) => link(`${one} days`, { by, days: one }, one === span))}
          </nav>
        </div>
      </Head>
      <section class="card flush" aria-label={`Statistics by ${by}`}>
        {shown.length === 0 ? (
          <Empty title="Nothing is counted yet">
            <p>
              The first numbers come within an hour of your first message. Until then the{' '}
              <a href="/">overview</a> counts them one by one.
            </p>
          </Empty>
        ) : (
          <section class="scroll" tabindex={0} aria-label="Numbers">
            <table>
              <thead>
                <tr>
                  <th scope="col">{by}</th>
                  {[
                    'accepted',
                    'delivered',
                    'rate',
                    'deferred',
                    'bounced',
                    'complained',
                    'opened',
                    'clicked',
                  ].map((name) => (
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
                      {by === 'day' ? value.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3') : value}
                    </th>
                    <td class="num">{number(counts.accepted)}</td>
                    <td class="num">{number(counts.delivered)}</td>
                    <td class="num">{percent(counts.delivered, counts.accepted)}</td>
                    <td class="num">{number(counts.deferred)}</td>
                    <td class="num">{number(counts.bounced)}</td>
                    <td class="num">{number(counts.complained)}</td>
                    <td class="num">{number(counts.opened)}</td>
                    <td class="num">{number(counts.clicked)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </section>
    </Page>,
  );
});
