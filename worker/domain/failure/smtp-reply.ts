import type { SmtpReply } from '../delivery/outcome.ts';

/** The longest text that is kept of a reply, characters. */
export const maxReplyText = 4096;

/** One line of a reply (RFC 5321 §4.2.1). */
export interface ReplyLine {
  code: number;
  /** No further line of this reply follows: the code is followed by a space or nothing, not by a hyphen. */
  last: boolean;
  text: string;
}

// RFC 5321 §4.2: Reply-code = %x32-35 %x30-35 %x30-39. The second digit is taken up to 9, as peers do.
const linePattern = /^([2-5]\d\d)(?:([ -])(.*))?$/s;

/**
 * Reads one line of a reply, without its line end. Null when it is none, e.g. `hello` or `2500 x`.
 */
export function parseReplyLine(line: string): ReplyLine | null {
  const match = linePattern.exec(line);
  if (!match?.[1]) return null;
  return { code: Number(match[1]), last: match[2] !== '-', text: match[3] ?? '' };
}

/**
 * Reads a whole reply: lines, or text of lines separated by CRLF or LF. The one parser of SMTP replies.
 * @returns null when it is not exactly one complete reply: a line that is none, lines of different codes
 *   (RFC 5321 §4.2.1: "the same code"), no last line, or anything after it
 */
export function parseSmtpReply(raw: string | readonly string[]): SmtpReply | null {
  const texts = typeof raw === 'string' ? raw.replace(/\r?\n$/, '').split(/\r?\n/) : raw;
  const lines: ReplyLine[] = [];
  for (const text of texts) {
    const line = parseReplyLine(text);
    if (!line || line.code !== (lines[0]?.code ?? line.code) || lines.at(-1)?.last) return null;
    lines.push(line);
  }
  const first = lines[0];
  if (!first || !lines.at(-1)?.last) return null;
  const status = leadingStatus(first.text, first.code);
  const text = lines
    // RFC 2034 §4: each line of a reply carries the same enhanced status.
    .map((line) => (status === null ? line.text : withoutStatus(line.text, status)))
    .map(printable)
    .filter((part) => part !== '')
    .join(' ');
  return { code: first.code, status, text: cut(text) };
}

/** `550 5.1.1 No such user`: a reply as one line for people and logs. */
export function formatReply(reply: SmtpReply): string {
  return [reply.code, reply.status, reply.text].filter((part) => part !== null && part !== '').join(' ');
}

/**
 * The enhanced status that a text begins with (RFC 3463 §2: class 2, 4 or 5, two numbers of up to three
 * digits without leading zeros). Null when there is none or its class is not the code's (RFC 2034 §4 has them
 * agree; a status that contradicts its code proves nothing).
 */
function leadingStatus(text: string, code: number): string | null {
  const status = /^\s*([245]\.(?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d{0,2}))(?=\s|$)/.exec(text)?.[1];
  return status && status[0] === String(code)[0] ? status : null;
}

function withoutStatus(text: string, status: string): string {
  const rest = text.trimStart();
  const next = rest.charAt(status.length);
  return rest.startsWith(status) && (next === '' || /\s/.test(next)) ? rest.slice(status.length) : text;
}

/** Control characters, line separators and marks that turn the direction of text become spaces. */
function printable(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

function cut(text: string): string {
  return (text.length > maxReplyText ? `${text.slice(0, maxReplyText - 1)}…` : text).toWellFormed();
}
