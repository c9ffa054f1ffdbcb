import type { Settings } from '../settings.ts';
import type { Store } from '../store/store.ts';

/** A mail with one of its envelope recipients. */
export interface InboundMail {
  /** Empty for the null sender. */
  mailFrom: string;
  rcptTo: string;
  raw: Uint8Array;
  /** `signed_author` of the node contract; null when nobody has verified a signature. */
  signedAuthor: string | null;
}

/** What the room of returned mail works with; all time and waiting come from here. */
export interface Room {
  store: Store;
  settings: Pick<Settings, 'serviceDomain' | 'returnPathKeys' | 'feedbackLoops'>;
  nowMs: number;
  /** Waits a moment; a test need not. */
  pause(ms: number): Promise<void>;
  /** Called once events of an account are committed: whoever hands them on may look now. Must not throw. */
  eventsCommitted(accountId: number): void;
  /** Called once a delivery has ended by what came back. Must not throw. */
  failed(delivery: { messageId: string; status: string | null }): void;
}
