import { direct, type TransportRule, transportPresets, transportRule } from '#domain/delivery/transport.ts';
import { faultOfTransport } from '#domain/delivery/transport-health.ts';
import { Problem } from '#domain/problem.ts';
import {
  alterTransport,
  dropTransport,
  makeTransport,
  newTransport,
  setRules,
  transportChange,
} from '../../api/admin-transports.ts';
import { invalidBody } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { bytes, Empty, Head, State, Time } from '../../pages/parts.tsx';
import { whyClosed } from '../../store/routing.ts';
import { isNodes, readTransports, type TransportState } from '../../store/transports.ts';
import { Board, type Form } from '../board.tsx';
import { Feeds, feedsOf } from './transport-feeds.tsx';
import { NewRule, Rules, SwitchDomain } from './transport-rules.tsx';

/** Which way mail leaves: straight to its recipients' servers, or by relays. For the operator. */
export const transportPages = new Board();

transportPages.page('/operator/transports', async (c, viewer) => {
  const nowMs = Date.now();
  const { transports, rules } = await readTransports(c.get('store'), nowMs);
  return html(
    c,
    <Page title="Transports" viewer={viewer} url={c.req.url}>
      <Head
        title="Transports"
        lead="Mail goes straight to its recipients’ servers, or by a relay where a rule says so."
      >
        <a class="button" href="/operator">
          Installation
        </a>
      </Head>
      <Card id="transports" title="Relays" flush>
        {transports.length === 0 ? (
          <Empty title="No relays yet">
            <p>Add one where port 25 is closed, or where a new address is trusted by nobody yet.</p>
          </Empty>
        ) : (
          <Relays
            transports={transports}
            nowMs={nowMs}
            hasBinding={c.get('env').bindings.EMAIL !== undefined}
          />
        )}
      </Card>
      <Feeds feeds={await feedsOf(c, transports)} />
      <Card id="rules" title="Which mail leaves by which" flush={rules.length > 0}>
        {rules.length === 0 ? (
          <p>There is no rule: all mail goes straight to its recipients’ servers.</p>
        ) : (
          <Rules rules={rules} />
        )}
      </Card>
      <SwitchDomain transports={transports} />
      <NewRule transports={transports} />
      <NewRelay />
    </Page>,
  );
});

interface Shown {
  nowMs: number;
  /** The Worker has its binding. */
  hasBinding: boolean;
}

