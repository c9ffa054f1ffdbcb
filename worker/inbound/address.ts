import { feedbackMailbox } from '#domain/message/feedback.ts';
import { looksLikeToken } from '#domain/message/return-path.ts';
import { parseReportAddress, type ReportAddress, reportHost } from '#domain/reports/report-address.ts';
import { verifyReturnPath } from '../tokens/return-path.ts';

/** What an address at a bounce host stands for. */
export type InboundAddress =
  | { kind: 'delivery'; messageId: string; n: number }
  /** Takes feedback reports (RFC 5965) without a token, and nothing else. */
  | { kind: 'feedback' }
  /** Takes reports about a domain, if there is that domain. */
  | { kind: 'report'; report: ReportAddress }
  | { kind: 'forged' }
  | { kind: 'unknown' };

/**
 * Mailboxes of the bounce host that take feedback reports: reporters write to the address that a sender registered
 * with them, or to the sender's role addresses (RFC 2142 §2; RFC 5321 §4.5.1 has every host take postmaster). The
 * first is named in messages (`feedbackFields`), so it is there at customers' hosts too.
 */
const feedbackMailboxes = [feedbackMailbox, 'abuse', 'postmaster'];

/** The host of return paths below the service's own domain. */
export function bounceHost(serviceDomain: string): string {
  return `bounces.${serviceDomain}`;
}

/** A host of the service that takes mail about mail. */
export function isServiceHost(host: string, serviceDomain: string): boolean {
  return host === bounceHost(serviceDomain) || host === reportHost(serviceDomain);
}

/** Reads an envelope recipient. A token counts at any host, for customers have bounce hosts of their own. */
export async function readAddress(
  address: string,
  of: { serviceDomain: string; returnPathKeys: readonly Uint8Array[] },
): Promise<InboundAddress> {
  // RFC 5321 §4.5.1: the one mailbox that needs no domain
  if (address.toLowerCase() === 'postmaster') return { kind: 'feedback' };
  const at = address.lastIndexOf('@');
  const localPart = address.slice(0, at).toLowerCase();
  const token = await verifyReturnPath(localPart, of.returnPathKeys);
  if (token) return { kind: 'delivery', messageId: token.messageId, n: token.n };
  if (looksLikeToken(localPart)) return { kind: 'forged' };
  const host = address.slice(at + 1).toLowerCase();
  const report = host === reportHost(of.serviceDomain) ? parseReportAddress(localPart) : null;
  if (report) return { kind: 'report', report };
  const own = isServiceHost(host, of.serviceDomain);
  const taken = localPart === feedbackMailbox || (own && feedbackMailboxes.includes(localPart));
  return { kind: taken ? 'feedback' : 'unknown' };
}
