import { z } from 'zod';
import type { Diagnosis } from '#domain/dns/diagnosis.ts';
import { diagnoseHomes } from '#domain/dns/installation.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../../http/app.ts';
import { noted } from '../../identity/audit.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head, State, Time, type Tone } from '../../pages/parts.tsx';
import {
  type Account,
  createAccount,
  findAccount,
  listAccounts,
  setAccountStatus,
} from '../../store/accounts.ts';
import { addMember, ensureOrganization } from '../../store/auth.ts';
import { lastChecks, noteChecks, readHomeSizes } from '../../store/installation.ts';
import { readQueues } from '../../store/overview.ts';
import { emptiestHome } from '../../store/sizes.ts';
import { chooseSystemDomain, chosenSystemDomain, listSystemDomains } from '../../store/system-mail.ts';
import { Board } from '../board.tsx';
import { QueuesAndNodes } from '../overview/overview.tsx';
import { checkInstallation } from './installation-check.ts';

/** Accounts of one page. */
const accountsShown = 200;

/** The installation as its operator sees it: accounts, nodes, queues. */
export const operatorPages = new Board();

operatorPages.page('/operator', async (c, viewer) => {
  const nowMs = Date.now();
  const store = c.get('store').first;
  const after = Number(c.req.query('after') ?? 0);
  const [{ accounts, next }, { queues, nodes }, checked, sizes, senders, chosen] = await Promise.all([
    listAccounts(store, Number.isSafeInteger(after) ? after : 0, accountsShown),
    readQueues(store, nowMs),
    lastChecks(store),
    readHomeSizes(store, nowMs),
    listSystemDomains(store),
    chosenSystemDomain(store),
  ]);
  const joined = new Set(viewer.memberships.map(({ accountId }) => accountId));
  return html(
    c,
    <Page title="Installation" viewer={viewer} url={c.req.url}>
      <Head title="Installation" lead={`Service domain ${c.get('env').serviceDomain}`}>
        <a class="button" href="/operator/nodes">
          Nodes
        </a>
        <a class="button" href="/operator/transports">
          Transports
        </a>
        <a class="button" href="/audit?of=installation">
          Audit log
        </a>
      </Head>
      <Sizes found={diagnoseHomes(sizes)} />
      <Checks checked={checked} />
      <SystemMail senders={senders} chosen={chosen} mailFrom={c.get('env').mailFrom} />
      <QueuesAndNodes {...{ queues, nodes, nowMs }} hasBinding={c.get('env').bindings.EMAIL !== undefined} />
      <Card id="accounts" title="Accounts" flush>
        <table class="cards">
          <Columns names={['Account', 'State', 'Since']} actions />
          <tbody>
            {accounts.map((account) => (
              <tr>
                <td class="break">
                  {account.name} <span class="quiet small">#{account.id}</span>
                </td>
                <td>
                  <State tone={account.status === 'active' ? 'good' : 'bad'}>{account.status}</State>
                  {account.statusReason && <p class="small quiet">{account.statusReason}</p>}
                </td>
                <td class="nowrap" data-label="Since">
                  <Time ms={account.createdAtMs} />
                </td>
                <td>
                  <div class="row">
                    {!joined.has(account.id) && (
                      <Post action={`/operator/accounts/${account.id}/join`} label="Join" />
                    )}
                    {account.status === 'active' ? (
                      <Post
                        action={`/operator/accounts/${account.id}/suspend`}
                        label="Suspend"
                        sure="Its mail is refused and what waits is not delivered, until you resume it."
                        tone="danger"
                      />
                    ) : (
                      <Post action={`/operator/accounts/${account.id}/resume`} label="Resume" />
                    )}
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {next !== null && (
          <nav class="card-head" aria-label="Pages">
            <a class="button" href={`/operator?after=${next}#accounts`}>
              More
            </a>
          </nav>
        )}
      </Card>
      <Card id="new-account" title="Make an account">
        <Fields action="/operator/accounts" submit="Make it">
          <Field
            label="Name"
            name="name"
            maxlength={200}
            hint="You become its first owner; then invite the others in its settings."
          />
        </Fields>
      </Card>
    </Page>,
  );
});

/** Which domain sign-in links and invitations come from: the operator's choice, and nobody else's. */
function SystemMail(of: { senders: { domain: string }[]; chosen: string | null; mailFrom: string }) {
  return (
    <Card id="system-mail" title="Sign-in links and invitations">
      {of.mailFrom !== '' ? (
        <p>
          They come from <code>{of.mailFrom}</code>, as MAIL_FROM says.
        </p>
      ) : of.senders.length === 0 ? (
        <p>None can be mailed yet. Verify a sending domain in an account that you own, and choose it here.</p>
      ) : (
        <Fields action="/operator/system-mail" submit="Choose">
          <Select
            label="They come from no-reply@"
            name="domain"
            value={of.chosen ?? ''}
            options={[
              ...(of.chosen === null ? [{ value: '', text: 'not chosen yet: none can be mailed' }] : []),
              ...of.senders.map(({ domain }) => ({ value: domain, text: domain })),
            ]}
            hint="Verified domains of accounts that you own. No account sees this mail."
          />
        </Fields>
      )}
    </Card>
  );
}

function wrong(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
}

operatorPages.action('/operator/system-mail', async (c, _viewer, form) => {
  const store = c.get('store');
  const wanted = form.text('domain');
  if (!(await listSystemDomains(store)).some(({ domain }) => domain === wanted))
    throw wrong('/domain', 'Choose a verified sending domain of an account that you own.');
  await chooseSystemDomain(store, wanted, Date.now());
  noted(c, { domain: wanted });
  return c.redirect('/operator?done=system-mail#system-mail', 303);
});

/** How full the databases are: always of this moment, since everything stops at once when one is full. */
function Sizes({ found }: { found: Diagnosis[] }) {
  const stateOf = ({ status }: Diagnosis) =>
    shownStates.find((one) => one.status === status) ?? shownStates[0];
  const [only] = found;
  if (found.length === 1 && only) {
    const { tone, text } = stateOf(only);
    return (
      <Card id="database" title="Database" aside={<State tone={tone}>{text}</State>}>
        <p>{only.observed}</p>
        {only.fix && <p class="quiet">{only.fix}</p>}
      </Card>
    );
  }
  return (
    <Card id="database" title="Databases" flush>
      <table class="cards">
        <Columns names={['Home', 'State', 'How full it is']} />
        <tbody>
          {found.map((one, home) => (
            <tr>
              <td>{home}</td>
              <td>
                <State tone={stateOf(one).tone}>{stateOf(one).text}</State>
              </td>
              <td class="break">
                {one.observed}
                {one.fix && <p class="quiet">{one.fix}</p>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

interface ShownState {
  status: Diagnosis['status'];
  tone: Tone;
  text: string;
}

/** How each state of a check is shown, the worst first. */
const shownStates: readonly [ShownState, ...ShownState[]] = [
  { status: 'failed', tone: 'bad', text: 'failed' },
  { status: 'warning', tone: 'warn', text: 'warning' },
  { status: 'unknown', tone: 'quiet', text: 'not known' },
  { status: 'ok', tone: 'good', text: 'ok' },
];

function Checks({ checked }: { checked: { atMs: number; found: Diagnosis[] } | null }) {
  return (
    <Card
      id="checks"
      title="Checks"
      flush
      aside={<Post action="/operator/check" label="Check now" tone="primary" />}
    >
      <div class="card-head">
        <p>
          {checked ? (
            <>
              Looked at <Time ms={checked.atMs} />.{' '}
            </>
          ) : (
            'Not looked at yet. '
          )}
          This is what the Worker sees. Port 25, the certificate, the clock and blocklists are seen from a
          node only: run <code>npm run doctor</code> there.
        </p>
      </div>
      {checked && (
        <table class="cards">
          <Columns names={['Check', 'State', 'What was found, and what to do']} />
          <tbody>
            {shownStates.flatMap(({ status, tone, text }) =>
              checked.found
                .filter((one) => one.status === status)
                .map(({ check, observed, fix }) => (
                  <tr>
                    <td class="break">{check}</td>
                    <td>
                      <State tone={tone}>{text}</State>
                    </td>
                    <td class="break">
                      {observed}
                      {fix && <p class="quiet">{fix}</p>}
                    </td>
                  </tr>
                )),
            )}
          </tbody>
        </table>
      )}
    </Card>
  );
}

operatorPages.action('/operator/check', async (c) => {
  const nowMs = Date.now();
  await noteChecks(c.get('store'), nowMs, await checkInstallation(c, nowMs));
  return c.redirect('/operator#checks', 303);
});

async function accountOf(c: Call): Promise<Account> {
  const id = Number(c.req.param('id'));
  const account = Number.isSafeInteger(id) ? await findAccount(c.get('store').first, id) : null;
  if (!account) throw new Problem('not_found', 'There is no such account.');
  return account;
}

async function join(c: Call, account: Account, userId: string): Promise<void> {
  const store = c.get('store');
  const nowMs = Date.now();
  const organizationId = await ensureOrganization(store, account, nowMs);
  await addMember(store, { organizationId, userId, role: 'owner', nowMs });
}

operatorPages.action('/operator/accounts', async (c, viewer, form) => {
  const name = z.string().min(1).max(200).safeParse(form.text('name'));
  if (!name.success) throw wrong('/name', 'Give the account a name of at most 200 characters.');
  const store = c.get('store');
  const placed = { name: name.data, home: await emptiestHome(store) };
  const account = await createAccount(store, placed, Date.now());
  noted(c, { account: String(account.id), name: account.name });
  await join(c, account, viewer.user.id);
  return c.redirect('/operator?done=account-made#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/join', async (c, viewer) => {
  await join(c, await accountOf(c), viewer.user.id);
  return c.redirect('/operator#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/suspend', async (c, viewer) => {
  const { id } = await accountOf(c);
  await setAccountStatus(c.get('store'), id, 'suspended', `by ${viewer.user.email}`);
  return c.redirect('/operator?done=account-suspended#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/resume', async (c) => {
  const { id } = await accountOf(c);
  await setAccountStatus(c.get('store'), id, 'active', null);
  return c.redirect('/operator?done=account-resumed#accounts', 303);
});
