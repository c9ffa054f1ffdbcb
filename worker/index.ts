import { count, housekeep, sweep } from './cron/sweep.ts';
import { ticked } from './cron/tick.ts';
import { verifyDue } from './cron/verify.ts';
import { parseEnv } from './env.ts';
import { app } from './http.ts';
import { receiveRouted } from './inbound/doors.ts';
import { consumeDelivery } from './queue/delivery.ts';
import { consumeWebhook } from './queue/webhook.ts';
import { openStore } from './store/store.ts';

export { NodeHub } from './node-api/hub.ts';
export { WebhookSender } from './webhook/sender.ts';

/** The doors of the Worker: each only opens. */
export default {
  fetch: app.fetch,

  async queue(batch: MessageBatch, env: unknown): Promise<void> {
    if (batch.queue === 'webhook') await consumeWebhook(batch, parseEnv(env));
    else await consumeDelivery(batch, parseEnv(env));
  },

  async email(message: ForwardableEmailMessage, env: unknown): Promise<void> {
    const parsed = parseEnv(env);
    await receiveRouted(message, openStore(parsed.bindings), parsed);
  },

  async scheduled(controller: ScheduledController, env: unknown): Promise<void> {
    const parsed = parseEnv(env);
    const store = openStore(parsed.bindings);
    const nowMs = controller.scheduledTime;
    // Once an hour is often enough; a missing table is made on demand as well.
    const onTheHour = new Date(nowMs).getUTCMinutes() === 0;
    await ticked(store, nowMs, [
      // A tick may begin late; what has fallen due meanwhile must not wait for the next.
      () => sweep(store, parsed, Math.max(nowMs, Date.now())),
      () => count(store, nowMs),
      ...(onTheHour ? [() => housekeep(store, nowMs)] : []),
      () => verifyDue(store, parsed, nowMs),
    ]);
  },
} satisfies ExportedHandler;
