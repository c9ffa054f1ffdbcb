import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { Problem } from '#domain/problem.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Field, faultsOf, Head, Refusal, Select, State, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { listDomains } from '../../store/domains.ts';
import { Board } from '../board.tsx';
import { domainNumber, statusTone, typeAbout } from './domain.tsx';

/** The sending domains of an account; adding one. */
export const domainsPages = new Board();

const labels = { domain: 'Domain', type: 'For' };

domainsPages.page('/domains', (c, viewer) => listPage(c, viewer));

async function listPage(
  c: Call,
  viewer: Viewer,
  refused?: Problem,
  typed: { domain: string; type: string } = { domain: '', type: 'outbound' },
) {
  const faults = faultsOf(refused, Object.keys(labels));
  const domains = await listDomains(c.get('store'), viewer.account.accountId, { limit: 100, offset: 0 });
  return html(
    c,
    <Page title="Domains" viewer={viewer} url={c.req.url}>
      <Head title="Domains" lead="Mail is sent from a domain once its DNS records prove that it is yours." />
      <section class="card flush" aria-label="Domains">
        {domains.length === 0 ? (
          <Empty title="No domain yet">
            <p>
              Add the domain after the @ of your sender address. A subdomain such as mail.example.com is fine
              too.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Domain', 'State', 'Type', 'Last looked at']} />
            <tbody>
              {domains.map((domain) => (
                <tr>
                  <td class="break">
                    <a href={`/domains/${domain.id}`}>{domain.name}</a>
                  </td>
                  <td>
                    <State tone={statusTone[domain.status] ?? 'quiet'}>{domain.status}</State>
                    {domain.statusReason && <p class="small quiet">{domain.statusReason}</p>}
                  </td>
                  <td class="quiet" data-label="Type">
                    {domain.type}
                  </td>
                  <td data-label="Last looked at">
                    {domain.checkedAtMs === null ? (
                      <span class="quiet">not yet</span>
                    ) : (
                      <Time ms={domain.checkedAtMs} as="ago" />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {may(viewer, 'developer') && (
        <Card id="add" title="Add a domain">
          <Refusal faults={faults} labels={labels} />
          <Fields action="/domains#add" submit="Add">
            <Field
              label="Domain"
              name="domain"
              placeholder="example.com"
              value={typed.domain}
              autocomplete="off"
              fault={faults.get('domain')}
            />
            <Select
              label="For"
              name="type"
              value={typed.type}
              fault={faults.get('type')}
              options={domainTypes.map((type) => ({ value: type, text: typeAbout[type] }))}
            />
          </Fields>
        </Card>
      )}
    </Page>,
    refused ? 400 : 200,
  );
}

domainsPages.action('/domains', async (c, viewer, form) => {
  const typed = { domain: form.text('domain'), type: form.text('type') || 'outbound' };
  try {
    const { id } = await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: '/domains', body: typed },
      z.object({ id: domainNumber }),
    );
    return c.redirect(`/domains/${id}?done=domain-added`, 303);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, error, typed);
  }
});
