import { z } from 'zod';
import { events as catalogue } from '#domain/delivery/event.ts';
import { Problem } from '#domain/problem.ts';
import { receivedEvent, webhookFormats, webhookLimits } from '#domain/webhook.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Field, faultsOf, Head, Refusal, Select, State, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { thenShow } from '../once.ts';
import { endpointSchema, endpointTone } from './webhook.tsx';

/** The webhook endpoints of an account; adding one. */
export const webhooksPages = new Board();

/** What the form of a new endpoint is filled with, after a refusal too. */
interface Typed {
  url: string;
  format: string;
  events: string[];
  description: string;
  domain: string;
  addressPattern: string;
  authorizationUrl: string;
}
const nothingTyped: Typed = {
  ...{ url: '', format: 'event', events: [], description: '' },
  ...{ domain: '', addressPattern: '', authorizationUrl: '' },
};
const labels = {
  ...{ url: 'URL', format: 'Format', events: 'Events', description: 'Description' },
  ...{ domain: 'Domain', address_pattern: 'Address', authorization_url: 'Authorisation URL' },
};

webhooksPages.page('/webhooks', (c, viewer) => listPage(c, viewer));

async function listPage(c: Call, viewer: Viewer, refused?: Problem, typed = nothingTyped) {
  const { accountId } = viewer.account;
  const faults = faultsOf(refused, Object.keys(labels));
  const { data } = await callApi(
    c,
    accountId,
    { method: 'GET', path: '/webhooks' },
    z.object({ data: z.array(endpointSchema) }),
  );
  return html(
    c,
    <Page title="Webhooks" viewer={viewer} url={c.req.url}>
      <Head
        title="Webhooks"
        lead="Events are posted to your endpoints, signed as Standard Webhooks, and tried again for two days."
      />
      <section class="card flush" aria-label="Endpoints">
        {data.length === 0 ? (
          <Empty title="No endpoint yet">
            <p>
              Add the address of your program that wants to hear of deliveries, bounces and complaints.
              Without one, the same events are at <code>GET /v1/events</code>.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Endpoint', 'State', 'Format', 'Events']} />
            <tbody>
              {data.map((endpoint) => (
                <tr>
                  <td class="break">
                    <a href={`/webhooks/${endpoint.id}`}>{endpoint.url}</a>
                    {endpoint.description && <p class="small quiet">{endpoint.description}</p>}
                  </td>
                  <td>
                    <State tone={endpointTone[endpoint.state] ?? 'quiet'}>{endpoint.state}</State>
                    {endpoint.failing_since && (
                      <p class="small">
                        failing since <Time ms={Date.parse(endpoint.failing_since)} as="ago" />
                      </p>
                    )}
                  </td>
                  <td class="quiet" data-label="Format">
                    {endpoint.format}
                  </td>
                  <td class="small" data-label="Events">
                    {endpoint.events?.join(', ') ?? 'all'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {may(viewer, 'developer') && (
        <Card id="add" title="Add an endpoint">
          <Refusal faults={faults} labels={labels} />
          <Fields action="/webhooks#add" submit="Add">
            <Field
              label="URL"
              name="url"
              type="url"
              placeholder="https://example.com/hooks/mail"
              value={typed.url}
              fault={faults.get('url')}
              maxlength={webhookLimits.urlCharacters}
              hint="https, at a public address."
            />
            <Select
              label="Format"
              name="format"
              value={typed.format}
              fault={faults.get('format')}
              options={webhookFormats.map((format) => ({ value: format, text: format }))}
              hint="event, postscale, resend, postmark: one event a request. cloudmailin: several events in one request. The others tell of received mail only."
            />
            <details open={typed.events.length > 0}>
              <summary>Only some events</summary>
              <fieldset>
                <legend>Events; none chosen: all</legend>
                <label>
                  <input
                    type="checkbox"
                    name="events"
                    value={receivedEvent}
                    checked={typed.events.includes(receivedEvent)}
                  />
                  <span>
                    <strong>received</strong> <span class="quiet">mail came to a domain that receives</span>
                  </span>
                </label>
                {catalogue.map((row) => (
                  <label>
                    <input
                      type="checkbox"
                      name="events"
                      value={row.kind}
                      checked={typed.events.includes(row.kind)}
                    />
                    <span>
                      <strong>{row.kind.replaceAll('_', ' ')}</strong> <span class="quiet">{row.raised}</span>
                    </span>
                  </label>
                ))}
              </fieldset>
            </details>
            <details open={typed.domain + typed.addressPattern + typed.authorizationUrl !== ''}>
              <summary>Only some received mail</summary>
              <Field
                label="Domain"
                name="domain"
                required={false}
                value={typed.domain}
                fault={faults.get('domain')}
                maxlength={253}
                hint="It hears of mail to this domain, and of nothing else unless events are chosen."
              />
              <Field
                label="Address"
                name="address_pattern"
                required={false}
                value={typed.addressPattern}
                fault={faults.get('address_pattern')}
                maxlength={65}
                hint="Of that domain: info, support+* or *."
              />
              <Field
                label="Authorisation URL"
                name="authorization_url"
                type="url"
                required={false}
                value={typed.authorizationUrl}
                fault={faults.get('authorization_url')}
                maxlength={webhookLimits.urlCharacters}
                hint="Asked for each recipient before a mail is taken: 2xx takes it, 4xx refuses it."
              />
            </details>
            <Field
              label="Description"
              name="description"
              required={false}
              value={typed.description}
              fault={faults.get('description')}
              maxlength={webhookLimits.descriptionCharacters}
            />
          </Fields>
        </Card>
      )}
    </Page>,
    refused ? 400 : 200,
  );
}

webhooksPages.action('/webhooks', async (c, viewer, form) => {
  const typed: Typed = {
    url: form.text('url'),
    format: form.text('format') || nothingTyped.format,
    events: form.all('events'),
    description: form.text('description'),
    domain: form.text('domain'),
    addressPattern: form.text('address_pattern'),
    authorizationUrl: form.text('authorization_url'),
  };
  const { domain, addressPattern, authorizationUrl, ...same } = typed;
  const body = {
    ...same,
    events: typed.events.length === 0 ? null : typed.events,
    domain: domain || null,
    address_pattern: addressPattern || null,
    authorization_url: authorizationUrl || null,
  };
  try {
    const made = await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: '/webhooks', body },
      z.object({ id: z.string(), secret: z.string() }),
    );
    return await thenShow(c, viewer, `/webhooks/${made.id}`, { secret: made.secret });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, error, typed);
  }
});
