/** The one mailbox of a From field. */
export interface Author {
  /** `local@domain` as written, without comments and blanks. */
  address: string;
  /** The value in today's syntax, when it was in that of RFC 5322 §4; null: it can stay as it is. */
  rewritten: string | null;
}

type Kind = 'atom' | 'quoted' | 'comment' | 'space' | 'special';
interface Token {
  kind: Kind;
  text: string;
}

/**
 * Reads the value of a From field. Obsolete syntax is read where it can mean one thing only (RFC 5322 §4.4): empty
 * elements of the list, a route before the address, comments and blanks around its dots and its "@".
 * @param value unfolded
 * @returns null when it does not hold exactly one mailbox
 */
export function readAuthor(value: string): Author | null {
  const tokens = tokensOf(value);
  const elements = tokens && elementsOf(tokens);
  const filled = elements?.filter((element) => element.some(({ kind }) => !isCfws(kind))) ?? [];
  const [element, ...others] = filled;
  if (!elements || !element || others.length > 0) return null;
  const read = element.some(isOpening) ? readAngled(element) : readBare(element);
  if (!read) return null;
  const { address, clean } = read;
  return { address, rewritten: elements.length === 1 && read.plain ? null : clean };
}

interface Reading {
  address: string;
  /** It was in today's syntax. */
  plain: boolean;
  clean: string;
}

function readAngled(element: readonly Token[]): Reading | null {
  const open = element.findIndex(isOpening);
  const close = element.findLastIndex(({ kind, text }) => kind === 'special' && text === '>');
  const after = element.slice(close + 1);
  if (close < open || after.some(({ kind }) => !isCfws(kind))) return null;
  const inside = element.slice(open + 1, close);
  const route = routeLength(inside);
  const address = glued(inside.slice(route));
  if (address === null) return null;
  const phrase = textOf(element.slice(0, open)).trim();
  return {
    address,
    plain: textOf(inside).trim() === address,
    clean: [phrase, `<${address}>`, textOf(after).trim()].filter((part) => part !== '').join(' '),
  };
}

function readBare(element: readonly Token[]): Reading | null {
  const address = glued(element);
  if (address === null) return null;
  const comments = element.filter(({ kind }) => kind === 'comment').map(({ text }) => text);
  const first = element.findIndex(({ kind }) => !isCfws(kind));
  const last = element.findLastIndex(({ kind }) => !isCfws(kind));
  return {
    address,
    plain: textOf(element.slice(first, last + 1)) === address,
    clean: [address, ...comments].join(' '),
  };
}

/** RFC 5322 §4.4 obs-route: `@one.example,@two.example:` says which way to go, and is to be ignored. */
function routeLength(tokens: readonly Token[]): number {
  const first = tokens.find(({ kind }) => !isCfws(kind));
  if (first?.text !== '@') return 0;
  return tokens.findIndex(({ kind, text }) => kind === 'special' && text === ':') + 1;
}

/** An address without the blanks and comments that may stand around its dots and "@"; null when it is none. */
function glued(tokens: readonly Token[]): string | null {
  let address = '';
  let wasWord = false;
  let ats = 0;
  for (const { kind, text } of tokens) {
    if (isCfws(kind)) continue;
    if (kind === 'special' && text !== '.' && text !== '@') return null;
    const isWord = kind !== 'special';
    if (isWord && wasWord) return null;
    if (text === '@') ats++;
    address += text;
    wasWord = isWord;
  }
  return ats === 1 ? address : null;
}

function elementsOf(tokens: readonly Token[]): Token[][] {
  const elements: Token[][] = [[]];
  let angled = false;
  for (const token of tokens) {
    if (token.kind === 'special') {
      if (token.text === '<') angled = true;
      if (token.text === '>') angled = false;
      if (token.text === ',' && !angled) {
        elements.push([]);
        continue;
      }
    }
    elements.at(-1)?.push(token);
  }
  return elements;
}

/** Null when a quoted string or a comment does not end. */
function tokensOf(value: string): Token[] | null {
  const tokens: Token[] = [];
  let at = 0;
  while (at < value.length) {
    const char = value[at] ?? '';
    const kind = kindOf(char);
    const end =
      kind === 'quoted'
        ? endOfQuoted(value, at)
        : kind === 'comment'
          ? endOfComment(value, at)
          : kind === 'special'
            ? at + 1
            : endOfRun(value, at, kind);
    if (end === null) return null;
    tokens.push({ kind, text: value.slice(at, end) });
    at = end;
  }
  return tokens;
}

function kindOf(char: string): Kind {
  if (char === '"') return 'quoted';
  if (char === '(') return 'comment';
  if (char === ' ' || char === '\t') return 'space';
  return '<>[]:;@\\,.)'.includes(char) ? 'special' : 'atom';
}

function endOfRun(value: string, from: number, kind: Kind): number {
  let at = from;
  while (at < value.length && kindOf(value[at] ?? '') === kind) at++;
  return at;
}

function endOfQuoted(value: string, from: number): number | null {
  for (let at = from + 1; at < value.length; at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === '"') return at + 1;
  }
  return null;
}

function endOfComment(value: string, from: number): number | null {
  let depth = 0;
  for (let at = from; at < value.length; at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === '(') depth++;
    else if (value[at] === ')' && --depth === 0) return at + 1;
  }
  return null;
}

function isOpening({ kind, text }: Token): boolean {
  return kind === 'special' && text === '<';
}

function isCfws(kind: Kind): boolean {
  return kind === 'space' || kind === 'comment';
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join('');
}
