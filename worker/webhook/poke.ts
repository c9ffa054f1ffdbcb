import type { Env } from '../env.ts';
import { byHomeOfAccount } from '../store/account-homes.ts';
import { openStore } from '../store/store.ts';
import { activeEndpoints } from '../store/webhook-endpoints.ts';
import { senderOf } from './sender-of.ts';

/** Tells senders that there may be work; one that cannot be told is left to the next sweep. */
export async function pokeSenders(env: Env, endpointIds: number[]): Promise<void> {
  await Promise.all(
    endpointIds.map((id) =>
      senderOf(env.bindings.SENDER, id)
        .poke(id)
        .catch((error: unknown) => {
          console.warn(
            JSON.stringify({
              level: 'warn',
              msg: 'a sender was not poked',
              endpointId: id,
              error: String(error),
            }),
          );
        }),
    ),
  );
}

/** Accounts of one queue message. */
const mostAccounts = 1000;

function chunksOf(accountIds: number[]): number[][] {
  const chunks: number[][] = [];
  for (let at = 0; at < accountIds.length; at += mostAccounts)
    chunks.push(accountIds.slice(at, at + mostAccounts));
  return chunks;
}

/** Senders that one invocation pokes; it may make a bounded number of requests. */
const mostPoked = 200;

/** Tells the senders of the accounts' active endpoints; accounts beyond what one invocation may tell ride the queue. */
export async function pokeAccounts(env: Env, accountIds: number[]): Promise<void> {
  const [first = [], ...others] = chunksOf(accountIds);
  const rest = others.flat();
  const homes = await byHomeOfAccount(openStore(env), first, (id) => id);
  const found = (await Promise.all(homes.map(([home, own]) => activeEndpoints(home, own)))).flat();
  const byAccount = [...Map.groupBy(found, ({ accountId }) => accountId)];
  let room = mostPoked;
  const now = byAccount.filter(([, own], i) => {
    room -= own.length;
    return room >= 0 || i === 0;
  });
  const later = byAccount.slice(now.length).map(([accountId]) => accountId);
  for (const accountIds of chunksOf([...later, ...rest])) await env.bindings.WEBHOOK.send({ accountIds });
  await pokeSenders(
    env,
    now.flatMap(([, own]) => own.map(({ id }) => id)),
  );
}

/**
 * Called where events have been committed outside of a request of the account: pokes the senders of its webhook
 * endpoints at once, without the queue, since such events are few. Never throws: the sweep finds what is behind.
 */
export async function eventsCommitted(env: Env, accountIds: readonly number[]): Promise<void> {
  try {
    await pokeAccounts(env, [...accountIds]);
  } catch (error) {
    console.warn(
      JSON.stringify({ level: 'warn', msg: 'senders not poked; the sweep will', error: String(error) }),
    );
  }
}
