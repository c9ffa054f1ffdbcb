import { deliveryPointers, type Env, eventPointers } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { pokeAccounts } from '../webhook/poke.ts';

/** As late as a queue tries a message again (Queues, limits): until it is taken away, or is too old to be kept. */
const foreignDelaySeconds = 12 * 3600;

/**
 * The consumer of both queues. What a message is says its form, not its queue's name, which an installation of an older
 * version has otherwise. Pointers to deliveries only say that there is work: one wake for a whole batch. Pointers to
 * accounts poke the senders of their active endpoints; posting is theirs alone, since batches of a queue may be carried
 * out one after the other. What is not ours stays in the queue for whom it is.
 */
export async function consume(batch: MessageBatch, env: Env): Promise<void> {
  const accountIds = new Set<number>();
  const foreign: Message[] = [];
  let wake = false;
  for (const message of batch.messages) {
    const work = deliveryPointers.safeParse(message.body);
    const events = eventPointers.safeParse(message.body);
    if (work.success) wake = true;
    else if (events.success) for (const id of events.data.accountIds) accountIds.add(id);
    else foreign.push(message);
  }
  if (wake) await hubOf(env.bindings.HUB).wake();
  if (accountIds.size > 0) await pokeAccounts(env, [...accountIds]);
  if (foreign.length === 0) {
    batch.ackAll();
    return;
  }
  const msg = 'messages of an unknown form are in this queue, and are left there';
  console.error(JSON.stringify({ level: 'error', msg, queue: batch.queue, foreign: foreign.length }));
  for (const message of batch.messages) {
    if (foreign.includes(message)) message.retry({ delaySeconds: foreignDelaySeconds });
    else message.ack();
  }
}
