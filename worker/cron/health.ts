import { type HealthJudgement, judgeHealth } from '#domain/limits/health.ts';
import type { Env } from '../env.ts';
import { type JudgedAccount, keepHealth, readHealth } from '../store/account-health.ts';
import type { Store } from '../store/store.ts';
import { tellOwners } from '../system-mail/tell-owners.ts';
import { healthMail } from '../system-mail/texts.ts';

/** Accounts that one step judges. */
const judgedAtOnce = 200;
/** And of how many of them the owners are told: a mail costs an acceptance for each owner. */
const toldAtOnce = 3;

/**
 * A step of the round over all accounts that judges their sender health by the counters, keeps what has changed, and
 * tells owners of a decline. It is kept first: what could not be mailed is not told twice.
 * @returns the account after which the next step goes on; null at the end
 */
export async function stepHealth(
  { store, env, nowMs }: { store: Store; env: Env; nowMs: number },
  place: number,
): Promise<number | null> {
  const accounts = await readHealth(store, { after: place, most: judgedAtOnce }, nowMs);
  const changes: (JudgedAccount & { next: HealthJudgement })[] = [];
  let last = accounts.length < judgedAtOnce ? null : (accounts.at(-1)?.id ?? null);
  let tells = 0;
  for (const account of accounts) {
    const next = judgeHealth(account.kept, account.figures, env.digestPause);
    const { level, digestPaused } = account.kept;
    if (next.level === level && next.digestPaused === digestPaused) continue;
    changes.push({ ...account, next });
    if (next.tells) tells += 1;
    if (tells < toldAtOnce) continue;
    last = account.id;
    break;
  }
  const kept = await keepHealth(
    store,
    changes.map(({ id, kept: before, next: { level, digestPaused } }) => ({
      id,
      before,
      after: { level, digestPaused },
    })),
  );
  for (const { id: accountId, name, next } of changes) {
    if (!kept.has(accountId)) continue;
    const { level, digestPaused, tells: isWorse } = next;
    const told = { level: isWorse ? 'warn' : 'info', msg: `the sender health of an account is ${level}` };
    console.log(JSON.stringify({ ...told, accountId, digestPaused }));
    if (isWorse) await tellOwners(store, env, accountId, healthMail(name, next));
  }
  return last;
}
