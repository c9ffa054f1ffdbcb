import { deliveryPointers, type Env } from '../env.ts';
import { hubOf } from '../node-api/hub-of.ts';

/**
 * The consumer of the `delivery` queue, on which work rides that is due later, and work whose wake has failed: one
 * wake for a whole batch, since a pointer only says that there is work.
 */
export async function consumeDelivery(batch: MessageBatch, env: Env): Promise<void> {
  const work = batch.messages.filter((message) => deliveryPointers.safeParse(message.body).success);
  if (work.length < batch.messages.length) {
    const foreign = batch.messages.length - work.length;
    console.error(
      JSON.stringify({ level: 'error', msg: 'queue messages of an unknown form dropped', foreign }),
    );
  }
  if (work.length > 0) await hubOf(env.bindings.HUB).wake();
  batch.ackAll();
}
