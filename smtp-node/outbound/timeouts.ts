/** How long each step of the dialogue may take, milliseconds. */
export interface Timeouts {
  /**
   * RFC 5321 gives connecting no limit. Ours is short: a host that has not answered a SYN (and its five
   * retransmissions) in half a minute is down, and the next MX may be up.
   */
  connectMs: number;
  greetingMs: number;
  /**
   * Connecting, greeting, EHLO and TLS of all hosts of one attempt together. RFC 5321 has five minutes for each step of
   * each host, from a time when a queue runner had nothing else to do; a retry asks a minute later.
   */
  beforeMailMs: number;
  ehloMs: number;
  /** STARTTLS and the handshake. Not in RFC 5321; a peer that stalls here is tried again without TLS. */
  tlsMs: number;
  /** RFC 4954 has no limit of its own: as any command. */
  authMs: number;
  mailMs: number;
  rcptMs: number;
  dataMs: number;
  dataBlockMs: number;
  finalMs: number;
  rsetMs: number;
  quitMs: number;
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/** RFC 5321 §4.5.3.2.1 to .6, but for `beforeMailMs`. */
export const defaultTimeouts: Timeouts = {
  connectMs: 30 * secondMs,
  greetingMs: 5 * minuteMs,
  beforeMailMs: 1 * minuteMs,
  ehloMs: 5 * minuteMs,
  tlsMs: 1 * minuteMs,
  authMs: 5 * minuteMs,
  mailMs: 5 * minuteMs,
  rcptMs: 5 * minuteMs,
  dataMs: 2 * minuteMs,
  dataBlockMs: 3 * minuteMs,
  finalMs: 10 * minuteMs,
  // After a transaction nobody waits for these two; a slow peer only loses its pooled connection.
  rsetMs: 10 * secondMs,
  quitMs: 2 * secondMs,
};
