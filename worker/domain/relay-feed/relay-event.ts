import type { Returned } from '../bounce/returned-mail.ts';

/** What a relay's feed of events tells of one message that it took. */
export interface RelayEvent {
  /** What becomes of the delivery: as if a report had come by mail. */
  reading: Returned;
  /** What it counts as, to compare with what the relay took; null: neither yet, or a second word about the same. */
  counts: 'delivered' | 'refused' | null;
  /** The sender that the relay knows: our return path where it keeps the envelope. */
  sender: string;
  /** The relay's own id of the message, as it said in its reply to DATA; null: it tells none. */
  relayId: string | null;
}

/** The id that a relay gave a message in its reply to DATA, as `Ok <id@host>`; null when it says none. */
export function relayIdOf(reply: string): string | null {
  return /<([^<>\s]{1,250})>/.exec(reply)?.[1] ?? null;
}
