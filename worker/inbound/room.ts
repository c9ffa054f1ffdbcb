import type { Settings } from '../settings.ts';
import type { Store } from '../store/store.ts';

/** What the room of returned mail works with; all time and waiting come from here. */
export interface Room {
  store: Store;
  settings: Pick<Settings, 'serviceDomain' | 'returnPathKeys'>;
  nowMs: number;
  /** Waits a moment; a test need not. */
  pause(ms: number): Promise<void>;
  /** Called once events of an account are committed: whoever hands them on may look now. Must not throw. */
  eventsCommitted(accountId: number): void;
}
