/** How a link of a mail was fetched. */
export interface Visit {
  method: string;
  userAgent: string;
  /** The program said that it looks ahead (`Sec-Purpose`, `Purpose` or `X-Moz`: prefetch). */
  prefetch: boolean;
  atMs: number;
  /** When the remote MX took the mail; null: not known. */
  deliveredAtMs: number | null;
  /** A node is handing it over at this moment. */
  sending: boolean;
}

/** Nobody has read a mail so soon after its delivery, but a gateway has looked at it. */
export const readAfterMs = 5_000;

/** Programs that fetch pictures and links of mails before or without anybody reading them, by their User-Agent. */
const machines: readonly { about: string; userAgent: RegExp }[] = [
  { about: 'tells nothing of itself', userAgent: /^\s*$/ },
  { about: 'Mail Privacy Protection of Apple Mail', userAgent: /^Mozilla\/5\.0$/ },
  { about: "Gmail's proxy of pictures", userAgent: /GoogleImageProxy/ },
  { about: "Yahoo's proxy of pictures", userAgent: /YahooMailProxy/ },
  {
    about: 'gateways that look at links before they let a mail through',
    userAgent: /barracuda|mimecast|proofpoint|symantec|messagelabs|trendmicro|sophos|safelinks|ironport/i,
  },
  {
    about: 'robots and previews of chats',
    userAgent: /bot\b|crawl|spider|slurp|scan|preview|facebookexternalhit|whatsapp|headless/i,
  },
  {
    about: 'libraries',
    userAgent:
      /^(curl|wget|python|go-http-client|java|okhttp|axios|node|undici|ruby|php|libwww|apache-httpclient)\b/i,
  },
];

/**
 * Whether a fetch was probably no person's. A guess: some programs look like browsers, and some people read by a
 * proxy that fetches for them.
 */
export function looksLikeMachine(visit: Visit): boolean {
  if (visit.method === 'HEAD' || visit.prefetch || visit.sending) return true;
  if (machines.some(({ userAgent }) => userAgent.test(visit.userAgent))) return true;
  return visit.deliveredAtMs !== null && visit.atMs < visit.deliveredAtMs + readAfterMs;
}
