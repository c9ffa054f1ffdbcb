import { z } from 'zod';
import { type RouteAction, routeActions, routeLimits } from '#domain/inbound/route.ts';
import { Problem } from '#domain/problem.ts';
import { routesAnswer, routeTestAnswer } from '../../api/answers/receiving.ts';
import { webhooksAnswer } from '../../api/answers/webhooks.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Boxes } from '../../pages/boxes.tsx';
import { asked, Field, Fields, Post, refusedForm, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, Note, State } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board, type Form } from '../board.tsx';
import { pathOf } from '../domain-path.ts';

/** What a domain does with received mail, by address; trying an address. */
export const routePages = new Board();

/** What routes and rules may do, in words. */
export const actionAbout: Record<RouteAction, string> = {
  webhook: 'webhook: tell endpoints',
  forward: 'forward: send on to addresses',
  drop: 'drop: take it, tell nobody',
  refuse: 'refuse: in the SMTP session',
};
routePages.page('/domains/:id/routes', async (c, viewer) => {
  const to = (c.req.query('to') ?? '').trim().slice(0, 320);
  const path = pathOf(c);
  const tried = to === '' ? null : await tryAddress(c, viewer, path, to);
  const { accountId } = viewer.account;
  const [domain, { data: routes }, { data: endpoints }] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path }, z.object({ domain: z.string(), type: z.string() })),
    callApi(c, accountId, { method: 'GET', path: `${path}/routes` }, routesAnswer),
    callApi(c, accountId, { method: 'GET', path: '/webhooks' }, webhooksAnswer),
  ]);
  const urlOf = (id: string) => endpoints.find((one) => one.id === id)?.url ?? id;
  const change = may(viewer, 'developer') && (domain.type === 'inbound' || domain.type === 'both');
  return html(
    c,
    <Page title={`Routes of ${domain.domain}`} viewer={viewer} url={c.req.url}>
      <Head
        title={`Routes of ${domain.domain}`}
        lead="What is done with mail by address: an exact one goes before a prefix, * comes last."
        crumb={{ href: path, text: domain.domain }}
      >
        <a class="button" href={`${path}/rules`}>
          Rules
        </a>
      </Head>
      <Card id="try" title="Try an address">
        <Fields action={`${path}/routes`} submit="Try" get plain>
          <Field label="Address" name="to" value={to} placeholder={`info@${domain.domain}`} />
        </Fields>
        {tried && (
          <Note tone={tried.taken ? 'good' : 'warn'}>
            <p>
              Mail to <strong>{tried.to}</strong> is {tried.taken ? 'taken' : 'refused'}: {tried.action}
              {tried.by ? ` by ${tried.by}` : ', no rule takes it'}. The sender is told “{tried.reply}”.
            </p>
            {tried.forward_to.length > 0 && <p>Sent on to: {tried.forward_to.join(', ')}</p>}
            {tried.endpoints.length > 0 && <p>Told: {tried.endpoints.map(urlOf).join(', ')}</p>}
            {tried.rules.length > 0 && (
              <p>Rules look at the mail before that, and may do otherwise: {tried.rules.join(', ')}.</p>
            )}
          </Note>
        )}
      </Card>
      <section class="card flush" aria-label="Routes">
        {routes.length === 0 ? (
          <Empty title="No route">
            <p>Every mail is refused, but for postmaster and abuse, which are kept.</p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Address', 'What is done', 'With']} actions={change} />
            <tbody>
              {routes.map((route) => (
                <tr>
                  <td class="mono">{route.pattern}</td>
                  <td>
                    <State tone={route.action === 'refuse' ? 'warn' : 'quiet'}>{route.action}</State>
                  </td>
                  <td class="break" data-label="With">
                    {route.action === 'webhook'
                      ? route.targets.map(urlOf).join(', ') || 'all endpoints of the account'
                      : route.action === 'forward'
                        ? route.targets.join(', ')
                        : route.text}
                  </td>
                  {change && (
                    <td>
                      <Post
                        action={`${path}/routes/${route.id}/remove`}
                        label="Remove"
                        sure={`Mail to ${route.pattern} is then done with as the other routes say.`}
                        tone="danger"
                      />
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {change && (
        <Card id="add" title="Add a route">
          <Fields
            action={`${path}/routes`}
            submit="Add"
            fieldOf={([first = ''], typed) =>
              first === 'targets' && typed.text('action') === 'forward' ? 'addresses' : first
            }
          >
            <Field
              label="Address"
              name="pattern"
              placeholder="support+*"
              hint="info, support+* or *"
              maxlength={65}
            />
            <Select
              label="What to do"
              name="action"
              options={routeActions.map((action) => ({ value: action, text: actionAbout[action] }))}
            />
            {endpoints.length > 0 && (
              <Boxes
                legend="Endpoints to tell"
                hint="None chosen: all."
                name="targets"
                options={endpoints.map(({ id, url }) => ({ value: id, label: url }))}
              />
            )}
            <Addresses />
            <Field
              label="Text"
              name="text"
              required={false}
              maxlength={routeLimits.textCharacters}
              hint="What a refusal says."
            />
          </Fields>
        </Card>
      )}
    </Page>,
  );
});

/** What would be done with mail to an address; null: it is refused, which the form says. */
async function tryAddress(c: Call, viewer: Viewer, path: string, to: string) {
  try {
    const request = { method: 'POST', path: `${path}/routes/test`, body: { to } } as const;
    return await callApi(c, viewer.account.accountId, request, routeTestAnswer);
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'not_found' || c.get('refused')) throw error;
    const typed = { text: (name: string) => (name === 'to' ? to : ''), all: () => [] };
    c.set('refused', refusedForm(asked(c.req.path), error, typed));
    return null;
  }
}

routePages.action('/domains/:id/routes', async (c, viewer, form) => {
  const path = pathOf(c);
  const action = form.text('action');
  const body = {
    pattern: form.text('pattern'),
    action,
    targets: targetsOf(action, form),
    text: action === 'refuse' ? form.text('text') : '',
  };
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/routes`, body }, z.unknown());
  return c.redirect(`${path}/routes?done=route-added`, 303);
});

/** Where a route or a rule sends mail on to. */
export function Addresses() {
  return (
    <Field
      label="Send on to"
      name="addresses"
      required={false}
      maxlength={2000}
      hint="Of forward: addresses, separated by commas. Each gets a mail and must agree first."
    />
  );
}

export function targetsOf(action: string, form: Form): string[] {
  if (action === 'webhook') return form.all('targets');
  const addresses = form.text('addresses').split(/[,\s]+/);
  return action === 'forward' ? addresses.filter((one) => one !== '') : [];
}

routePages.action('/domains/:id/routes/:route/remove', async (c, viewer) => {
  const path = pathOf(c);
  const route = c.req.param('route') ?? '';
  if (!/^\d{1,15}$/.test(route)) throw new Problem('not_found', 'There is no such route.');
  await callApi(
    c,
    viewer.account.accountId,
    { method: 'DELETE', path: `${path}/routes/${route}` },
    z.unknown(),
  );
  return c.redirect(`${path}/routes?done=route-removed`, 303);
});
