import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, Time } from '../../pages/parts.tsx';
import { readAudit } from '../../store/audit.ts';
import { auditDays } from '../../store/home-tables.ts';
import { systemAccountId } from '../../store/system-mail.ts';
import { Board } from '../board.tsx';

/** Who did what in the account, and from where; for the operator of the installation as a whole too. */
export const auditPages = new Board();

const pageSize = 50;

auditPages.page('/audit', async (c, viewer) => {
  const ofAll = viewer.user.operator && c.req.query('of') === 'installation';
  const before = Number(c.req.query('before'));
  const { entries, next } = await readAudit(
    ofAll ? c.get('store').first : c.get('store'),
    ofAll ? systemAccountId : viewer.account.accountId,
    { before: Number.isSafeInteger(before) && before > 0 ? before : null, limit: pageSize },
    Date.now(),
  );
  const of = ofAll ? 'of=installation&' : '';
  return html(
    c,
    <Page title="Audit log" viewer={viewer} url={c.req.url}>
      <Head
        title="Audit log"
        crumb={ofAll ? { href: '/operator', text: 'Installation' } : { href: '/settings', text: 'Settings' }}
        lead={
          <>
            Who did what {ofAll ? 'in the installation' : `in ${viewer.account.accountName}`}, and from where,
            in the last {auditDays} days.{!ofAll && ' Programs read it at '}
            {!ofAll && <code>GET /v1/audit</code>}
          </>
        }
      />
      <section class="card flush" aria-label="Entries">
        {entries.length === 0 ? (
          <Empty title="Nothing here">
            <p>Sign-ins and changes stand here from now on.</p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['At', 'Who', 'What', 'From']} />
            <tbody>
              {entries.map(({ atMs, who, what, source, details }) => (
                <tr>
                  <td class="nowrap">
                    <Time ms={atMs} />
                  </td>
                  <td class="break">{who}</td>
                  <td class="break">
                    {what}
                    <p class="small quiet">
                      {Object.entries(details)
                        .filter(([, value]) => value !== '')
                        .map(([name, value]) => `${name}: ${value}`)
                        .join(', ')}
                    </p>
                  </td>
                  <td class="mono" data-label="From">
                    {source || '–'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {next !== null && (
        <p>
          <a href={`/audit?${of}before=${next}`}>Older</a>
        </p>
      )}
    </Page>,
  );
});
