import { z } from 'zod';
import { routeLimits } from '#domain/inbound/route.ts';
import { comparators, ruleActions, ruleFields, ruleLimits } from '#domain/inbound/rule.ts';
import { Problem } from '#domain/problem.ts';
import { rulesAnswer } from '../../api/answers/receiving.ts';
import { webhooksAnswer } from '../../api/answers/webhooks.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Field, faultsOf, Head, Post, Refusal, Select, State } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import type { Form } from '../board.tsx';
import { Board } from '../board.tsx';
import { actionAbout, pathOf } from './routes.tsx';

/** What a domain does with received mail by what is in it. */
export const rulePages = new Board();

/** Conditions that the form has room for; the API takes more. */
const formConditions = [0, 1, 2] as const;
const labels = {
  name: 'Name',
  priority: 'Priority',
  conditions: 'Conditions',
  targets: 'Endpoints',
  text: 'Text',
};
const inWords = (name: string) => name.replaceAll('_', ' ');

rulePages.page('/domains/:id/rules', (c, viewer) => rulesPage(c, viewer));

async function rulesPage(c: Call, viewer: Viewer, refused?: Problem) {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  const [domain, { data: rules }, { data: endpoints }] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path }, z.object({ domain: z.string(), type: z.string() })),
    callApi(c, accountId, { method: 'GET', path: `${path}/rules` }, rulesAnswer),
    callApi(c, accountId, { method: 'GET', path: '/webhooks' }, webhooksAnswer),
  ]);
  const urlOf = (id: string) => endpoints.find((one) => one.id === id)?.url ?? id;
  const change = may(viewer, 'developer') && (domain.type === 'inbound' || domain.type === 'both');
  return html(
    c,
    <Page title={`Rules of ${domain.domain}`} viewer={viewer} url={c.req.url}>
      <Head
        title={`Rules of ${domain.domain}`}
        lead="What is done with mail by what is in it. Routes say which addresses take mail at all; of that mail the first rule that holds says what is done, else the route does."
        crumb={{ href: `${path}/routes`, text: `Routes of ${domain.domain}` }}
      />
      <Refusal faults={faultsOf(refused, Object.keys(labels))} labels={labels} />
      <section class="card flush" aria-label="Rules">
        {rules.length === 0 ? (
          <Empty title="No rule">
            <p>The routes alone say what is done.</p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns
              names={[{ num: 'Priority' }, 'Name', 'Where all holds', 'What is done']}
              actions={change}
            />
            <tbody>
              {rules.map((rule) => (
                <tr>
                  <td class="num">{rule.priority}</td>
                  <td class="break">{rule.name}</td>
                  <td class="break" data-label="Where all holds">
                    {rule.conditions.map((one) => (
                      <div>
                        {one.header_name ?? inWords(one.field)} {inWords(one.comparator)}{' '}
                        <code>{one.value}</code>
                      </div>
                    ))}
                  </td>
                  <td class="break" data-label="What is done">
                    <State tone={rule.action === 'refuse' ? 'warn' : 'quiet'}>{rule.action}</State>{' '}
                    {rule.action === 'webhook'
                      ? rule.targets.map(urlOf).join(', ') || 'all endpoints of the account'
                      : rule.text}
                  </td>
                  {change && (
                    <td>
                      <Post
                        action={`${path}/rules/${rule.id}/remove`}
                        label="Remove"
                        sure="What it matched is then done with as the other rules and the routes say."
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
      {change && <AddRule path={path} endpoints={endpoints} />}
    </Page>,
    refused ? 400 : 200,
  );
}

function AddRule({ path, endpoints }: { path: string; endpoints: readonly { id: string; url: string }[] }) {
  const options = (names: readonly string[]) => names.map((name) => ({ value: name, text: inWords(name) }));
  return (
    <Card id="add" title="Add a rule">
      <Fields action={`${path}/rules`} submit="Add">
        <Field label="Name" name="name" maxlength={ruleLimits.nameCharacters} placeholder="Partners" />
        <Field
          label="Priority"
          name="priority"
          value="100"
          inputmode="numeric"
          hint="The smaller number is tried before."
        />
        {formConditions.map((i) => (
          <fieldset>
            <legend>{i === 0 ? 'Condition' : 'And, if it has a value'}</legend>
            <Select label="What" name={`field${i}`} options={options(ruleFields)} />
            <Field
              label="Name of the header field"
              name={`header_name${i}`}
              required={false}
              maxlength={76}
              hint="For header alone."
            />
            <Select label="How" name={`comparator${i}`} options={options(comparators)} />
            <Field
              label="Value"
              name={`value${i}`}
              required={i === 0}
              maxlength={ruleLimits.valueCharacters}
              placeholder="partner.example"
            />
          </fieldset>
        ))}
        <Select
          label="What to do"
          name="action"
          options={ruleActions.map((action) => ({ value: action, text: actionAbout[action] }))}
        />
        {endpoints.length > 0 && (
          <fieldset>
            <legend>Endpoints to tell; none chosen: all</legend>
            {endpoints.map(({ id, url }) => (
              <label>
                <input type="checkbox" name="targets" value={id} /> <span class="break">{url}</span>
              </label>
            ))}
          </fieldset>
        )}
        <Field
          label="Text"
          name="text"
          required={false}
          maxlength={routeLimits.textCharacters}
          hint="What a refusal says."
        />
      </Fields>
    </Card>
  );
}

rulePages.action('/domains/:id/rules', async (c, viewer, form) => {
  const path = pathOf(c);
  const action = form.text('action');
  const body = {
    name: form.text('name'),
    priority: Number(form.text('priority') || 'NaN'),
    conditions: formConditions.flatMap((i) => conditionIn(form, i)),
    action,
    targets: action === 'webhook' ? form.all('targets') : [],
    text: action === 'refuse' ? form.text('text') : '',
  };
  try {
    await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/rules`, body }, z.unknown());
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'not_found') throw error;
    return await rulesPage(c, viewer, error);
  }
  return c.redirect(`${path}/rules?done=rule-added`, 303);
});

/** A condition of the form; the further ones may be left empty. */
function conditionIn(form: Form, i: number) {
  const value = form.text(`value${i}`);
  if (i > 0 && value === '') return [];
  const field = form.text(`field${i}`);
  return [
    {
      field,
      header_name: field === 'header' ? form.text(`header_name${i}`) : null,
      comparator: form.text(`comparator${i}`),
      value,
    },
  ];
}

rulePages.action('/domains/:id/rules/:rule/remove', async (c, viewer) => {
  const path = pathOf(c);
  const rule = c.req.param('rule') ?? '';
  if (!/^\d{1,15}$/.test(rule)) throw new Problem('not_found', 'There is no such rule.');
  await callApi(
    c,
    viewer.account.accountId,
    { method: 'DELETE', path: `${path}/rules/${rule}` },
    z.unknown(),
  );
  return c.redirect(`${path}/rules?done=rule-removed`, 303);
});
