import { Problem } from '#domain/problem.ts';
import { type Scope, scopeNames, scopes } from '#domain/scope.ts';
import { noted } from '../../identity/audit.ts';
import { may } from '../../identity/viewer.ts';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Boxes } from '../../pages/boxes.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Empty, State, Time } from '../../pages/parts.tsx';
import { type Credential, createCredential, revokeCredential } from '../../store/accounts.ts';
import type { Viewer } from '../../store/auth.ts';
import { type Domain, listDomains } from '../../store/domains.ts';
import type { Store } from '../../store/store.ts';
import { newSecret, sha256Hex } from '../../tokens/secret.ts';
import { Board } from '../board.tsx';
import { thenShow } from '../once.ts';

/** The keys of an account: making and revoking them. */
export const keyPages = new Board();

export function Keys({
  credentials,
  viewer,
  domains,
  open,
}: {
  credentials: Credential[];
  viewer: Viewer;
  domains: Domain[];
  /** The form to make one stands open, whether there are keys or not. */
  open: boolean;
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
        <details class="card-head" open={living.length === 0 || open}>
          <summary class="button">Make a key</summary>
          <Fields action="/sending/keys" submit="Make the key">
            <Field label="Name" name="name" placeholder="production server" maxlength={longestName} />
            <Select
              label="Environment"
              name="environment"
              options={[
                { value: 'live', text: 'live: mail is delivered' },
                { value: 'test', text: 'test: mail is checked and recorded, not delivered' },
              ]}
            />
            <Boxes
              legend="May"
              name="scopes"
              options={scopesOf(viewer).map(({ name, about }) => ({
                value: name,
                label: name,
                about,
                checked: name === 'send' || name === 'read',
              }))}
            />
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

const longestName = 200;

/** A key is for all domains of the account, or for one of these. */
export const domainsOf = (store: Store, viewer: Viewer) =>
  listDomains(store, viewer.account.accountId, { limit: 200, offset: 0 });

function wrong(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
}

/** A key may do no more than who makes it. */
function scopesOf(viewer: Viewer) {
  return scopes.filter(({ name }) => name !== 'account' || may(viewer, 'owner'));
}

keyPages.action('/sending/keys', async (c, viewer, form) => {
  const chosen = form
    .all('scopes')
    .filter((name): name is Scope => scopeNames.some((scope) => scope === name));
  if (chosen.some((name) => !scopesOf(viewer).some((scope) => scope.name === name)))
    throw new Problem('missing_scope', 'Only owners make keys that change what holds for the whole account.');
  if (chosen.length === 0) throw wrong('/scopes', 'Choose at least one thing that the key may do.');
  const name = form.text('name');
  if (name === '' || name.length > longestName)
    throw wrong('/name', `1 to ${longestName} characters, by which you know the key again`);
  const environment = form.text('environment') === 'test' ? 'test' : 'live';
  const domain = form.text('domain');
  if (domain !== '' && !(await domainsOf(c.get('store'), viewer)).some(({ name }) => name === domain))
    throw wrong('/domain', 'Choose a domain of this account.');
  const text = newSecret(environment, c.get('store').home);
  const credential = await createCredential(c.get('store'), {
    accountId: viewer.account.accountId,
    username: 'pennypost',
    name,
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

keyPages.action('/sending/keys/:id/revoke', async (c, viewer) => {
  const id = Number(c.req.param('id'));
  const revoked =
    Number.isSafeInteger(id) &&
    (await revokeCredential(c.get('store'), viewer.account.accountId, id, Date.now()));
  if (!revoked)
    throw new Problem('not_found', 'There is no such key in this account that is not revoked already.');
  return c.redirect('/sending?done=key-revoked#keys', 303);
});
