/**
 * Regular expressions that take time linear in the text: the common language without what needs going back (groups that
 * are named again, looking ahead or behind). Thompson's construction: all states at once, so that no pattern of a
 * customer can hold up the mail of others.
 *
 * Literals, `.`, `[a-z]`, `[^a-z]`, `\d \w \s \D \W \S`, groups, `|`, `* + ? {n} {n,} {n,m}`, `^`, `$`, and `(?i)` in front.
 */

export const patternLimits = { characters: 200, states: 2000, repeats: 100 } as const;

/** Searches a text; true when the pattern is found in it. */
export type Matcher = (text: string) => boolean;

type Test = (code: number) => boolean;
/** What is read, before it is a program. */
type Node =
  | { kind: 'test'; test: Test }
  | { kind: 'start' | 'end' | 'empty' }
  | { kind: 'all' | 'any'; of: Node[] }
  | { kind: 'repeat'; of: Node; least: number; most: number };
/** One state; `to` are the states behind it. */
type State =
  | { kind: 'test'; test: Test; to: number }
  | { kind: 'fork'; to: number[] }
  | { kind: 'start' | 'end'; to: number }
  | { kind: 'match' };

class Fault extends Error {}

/** @returns the matcher, or a sentence that says what is wrong with the pattern */
export function compilePattern(pattern: string): Matcher | string {
  if (pattern.length > patternLimits.characters) {
    return `must have at most ${patternLimits.characters} characters`;
  }
  const folds = pattern.startsWith('(?i)');
  try {
    const node = new Reader(folds ? pattern.slice(4) : pattern, folds).read();
    const states: State[] = [{ kind: 'match' }];
    const first = build(node, 0, states);
    return (text) => run(states, first, text);
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Reader {
  readonly #text: string;
  readonly #folds: boolean;
  #at = 0;

  constructor(text: string, folds: boolean) {
    this.#text = text;
    this.#folds = folds;
  }

  read(): Node {
    const node = this.#any();
    if (this.#at < this.#text.length) throw new Fault(`has a ")" without a "(" at ${this.#at + 1}`);
    return node;
  }

  #any(): Node {
    const of = [this.#all()];
    while (this.#text[this.#at] === '|') {
      this.#at += 1;
      of.push(this.#all());
    }
    return of.length === 1 ? (of[0] ?? { kind: 'empty' }) : { kind: 'any', of };
  }

  #all(): Node {
    const of: Node[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text.charAt(this.#at)))
      of.push(this.#repeated());
    return { kind: 'all', of };
  }

  #repeated(): Node {
    let node = this.#one();
    const counted = /[*+?]|\{(\d{1,3})(?:(,)(\d{0,3}))?\}/y;
    for (;;) {
      counted.lastIndex = this.#at;
      const match = counted.exec(this.#text);
      if (!match) return node;
      this.#at = counted.lastIndex;
      const [sign, least, comma, most] = match;
      node = repeat(node, sign, least, comma, most);
      // Whether as few or as many as can be are taken makes no difference to whether it is found.
      if (this.#text[this.#at] === '?') this.#at += 1;
    }
  }

  #one(): Node {
    const char = this.#text.charAt(this.#at);
    this.#at += 1;
    if (char === '(') return this.#group();
    if (char === '[') return { kind: 'test', test: this.#set() };
    if (char === '.') return { kind: 'test', test: (code) => code !== 10 && code !== 13 };
    if (char === '^') return { kind: 'start' };
    if (char === '$') return { kind: 'end' };
    if (char === '\\') return { kind: 'test', test: this.#escaped() };
    if ('*+?'.includes(char)) throw new Fault(`has nothing to repeat before "${char}" at ${this.#at}`);
    return { kind: 'test', test: this.#literal(char) };
  }

  #group(): Node {
    if (this.#text.startsWith('?:', this.#at)) this.#at += 2;
    else if (this.#text[this.#at] === '?') {
      throw new Fault(`has "(?" at ${this.#at}: looking ahead or behind and named groups are not known`);
    }
    const node = this.#any();
    if (this.#text[this.#at] !== ')') throw new Fault('has a "(" without a ")"');
    this.#at += 1;
    return node;
  }

  #set(): Test {
    const isNot = this.#text[this.#at] === '^';
    if (isNot) this.#at += 1;
    const tests: Test[] = [];
    while (this.#text[this.#at] !== ']') {
      if (this.#at >= this.#text.length) throw new Fault('has a "[" without a "]"');
      tests.push(this.#member());
    }
    this.#at += 1;
    return (code) => tests.some((test) => test(code)) !== isNot;
  }

  #member(): Test {
    const from = this.#text.charAt(this.#at);
    this.#at += 1;
    if (from === '\\' && /[dwsDWS]/.test(this.#text.charAt(this.#at))) return this.#escaped();
    const first = from === '\\' ? this.#plainEscape() : from;
    const isRange = this.#text[this.#at] === '-' && !['', ']'].includes(this.#text.charAt(this.#at + 1));
    if (!isRange) return this.#literal(first);
    this.#at += 1;
    const to = this.#text.charAt(this.#at);
    this.#at += 1;
    const last = to === '\\' ? this.#plainEscape() : to;
    const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
    if (low > high) throw new Fault(`has the range "${first}-${last}", which is the wrong way round`);
    const test: Test = (code) => code >= low && code <= high;
    return this.#folds ? eitherCase(test) : test;
  }

  #plainEscape(): string {
    const char = this.#text.charAt(this.#at);
    this.#at += 1;
    const control = { t: '\t', n: '\n', r: '\r' }[char];
    if (control !== undefined) return control;
    if (char === '' || /[a-z0-9]/i.test(char)) throw new Fault(`has "\\${char}", which is not known`);
    return char;
  }

  #escaped(): Test {
    const char = this.#text.charAt(this.#at);
    const known = classes[char.toLowerCase()];
    if (!known) return this.#literal(this.#plainEscape());
    this.#at += 1;
    return char === char.toLowerCase() ? known : (code) => !known(code);
  }

  #literal(char: string): Test {
    const wanted = char.charCodeAt(0);
    const test: Test = (code) => code === wanted;
    return this.#folds ? eitherCase(test) : test;
  }
}

const classes: Readonly<Record<string, Test>> = {
  d: (code) => code >= 48 && code <= 57,
  w: (code) => /\w/.test(String.fromCharCode(code)),
  s: (code) => /\s/.test(String.fromCharCode(code)),
};

function eitherCase(test: Test): Test {
  return (code) => {
    const char = String.fromCharCode(code);
    return test(char.toLowerCase().charCodeAt(0)) || test(char.toUpperCase().charCodeAt(0));
  };
}

function repeat(of: Node, sign: string, least?: string, comma?: string, most?: string): Node {
  if (sign === '*') return { kind: 'repeat', of, least: 0, most: Number.POSITIVE_INFINITY };
  if (sign === '+') return { kind: 'repeat', of, least: 1, most: Number.POSITIVE_INFINITY };
  if (sign === '?') return { kind: 'repeat', of, least: 0, most: 1 };
  const low = Number(least);
  const high = comma === undefined ? low : most === '' ? Number.POSITIVE_INFINITY : Number(most);
  const largest = high === Number.POSITIVE_INFINITY ? low : high;
  if (low > high || largest > patternLimits.repeats) {
    throw new Fault(`has "${sign}": at most ${patternLimits.repeats} repeats, the smaller number first`);
  }
  return { kind: 'repeat', of, least: low, most: high };
}

/** Adds the states of a node that leads to `to`; gives the first. */
function build(node: Node, to: number, states: State[]): number {
  switch (node.kind) {
    case 'empty':
      return to;
    case 'test':
      return add(states, { kind: 'test', test: node.test, to });
    case 'start':
    case 'end':
      return add(states, { kind: node.kind, to });
    case 'all':
      return node.of.reduceRight((next, one) => build(one, next, states), to);
    case 'any':
      return add(states, { kind: 'fork', to: node.of.map((one) => build(one, to, states)) });
    case 'repeat':
      return buildRepeat(node, to, states);
  }
}

function buildRepeat({ of, least, most }: Node & { kind: 'repeat' }, to: number, states: State[]): number {
  let next = to;
  if (most === Number.POSITIVE_INFINITY) {
    const loop: State & { kind: 'fork' } = { kind: 'fork', to: [to] };
    next = add(states, loop);
    loop.to.push(build(of, next, states));
  } else {
    for (let i = least; i < most; i++) {
      next = add(states, { kind: 'fork', to: [to, build(of, next, states)] });
    }
  }
  for (let i = 0; i < least; i++) next = build(of, next, states);
  return next;
}

function add(states: State[], state: State): number {
  if (states.length >= patternLimits.states) throw new Fault('is too large: too many repeats within repeats');
  return states.push(state) - 1;
}

/** Time is the length of the text times the number of states. */
function run(states: readonly State[], first: number, text: string): boolean {
  let current: number[] = [];
  const seen = new Int32Array(states.length).fill(-1);
  for (let at = 0; at <= text.length; at++) {
    const open = [first, ...current];
    const tests: (State & { kind: 'test' })[] = [];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (seen[index] === at) continue;
      seen[index] = at;
      const state = states[index];
      if (!state) continue;
      if (state.kind === 'match') return true;
      if (state.kind === 'test') tests.push(state);
      else if (state.kind === 'fork') open.push(...state.to);
      else if (state.kind === 'start' ? at === 0 : at === text.length) open.push(state.to);
    }
    if (at === text.length) return false;
    const code = text.charCodeAt(at);
    current = tests.filter(({ test }) => test(code)).map(({ to }) => to);
  }
  return false;
}
