import type { FailureClass } from './failure-class.ts';
import { statusRow } from './failure-status.ts';
import { textRules } from './failure-text.ts';

/** What is known of a failure. `text` is read up to 4 KiB. */
export interface FailureFacts {
  /** The reply code (RFC 5321 §4.2), or null when no server said one. */
  code: number | null;
  /** The enhanced status (RFC 3463), or null when it was not told. */
  status: string | null;
  text: string;
}

const maxTextLength = 4096;

/** What a reply code tells when nothing else does (RFC 5321 §4.2.3, RFC 7504, RFC 4954 §6). */
const codeClasses: ReadonlyMap<number, FailureClass> = new Map([
  [421, 'system'],
  [451, 'system'],
  [452, 'system'],
  [454, 'system'],
  [455, 'protocol'],
  [500, 'protocol'],
  [501, 'protocol'],
  [502, 'protocol'],
  [503, 'protocol'],
  [504, 'protocol'],
  [521, 'bad_domain'],
  [530, 'policy'],
  [535, 'policy'],
  [552, 'mailbox_full'],
  [555, 'protocol'],
  [556, 'bad_domain'],
]);

/**
 * The class of a failure: from the enhanced status first, then the reply code, then the text; a generic status
 * or code (`5.7.1`, `550`) gives way to what the text tells. A 550 without an enhanced status is `bad_mailbox`
 * only when its text says so. Pure, linear in the text; never throws.
 */
export function classifyFailure(facts: FailureFacts): FailureClass {
  const { code, text } = facts;
  // `550 #5.1.0 Address rejected`: some servers write it so that it is no enhanced status by RFC 2034 §4.
  const status = facts.status ?? /^\s{0,4}[#(]{0,2}([45]\.\d{1,3}\.\d{1,3})\b/.exec(text)?.[1] ?? null;
  const row = status === null ? null : statusRow(status);
  if (row?.firm) return row.class;
  const told = classOfText({ code, status, text });
  if (row && row.class !== 'unknown') {
    const yields = told === 'greylisted' || !row.unless || row.unless.includes(told);
    // `policy` in words (denied, rejected) says no more than a status that names a trouble.
    return yields && told !== 'unknown' && told !== 'policy' ? told : row.class;
  }
  // Words as weak as "rejected" give way to a code that names a trouble; others are better than a code.
  if (told !== 'unknown' && told !== 'policy') return told;
  return (code === null ? undefined : codeClasses.get(code)) ?? told;
}

function classOfText({ code, status, text }: FailureFacts): FailureClass {
  const temporary = status?.startsWith('4.') ?? (code !== null && code >= 400 && code < 500);
  const words = normalize(text);
  const rule = textRules.find(
    (r) =>
      (!r.temporary || temporary) &&
      (!r.status || r.status === status) &&
      r.patterns.some((pattern) => pattern.test(words)),
  );
  return rule?.class ?? 'unknown';
}

/** Lower case, one space between words, and no addresses: a mailbox may be called `spam-trap@`. */
function normalize(text: string): string {
  return (
    text
      .slice(0, maxTextLength)
      .toLowerCase()
      .replace(/(?<![^\s<>@"():,;])[^\s<>@"():,;]{1,128}@[^\s<>"(),;]{1,255}/g, 'address')
      .replace(/[\s_]+/g, ' ')
      // AsyncOS names each status in words of its own before what the server said: "5.1.0 - unknown address error 550-".
      .replace(/\b\d\.\d\.\d - [a-z ]{1,40} (?=\d{3}[ -])/g, '')
  );
}
