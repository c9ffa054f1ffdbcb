import { z } from 'zod';
import { aliasLimits } from '#domain/inbound/alias.ts';
import { Problem } from '#domain/problem.ts';
import { aliasesAnswer } from '../../api/answers/aliases.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { YesNo } from '../../pages/boxes.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, number, State, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board, type Form } from '../board.tsx';

/** Addresses whose mail is sent on: what they are, who gets it, and making them. */
export const aliasPages = new Board();

const pageSize = 50;
type Alias = z.output<typeof aliasesAnswer>['aliases'][number];

aliasPages.page('/aliases', async (c, viewer) => {
  const { accountId } = viewer.account;
  const q = (c.req.query('q') ?? '').trim().slice(0, 320);
  const offset = /^\d{1,5}$/.test(c.req.query('offset') ?? '') ? Number(c.req.query('offset')) : 0;
  const query = new URLSearchParams({ limit: String(pageSize), offset: String(offset), ...(q && { q }) });
  const [{ aliases, total }, { data: domains }] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path: `/aliases?${query}` }, aliasesAnswer),
    callApi(
      c,
      accountId,
      { method: 'GET', path: '/domains?limit=100' },
      z.object({ data: z.array(z.object({ domain: z.string(), type: z.string() })) }),
    ),
  ]);
  const shared = c.get('env').aliasDomain;
  const own = domains.filter(({ type }) => type === 'alias').map(({ domain }) => domain);
  const places = [...new Set([...own, ...(shared === '' ? [] : [shared])])];
  const change = may(viewer, 'developer');
  return html(
    c,
    <Page title="Aliases" viewer={viewer} url={c.req.url}>
      <Head title="Aliases" lead="Addresses whose mail is sent on to people who have agreed to get it." />
      {(total > 0 || q !== '') && (
        <form method="get" action="/aliases" class="card" aria-label="Search">
          <Field label="Address, what it is for, or who gets it" name="q" value={q} required={false} />
          <div class="row">
            <button type="submit">Search</button>
            {q !== '' && <a href="/aliases">Clear</a>}
          </div>
        </form>
      )}
      <section class="card flush" aria-label="Aliases">
        {aliases.length === 0 ? (
          <Empty title={q === '' ? 'No alias yet' : 'Nothing matches'}>
            {q === '' && places.length === 0 && (
              <>
                <p>Add a domain of the type alias and point its MX here; its addresses are aliases.</p>
                <a class="button primary" href="/domains">
                  Domains
                </a>
              </>
            )}
          </Empty>
        ) : (
          <table class="cards">
            <Columns
              names={['Alias', 'Sent on to', { num: 'Received' }, { num: 'Sent on' }, 'Last mail']}
              actions={change}
            />
            <tbody>
              {aliases.map((alias) => (
                <Row alias={alias} change={change} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      {total > offset + aliases.length && (
        <p>
          <a
            class="button"
            href={`/aliases?${new URLSearchParams({ ...(q && { q }), offset: String(offset + pageSize) })}`}
          >
            Older
          </a>
        </p>
      )}
      {change && places.length > 0 && (
        <Card id="add" title="Make an alias">
          <Fields action="/aliases" submit="Make">
            <Select
              label="Domain"
              name="domain"
              options={places.map((domain) => ({ value: domain, text: domain }))}
            />
            <Field
              label="Address"
              name="address"
              required={false}
              maxlength={320}
              hint="What stands before the @; empty: one that nobody guesses."
            />
            <Field
              label="Send on to"
              name="forward_to"
              maxlength={2000}
              hint={`Up to ${aliasLimits.destinations} addresses, separated by commas. Each gets a mail and must agree first.`}
            />
            <Field
              label="What it is for"
              name="description"
              required={false}
              maxlength={aliasLimits.descriptionCharacters}
            />
            <fieldset>
              <legend class="visually-hidden">Masking</legend>
              <YesNo
                name="is_masked"
                label="Mask"
                about="Who gets its mail sees an address of ours instead of its author’s, and answers leave from the alias."
                checked={false}
              />
            </fieldset>
          </Fields>
        </Card>
      )}
    </Page>,
  );
});

function Row({ alias, change }: { alias: Alias; change: boolean }) {
  const path = `/aliases/${alias.id}`;
  const waiting = alias.destinations.some(({ state }) => state === 'pending');
  return (
    <tr>
      <td class="break">
        <span class="mono">{alias.address}</span> {!alias.active && <State tone="warn">switched off</State>}{' '}
        {alias.is_masked && <State tone="quiet">masked</State>}
        {alias.description !== '' && <div class="small quiet">{alias.description}</div>}
      </td>
      <td class="break" data-label="Sent on to">
        {alias.destinations.map(({ address, state }) => (
          <div>
            {address} <State tone={state === 'verified' ? 'good' : 'wait'}>{state}</State>
          </div>
        ))}
        {alias.webhook !== null && <div class="small quiet">a webhook is told</div>}
      </td>
      <td class="num" data-label="Received">
        <a href={`/received?to=${encodeURIComponent(alias.address)}`}>{number(alias.emails_received)}</a>
      </td>
      <td class="num" data-label="Sent on">
        {number(alias.emails_forwarded)}
        {alias.emails_answered > 0 && (
          <div class="small quiet nowrap">{number(alias.emails_answered)} answered</div>
        )}
      </td>
      <td class="nowrap" data-label="Last mail">
        {alias.last_received_at === null ? 'never' : <Time ms={Date.parse(alias.last_received_at)} />}
      </td>
      {change && (
        <td>
          <div class="row">
            {waiting && <Post action={`${path}/verify`} label="Ask again" />}
            <Post
              action={`${path}/state`}
              label={alias.active ? 'Switch off' : 'Switch on'}
              values={{ active: String(!alias.active) }}
            />
            <Post
              action={`${path}/state`}
              label={alias.is_masked ? 'Stop masking' : 'Mask'}
              values={{ is_masked: String(!alias.is_masked) }}
              sure={
                alias.is_masked
                  ? 'Mail that comes from now on shows who wrote it, and answers go there directly. Reply addresses that were given out go on working.'
                  : undefined
              }
            />
            <Post
              action={`${path}/remove`}
              label="Remove"
              sure={`Mail to ${alias.address} is then refused, and somebody else may make the address theirs.`}
              tone="danger"
            />
          </div>
        </td>
      )}
    </tr>
  );
}

aliasPages.action('/aliases', async (c, viewer, form) => {
  const to = form.text('forward_to').split(/[,\s]+/);
  const body = {
    domain: form.text('domain'),
    ...(form.text('address') === '' ? {} : { address: form.text('address') }),
    forward_to: to.filter((one) => one !== ''),
    description: form.text('description'),
    is_masked: form.text('is_masked') === 'true',
  };
  return await done(c, viewer, { method: 'POST', path: '/aliases', body }, 'alias-added');
});

aliasPages.action('/aliases/:id/state', (c, viewer, form) =>
  done(c, viewer, { method: 'PATCH', path: pathOf(c), body: stateIn(form) }, 'alias-changed'),
);

/** Which of its two switches was turned. */
function stateIn(form: Form): Record<string, boolean> {
  const masked = form.text('is_masked');
  return masked === '' ? { active: form.text('active') === 'true' } : { is_masked: masked === 'true' };
}

aliasPages.action('/aliases/:id/verify', (c, viewer) =>
  done(c, viewer, { method: 'POST', path: `${pathOf(c)}/verify` }, 'destinations-asked'),
);

aliasPages.action('/aliases/:id/remove', (c, viewer) =>
  done(c, viewer, { method: 'DELETE', path: pathOf(c) }, 'alias-removed'),
);

function pathOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  if (!/^\d{1,15}$/.test(id)) throw new Problem('not_found', 'There is no such alias.');
  return `/aliases/${id}`;
}

/** Does it by the API, and says so. */
async function done(
  c: Call,
  viewer: Viewer,
  request: Parameters<typeof callApi>[2],
  said: string,
): Promise<Response> {
  await callApi(c, viewer.account.accountId, request, z.unknown());
  return c.redirect(`/aliases?done=${said}`, 303);
}
