import { classifyFailure } from '../failure/classify-failure.ts';
import { toldReply } from './told-reply.ts';

const maxLength = 8192;
/** Marks that stand around an address, and what may stand in front of it in one word: `dda:SMTP=`, `to=`. */
const around = /[\s<>()[\]",;]+/;
const inFront = /^(?:['*`]+|.*[:=])/;

/**
 * What the lines of a report say of each recipient: from a line that names it up to the next that names another one.
 * When that tells nothing, what stands above it in the same paragraph; a report about one recipient is all about it.
 * Linear in the lines: each is looked at once, and so much of it is kept as can be read.
 */
export function saidOf(recipients: readonly string[], lines: readonly string[]): string[] {
  const numbers = new Map(recipients.map((address, i) => [address.toLowerCase(), i]));
  const below = recipients.map(() => new Said());
  const above = recipients.map(() => new Said());
  const beside = recipients.map(() => new Said());
  const whole = new Said();
  let current: readonly number[] = [];
  let paragraph: string[] = [];
  let inParagraph: readonly number[] = [];
  for (const line of lines) {
    if (line.trim() === '') {
      paragraph = [];
      inParagraph = [];
      continue;
    }
    const named = namedIn(line, numbers);
    if (named.length > 0) {
      current = named;
      inParagraph = named;
      for (const i of named) for (const earlier of paragraph) above[i]?.add(earlier);
      paragraph = [];
    } else {
      if (paragraph.length < 8) paragraph.push(line);
      whole.add(line);
    }
    for (const i of current) below[i]?.add(line);
    for (const i of inParagraph) beside[i]?.add(line);
    // Sendmail's last word on a recipient: `550 5.1.1 <a@example.org>... User unknown`
    if (named.length > 0 && /^\s{0,4}[45]\d\d .{0,400}\.\.\. /.test(line)) current = [];
  }
  const alone = recipients.length === 1;
  const common = whole.text();
  // Where the first recipient has its reason above, so have all.
  const isAbove = !alone && !tells(beside[0]?.text() ?? '') && tells(above[0]?.text() ?? '');
  return recipients.map((_, i) => {
    const own = below[i]?.text() ?? '';
    if (tellsReply(own)) return own;
    if (isAbove || (!alone && firstParagraphTells(above[i], below[i]))) return above[i]?.text() ?? own;
    if (alone) {
      const all = lines
        .join('\n')
        .slice(0, maxLength * 2)
        .trim()
        .slice(0, maxLength);
      return tellsReply(all) || !tells(own) ? all : own;
    }
    return tells(own) || saysSomething(own) ? own : `${own}\n${common}`.slice(0, maxLength);
  });
}

/** Lines of text up to a bound. */
class Said {
  readonly #lines: string[] = [];
  #length = 0;

  add(line: string): void {
    if (this.#length >= maxLength || line === '') return;
    this.#lines.push(line.trim());
    this.#length += line.length + 1;
  }

  text(): string {
    return this.#lines.join('\n').slice(0, maxLength);
  }
}

function firstParagraphTells(above: Said | undefined, below: Said | undefined): boolean {
  return above !== undefined && below !== undefined && !saysSomething(below.text()) && tells(above.text());
}

function namedIn(line: string, numbers: ReadonlyMap<string, number>): number[] {
  const named: number[] = [];
  for (const word of line.toLowerCase().split(around)) {
    if (word === '') continue;
    const bare = word.replace(/['`:.!?]+$/, '');
    const i = numbers.get(bare) ?? numbers.get(bare.replace(inFront, ''));
    if (i !== undefined && !named.includes(i)) named.push(i);
  }
  return named;
}

function tellsReply(text: string): boolean {
  const { code, status } = toldReply(text);
  return code !== null || status !== null;
}

/** True when a text tells why. */
function tells(text: string): boolean {
  return tellsReply(text) || classifyFailure({ code: null, status: null, text }) !== 'unknown';
}

/** True when there are words besides the address and what protocols write in capitals. */
function saysSomething(text: string): boolean {
  return (
    text.split(/\s+/, 40).filter((word) => /^['(]?\p{L}{0,40}[\p{Ll}\p{Lo}]['.,:;)]{0,2}$/u.test(word))
      .length >= 2
  );
}
