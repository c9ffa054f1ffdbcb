import type { Call } from '../http/app.ts';
import type { GateCredential } from '../store/acceptance.ts';

/** After events of an account have been committed: has them announced, if anybody listens. */
export function announceEvents(c: Call, credential: GateCredential): void {
  if (!credential.webhooks) return;
  const { WEBHOOK } = c.get('env').bindings;
  c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(WEBHOOK, [credential.accountId]));
}
