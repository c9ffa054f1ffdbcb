import { tick } from './cron/tick.ts';
import { parseEnv } from './env.ts';
import { receiveRouted } from './inbound/doors.ts';
import { consume } from './queue/consume.ts';
import { app } from './routes.ts';
import { openStore } from './store/store.ts';

export { NodeHub } from './hub/hub.ts';
export { WebhookSender } from './webhook/sender.ts';

/** The doors of the Worker: each only opens. */
export default {
  fetch: app.fetch,

  async queue(batch: MessageBatch, env: unknown): Promise<void> {
    await consume(batch, parseEnv(env));
  },

  async email(message: ForwardableEmailMessage, env: unknown): Promise<void> {
    const parsed = parseEnv(env);
    await receiveRouted(message, openStore(parsed), parsed);
  },

  async scheduled(controller: ScheduledController, env: unknown): Promise<void> {
    const parsed = parseEnv(env);
    await tick(openStore(parsed), parsed, controller.scheduledTime);
  },
} satisfies ExportedHandler;
