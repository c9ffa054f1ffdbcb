import type { z } from 'zod';
import { dmarcReportsAnswer, tlsReportsAnswer } from '../../api/answers/domain-reports.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Copy, Empty, Figure, Head, Note, number, percent } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { pathOf } from '../domain-path.ts';
import { DmarcChart, DmarcSources } from './dmarc-chart.tsx';

/** What receivers report about a domain: who sends in its name (DMARC), and how its hosts fare with TLS. */
export const dmarcPages = new Board();

type Dmarc = z.output<typeof dmarcReportsAnswer>;
type Tls = z.output<typeof tlsReportsAnswer>;
const periods = [7, 30, 90] as const;
const dayMs = 86_400_000;

dmarcPages.page('/domains/:id/dmarc', async (c, viewer) => {
  const path = pathOf(c);
  const days = daysOf(c);
  const from = new Date(Date.now() - (days - 1) * dayMs).toISOString().slice(0, 10);
  const { accountId } = viewer.account;
  const [dmarc, tls] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path: `${path}/dmarc?from=${from}` }, dmarcReportsAnswer),
    callApi(c, accountId, { method: 'GET', path: `${path}/tls-reports?from=${from}` }, tlsReportsAnswer),
  ]);
  return html(
    c,
    <Page title={`Reports about ${dmarc.domain}`} viewer={viewer} url={c.req.url}>
      <Head
        title={`Reports about ${dmarc.domain}`}
        lead="What receivers say: who sends in its name, and whether its hosts can be reached over TLS. Anybody can write a report, so nothing follows from one by itself."
        crumb={{ href: path, text: dmarc.domain }}
      >
        <nav class="row" aria-label="Period">
          {periods.map((one) => (
            <a
              class="button small"
              href={`${path}/dmarc?days=${one}`}
              aria-current={one === days ? 'page' : undefined}
            >
              {one} days
            </a>
          ))}
        </nav>
      </Head>
      {!(dmarc.complete && tls.complete) && (
        <Note tone="warn">
          <p>There is more than one page shows: choose fewer days to see all of it.</p>
        </Note>
      )}
      <DmarcCard dmarc={dmarc} />
      <TlsCard tls={tls} />
    </Page>,
  );
});

function daysOf(c: Call): number {
  const wanted = Number(c.req.query('days'));
  return periods.find((one) => one === wanted) ?? 30;
}

function DmarcCard({ dmarc }: { dmarc: Dmarc }) {
  const total = dmarc.sources.reduce((sum, { count }) => sum + count, 0);
  const passed = dmarc.sources.reduce((sum, one) => sum + one.passed, 0);
  return (
    <Card id="dmarc" title="DMARC: who sends in your name">
      {dmarc.reports === 0 ? (
        <Empty title="No report yet">
          {dmarc.address === null ? (
            <p>This domain has no address for reports.</p>
          ) : (
            <>
              <p>
                Have them sent here: put this into the TXT record at <code>_dmarc.{dmarc.domain}</code>.
                Receivers send them once a day.
              </p>
              <p class="with-copy">
                <code id="rua">rua=mailto:{dmarc.address}</code>
                <Copy of="rua" what="the tag for the record" />
              </p>
            </>
          )}
        </Empty>
      ) : (
        <>
          <dl class="figures">
            <Figure name="Mail" value={number(total)} more={`in ${number(dmarc.reports)} reports`} />
            <Figure
              name="Passed"
              value={percent(passed, total)}
              more={`${number(total - passed)} without SPF and DKIM of yours`}
            />
            <Figure name="Sources" value={number(dmarc.sources.length)} more="addresses that send" />
            <Figure name="Policy" value={dmarc.policy ?? 'none'} more="as the newest report has it" />
          </dl>
          <DmarcChart
            days={dmarc.days.map(({ day, ...counts }) => ({ dayMs: Date.parse(day), ...counts }))}
          />
          <DmarcSources
            sources={dmarc.sources.map((one) => ({
              ...one,
              sourceIp: one.source_ip,
              byDkim: one.dkim_aligned,
              bySpf: one.spf_aligned,
            }))}
          />
          {dmarc.address !== null && (
            <p class="small quiet break">
              Reports come to <code>{dmarc.address}</code>.
            </p>
          )}
        </>
      )}
    </Card>
  );
}

function TlsCard({ tls }: { tls: Tls }) {
  return (
    <Card id="tls" title="TLS: how its hosts are reached">
      {tls.reports === 0 && (
        <Empty title="No report yet">
          <p>Where the domain receives, this TXT record asks those who send to it (RFC 8460):</p>
          {tls.record && (
            <p class="with-copy">
              <code id="tlsrpt">
                {tls.record.name} TXT {tls.record.value}
              </code>
              <Copy of="tlsrpt" what="the record" />
            </p>
          )}
        </Empty>
      )}
      {tls.policies.length > 0 && (
        <div class="scroll">
          <table class="plain-table">
            <Columns names={['Policy', { num: 'Sessions over TLS' }, { num: 'Failed' }]} />
            <tbody>
              {tls.policies.map((one) => (
                <tr>
                  <th scope="row">{one.policy}</th>
                  <td class="num">{number(one.successful)}</td>
                  <td class="num">{number(one.failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {tls.failures.length > 0 && (
        <div class="scroll">
          <table class="plain-table">
            <Columns names={['Failure', 'Host', { num: 'Sessions' }, 'What it means']} />
            <tbody>
              {tls.failures.map((one) => (
                <tr>
                  <th scope="row">{one.type}</th>
                  <td class="break">{one.host || 'not told'}</td>
                  <td class="num">{number(one.count)}</td>
                  <td>
                    {one.meaning}
                    <div class="small quiet">told by {one.reporters.join(', ')}</div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
