import type { Context } from 'hono';
import { Problem } from '#domain/problem.ts';
import type { App } from '../http/app.ts';
import { type Account, findAccount } from '../store/accounts.ts';
import type { Store } from '../store/store.ts';

/** The account that a call of the operator is about. */

export type AdminCall = Context<App>;

/** The account of the path; whatever is asked of the store from here on is asked of its home. */
export async function accountOf(c: AdminCall): Promise<Account> {
  const id = Number(c.req.param('id'));
  const { first } = c.get('store');
  const account = Number.isSafeInteger(id) ? await findAccount(first, id) : null;
  if (!account) throw new Problem('not_found', `There is no account ${c.req.param('id')}.`);
  c.set('store', first.at(account.home));
  return account;
}

export function noSuchHome({ homes }: Store): Problem {
  const detail = homes === 1 ? 'must be 0, there is one home' : `must be from 0 to ${homes - 1}`;
  return new Problem('invalid_body', `home ${detail}`, { errors: [{ pointer: '/home', detail }] });
}

export function accountView(account: Account) {
  return {
    id: account.id,
    name: account.name,
    status: account.status,
    status_reason: account.statusReason,
    home: account.home,
    limits: { messages_per_minute: account.messagesPerMinute },
    created_at: new Date(account.createdAtMs).toISOString(),
  };
}
