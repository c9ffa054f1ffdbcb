/// <reference path="./css-tree-parser.d.ts" />
import type { Block, CssNode, Declaration, List } from 'css-tree';
import parseSheet from 'css-tree/parser';
import { tokenize, tokenTypes } from 'css-tree/tokenizer';
import { parse as parseSelector, type Selector } from 'css-what';

/** What a style sheet of a mail says, rule by rule, with the places of its declarations. */

export interface SheetDeclaration {
  property: string;
  family: string;
  value: string;
  important: boolean;
  /** It asks for what is only known where the mail is read. */
  waits: boolean;
  /** Behind its last character in the HTML. */
  end: number;
}

export interface Rule {
  prelude: string;
  declarations: SheetDeclaration[];
  /** It holds only at times: in a media query and the like. */
  waits: boolean;
}

const options = {
  positions: true,
  parseValue: false,
  parseRulePrelude: false,
  parseAtrulePrelude: false,
  onParseError: () => undefined,
} as const;

/** Of brackets in each other: the parser's time grows with the square of it. */
const mostDepth = 20;
const preludeCharacters = 2000;

/** @param from where the text begins in the HTML @returns null for one that is too much to read */
export function readStyleSheet(text: string, from: number): Rule[] | null {
  if (depthOf(text) > mostDepth) return null;
  const sheet = parseSheet(withoutStrays(text), options);
  if (sheet.type !== 'StyleSheet') return null;
  const rules = rulesIn(sheet.children, { text, from, waits: false });
  return rules.some(({ prelude }) => prelude.length > preludeCharacters) ? null : rules;
}

const { Function: functionToken, ...brackets } = tokenTypes;
/** What closes a token that opens a block (CSS Syntax §5.4.8). */
const closers = new Map([
  [functionToken, brackets.RightParenthesis],
  [brackets.LeftParenthesis, brackets.RightParenthesis],
  [brackets.LeftSquareBracket, brackets.RightSquareBracket],
  [brackets.LeftCurlyBracket, brackets.RightCurlyBracket],
]);
const closing = new Set(closers.values());

/**
 * A text of the same length with a `%` for each bracket that closes nothing: a rule that begins with either is invalid
 * (CSS Syntax §5.4.3). css-tree 3.2.1 may pair such a bracket with a token of the text that it read before, and then it
 * never ends.
 */
function withoutStrays(text: string): string {
  const open: number[] = [];
  const strays: number[] = [];
  tokenize(text, (type, start) => {
    const closer = closers.get(type);
    if (closer !== undefined) open.push(closer);
    else if (type === open.at(-1)) open.pop();
    else if (open.length === 0 && closing.has(type)) strays.push(start);
  });
  let read = 0;
  const pieces = strays.map((at) => {
    const piece = `${text.slice(read, at)}%`;
    read = at + 1;
    return piece;
  });
  return pieces.join('') + text.slice(read);
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[{}()[\]]/g)) {
    depth = Math.max(0, depth + ('{(['.includes(bracket) ? 1 : -1));
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

interface Where {
  text: string;
  from: number;
  waits: boolean;
}

function rulesIn(children: List<CssNode>, where: Where): Rule[] {
  const rules: Rule[] = [];
  children.forEach((node) => {
    if (node.type === 'Rule' && node.prelude.type === 'Raw')
      rules.push({
        prelude: node.prelude.value,
        declarations: declarationsIn(node.block, where),
        waits: where.waits,
      });
    else if (node.type === 'Atrule' && node.block && /^(?:media|supports|layer|container)$/i.test(node.name))
      rules.push(...rulesIn(node.block.children, { ...where, waits: true }));
  });
  return rules;
}

function declarationsIn({ children }: Block, { text, from }: Where): SheetDeclaration[] {
  const found: SheetDeclaration[] = [];
  children.forEach((node) => {
    const one = node.type === 'Declaration' ? declarationOf(node, text, from) : null;
    if (one) found.push(one);
  });
  return found;
}

function declarationOf(node: Declaration, text: string, from: number): SheetDeclaration | null {
  if (node.property.startsWith('--') || !node.loc || node.value.type !== 'Raw') return null;
  const value = node.value.value.trim();
  const property = node.property.toLowerCase();
  const length = text.slice(node.loc.start.offset, node.loc.end.offset).trimEnd().length;
  return {
    property,
    family: familyOf(property),
    value,
    important: node.important !== false,
    waits: /\b(?:var|env)\(/i.test(value),
    end: from + node.loc.start.offset + length,
  };
}

/** The properties that a `style` attribute sets. */
export function readProperties(style: string): string[] {
  return [...style.matchAll(/(?:^|;)\s*(-{0,2}[a-z][a-z-]*)\s*:/gi)].map(([, name = '']) =>
    name.toLowerCase(),
  );
}

/** Properties of one family may set each other: `background` and `background-color`. */
export function familyOf(property: string): string {
  if (property.startsWith('mso-')) return property;
  const plain = property.replace(/^-[a-z]+-/, '');
  return plain === 'line-height' ? 'font' : (plain.split('-')[0] ?? plain);
}

/** Those that an element answers to by where it stands. */
const structural = new Set(
  'first-child last-child only-child nth-child nth-last-child first-of-type last-of-type only-of-type nth-of-type nth-last-of-type root'.split(
    ' ',
  ),
);
const simple = new Set(['attribute', 'tag', 'universal', 'descendant', 'child', 'adjacent']);

export interface ReadSelector {
  /** What an element must be, as far as it can be told without a reader. */
  tokens: Selector[];
  /** Larger wins. */
  specificity: number;
  /** It asks for more than that, such as a pointer over it. */
  waits: boolean;
}

/** The selectors of a rule; none where it cannot be read, as no mail program would. */
export function selectors(prelude: string): ReadSelector[] {
  let read: Selector[][];
  try {
    read = parseSelector(prelude);
  } catch {
    return [];
  }
  return read.flatMap((all) => {
    // What stands before or behind an element is no part of it.
    if (all.some(({ type }) => type === 'pseudo-element')) return [];
    const known = all.slice(all.findLastIndex(({ type }) => beyond.has(type)) + 1);
    const tokens = known.map((token) => (isKnown(token) ? token : anything));
    return [{ tokens, specificity: specificityOf(all), waits: tokens.some((token, n) => token !== all[n]) }];
  });
}

/** Combinators by which an element is not looked for. */
const beyond = new Set(['sibling', 'column-combinator', 'parent']);
const anything = { type: 'universal', namespace: null } as Selector;

function isKnown(token: Selector): boolean {
  return simple.has(token.type) || (token.type === 'pseudo' && structural.has(token.name));
}

/** Selectors Level 3 §9. */
function specificityOf(tokens: readonly Selector[]): number {
  let specificity = 0;
  for (const token of tokens) {
    if (token.type === 'attribute')
      specificity += token.name === 'id' && token.action === 'equals' ? 10_000 : 100;
    else if (token.type === 'pseudo') specificity += 100;
    else if (token.type === 'tag') specificity += 1;
  }
  return specificity;
}
