import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State, Time } from '../../pages/parts.tsx';
import { listDomains } from '../../store/domains.ts';
import { Board } from '../board.tsx';
import { domainNumber, statusTone, typeAbout } from './domain.tsx';

/** The sending domains of an account; adding one. */
export const domainsPages = new Board();

domainsPages.page('/domains', async (c, viewer) => {
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
          <Fields action="/domains" submit="Add">
            <Field label="Domain" name="domain" placeholder="example.com" autocomplete="off" />
            <Select
              label="For"
              name="type"
              options={domainTypes.map((type) => ({ value: type, text: typeAbout[type] }))}
            />
          </Fields>
        </Card>
      )}
    </Page>,
  );
});

domainsPages.action('/domains', async (c, viewer, form) => {
  const { id } = await callApi(
    c,
    viewer.account.accountId,
    {
      method: 'POST',
      path: '/domains',
      body: { domain: form.text('domain'), type: form.text('type') || 'outbound' },
    },
    z.object({ id: domainNumber }),
  );
  return c.redirect(`/domains/${id}?done=domain-added`, 303);
});
