import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { hasRoutes, receives } from '#domain/inbound/route.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { dkimAnswer } from '../../api/answers/domains.ts';
import { callApi } from '../../api/own-api.ts';
import { noted } from '../../identity/audit.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head, Note, State, Time, type Tone } from '../../pages/parts.tsx';
import { AlreadyThere } from '../../store/domains.ts';
import { vouchFor } from '../../store/vouch.ts';
import { Board } from '../board.tsx';
import { pathOf } from '../domain-path.ts';
import { DkimKeys } from './dkim.tsx';
import { LinkHost, linkHostSchema } from './link-host.tsx';
import { Records, recordSchema } from './records.tsx';
import { Warming, warmingSchema } from './warming.tsx';

/** One sending domain: the records to publish, what was found, keys and rotation. */
export const domainPages = new Board();

export const typeAbout: Record<(typeof domainTypes)[number], string> = {
  outbound: 'outbound: send; the MX stays with your mailbox provider',
  inbound: 'inbound: receive and parse; the MX comes to us',
  both: 'both: send and receive',
  alias: 'alias: addresses whose mail is sent on',
};
export const statusTone: Record<string, Tone> = { verified: 'good', pending: 'wait', disabled: 'quiet' };
/** The number by which pages name a domain, of its id in the API. */
export const domainNumber = z.string().transform((id) => numberOfUuid('domain', id) ?? 0);
const domainSchema = z.object({
  id: domainNumber,
  domain: z.string(),
  type: z.enum(domainTypes),
  status: z.string(),
  reason: z.string().nullable(),
  verified_by: z.string().nullable(),
  checked_at: z.string().nullable(),
  next_check_at: z.string().nullable(),
  return_path_host: z.string().nullable(),
  return_path_label: z.string(),
  link_label: z.string().nullable(),
  link_host: linkHostSchema,
  dkim_selector: z.string(),
  dkim_delegated: z.boolean(),
  signing_domain: z.string(),
  requirements: z.array(
    z.object({ name: z.string(), met: z.boolean(), state: z.string(), detail: z.string().nullable() }),
  ),
  notes: z.array(z.string()),
  records: z.array(recordSchema),
});
domainPages.page('/domains/:id', async (c, viewer) => {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  const [domain, keys] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path }, domainSchema),
    callApi(c, accountId, { method: 'GET', path: `${path}/dkim` }, dkimAnswer),
  ]);
  const sends = domain.type === 'outbound' || domain.type === 'both';
  const warming =
    domain.status === 'verified' && sends
      ? await callApi(c, accountId, { method: 'GET', path: `${path}/warming` }, warmingSchema)
      : null;
  const change = may(viewer, 'developer');
  const waits = domain.status === 'pending';
  const refused = c.get('refused');
  // It was to be removed, and mail from it still waits.
  const waiting = refused?.path === `${path}/remove` && refused.problem.code === 'conflict';
  return html(
    c,
    <Page title={domain.domain} viewer={viewer} url={c.req.url}>
      <Head title={domain.domain} crumb={{ href: '/domains', text: 'Domains' }}>
        <div class="row">
          <State tone={statusTone[domain.status] ?? 'quiet'}>{domain.status}</State>
          {hasRoutes(domain.type) && (
            <a class="button" href={`${path}/routes`}>
              Routes
            </a>
          )}
          <a class="button" href={`${path}/dmarc`}>
            Reports
          </a>
          {domain.type === 'alias' && (
            <>
              <a class="button" href="/aliases">
                Aliases
              </a>
              <a class="button" href={`${path}/rules`}>
                Rules
              </a>
            </>
          )}
          {change && domain.status !== 'disabled' && (
            <Post action={`${path}/verify`} label="Verify now" tone="primary" small={false} />
          )}
        </div>
      </Head>
      {isLocal(c.get('env').dohUrl) && domain.status !== 'verified' && <OneMachine />}
      <div class="stack" id="state" data-refresh={waits ? '20' : undefined}>
        <StateOf domain={domain} />
        <Card
          id="records"
          title="DNS records"
          aside={
            <span class="small quiet">
              {domain.checked_at ? (
                <>
                  Looked at <Time ms={Date.parse(domain.checked_at)} as="ago" />
                </>
              ) : (
                'Not looked at yet'
              )}
              {domain.next_check_at && (
                <>
                  , again <Time ms={Date.parse(domain.next_check_at)} as="ago" />
                </>
              )}
            </span>
          }
        >
          {waits && change && (
            <form method="post" action={`${path}/verify`} data-again="90">
              <p class="small quiet" data-scripted="" hidden>
                While this page is open they are looked at again every minute and a half.
              </p>
            </form>
          )}
          <Records domain={domain.domain} records={domain.records} sends={sends} />
          <p>
            <a href={`${path}/zone`}>All of them as a zone file</a>
          </p>
        </Card>
      </div>
      {viewer.user.operator && waits && <Vouch path={path} domain={domain.domain} />}
      {keys.data.length > 0 && (
        <DkimKeys
          path={path}
          keys={keys.data}
          stem={domain.dkim_selector}
          delegated={domain.dkim_delegated}
          change={change}
        />
      )}
      {sends && (
        <LinkHost
          path={path}
          domain={domain.domain}
          label={domain.link_label}
          host={domain.link_host}
          change={change}
        />
      )}
      {warming && <Warming warming={warming} />}
      <Card id="facts" title="How it is used">
        <dl class="facts">
          <dt>Type</dt>
          <dd>{typeAbout[domain.type]}</dd>
          <dt>Signing domain</dt>
          <dd>{domain.signing_domain}</dd>
          <dt>Return path</dt>
          <dd>
            {domain.return_path_host ?? (
              <>
                the service’s own host, until the CNAME {domain.return_path_label}.{domain.domain} is found
              </>
            )}
          </dd>
        </dl>
        {change && waiting && (
          <Post
            action={`${path}/remove`}
            label="Remove it and cancel what waits"
            values={{ cancel: 'true' }}
            sure="What waits is not sent: each recipient of it gets the event “canceled”. The domain’s keys are deleted."
            tone="danger"
          />
        )}
        {change && (
          <Post
            action={`${path}/remove`}
            label="Remove this domain"
            sure="Mail from it is refused at once. Its keys are deleted and cannot be brought back."
            tone="danger"
          />
        )}
      </Card>
    </Page>,
  );
});

