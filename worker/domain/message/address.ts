import { decodeWords } from './encoded-word.ts';
import { hiddenCharacter, hiddenCharacters, trimHidden } from './hidden-character.ts';
import { idnaFault } from './idna.ts';

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
 * Reads one mailbox, `addr-spec` or `name-addr` of RFC 5322 §3.4: a name is of words and quoted strings (and
 * of dots, §4.1); without one, comments are it, as readers show them. Nothing looser is taken: readers of mail would differ about whom it shows. Time is
 * linear.
 * @returns the mailbox, or a sentence that says what is wrong
 */
export function parseMailbox(text: string): Mailbox | string {
  if (/[\0-\x1f\x7f]/.test(text)) return 'has a control character (CR, LF and NUL are never allowed)';
  const taken = withoutComments(trimHidden(text));
  if (taken === null) return 'has a parenthesis without its pair';
  const { plain, comments } = taken;
  if (plain === '') return 'is empty';
  const open = outsideQuotes(plain, '<', 0);
  if (open < 0) return plain.endsWith('>') ? 'has a ">" without a "<"' : parseAddress(plain, comments);
  const close = outsideQuotes(plain, '>', open);
  if (close < 0) return 'has a "<" without a ">"';
  if (plain.slice(close + 1).trim() !== '')
    return 'has something behind the ">": it must be one mailbox alone';
  const name = phrase(plain.slice(0, open));
  return name === null
    ? 'has a name that must stand in quotation marks: "…" <local@domain>'
    : parseAddress(plain.slice(open + 1, close).trim(), name || comments);
}

/** RFC 5322 §3.2.2: comments, which may be nested, are white space. Null when one has no end. */
function withoutComments(text: string): { plain: string; comments: string } | null {
  let plain = '';
  let comments = '';
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const pair = char === '\\' && (quoted || depth > 0);
    if (pair) at += 1;
    if (char === '"' && depth === 0) quoted = !quoted;
    if (char === '(' && !quoted) {
      depth += 1;
    } else if (char === ')' && depth > 0) {
      depth -= 1;
      plain += ' ';
      comments += ' ';
    } else if (depth > 0) {
      comments += pair ? text.charAt(at) : char;
    } else {
      plain += pair ? char + text.charAt(at) : char;
    }
  }
  return depth > 0 ? null : { plain: plain.trim(), comments: comments.trim() };
}

/** Where a character stands outside of quoted strings; -1 when nowhere. */
function outsideQuotes(text: string, wanted: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '\\' && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === wanted && !quoted) return at;
  }
  return -1;
}

const word = /\s*(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+))/uy;

/** RFC 5322 §3.2.5: the words of a phrase, without their quoting; null when it is none. */
function phrase(text: string): string | null {
  const trimmed = text.trim();
  let name = '';
  word.lastIndex = 0;
  while (word.lastIndex < trimmed.length) {
    const match = word.exec(trimmed);
    if (!match) return null;
    name += (/^\s/.test(match[0]) ? ' ' : '') + (match[2] ?? (match[1] ?? '').replace(/\\(.)/gs, '$1'));
  }
  return name;
}

/**
 * The domain of the address that a display name is, when it is nothing but an address to whoever reads it: encoded
 * words decoded, and quotation marks and the like around it left out. Null when it is no address.
 */
export function domainInName(name: string): string | null {
  const text = decodeWords(name)
    .normalize('NFKC')
    .replace(hiddenCharacters, '')
    .replace(/\s+/g, ' ')
    .slice(0, 2000)
    .replace(/ ?([@.]) ?/g, '$1');
  const shown = [...text];
  const start = shown.findIndex((char) => /[\p{L}\p{N}]/u.test(char));
  const end = shown.findLastIndex((char) => /[\p{L}\p{N}]/u.test(char));
  const [local = '', domain = '', ...more] = shown
    .slice(start, end + 1)
    .join('')
    .toLowerCase()
    .split('@');
  const isAddress = local !== '' && more.length === 0 && !/\s/.test(local + domain) && domain.includes('.');
  return isAddress ? domain : null;
}

/**
 * The parts of a list of mailboxes (RFC 5322 §3.4) at its commas, outside of quoted strings, comments and angle
 * brackets; empty parts are left out (§4.4). Linear.
 */
export function splitMailboxes(list: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let depth = 0;
  let angled = false;
  let start = 0;
  for (let at = 0; at < list.length; at++) {
    const char = list.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"' && depth === 0) quoted = !quoted;
    else if (quoted) continue;
    else if (char === '(') depth += 1;
    else if (char === ')' && depth > 0) depth -= 1;
    else if (depth > 0) continue;
    else if (char === '<' || char === '>') angled = char === '<';
    else if (char === ',' && !angled) {
      parts.push(list.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(list.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function parseAddress(given: string, name: string): Mailbox | string {
  const text = trimHidden(given);
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
  const hidden = hiddenCharacter(localPart);
  if (hidden) return `has ${hidden} in its local part, which nobody sees; write it without`;
  if (quotedLocalPart.test(localPart)) return null;
  if (localPart.split('.').every((atom) => atext.test(atom))) return null;
  return `has a local part that is not valid: "${localPart}"`;
}

/** U+200C, U+200D have their place in names of some scripts (RFC 5892 §A.1, §A.2). */
const joiners = /[\u200c\u200d]/g;

/** What is wrong with a domain name in lower case, in A-labels or U-labels; null when it is fine. */
export function domainFault(domain: string): string | null {
  if (domain === '') return 'has nothing after the "@"';
  if (octets(domain) > 253) return 'has a domain of more than 253 octets';
  const hidden = hiddenCharacter(domain.replace(joiners, ''));
  if (hidden) return `has ${hidden} in its domain, which nobody sees; write it without`;
  const labels = domain.split('.');
  if (labels.length < 2) return `has a domain without a dot: "${domain}"`;
  if (!labels.every((label) => domainLabel.test(label))) return `has a domain that is not valid: "${domain}"`;
  if (/^\d+$/.test(labels.at(-1) ?? '')) return `has a domain that is not valid: "${domain}"`;
  return idnaFault(domain);
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
