import { mostReceivedFields } from '#domain/node-contract.ts';

/** What the trace fields of a mail that was taken tell (RFC 5321 §4.4). */
export interface Trace {
  id: string;
  hostName: string;
  remoteIp: string;
  /** The client's name in DNS; null: none that is its own. */
  clientName: string | null;
  helo: string;
  /** As IANA registered it, e.g. `ESMTPS` (RFC 3848). */
  protocol: string;
  rcptTo: readonly string[];
  /** Value of Authentication-Results; null: nobody could judge. */
  authResults: string | null;
  atMs: number;
}

/** The fields that are put before a mail: Received, and below it what was found out about it (RFC 8601 §5). */
export function traceFields(of: Trace): string {
  const address = of.remoteIp.includes(':') ? `IPv6:${of.remoteIp}` : of.remoteIp;
  const from = `${atom(of.helo)} (${of.clientName === null ? '' : `${atom(of.clientName)} `}[${address}])`;
  const [only, ...others] = of.rcptTo;
  // RFC 5321 §7.6: one recipient is not to learn of the others here
  const recipient = only !== undefined && others.length === 0 ? `\r\n\tfor <${only}>` : '';
  const received = `Received: from ${from}\r\n\tby ${of.hostName} (Pennypost) with ${of.protocol} id ${of.id}${recipient};\r\n\t${dateOf(of.atMs)}\r\n`;
  return of.authResults === null ? received : `${received}Authentication-Results: ${of.authResults}\r\n`;
}

/** What a client calls itself, as a word that cannot end the field or open a comment. */
function atom(text: string): string {
  return text.replace(/[^\w.:[\]-]/g, '') || 'unknown';
}

/** RFC 5322 §3.3. */
function dateOf(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/**
 * Why a mail goes round in circles (RFC 5321 §6.3); null when it does not.
 * @param header its header section, latin1
 */
export function loopFault(header: string, rcptTo: readonly string[]): string | null {
  const received = header.match(/^received[ \t]*:/gim)?.length ?? 0;
  if (received > mostReceivedFields) {
    return `Loop: the message has passed ${received} hosts, ${mostReceivedFields} are the most`;
  }
  const delivered = [...header.matchAll(/^delivered-to[ \t]*:[ \t]*<?([^>\s]*)/gim)].map(([, address]) =>
    address?.toLowerCase(),
  );
  const own = rcptTo.find((address) => delivered.includes(address.toLowerCase()));
  return own === undefined ? null : `Loop: the message has been delivered to ${own} before`;
}
