import { createMessageBatch } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import worker from '../../../worker/index.ts';
import { bindings, call, mail, type TestAccount } from '../support.ts';

/** The databases of the three homes. */
export const databases = [bindings.DB, bindings.DB_1 as D1Database, bindings.DB_2 as D1Database] as const;

/** The environment, with what was asked of each database counted. */
export function countedHomes(): { asked: number[]; environment: Record<string, unknown> } {
  const asked = databases.map(() => 0);
  const counted = (database: D1Database, home: number): D1Database =>
    new Proxy(database, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'batch' && name !== 'prepare') return value;
        return (...args: unknown[]) => {
          // What is prepared for a batch is asked with it.
          if (name === 'batch') asked[home] = (asked[home] ?? 0) + 1;
          return value.apply(target, args);
        };
      },
    });
  const environment = { ...(env as object) } as Record<string, unknown>;
  for (const [home, database] of databases.entries())
    environment[home === 0 ? 'DB' : `DB_${home}`] = counted(database, home);
  return { asked, environment };
}

/** An account in a home, with a verified domain of the type. */
export async function accountAt(home: number, type = 'outbound'): Promise<TestAccount> {
  const operator = bindings.OPERATOR_TOKEN;
  const { body: account } = await call('POST', '/admin/v1/accounts', operator, { name: `at ${home}`, home });
  if (account.home !== home) throw new Error(JSON.stringify(account));
  const domain = `sender${account.id}.example`;
  await call('POST', `/admin/v1/accounts/${account.id}/domains`, operator, { domain, type, verified: true });
  const key = async (environment: string) =>
    (await call('POST', `/admin/v1/accounts/${account.id}/credentials`, operator, { environment })).body
      .secret;
  return { id: account.id, domain, live: await key('live'), test: await key('test') };
}

/** Sends a message; gives its id. */
export async function send(account: TestAccount, more: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await call('POST', '/v1/send', account.live, mail(account, more));
  if (status !== 202) throw new Error(JSON.stringify(body));
  return body.message_id;
}

/** What a query gives in each home. */
export async function inEach(query: string, ...values: unknown[]): Promise<Record<string, unknown>[][]> {
  return await Promise.all(
    databases.map(async (database) => {
      const rows = await database
        .prepare(query)
        .bind(...values)
        .all<Record<string, unknown>>()
        .catch(() => ({ results: [] }));
      return rows.results;
    }),
  );
}

/** Cron ticks in a home, by the message that is about it. */
export async function tickIn(home: number, atMs = Date.now()): Promise<void> {
  const body = { home, tickMs: atMs, goesOn: false };
  const batch = createMessageBatch('pennypost-delivery', [
    { id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body },
  ]);
  await worker.queue(batch, env);
}
