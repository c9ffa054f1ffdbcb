import { z } from 'zod';
import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { sandboxAddress } from '#domain/message/sandbox.ts';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { type Scope, scopeNames, scopes } from '#domain/scope.ts';
import type { Call } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { noted } from '../../identity/audit.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import {
  Code,
  Empty,
  type Faults,
  Field,
  faultsOf,
  Head,
  Post,
  Refusal,
  Secret,
  Select,
  State,
  Time,
} from '../../pages/parts.tsx';
import {
  type Credential,
  createCredential,
  listCredentials,
  revokeCredential,
} from '../../store/accounts.ts';
import type { Viewer } from '../../store/auth.ts';
import { type Domain, listDomains } from '../../store/domains.ts';
import { shownSubmission } from '../../store/nodes.ts';
import { sendAs } from '../../system-mail/send.ts';
import { newSecret, sha256Hex } from '../../tokens/secret.ts';
import { Board } from '../board.tsx';
import { shownOnce, thenShow } from '../once.ts';
import { mailerOf } from '../sign-in/mailer.ts';
import { snippets } from './snippets.ts';

/** How to send: hosts and ports, keys, ready snippets, a test. */
export const sendingPages = new Board();

const madeSchema = z.object({ text: z.string(), username: z.string() });

interface Shown {
  /** A key that has just been made: shown once. */
  secret: z.output<typeof madeSchema> | null;
  refused: Problem;
  test: { from: string; to: string };
}

const testLabels = { from: 'From', to: 'To', subject: 'Subject' };

async function sendingPage(c: Call, viewer: Viewer, shown: Partial<Shown> = {}, status: 200 | 400 = 200) {
  const store = c.get('store');
  const { accountId } = viewer.account;
  const [credentials, domains, endpoint] = await Promise.all([
    listCredentials(store, accountId),
    listDomains(store, accountId, { limit: 50, offset: 0 }),
    submissionOf(c),
  ]);
  const senders = domains.filter(
    ({ status, type }) => status === 'verified' && (type === 'outbound' || type === 'both'),
  );
  const simulator = simulatorDomain(c.get('env').serviceDomain);
  const sandbox = sandboxAddress(c.get('env').serviceDomain, accountId);
  const from = senders[0] ? `hello@${senders[0].name}` : sandbox;
  const key = shown.secret?.text ?? 'pp_live_…';
  const username =
    shown.secret?.username ??
    credentials.find(({ revokedAtMs }) => revokedAtMs === null)?.username ??
    'pennypost';
  const origin = publicOrigin(c);
  const faults = faultsOf(shown.refused, Object.keys(testLabels));
  return html(
    c,
    <Page title="SMTP & API" viewer={viewer} url={c.req.url}>
      <Head title="SMTP & API" lead="Send by HTTP or by SMTP, as it suits you: both are treated alike." />
      {shown.secret && (
        <Secret
          title="Your new key"
          what="the key"
          text={shown.secret.text}
          about="The snippets below are filled with it."
        />
      )}
      <div class="grid">
        <Card id="smtp" title="SMTP">
          {endpoint === null ? (
            <p>
              No SMTP node that takes mail has been seen yet. When one has started, its host and ports stand
              here.
            </p>
          ) : (
            <dl class="facts">
              <dt>Host</dt>
              <dd>
                <code>{endpoint.host}</code>
              </dd>
              {endpoint.port !== null && (
                <>
                  <dt>Port, STARTTLS</dt>
                  <dd>
                    <code>{endpoint.port}</code>
                  </dd>
                </>
              )}
              {endpoint.tlsPort !== null && (
                <>
                  <dt>Port, TLS from the start</dt>
                  <dd>
                    <code>{endpoint.tlsPort}</code>
                  </dd>
                </>
              )}
              <dt>User</dt>
              <dd>
                <code>{username}</code>
              </dd>
              <dt>Password</dt>
              <dd>one of your keys</dd>
            </dl>
          )}
        </Card>
        <Card id="http" title="HTTP">
          <dl class="facts">
            <dt>Send</dt>
            <dd>
              <code>POST {origin}/v1/send</code>
            </dd>
            <dt>Authorization</dt>
            <dd>
              <code>Bearer</code> and one of your keys
            </dd>
            <dt>Body</dt>
            <dd>
              JSON; a whole message goes to <code>/v1/send/raw</code>
            </dd>
          </dl>
        </Card>
      </div>
      <Keys credentials={credentials} viewer={viewer} domains={domains} />
      <Card id="test" title="Send a test">
        <Refusal faults={faults} labels={testLabels} />
        {senders.length === 0 && (
          <p>
            Until <a href="/domains">a domain of yours</a> is verified, you send from <code>{sandbox}</code>:
            to the simulator, and to the addresses of this account’s members that were proven.
          </p>
        )}
        {may(viewer, 'developer') ? (
          <TestForm
            senders={[...senders.map(({ name }) => `@${name}`), sandbox]}
            simulator={simulator}
            faults={faults}
            test={shown.test ?? { from, to: `delivered@${simulator}` }}
          />
        ) : (
          <p>Developers and owners can send from here; you are a viewer.</p>
        )}
      </Card>
      <Card id="snippets" title="Ready to paste">
        <div class="tabs">
          {snippets({
            apiUrl: origin,
            smtp: endpoint,
            username,
            key,
            from,
            to: `delivered@${simulator}`,
          }).map(({ name, text }, i) => (
            <details name="snippet" open={i === 0}>
              <summary>{name}</summary>
              <Code id={`snippet-${i}`} what={`snippet for ${name}`} text={text} />
            </details>
          ))}
        </div>
      </Card>
    </Page>,
    status,
  );
}