function Relays({ transports, ...shown }: Shown & { transports: readonly TransportState[] }) {
  return (
    <table class="cards">
      <Columns names={['Relay', 'State', 'Today', 'Last']} actions />
      <tbody>
        {transports.map((one) => {
          const action = `/operator/transports/${one.name}`;
          return (
            <tr>
              <td class="break">
                {one.name}
                <p class="small quiet">
                  {isNodes(one)
                    ? `${one.host}:${one.port}, ${one.tls}`
                    : 'the binding of the Worker, no node needed'}
                  {one.user !== null && `, as ${one.user}`}
                </p>
              </td>
              <td data-label="State">
                <RelayState one={one} {...shown} />
              </td>
              <td class="nowrap" data-label="Today">
                {one.takenToday.toLocaleString('en')}
                {one.dailyQuota !== null && ` of ${one.dailyQuota.toLocaleString('en')}`}
                {one.toldAtMs !== null && (
                  <p class="small">{one.deliveredToday.toLocaleString('en')} delivered, by its events</p>
                )}
                <Limits of={one} />
              </td>
              <td class="break" data-label="Last">
                {one.tookAtMs === null ? 'nothing yet' : <Time ms={one.tookAtMs} />}
                {one.failedText !== null && one.failedAtMs !== null && (
                  <p class="small">
                    <Time ms={one.failedAtMs} />: {one.failedText}
                  </p>
                )}
              </td>
              <td>
                <div class="row">
                  {one.paused ? (
                    <Post action={`${action}/pause`} label="Resume" values={{ paused: 'no' }} />
                  ) : (
                    <Post
                      action={`${action}/pause`}
                      label="Pause"
                      values={{ paused: 'yes' }}
                      sure="Within half a minute its mail goes by the next transport of its rule, or waits where there is none."
                    />
                  )}
                  <Post
                    action={`${action}/remove`}
                    label="Remove"
                    sure="Its secret is forgotten."
                    tone="danger"
                  />
                </div>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** What it takes at the most, beside its quota of the day. */
function Limits({ of: { maxBytes, perMinute, sessionRecipients } }: { of: TransportState }) {
  const said = [
    ...(perMinute === null ? [] : [`${perMinute.toLocaleString('en')} a minute`]),
    ...(maxBytes === null ? [] : [`${bytes(maxBytes)} each`]),
    ...(sessionRecipients === null ? [] : [`${sessionRecipients.toLocaleString('en')} a session`]),
  ];
  return said.length === 0 ? null : <p class="small quiet">at most {said.join(', ')}</p>;
}

const faultNames = { refuses: 'does not deliver', silent: 'tells little', unheard: 'tells nothing' } as const;

function RelayState({ one, nowMs, hasBinding }: Shown & { one: TransportState }) {
  const closed = whyClosed(one, nowMs, hasBinding);
  if (closed)
    return (
      <>
        <State tone="warn">
          {one.paused ? 'paused' : hasBinding || isNodes(one) ? 'full' : 'no binding'}
        </State>
        <p class="small quiet">{closed.text}</p>
      </>
    );
  const fault = faultOfTransport(one);
  if (fault)
    return (
      <>
        <State tone="bad">{faultNames[fault.name]}</State>
        <p class="small">{fault.text}.</p>
        <p class="small quiet">{fault.fix}</p>
      </>
    );
  const isFailing = one.failedAtMs !== null && one.failedAtMs > (one.tookAtMs ?? 0);
  if (isFailing) return <State tone="bad">refuses</State>;
  return (
    <State tone={one.tookAtMs === null ? 'quiet' : 'good'}>
      {one.tookAtMs === null ? 'not used' : 'works'}
    </State>
  );
}

function NewRelay() {
  return (
    <Card id="new-transport" title="Add a relay">
      <Fields action="/operator/transports" submit="Add it">
        <Field label="Name" name="name" maxlength={63} hint="As you call it in rules, for example ses." />
        <Select
          label="Service"
          name="preset"
          value="smtp"
          options={transportPresets.map(({ name, title }) => ({ value: name, text: title }))}
          hint={transportPresets
            .filter(({ name }) => name !== 'smtp')
            .map(({ title, hint }) => `${title}: ${hint}`)
            .join(' ')}
        />
        <Field label="Host" name="host" maxlength={253} hint="Empty: as the service says." required={false} />
        <Field label="Port" name="port" type="number" hint="Empty: as the service says." required={false} />
        <Select
          label="Encryption"
          name="tls"
          value=""
          options={[
            { value: '', text: 'as the service says' },
            { value: 'implicit', text: 'from the beginning (465)' },
            { value: 'starttls', text: 'by STARTTLS (587)' },
            { value: 'none', text: 'none, on a network of your own' },
          ]}
        />
        <Field
          label="User"
          name="user"
          maxlength={255}
          hint="Empty: as the service says, or none."
          required={false}
        />
        <Field label="Secret" name="secret" type="password" maxlength={4096} required={false} />
        <Field
          label="Messages a day"
          name="daily_quota"
          type="number"
          hint="Empty: no limit. From there on its mail goes by the next transport, or waits for the next day (UTC)."
          required={false}
        />
        <Field
          label="Messages a minute"
          name="per_minute"
          type="number"
          hint="Empty: no limit. Shared evenly among the nodes."
          required={false}
        />
        <Field
          label="Largest message, octets"
          name="max_bytes"
          type="number"
          hint="Empty: as the service says. A larger one goes by the next transport, or waits for a day and then bounces."
          required={false}
        />
      </Fields>
    </Card>
  );
}

const textOrNothing = (form: Form, name: string) =>
  form.text(name) === '' ? {} : { [name]: form.text(name) };
const numberOrNothing = (form: Form, name: string) =>
  form.text(name) === '' ? {} : { [name]: Number(form.text(name)) };

transportPages.action('/operator/transports', async (c, _viewer, form) => {
  const asked = newTransport.safeParse({
    name: form.text('name'),
    preset: form.text('preset'),
    ...textOrNothing(form, 'host'),
    ...numberOrNothing(form, 'port'),
    ...textOrNothing(form, 'tls'),
    ...textOrNothing(form, 'user'),
    ...textOrNothing(form, 'secret'),
    ...numberOrNothing(form, 'daily_quota'),
    ...numberOrNothing(form, 'per_minute'),
    ...numberOrNothing(form, 'max_bytes'),
  });
  if (!asked.success) throw invalidBody(asked.error.issues, '');
  await makeTransport(c, asked.data);
  return c.redirect('/operator/transports#transports', 303);
});

transportPages.action('/operator/transports/:name/pause', async (c, _viewer, form) => {
  const change = transportChange.parse({ paused: form.text('paused') === 'yes' });
  await alterTransport(c, c.req.param('name') ?? '', change);
  return c.redirect('/operator/transports#transports', 303);
});

transportPages.action('/operator/transports/:name/remove', async (c) => {
  await dropTransport(c, c.req.param('name') ?? '');
  return c.redirect('/operator/transports#transports', 303);
});

transportPages.action('/operator/transports/rules', async (c, _viewer, form) => {
  const orNull = (name: string) => (form.text(name) === '' ? null : form.text(name).toLowerCase());
  const names = [form.text('first'), form.text('second')].filter((name) => name !== '');
  const rule = transportRule.safeParse({
    domain: orNull('domain'),
    class: orNull('class'),
    recipient: orNull('recipient'),
    route: [...new Set(names)],
  });
  if (!rule.success) throw invalidBody(rule.error.issues, '');
  const { rules } = await readTransports(c.get('store'), Date.now());
  await setRules(c, [...rules, rule.data]);
  return c.redirect('/operator/transports#rules', 303);
});

transportPages.action('/operator/transports/domains', async (c, _viewer, form) => {
  const by = form.text('by');
  // What takes the rule away need not name a transport.
  const rule = transportRule.safeParse({
    domain: form.text('switched').toLowerCase(),
    route: [by === '' ? direct : by],
  });
  if (!rule.success) throw invalidBody(rule.error.issues, '');
  const { rules } = await readTransports(c.get('store'), Date.now());
  const others = rules.filter((one) => !isSwitchOf(one, rule.data.domain));
  await setRules(c, by === '' ? others : [rule.data, ...others]);
  return c.redirect('/operator/transports#rules', 303);
});

/** Whether a rule is about all mail of a domain. */
function isSwitchOf(rule: TransportRule, domain: string | null): boolean {
  return rule.domain === domain && rule.class === null && rule.recipient === null && rule.provider === null;
}

transportPages.action('/operator/transports/rules/remove', async (c, _viewer, form) => {
  const { rules } = await readTransports(c.get('store'), Date.now());
  const at = Number(form.text('at'));
  if (!rules[at]) throw new Problem('not_found', 'There is no such rule any more.');
  await setRules(c, rules.toSpliced(at, 1));
  return c.redirect('/operator/transports#rules', 303);
});
