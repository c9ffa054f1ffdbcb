import type { Call } from '../http/app.ts';
import { byHomeOfAccount, storeOfAccount } from '../store/account-homes.ts';
import { type AuditEntry, noteAudit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';
import { systemAccountId } from '../store/system-mail.ts';
import type { Access } from './access/row.ts';
import { addressOf } from './source.ts';

/** Says what something was done to, for the audit log: names, never secrets. */
export function noted(c: Call, details: Record<string, string>): void {
  Object.assign(c.get('noted') ?? {}, details);
}

/**
 * Writes down what was done through a route, when the table of access names it and it was done. It is written before the
 * answer goes; should it fail, what was done stays done, and the log of the Worker has the entry instead.
 */
export async function audit(c: Call, row: Access): Promise<void> {
  if (row.audit === undefined || c.get('caller') || !wasDone(c.res)) return;
  const { who, accountId } = doer(c, row);
  const store = row.who.surface === 'api' ? c.get('store') : await storeOfAccount(c.get('store'), accountId);
  await write(store, [
    {
      accountId,
      who,
      atMs: Date.now(),
      source: addressOf(c),
      what: row.audit,
      details: { ...pathDetails(c), ...c.get('noted') },
    },
  ]);
}

/** Writes down what concerns a person in each account that they belong to: they sign in to all of them. */
export async function auditPerson(
  c: Call,
  of: { email: string; accountIds: readonly number[]; what: string; details?: Record<string, string> },
): Promise<void> {
  const { email, accountIds, what, details = {} } = of;
  const entry = { who: email, atMs: Date.now(), source: addressOf(c), what, details };
  const entries = accountIds.map((accountId) => ({ ...entry, accountId }));
  for (const [store, own] of await byHomeOfAccount(c.get('store'), entries, (one) => one.accountId))
    await write(store, own);
}

async function write(store: Store, entries: AuditEntry[]): Promise<void> {
  await noteAudit(store, entries).catch((error: unknown) => {
    console.error(
      JSON.stringify({ level: 'error', msg: 'not in the audit log', entries, error: String(error) }),
    );
  });
}

/** A refusal does nothing, nor does a page that shows a fault, nor being sent to sign in. */
function wasDone(response: Response): boolean {
  return response.status < 400 && !(response.headers.get('Location') ?? '').startsWith('/sign-in');
}

function doer(c: Call, { who: { surface }, path }: Access): { who: string; accountId: number } {
  const ofPath = Number(c.req.param('id') ?? systemAccountId);
  if (surface === 'operator') return { who: 'operator token', accountId: ofPath };
  if (surface === 'enrolment') return { who: 'node secret', accountId: systemAccountId };
  if (surface === 'api') {
    const { id, accountId } = c.get('credential');
    return { who: `key ${id}`, accountId };
  }
  const viewer = c.get('viewer');
  if (path.startsWith('/operator/')) return { who: viewer.user.email, accountId: ofPath };
  return { who: viewer.user.email, accountId: viewer.account.accountId };
}

/** What stands in the path, by its names; the account is told by where the entry is. */
function pathDetails(c: Call): Record<string, string> {
  const isAccount = /^\/(admin\/v1|operator)\/accounts\//.test(c.req.path);
  const named = Object.entries(c.req.param()).filter(([name]) => !(isAccount && name === 'id'));
  return Object.fromEntries(named.map(([name, value]) => [name, String(value).slice(0, 320)]));
}