type DomainView = z.output<typeof domainSchema>;

/** In one line what can be done with the domain, or what is missing. */
function StateOf({ domain }: { domain: DomainView }) {
  if (domain.status === 'verified') {
    const sends = domain.type === 'outbound' || domain.type === 'both';
    return (
      <Note tone="good">
        <p>
          {sends && `Mail can be sent from ${domain.domain}. `}
          {receives(domain.type) && `Mail to ${domain.domain} is taken.`}
          {domain.verified_by === 'operator' &&
            ' The operator vouches for it; its records are not asked for.'}
        </p>
      </Note>
    );
  }
  const unmet = domain.requirements.filter(({ met }) => !met).map(({ name }) => name.replaceAll('_', ' '));
  return (
    <Note tone={domain.status === 'disabled' ? 'warn' : 'wait'}>
      <p>
        {domain.status === 'disabled'
          ? 'It is switched off.'
          : domain.checked_at === null
            ? 'Publish the records below at your DNS provider. They are looked for by themselves.'
            : `Not proven yet: ${unmet.join(', ')}. The table says what was found of each record.`}
      </p>
      {domain.notes
        .filter((note) => !/ records are enough to send: /.test(note))
        .map((note) => (
          <p class="small">{note}</p>
        ))}
    </Note>
  );
}

function isLocal(dohUrl: string): boolean {
  return /^(127\.|localhost$|\[::1\]$)/.test(new URL(dohUrl).hostname);
}

function OneMachine() {
  return (
    <Note tone="quiet">
      <p>
        This installation runs on one machine and asks the resolver of that machine. To have a real domain
        looked at by a public one, start it with{' '}
        <code>DOH_URL=https://cloudflare-dns.com/dns-query npm start -- --deliver</code>; to try without
        records, the operator may vouch for a domain.
      </p>
    </Note>
  );
}

function Vouch({ path, domain }: { path: string; domain: string }) {
  return (
    <Card id="vouch" title="Without records">
      <p>
        As the operator you may vouch for {domain}: it sends and is signed at once, and its records are not
        asked for. Receivers still ask for them.
      </p>
      <Post
        action={`${path}/vouch`}
        label="Vouch for it"
        sure={`Mail is sent from ${domain} though nobody has proven whose it is, and without warming.`}
      />
    </Card>
  );
}

domainPages.page('/domains/:id/zone', async (c, viewer) => {
  const path = `${pathOf(c)}/dns?format=bind`;
  const zone = await callApi(c, viewer.account.accountId, { method: 'GET', path }, z.string());
  return new Response(zone, {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Disposition': 'attachment; filename="records.zone"',
    },
  });
});

domainPages.action('/domains/:id/vouch', async (c, viewer) => {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  // As the API shows it: 404 for one of another account.
  const { id, domain } = await callApi(c, accountId, { method: 'GET', path }, domainSchema);
  noted(c, { domain });
  try {
    await vouchFor(c.get('store'), id, Date.now());
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', `${domain} is verified by another account.`);
  }
  return c.redirect(`${path}?done=vouched`, 303);
});

domainPages.action('/domains/:id/verify', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/verify` }, z.unknown());
  return c.redirect(`${path}#records`, 303);
});

domainPages.action('/domains/:id/remove', async (c, viewer, form) => {
  const query = form.text('cancel') === 'true' ? '?cancel=true' : '';
  const request = { method: 'DELETE', path: `${pathOf(c)}${query}` } as const;
  await callApi(c, viewer.account.accountId, request, z.unknown());
  return c.redirect('/domains?done=domain-removed', 303);
});
