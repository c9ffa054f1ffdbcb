import { quoteTxt } from './dns.ts';
import type { WantedRecord } from './record-check.ts';

/**
 * Records as a BIND master file (RFC 1035 §5): absolute names, TXT in strings of at most 255 octets. A record
 * that must be merged into another is a comment, so that the snippet can be included as it is.
 */
export function zoneSnippet(
  domain: string,
  records: readonly (WantedRecord & { comment: string; off?: boolean })[],
  ttlSeconds = 3600,
): string {
  const lines = records.flatMap(({ type, name, value, comment, off }) => {
    const data = type === 'TXT' ? quoteTxt(value) : `${value}.`;
    const record = `${name}. ${ttlSeconds} IN ${type} ${data}`;
    return [`; ${oneLine(comment)}`, off ? `; ${record}` : record];
  });
  return [`; DNS records of ${oneLine(domain)} for Pennypost`, ...lines, ''].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/[^ -~]/g, ' ');
}
