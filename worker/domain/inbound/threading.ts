import type { HeaderField } from './received.ts';

const mostIds = 50;
const idPattern = /<[^<>\s]{1,990}>/g;

/** What in a mail can tell which sent message it answers; the better clue first. */
export interface ThreadClues {
  /** `<token>` of `reply+<token>@`, in the order of the recipients, in lower case; whether one is ours, its HMAC tells. */
  replyTokens: string[];
  /** Message-IDs with their angle brackets, each once: In-Reply-To, then References from the newest (RFC 5322 §3.6.4). */
  messageIds: string[];
}

/**
 * Reads them. Time is linear.
 * @param recipients of the envelope
 */
export function threadClues(recipients: readonly string[], headers: readonly HeaderField[]): ThreadClues {
  const replyTokens = recipients.flatMap((address) => {
    const [, token] = /^reply\+([a-z0-9-]{1,59})@/i.exec(address) ?? [];
    return token === undefined ? [] : [token.toLowerCase()];
  });
  const named = (wanted: string) =>
    headers
      .filter(({ name }) => name.toLowerCase() === wanted)
      .flatMap(({ value }) => value.match(idPattern) ?? []);
  const ids = new Set([...named('in-reply-to'), ...named('references').reverse()]);
  return { replyTokens, messageIds: [...ids].slice(0, mostIds) };
}
