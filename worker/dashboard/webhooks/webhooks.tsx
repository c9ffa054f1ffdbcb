import { z } from 'zod';
import { events as catalogue } from '#domain/delivery/event.ts';
import { suppressionEvents } from '#domain/suppression/suppression-event.ts';
import { receivedEvent, webhookFormats, webhookLimits } from '#domain/webhook.ts';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Boxes } from '../../pages/boxes.tsx';
import { Field, Fields, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State, Time } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { thenShow } from '../once.ts';
import { OwnFields, ownFieldsOf } from './own-fields.tsx';
import { endpointSchema, endpointTone } from './webhook.tsx';

/** The webhook endpoints of an account; adding one. */
export const webhooksPages = new Board();

/** What an endpoint may be bound to. */
const bindings = ['domain', 'address_pattern', 'authorization_url'] as const;

webhooksPages.page('/webhooks', async (c, viewer) => {
  const { accountId } = viewer.account;
  const typed = c.get('refused')?.typed;
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
          <Fields action="/webhooks" submit="Add">
            <Field
              label="URL"
              name="url"
              type="url"
              placeholder="https://example.com/hooks/mail"
              maxlength={webhookLimits.urlCharacters}
              hint="https, at a public address."
            />
            <Select
              label="Format"
              name="format"
              value="event"
              options={webhookFormats.map((format) => ({ value: format, text: format }))}
              hint="event, postscale, resend, postmark: one event a request. cloudmailin: several events in one request. The others tell of received mail only."
            />
            <details open={typed !== undefined && typed.all('events').length > 0}>
              <summary>Only some events</summary>
              <Boxes
                legend="Events"
                hint="None chosen: all."
                name="events"
                options={[
                  {
                    value: receivedEvent,
                    label: 'received',
                    about: 'mail came to a domain that receives',
                  },
                  ...catalogue.map(({ kind, raised }) => ({
                    value: kind,
                    label: kind.replaceAll('_', ' '),
                    about: raised,
                  })),
                  ...suppressionEvents.map(({ kind, raised }) => ({
                    value: kind,
                    label: kind.replaceAll('_', ' '),
                    about: raised,
                  })),
                ]}
              />
            </details>
            <details open={bindings.some((name) => typed !== undefined && typed.text(name) !== '')}>
              <summary>Only some received mail</summary>
              <Field
                label="Domain"
                name="domain"
                required={false}
                maxlength={253}
                hint="It hears of mail to this domain, and of nothing else unless events are chosen."
              />
              <Field
                label="Address"
                name="address_pattern"
                required={false}
                maxlength={65}
                hint="Of that domain: info, support+* or *."
              />
              <Field
                label="Asked for each recipient"
                name="authorization_url"
                type="url"
                required={false}
                maxlength={webhookLimits.urlCharacters}
                hint="A URL that is asked before a mail is taken: 2xx takes it, 4xx refuses it."
              />
            </details>
            <OwnFields typed={typed} />
            <Field
              label="Description"
              name="description"
              required={false}
              maxlength={webhookLimits.descriptionCharacters}
            />
          </Fields>
        </Card>
      )}
    </Page>,
  );
});

webhooksPages.action('/webhooks', async (c, viewer, form) => {
  const events = form.all('events');
  const body = {
    url: form.text('url'),
    format: form.text('format') || 'event',
    events: events.length === 0 ? null : events,
    description: form.text('description'),
    ...Object.fromEntries(bindings.map((name) => [name, form.text(name) || null])),
    ...ownFieldsOf(form),
  };
  const made = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: '/webhooks', body },
    z.object({ id: z.string(), secret: z.string() }),
  );
  return await thenShow(c, viewer, `/webhooks/${made.id}`, { secret: made.secret });
});