/** Where clients submit by SMTP: as it is set, else where the operator lets a node be shown; null: nowhere yet. */
async function submissionOf(c: Call): Promise<SubmissionPlace | null> {
  const [host, port, tlsPort] = c.get('env').submission.split(':');
  if (host && port && tlsPort) return { host, port: Number(port), tlsPort: Number(tlsPort) };
  return await shownSubmission(c.get('store'));
}

function Keys({
  credentials,
  viewer,
  domains,
}: {
  credentials: Credential[];
  viewer: Viewer;
  domains: Domain[];
}) {
  const living = credentials.filter((credential) => credential.revokedAtMs === null);
  const revoked = credentials.length - living.length;
  return (
    <Card
      id="keys"
      title="Keys"
      flush
      aside={revoked > 0 && <span class="quiet small">{revoked} revoked</span>}
    >
      {living.length === 0 ? (
        <Empty title="No key yet">
          <p>The same key is the bearer token of the API and the password of SMTP.</p>
        </Empty>
      ) : (
        <table class="cards">
          <Columns names={['Name', 'Key', 'May', 'Last used']} actions />
          <tbody>
            {living.map((credential) => (
              <tr>
                <td>
                  {credential.name || credential.username}{' '}
                  <State tone={credential.environment === 'live' ? 'good' : 'quiet'}>
                    {credential.environment}
                  </State>
                </td>
                <td class="nowrap">
                  <code>
                    pp_{credential.environment}_…{credential.hint}
                  </code>
                </td>
                <td data-label="May">
                  {credential.scopes.join(', ')}
                  {credential.domains && <span class="quiet"> for {credential.domains.join(', ')}</span>}
                </td>
                <td class="nowrap" data-label="Last used">
                  {credential.lastUsedAtMs === null ? (
                    <span class="quiet">never</span>
                  ) : (
                    <Time ms={credential.lastUsedAtMs} as="ago" />
                  )}
                </td>
                <td>
                  {may(viewer, 'developer') && (
                    <Post
                      action={`/sending/keys/${credential.id}/revoke`}
                      label="Revoke"
                      sure="Whoever sends with it is refused at once. A key cannot be brought back."
                      tone="danger"
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {may(viewer, 'developer') && (
        <details class="card-head" open={living.length === 0}>
          <summary class="button">Make a key</summary>
          <Fields action="/sending/keys" submit="Make the key">
            <Field label="Name" name="name" placeholder="production server" maxlength={200} />
            <Select
              label="Environment"
              name="environment"
              options={[
                { value: 'live', text: 'live: mail is delivered' },
                { value: 'test', text: 'test: mail is checked and recorded, not delivered' },
              ]}
            />
            <fieldset>
              <legend>May</legend>
              {scopesOf(viewer).map(({ name, about }) => (
                <label>
                  <input
                    type="checkbox"
                    name="scopes"
                    value={name}
                    checked={name === 'send' || name === 'read'}
                  />
                  <span>
                    <strong>{name}</strong> <span class="quiet">{about}</span>
                  </span>
                </label>
              ))}
            </fieldset>
            <Select
              label="For"
              name="domain"
              options={[
                { value: '', text: 'every domain of the account' },
                ...domains.map((domain) => ({ value: domain.name, text: `only ${domain.name}` })),
              ]}
            />
          </Fields>
        </details>
      )}
    </Card>
  );
}

/** A key may do no more than who makes it. */
function scopesOf(viewer: Viewer) {
  return scopes.filter(({ name }) => name !== 'account' || may(viewer, 'owner'));
}

function TestForm({
  senders,
  simulator,
  faults,
  test,
}: {
  senders: string[];
  simulator: string;
  faults: Faults;
  test: { from: string; to: string };
}) {
  return (
    <Fields action="/sending/test#test" submit="Send">
      <Field
        label="From"
        name="from"
        type="email"
        value={test.from}
        fault={faults.get('from')}
        hint={`One of ${senders.join(', ')}`}
      />
      <Field
        label="To"
        name="to"
        type="email"
        value={test.to}
        fault={faults.get('to')}
        hint={
          <>
            Any address, or a part that the simulator plays: delivered@, hard-bounce@, soft-bounce@,
            greylisted@, complaint@ at {simulator}
          </>
        }
      />
      <Field label="Subject" name="subject" value="Hello from Pennypost" maxlength={200} />
    </Fields>
  );
}

sendingPages.page('/sending', async (c, viewer) =>
  sendingPage(c, viewer, { secret: await shownOnce(c, viewer, madeSchema) }),
);

sendingPages.action('/sending/keys', async (c, viewer, form) => {
  const chosen = form
    .all('scopes')
    .filter((name): name is Scope => scopeNames.some((scope) => scope === name));
  if (chosen.some((name) => !scopesOf(viewer).some((scope) => scope.name === name)))
    throw new Problem('missing_scope', 'Only owners make keys that change what holds for the whole account.');
  if (chosen.length === 0)
    throw new Problem('invalid_body', 'Choose at least one thing that the key may do.');
  const environment = form.text('environment') === 'test' ? 'test' : 'live';
  const domain = form.text('domain');
  const text = newSecret(environment);
  const credential = await createCredential(c.get('store'), {
    accountId: viewer.account.accountId,
    username: 'pennypost',
    name: form.text('name').slice(0, 200),
    environment,
    scopes: chosen,
    domains: domain === '' ? null : [domain],
    secretHash: await sha256Hex(text),
    hint: text.slice(-4),
    createdAtMs: Date.now(),
  });
  noted(c, { key: String(credential.id), name: credential.name, scopes: chosen.join(' '), domain });
  return await thenShow(c, viewer, '/sending', { text, username: credential.username });
});

sendingPages.action('/sending/keys/:id/revoke', async (c, viewer) => {
  const id = Number(c.req.param('id'));
  const revoked =
    Number.isSafeInteger(id) &&
    (await revokeCredential(c.get('store'), viewer.account.accountId, id, Date.now()));
  if (!revoked)
    throw new Problem('not_found', 'There is no such key in this account that is not revoked already.');
  return c.redirect('/sending?done=key-revoked#keys', 303);
});

sendingPages.action('/sending/test', async (c, viewer, form) => {
  const test = { from: form.text('from'), to: form.text('to') };
  try {
    const { accountId } = viewer.account;
    const id = await sendAs(
      mailerOf(c),
      { accountId, domainsOf: accountId },
      {
        from: test.from,
        to: [test.to],
        subject: form.text('subject') || 'Test',
        text_body: `A test from the dashboard, sent by ${viewer.user.name}.`,
        html_body: '<p>A test from the <b>dashboard</b>.</p>',
        tags: ['test'],
        class: 'priority',
      },
    );
    return c.redirect(`/messages/${id}?done=sent`, 303);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await sendingPage(c, viewer, { refused: error, test }, 400);
  }
});
