import { DurableObject } from 'cloudflare:workers';
import { type Env, parseEnv } from '../env.ts';
import { openStore } from '../store/store.ts';
import { storeOfEndpoint } from '../store/webhook-endpoints.ts';
import { tellOwners } from '../system-mail/tell-owners.ts';
import { webhookDisabledMail } from '../system-mail/texts.ts';
import { type TargetGuard, targetGuard } from './guard.ts';
import { DeliveryRun } from './run.ts';

/** After an unexpected failure (D1 away) it is begun again so much later. */
const againAfterMs = 10_000;

/**
 * Posts to one webhook endpoint: one object each, so that a slow endpoint holds up nobody else. It works in its
 * alarm; whoever pokes it does not wait. It keeps only the number of its endpoint: cursor, deliveries and tries
 * are in D1, so it may die at any time, and the sweep pokes it again.
 */
export class WebhookSender extends DurableObject {
  private readonly settings: Env;
  private readonly guard: TargetGuard;
  private run: DeliveryRun | null = null;

  constructor(context: DurableObjectState, env: Cloudflare.Env) {
    super(context, env);
    this.settings = parseEnv(env);
    this.guard = targetGuard(this.settings);
  }

  /** There may be something to post. */
  async poke(endpointId: number): Promise<void> {
    if (this.run?.isAlive()) return this.run.poke();
    await this.begin(endpointId);
  }

  /** The endpoint has been changed or deleted. */
  async reload(endpointId: number): Promise<void> {
    if (this.run?.isAlive()) return this.run.reload();
    await this.begin(endpointId);
  }

  private async begin(endpointId: number): Promise<void> {
    const { storage } = this.ctx;
    if ((await storage.get('endpointId')) !== endpointId) await storage.put('endpointId', endpointId);
    await this.wakeAt(Date.now());
  }

  override async alarm(): Promise<void> {
    const endpointId = await this.ctx.storage.get<number>('endpointId');
    if (endpointId === undefined) return;
    // The platform tries an alarm again whose invocation it has cut off. What was its run may look alive still.
    if (this.run?.isAlive()) return this.wakeAt(this.run.deadAtMs);
    const store = await storeOfEndpoint(openStore(this.settings), endpointId);
    const run = new DeliveryRun({
      store,
      settings: this.settings,
      guard: this.guard,
      endpointId,
      onDisabled: ({ accountId, url }, reason) =>
        tellOwners(store, this.settings, accountId, webhookDisabledMail(url, reason)),
    });
    this.run = run;
    let next: Awaited<ReturnType<DeliveryRun['work']>>;
    try {
      next = await run.work();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      console.error(JSON.stringify({ level: 'error', msg: 'webhook run failed', endpointId, error: text }));
      next = Date.now() + againAfterMs;
    } finally {
      if (this.run === run) this.run = null;
    }
    if (next === 'gone') await this.ctx.storage.deleteAll();
    else if (next !== null) await this.wakeAt(next);
  }

  /** Sets the alarm unless it is set for an earlier time. */
  private async wakeAt(ms: number): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > ms) await this.ctx.storage.setAlarm(ms);
  }
}
