import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { receives, routeLimits } from '#domain/inbound/route.ts';
import { comparators, ruleActions, ruleFields, ruleLimits } from '#domain/inbound/rule.ts';
import { Problem } from '#domain/problem.ts';
import { aliasesAnswer } from '../../api/answers/aliases.ts';
import { rulesAnswer } from '../../api/answers/receiving.ts';
import { webhooksAnswer } from '../../api/answers/webhooks.ts';
import { callApi, numberTyped } from '../../api/own-api.ts';
import type { Typed } from '../../http/refused-form.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Boxes } from '../../pages/boxes.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State } from '../../pages/parts.tsx';
import type { Form } from '../board.tsx';
import { Board } from '../board.tsx';
import { pathOf } from '../domain-path.ts';
import { Addresses, actionAbout, targetsOf } from './routes.tsx';

/** What a domain does with received mail by what is in it. */
export const rulePages = new Board();

/** Conditions that the form has room for; the API takes more. */
const formConditions = [0, 1, 2] as const;
const inWords = (name: string) => name.replaceAll('_', ' ');
type Alias = z.output<typeof aliasesAnswer>['aliases'][number];

rulePages.page('/domains/:id/rules', async (c, viewer) => {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  const [domain, { data: rules }, { data: endpoints }] = await Promise.all([
    callApi(
      c,
      accountId,
      { method: 'GET', path },
      z.object({ domain: z.string(), type: z.enum(domainTypes) }),
    ),
    callApi(c, accountId, { method: 'GET', path: `${path}/rules` }, rulesAnswer),
    callApi(c, accountId, { method: 'GET', path: '/webhooks' }, webhooksAnswer),
  ]);
  const isAlias = domain.type === 'alias';
  const query = new URLSearchParams({ limit: '100', q: `@${domain.domain}` });
  const { aliases } = isAlias
    ? await callApi(c, accountId, { method: 'GET', path: `/aliases?${query}` }, aliasesAnswer)
    : { aliases: [] };
  const own = aliases.filter((alias) => alias.domain === domain.domain);
  const urlOf = (id: string) => endpoints.find((one) => one.id === id)?.url ?? id;
  const change = may(viewer, 'developer') && receives(domain.type);
  return html(
    c,
    <Page title={`Rules of ${domain.domain}`} viewer={viewer} url={c.req.url}>
      <Head
        title={`Rules of ${domain.domain}`}
        lead={`What is done with mail by what is in it. ${isAlias ? 'Aliases' : 'Routes'} say which addresses take mail at all; of that mail the first rule that holds says what is done, else the ${isAlias ? 'alias' : 'route'} does.`}
        crumb={
          isAlias
            ? { href: path, text: domain.domain }
            : { href: `${path}/routes`, text: `Routes of ${domain.domain}` }
        }
      />
      <section class="card flush" aria-label="Rules">
        {rules.length === 0 ? (
          <Empty title="No rule">
            <p>The {isAlias ? 'aliases' : 'routes'} alone say what is done.</p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns
              names={[
                { num: 'Priority' },
                'Name',
                ...(isAlias ? ['For'] : []),
                'Where all holds',
                'What is done',
              ]}
              actions={change}
            />
            <tbody>
              {rules.map((rule) => (
                <tr>
                  <td class="num">{rule.priority}</td>
                  <td class="break">{rule.name}</td>
                  {isAlias && (
                    <td class="break" data-label="For">
                      {rule.alias_id === null ? 'all aliases' : addressOf(own, rule.alias_id)}
                    </td>
                  )}
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
                      : rule.targets.join(', ') || rule.text}
                  </td>
                  {change && (
                    <td>
                      <Post
                        action={`${path}/rules/${rule.id}/remove`}
                        label="Remove"
                        sure={`What it matched is then done with as the other rules and the ${isAlias ? 'aliases' : 'routes'} say.`}
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
      {change && <AddRule path={path} endpoints={endpoints} aliases={isAlias ? own : null} />}
    </Page>,
  );
});

function addressOf(aliases: readonly Alias[], id: number): string {
  return aliases.find((alias) => alias.id === id)?.address ?? `alias ${id}`;
}

/** The conditions of the form that are sent: the further ones may be left empty. */
function sentOf(typed: Typed): number[] {
  return formConditions.filter((i) => i === 0 || typed.text(`value${i}`) !== '');
}

/** The field of the form that a part of the API's body stands in. */
function fieldOf([first = '', i = '', name = '']: readonly string[], typed: Typed): string {
  if (first === 'targets') return typed.text('action') === 'forward' ? 'addresses' : 'targets';
  const at = sentOf(typed)[Number(i || '0')];
  return first === 'conditions' && at !== undefined ? `${name || 'value'}${at}` : first;
}

function AddRule({
  path,
  endpoints,
  aliases,
}: {
  path: string;
  endpoints: readonly { id: string; url: string }[];
  /** Null: the domain has none. */
  aliases: readonly Alias[] | null;
}) {
  const options = (names: readonly string[]) => names.map((name) => ({ value: name, text: inWords(name) }));
  return (
    <Card id="add" title="Add a rule">
      <Fields action={`${path}/rules`} submit="Add" fieldOf={fieldOf}>
        <Field label="Name" name="name" maxlength={ruleLimits.nameCharacters} placeholder="Partners" />
        {aliases && (
          <Select
            label="For"
            name="alias_id"
            options={[
              { value: '', text: 'all aliases' },
              ...aliases.map(({ id, address }) => ({ value: String(id), text: address })),
            ]}
            hint="Rules of one alias go before those of all."
          />
        )}
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
            <Select
              label="What"
              name={`field${i}`}
              called={`What of condition ${i + 1}`}
              options={options(ruleFields)}
            />
            <Field
              label="Name of the header field"
              name={`header_name${i}`}
              called={`Name of the header field of condition ${i + 1}`}
              required={false}
              maxlength={76}
              hint="For header alone."
            />
            <Select
              label="How"
              name={`comparator${i}`}
              called={`How of condition ${i + 1}`}
              options={options(comparators)}
            />
            <Field
              label="Value"
              name={`value${i}`}
              called={`Value of condition ${i + 1}`}
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
  );
}

rulePages.action('/domains/:id/rules', async (c, viewer, form) => {
  const path = pathOf(c);
  const action = form.text('action');
  const alias = form.text('alias_id');
  const body = {
    name: form.text('name'),
    alias_id: alias === '' ? null : numberTyped(alias),
    priority: numberTyped(form.text('priority')),
    conditions: sentOf(form).map((i) => conditionIn(form, i)),
    action,
    targets: targetsOf(action, form),
    text: action === 'refuse' ? form.text('text') : '',
  };
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/rules`, body }, z.unknown());
  return c.redirect(`${path}/rules?done=rule-added`, 303);
});

function conditionIn(form: Form, i: number) {
  const field = form.text(`field${i}`);
  return {
    field,
    header_name: field === 'header' ? form.text(`header_name${i}`) : null,
    comparator: form.text(`comparator${i}`),
    value: form.text(`value${i}`),
  };
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
