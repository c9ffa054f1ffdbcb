/**
 * Mail addresses: `local@domain` (RFC 5321 §4.1.2 Mailbox, RFC 6531 §3.3 for UTF-8) and `Name <local@domain>`
 * (RFC 5322 §3.4). Address literals, routes and groups are refused: a transactional sender has no use for them.
 */
export interface Mailbox {
  name: string;
  /** `local@domain`; the local part as given, the domain in lower case. */
  address: string;
  localPart: string;
  domain: string;
}

const atext = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+$/u;
const quotedLocalPart = /^"(?:[ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"$/u;
const domainLabel =
  /^[a-z0-9\u0080-\u{10ffff}](?:[a-z0-9\u0080-\u{10ffff}-]{0,61}[a-z0-9\u0080-\u{10ffff}])?$/u;

/**
 * Reads a mailbox.
 * @returns the mailbox, or a sentence that says what is wrong
 */
export function parseMailbox(text: string): Mailbox | string {
  if (/[\0-\x1f\x7f]/.test(text)) return 'has a control character (CR, LF and NUL are never allowed)';
  const trimmed = text.trim();
  if (trimmed === '') return 'is empty';
  if (!trimmed.endsWith('>')) return parseAddress(trimmed, '');
  const open = trimmed.lastIndexOf('<');
  if (open < 0) return 'has a ">" without a "<"';
  return parseAddress(trimmed.slice(open + 1, -1).trim(), displayName(trimmed.slice(0, open).trim()));
}

function displayName(text: string): string {
  if (text.length >= 2 && text.startsWith('"') && text.endsWith('"')) {
    return text.slice(1, -1).replace(/\\(.)/g, '$1');
  }
  return text;
}

function parseAddress(text: string, name: string): Mailbox | string {
  const at = text.lastIndexOf('@');
  if (at < 0) return 'has no "@"';
  const localPart = text.slice(0, at);
  const domain = text
    .slice(at + 1)
    .toLowerCase()
    .normalize('NFC');
  const fault = localPartFault(localPart) ?? domainFault(domain);
  if (fault) return fault;
  if (octets(localPart) + 1 + octets(domain) > 254) return 'is longer than 254 octets'; // RFC 5321 §4.5.3.1.3
  return { name, address: `${localPart}@${domain}`, localPart, domain };
}

function localPartFault(localPart: string): string | null {
  if (localPart === '') return 'has nothing before the "@"';
  if (octets(localPart) > 64) return 'has more than 64 octets before the "@"'; // RFC 5321 §4.5.3.1.1
  if (quotedLocalPart.test(localPart)) return null;
  if (localPart.split('.').every((atom) => atext.test(atom))) return null;
  return `has a local part that is not valid: "${localPart}"`;
}

/** What is wrong with a domain name in lower case, in A-labels or U-labels; null when it is fine. */
export function domainFault(domain: string): string | null {
  if (domain === '') return 'has nothing after the "@"';
  if (octets(domain) > 253) return 'has a domain of more than 253 octets';
  const labels = domain.split('.');
  if (labels.length < 2) return `has a domain without a dot: "${domain}"`;
  if (!labels.every((label) => domainLabel.test(label))) return `has a domain that is not valid: "${domain}"`;
  if (/^\d+$/.test(labels.at(-1) ?? '')) return `has a domain that is not valid: "${domain}"`;
  return null;
}

/** Length in UTF-8. */
function octets(text: string): number {
  let length = 0;
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

/** True when all characters are ASCII. */
export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** True when `domain` is `parent` or below it. */
export function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
