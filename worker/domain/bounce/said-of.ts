import { toldReply } from './told-reply.ts';

const maxLength = 8192;

/**
 * What the lines of a report say of a recipient: from each line that names it up to the next that names one of
 * the `others`. When that is no more than the address, the whole report.
 */
export function saidOf(recipient: string, others: readonly string[], lines: readonly string[]): string {
  const wanted = recipient.toLowerCase();
  const unwanted = others.map((other) => other.toLowerCase()).filter((other) => other !== wanted);
  const said: string[] = [];
  let within = false;
  for (const line of lines) {
    const lower = line.toLowerCase();
    const named = names(lower, wanted);
    if (named) within = true;
    else if (within && unwanted.some((other) => names(lower, other))) within = false;
    if (within && line.trim() !== '') said.push(line.trim());
    // Sendmail's last word on a recipient: `550 5.1.1 <a@example.org>... User unknown`
    if (named && /^\s{0,4}[45]\d\d .{0,400}\.\.\. /.test(line)) within = false;
  }
  const own = said.join('\n').slice(0, maxLength);
  if (tellsReply(own)) return own;
  const whole = lines
    .filter((line) => !unwanted.some((other) => names(line.toLowerCase(), other)))
    .join('\n')
    .trim()
    .slice(0, maxLength);
  // A reply above the only address is about that address.
  const alone = unwanted.length === 0 && tellsReply(whole);
  return alone || !saysSomething(own) ? whole : own;
}

function tellsReply(text: string): boolean {
  const { code, status } = toldReply(text);
  return code !== null || status !== null;
}

/** True when a line names an address, not merely one that ends or begins like it. */
function names(line: string, address: string): boolean {
  const at = line.indexOf(address);
  if (at === -1) return false;
  const before = line.charAt(at - 1);
  const after = line.slice(at + address.length, at + address.length + 2);
  return !/[\w.+-]/.test(before) && !/^(?:[\w-]|\.\w)/.test(after);
}

/** True when there are words besides the address and what protocols write in capitals. */
function saysSomething(text: string): boolean {
  return (
    text.split(/\s+/, 40).filter((word) => /^['(]?\p{L}{0,40}[\p{Ll}\p{Lo}]['.,:;)]{0,2}$/u.test(word))
      .length >= 2
  );
}
