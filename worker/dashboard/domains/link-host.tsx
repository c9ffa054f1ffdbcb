import { z } from 'zod';
import { linkStates } from '#domain/dns/link-host.ts';
import { callApi } from '../../api/own-api.ts';
import { Card } from '../../pages/blocks.tsx';
import { Field, Fields } from '../../pages/forms.tsx';
import { State, Time } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { pathOf } from '../domain-path.ts';

/** The host of a domain's own that links in its mail lead to. */
export const linkHostPages = new Board();

export const linkHostSchema = z
  .object({
    name: z.string(),
    state: z.enum(linkStates),
    fault: z.string().nullable(),
    checked_at: z.string().nullable(),
  })
  .nullable();

const stateTone = { active: 'good', pending: 'wait', failed: 'bad' } as const;
const stateWord = { active: 'active', pending: 'certificate pending', failed: 'certificate failed' } as const;

export function LinkHost({
  path,
  domain,
  label,
  host,
  change,
}: {
  path: string;
  domain: string;
  label: string | null;
  host: z.output<typeof linkHostSchema>;
  change: boolean;
}) {
  return (
    <Card
      id="links"
      title="Links in its mail"
      aside={host && <State tone={stateTone[host.state]}>{stateWord[host.state]}</State>}
    >
      {host === null ? (
        <p>Links that tell of opens and clicks lead to this service.</p>
      ) : (
        <>
          <p>
            {host.state === 'active'
              ? 'They lead to '
              : 'They lead to this service until there is a certificate for '}
            <code>{host.name}</code>.
            {host.checked_at && (
              <span class="small quiet">
                {' '}
                Looked at <Time ms={Date.parse(host.checked_at)} as="ago" />.
              </span>
            )}
          </p>
          {host.fault && <p class="small">{host.fault}</p>}
        </>
      )}
      {change && (
        <details>
          <summary>{host === null ? 'A name of your own' : 'Another name'}</summary>
          <Fields action={`${path}/links`} submit="Use this name" plain>
            <Field
              label="Label of the host"
              name="link_label"
              value={label ?? ''}
              maxlength={63}
              autocomplete="off"
              required={false}
              hint={`One label, such as “links”: the host is links.${domain}. Publish its CNAME, see the records. Empty: this service’s name. Links in mail that was sent with another name go on for 90 days.`}
            />
          </Fields>
        </details>
      )}
    </Card>
  );
}

linkHostPages.action('/domains/:id/links', async (c, viewer, form) => {
  const path = pathOf(c);
  const label = form.text('link_label').trim();
  const body = { link_label: label === '' ? null : label };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(`${path}?done=saved#links`, 303);
});
