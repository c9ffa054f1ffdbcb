import { z } from 'zod';
import type { dkimAnswer } from '../../api/answers/domains.ts';
import { callApi } from '../../api/own-api.ts';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Area, Field, Fields, Post } from '../../pages/forms.tsx';
import { State, Time } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { pathOf } from '../domain-path.ts';

/** The keys that a domain signs with: their state, rotation, a name and a key of one's own. */
export const dkimPages = new Board();

type Key = z.output<typeof dkimAnswer>['data'][number];

const keyTone = { active: 'good', pending: 'wait', retired: 'quiet' } as const;

interface Shown {
  path: string;
  keys: readonly Key[];
  stem: string;
  delegated: boolean;
  change: boolean;
}

export function DkimKeys(of: Shown) {
  const { path, keys, change } = of;
  return (
    <Card
      id="dkim"
      title="DKIM keys"
      aside={
        change && (
          <Post
            action={`${path}/dkim/rotate`}
            label="Rotate"
            sure={
              of.delegated
                ? 'The key that stands by signs from now on, and the one before it retires seven days later. There is nothing to publish.'
                : 'A new pair of keys is made. Publish its records; it signs once they are found, and the old pair retires seven days later. Mail is signed all the time.'
            }
          />
        )
      }
    >
      <div class="scroll">
        <table class="plain-table">
          <Columns names={['Selector', 'Algorithm', 'State', 'Made']} actions />
          <tbody>
            {keys.map((key) => (
              <KeyRow path={path} of={key} change={change} />
            ))}
          </tbody>
        </table>
      </div>
      {change && <Delegation {...of} />}
      {change && !of.delegated && <OwnKeys {...of} />}
    </Card>
  );
}

function KeyRow({ path, of: key, change }: { path: string; of: Key; change: boolean }) {
  return (
    <tr>
      <td>
        <code>{key.selector}</code>
      </td>
      <td>{key.algorithm}</td>
      <td>
        <State tone={keyTone[key.status]}>{key.status}</State>
        {key.retires_at && key.status === 'active' && (
          <span class="small quiet">
            {' '}
            retires <Time ms={Date.parse(key.retires_at)} as="ago" />
          </span>
        )}
      </td>
      <td class="nowrap">{key.created_at && <Time ms={Date.parse(key.created_at)} />}</td>
      <td>
        {change && key.status !== 'retired' && (
          <Post
            action={`${path}/dkim/${encodeURIComponent(key.selector)}/retire`}
            label="Retire"
            sure="It signs no more. Keep its record for a week: mail under way is still looked at."
            tone="danger"
          />
        )}
      </td>
    </tr>
  );
}

function Delegation({ path, delegated }: Shown) {
  return (
    <details open={delegated}>
      <summary>{delegated ? 'Published by this service' : 'Keys that rotate by themselves'}</summary>
      <div class="stack">
        <p class="small">
          {delegated
            ? 'Two selectors are CNAMEs to this service: one key signs, the other stands by and takes over after half a year.'
            : 'Publish two CNAME records once. The keys are then published here and rotate without you.'}
        </p>
        <Post
          action={`${path}/dkim/delegate`}
          label={delegated ? 'Publish keys yourself again' : 'Delegate by CNAME'}
          values={{ delegated: String(!delegated) }}
        />
      </div>
    </details>
  );
}

function OwnKeys({ path, stem, keys }: { path: string; stem: string; keys: readonly Key[] }) {
  const unused = keys.every(({ status }) => status !== 'active');
  return (
    <details>
      <summary>A selector or a key of your own</summary>
      <div class="stack">
        <Fields action={`${path}/dkim/selector`} submit="Use this name" plain>
          <Field
            label="Selectors begin with"
            name="dkim_selector"
            value={stem}
            maxlength={50}
            autocomplete="off"
            hint={
              unused
                ? 'A new pair of keys with this name is made at once, in place of the one that has not signed yet.'
                : 'The next rotation makes keys with this name.'
            }
          />
        </Fields>
        <Fields action={`${path}/dkim/import`} submit="Import this key" plain wide>
          <Field
            label="Selector of the key"
            name="selector"
            maxlength={100}
            autocomplete="off"
            hint="Where its public half is published: this name, then ._domainkey and the domain."
          />
          <Area
            label="Private key"
            name="private_key"
            rows={6}
            secret
            hint="PEM, RSA of 1024 bits or more, or Ed25519, without a passphrase. It is encrypted and never shown again. It signs once its record is found; the keys before it retire seven days later."
          />
        </Fields>
      </div>
    </details>
  );
}

dkimPages.action('/domains/:id/dkim/rotate', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/dkim/rotate` }, z.unknown());
  return c.redirect(`${path}?done=rotated#dkim`, 303);
});

dkimPages.action('/domains/:id/dkim/selector', async (c, viewer, form) => {
  const path = pathOf(c);
  const body = { dkim_selector: form.text('dkim_selector') };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(`${path}?done=saved#dkim`, 303);
});

dkimPages.action('/domains/:id/dkim/delegate', async (c, viewer, form) => {
  const path = pathOf(c);
  const body = { dkim_delegated: form.text('delegated') === 'true' };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(`${path}?done=saved#dkim`, 303);
});

dkimPages.action('/domains/:id/dkim/import', async (c, viewer, form) => {
  const path = pathOf(c);
  const body = { selector: form.text('selector'), private_key: form.text('private_key') };
  const { accountId } = viewer.account;
  await callApi(c, accountId, { method: 'POST', path: `${path}/dkim`, body }, z.unknown());
  return c.redirect(`${path}?done=key-imported#dkim`, 303);
});

dkimPages.action('/domains/:id/dkim/:selector/retire', async (c, viewer) => {
  const path = pathOf(c);
  const selector = encodeURIComponent(c.req.param('selector') ?? '');
  await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `${path}/dkim/${selector}/retire` },
    z.unknown(),
  );
  return c.redirect(`${path}?done=retired#dkim`, 303);
});
