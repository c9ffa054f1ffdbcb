import { z } from 'zod';
import type { Diagnosis } from '#domain/diagnosis.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../api/app.ts';
import {
  type Account,
  createAccount,
  findAccount,
  listAccounts,
  setAccountStatus,
} from '../store/accounts.ts';
import { addMember, ensureOrganization } from '../store/auth.ts';
import { lastChecks, noteChecks } from '../store/installation.ts';
import { readQueues } from '../store/overview.ts';
import { Card, Columns, Fields } from './blocks.tsx';
import { Board, html, needOperator } from './board.tsx';
import { checkInstallation } from './installation-check.ts';
import { Page } from './layout.tsx';
import { QueuesAndNodes } from './overview.tsx';
import { Field, Head, Post, State, Time, type Tone } from './parts.tsx';

/** The installation as its operator sees it: accounts, nodes, queues. */
export const operatorPages = new Board();

operatorPages.page('/operator', async (c, viewer) => {
  needOperator(viewer);
  const nowMs = Date.now();
  const [accounts, { queues, nodes }, checked] = await Promise.all([
    listAccounts(c.get('store')),
    readQueues(c.get('store'), nowMs),
    lastChecks(c.get('store')),
  ]);
  const joined = new Set(viewer.memberships.map(({ accountId }) => accountId));
  return html(
    c,
    <Page title="Installation" viewer={viewer} url={c.req.url}>
      <Head title="Installation" lead={`Service domain ${c.get('env').serviceDomain}`} />
      <Checks checked={checked} />
      <QueuesAndNodes queues={queues} nodes={nodes} nowMs={nowMs} />
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

/** How each state of a check is shown, the worst first. */
const shownStates: readonly { status: Diagnosis['status']; tone: Tone; text: string }[] = [
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

operatorPages.action('/operator/check', 'operator', async (c) => {
  const nowMs = Date.now();
  await noteChecks(c.get('store'), nowMs, await checkInstallation(c, nowMs));
  return c.redirect('/operator#checks', 303);
});

async function accountOf(c: Call): Promise<Account> {
  const id = Number(c.req.param('id'));
  const account = Number.isSafeInteger(id) ? await findAccount(c.get('store'), id) : null;
  if (!account) throw new Problem('not_found', 'There is no such account.');
  return account;
}

async function join(c: Call, account: Account, userId: string): Promise<void> {
  const store = c.get('store');
  const nowMs = Date.now();
  const organizationId = await ensureOrganization(store, account, nowMs);
  await addMember(store, { organizationId, userId, role: 'owner', nowMs });
}

operatorPages.action('/operator/accounts', 'operator', async (c, viewer, form) => {
  const name = z.string().min(1).max(200).safeParse(form.text('name'));
  if (!name.success) throw new Problem('invalid_body', 'Give the account a name of at most 200 characters.');
  const account = await createAccount(c.get('store'), name.data, Date.now());
  await join(c, account, viewer.user.id);
  return c.redirect('/operator?done=account-made#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/join', 'operator', async (c, viewer) => {
  await join(c, await accountOf(c), viewer.user.id);
  return c.redirect('/operator#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/suspend', 'operator', async (c, viewer) => {
  const { id } = await accountOf(c);
  await setAccountStatus(c.get('store'), id, 'suspended', `by ${viewer.user.email}`);
  return c.redirect('/operator?done=account-suspended#accounts', 303);
});

operatorPages.action('/operator/accounts/:id/resume', 'operator', async (c) => {
  const { id } = await accountOf(c);
  await setAccountStatus(c.get('store'), id, 'active', null);
  return c.redirect('/operator?done=account-resumed#accounts', 303);
});
