/**
 * A look at a template before it is parsed: the parser's time grows with the square of how deep tags stand in each other,
 * of what one tag has, and of blanks in a row. What is bounded here is parsed in linear time.
 */

/** Bounds of one source of a template. */
export const scanBounds = {
  /** Tags, comments included. */
  tags: 10_000,
  /** Blocks in blocks, each `{{else if}}` counted like one. */
  depth: 60,
  tagCharacters: 2000,
  /** Round brackets in one tag. */
  brackets: 40,
  /** Sum of the squares of the lengths of blanks in a row. */
  blanks: 50_000_000,
} as const;

/** What is wrong with it; null: it may be parsed. Time is linear. */
export function scanFault(source: string): string | null {
  if (source.includes('\0')) return 'must not have a NUL';
  return blanksFault(source) ?? tagsFault(source);
}

function blanksFault(source: string): string | null {
  let sum = 0;
  for (const [blanks] of source.matchAll(/\s{20,}/g)) {
    sum += blanks.length ** 2;
    if (sum > scanBounds.blanks) return 'has too many blanks in a row; take some out';
  }
  return null;
}

function tagsFault(source: string): string | null {
  const chains: number[] = [];
  let depth = 0;
  let tags = 0;
  for (let at = source.indexOf('{{'); at >= 0; at = source.indexOf('{{', at)) {
    if (source[at - 1] === '\\' && source[at - 2] !== '\\') {
      at += 2;
      continue;
    }
    const place = () => `on line ${lineOf(source, at)}`;
    tags += 1;
    if (tags > scanBounds.tags) return `has more than ${scanBounds.tags} tags`;
    const end = endOfTag(source, at);
    if (typeof end === 'string') return `${end} ${place()}`;
    const kind = kindOf(source.slice(at, Math.min(end, at + 40)));
    if (kind === 'raw') return `has a raw block ({{{{) ${place()}; write \\{{ for braces that are text`;
    if (kind === 'open') chains.push(0);
    else if (kind === 'chain' && chains.length > 0) chains[chains.length - 1] = (chains.at(-1) ?? 0) + 1;
    else if (kind === 'close') depth -= 1 + (chains.pop() ?? -1);
    if (kind === 'open' || (kind === 'chain' && chains.length > 0)) depth += 1;
    if (depth > scanBounds.depth) return `is nested deeper than ${scanBounds.depth} blocks ${place()}`;
    at = end;
  }
  return null;
}

function kindOf(tag: string): 'raw' | 'open' | 'chain' | 'close' | 'other' {
  if (tag.startsWith('{{{{')) return 'raw';
  if (/^\{\{~?(?:#|\^\s*[^\s~}])/.test(tag)) return 'open';
  if (/^\{\{~?\s*else\b\s*[^\s~}]/.test(tag)) return 'chain';
  return /^\{\{~?\//.test(tag) ? 'close' : 'other';
}

const quotes: Readonly<Record<string, string>> = { '"': '"', "'": "'", '[': ']' };

/** Where a tag that begins at `at` is over, or what is wrong with it. */
function endOfTag(source: string, at: number): number | string {
  const comment = /^\{\{~?!(--)?/.exec(source.slice(at, at + 6));
  if (comment) return endOfComment(source, at + comment[0].length, comment[1] !== undefined);
  let brackets = 0;
  const most = at + scanBounds.tagCharacters;
  for (let i = at + 2; i < Math.min(source.length, most); i++) {
    const char = source[i] ?? '';
    const quote = quotes[char];
    if (quote !== undefined) {
      // A backslash keeps the quote behind it in the text.
      do i = source.indexOf(quote, i + 1);
      while (i > 0 && source[i - 1] === '\\');
      if (i < 0) return 'has a tag with a text without an end';
    } else if (char === '(') {
      brackets += 1;
      if (brackets > scanBounds.brackets) return `has a tag with more than ${scanBounds.brackets} brackets`;
    } else if (char === '}' && source[i + 1] === '}') return source[i + 2] === '}' ? i + 3 : i + 2;
  }
  return source.length <= most
    ? 'has a tag without its }}'
    : `has a tag of more than ${scanBounds.tagCharacters} characters`;
}

/** @param from behind the mark of the comment */
function endOfComment(source: string, from: number, dashes: boolean): number | string {
  const close = dashes ? /--~?\}\}/g : /\}\}/g;
  close.lastIndex = dashes ? from - 2 : from;
  return close.exec(source) ? close.lastIndex : 'has a comment without an end that begins';
}

export function lineOf(source: string, at: number): number {
  let line = 1;
  for (let i = source.indexOf('\n'); i >= 0 && i < at; i = source.indexOf('\n', i + 1)) line += 1;
  return line;
}
