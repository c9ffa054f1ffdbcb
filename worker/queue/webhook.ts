import { type Env, eventPointers } from '../env.ts';
import { openStore } from '../store/store.ts';
import { activeEndpointIds } from '../store/webhook-endpoints.ts';
import { senderOf } from '../webhook/sender-of.ts';

/**
 * The consumer of the `webhook` queue: pokes the senders of the accounts' active endpoints and returns. Posting is
 * theirs alone, since batches of a queue may be carried out one after the other.
 */
export async function consumeWebhook(batch: MessageBatch, env: Env): Promise<void> {
  const pointers = batch.messages.flatMap((message) => {
    const read = eventPointers.safeParse(message.body);
    return read.success ? [read.data] : [];
  });
  if (pointers.length < batch.messages.length) {
    const foreign = batch.messages.length - pointers.length;
    console.error(
      JSON.stringify({ level: 'error', msg: 'queue messages of an unknown form dropped', foreign }),
    );
  }
  const accountIds = [...new Set(pointers.flatMap((pointer) => pointer.accountIds))];
  if (accountIds.length > 0) {
    await pokeSenders(env, await activeEndpointIds(openStore(env.bindings), accountIds));
  }
  batch.ackAll();
}

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
