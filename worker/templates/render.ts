import { Problem } from '#domain/problem.ts';
import { pointerTo } from '#domain/template/template.ts';
import type { Expression, Part, Path } from './parse.ts';

/** Bounds of one rendering: subject, HTML, text and layout together. */
export const renderBounds = {
  /** Parts and names looked at. */
  steps: 500_000,
  characters: 4 * 1024 * 1024,
} as const;

/** What a rendering may still use. */
export interface Budget {
  steps: number;
  characters: number;
}

export function newBudget(): Budget {
  return { ...renderBounds };
}

/** How what is printed is written. */
export type Mode = 'html' | 'text';

interface Frame {
  context: unknown;
  parent: Frame | null;
  /** Of the `each` that it stands in. */
  data: Readonly<Record<string, unknown>>;
  /** Names that blocks have given: `as |item|`. */
  names: ReadonlyMap<string, unknown>;
}

/**
 * Writes a template with values. Only what the values themselves have is found: nothing of a prototype. A value that is not
 * there is a fault where it is printed or gone through, and false where it is asked for (`#if`, `#unless`, sections).
 * @param of.content what a layout is around
 * @throws Problem 400 that names what is missing, or the bound
 */
export function render(
  parts: readonly Part[],
  of: { values: unknown; mode: Mode; budget: Budget; content?: string; root?: string },
): string {
  const rendering = new Rendering(of);
  rendering.parts(parts, { context: of.values, parent: null, data: {}, names: new Map() });
  return rendering.text();
}

class Rendering {
  readonly #values: unknown;
  readonly #mode: Mode;
  readonly #budget: Budget;
  readonly #content: string | undefined;
  readonly #root: string;
  readonly #pieces: string[] = [];

  constructor(of: { values: unknown; mode: Mode; budget: Budget; content?: string; root?: string }) {
    this.#values = of.values;
    this.#mode = of.mode;
    this.#budget = of.budget;
    this.#content = of.content;
    this.#root = of.root ?? '/variables';
  }

  text(): string {
    return this.#pieces.join('');
  }

  parts(parts: readonly Part[], frame: Frame): void {
    for (const part of parts) {
      this.#step();
      if (part.kind === 'text') this.#write(part.value);
      else if (part.kind === 'print') this.#print(part.value, part.escaped, frame);
      else this.#block(part, frame);
    }
  }

  #step(): void {
    this.#budget.steps -= 1;
    if (this.#budget.steps < 0)
      throw fault(
        '/template',
        `takes more than ${renderBounds.steps} steps with these variables; make lists shorter`,
      );
  }

  #write(text: string): void {
    this.#budget.characters -= text.length;
    if (this.#budget.characters < 0)
      throw fault(
        '/template',
        `comes to more than ${renderBounds.characters} characters with these variables`,
      );
    this.#pieces.push(text);
  }

  #print(expression: Expression, escaped: boolean, frame: Frame): void {
    const isContent = expression.kind === 'path' && expression.data && expression.parts[0] === 'content';
    const value = isContent ? this.#content : this.#needed(expression, frame);
    const text = this.#textOf(value, expression, frame);
    this.#write(escaped && !isContent && this.#mode === 'html' ? escapeHtml(text) : text);
  }

  #textOf(value: unknown, expression: Expression, frame: Frame): string {
    if (value === null || value === undefined) return '';
    if (typeof value === 'object')
      throw this.#faultAt(
        expression,
        frame,
        Array.isArray(value)
          ? 'is a list; the template prints it, and it needs {{#each}}'
          : 'is an object; the template prints it, and it needs the name of one of its members',
      );
    return String(value);
  }

  #block(block: Extract<Part, { kind: 'block' }>, frame: Frame): void {
    const { helper, body, otherwise } = block;
    if (helper === 'each') {
      const value = this.#needed(block.value, frame);
      if (value !== null && typeof value !== 'object')
        throw this.#faultAt(block.value, frame, 'must be a list or an object: the template goes through it');
      if (!this.#each(block, value, frame)) this.parts(otherwise, frame);
      return;
    }
    if (helper === 'with') {
      const value = this.#needed(block.value, frame);
      if (isEmpty(value)) this.parts(otherwise, frame);
      else this.parts(body, this.#inside(frame, value, frame.data, block.names, [value]));
      return;
    }
    const value = this.#found(block.value, frame);
    if (helper === 'section') {
      this.#section(block, value, frame);
      return;
    }
    const isTrue = block.includeZero && value === 0 ? true : !isEmpty(value);
    this.parts(isTrue === (helper === 'if') ? body : otherwise, frame);
  }

  /** Mustache's: goes through a list, into an object, and asks what is neither. */
  #section(block: Extract<Part, { kind: 'block' }>, value: unknown, frame: Frame): void {
    if (Array.isArray(value)) {
      if (!this.#each(block, value, frame)) this.parts(block.otherwise, frame);
    } else if (value === undefined || value === null || value === false) this.parts(block.otherwise, frame);
    else if (value === true) this.parts(block.body, frame);
    else this.parts(block.body, this.#inside(frame, value, frame.data, block.names, [value]));
  }

  /** @returns false when there was nothing to go through */
  #each({ body, names }: Extract<Part, { kind: 'block' }>, value: unknown, frame: Frame): boolean {
    if (value === null || value === undefined) return false;
    const isList = Array.isArray(value);
    const keys = isList ? null : Object.keys(value as object);
    const length = isList ? value.length : (keys?.length ?? 0);
    for (let index = 0; index < length; index++) {
      this.#step();
      const key = keys?.[index] ?? index;
      const item = own(value, String(key));
      const data = { index, key, first: index === 0, last: index === length - 1 };
      this.parts(body, this.#inside(frame, item, data, names, [item, key]));
    }
    return length > 0;
  }

  #inside(
    frame: Frame,
    context: unknown,
    data: Frame['data'],
    names: readonly string[],
    values: readonly unknown[],
  ): Frame {
    const bound = names.length === 0 ? frame.names : new Map(frame.names);
    if (bound !== frame.names)
      for (const [i, name] of names.entries()) (bound as Map<string, unknown>).set(name, values[i]);
    return { context, parent: frame, data, names: bound };
  }

  /** @throws Problem when it is not there */
  #needed(expression: Expression, frame: Frame): unknown {
    const value = this.#found(expression, frame);
    if (value === undefined) throw this.#faultAt(expression, frame, 'is missing');
    return value;
  }

  /** undefined: it is not there. */
  #found(expression: Expression, frame: Frame): unknown {
    this.#step();
    if (expression.kind === 'literal') return expression.value;
    if (expression.kind === 'path') return this.#at(expression, frame);
    const of = this.#found(expression.of, frame);
    const key = this.#found(expression.key, frame);
    return typeof key === 'string' || typeof key === 'number' ? own(of, String(key)) : undefined;
  }

  #at(path: Path, frame: Frame): unknown {
    let at: Frame | null = frame;
    for (let up = 0; up < path.up && at; up++) at = at.parent;
    if (!at) return undefined;
    const [first = '', ...rest] = path.parts;
    if (path.data) {
      const value =
        first === 'root' ? this.#values : first === 'content' ? this.#content : own(at.data, first);
      return this.#into(value, rest);
    }
    if (!path.scoped && at.names.has(first)) return this.#into(at.names.get(first), rest);
    return this.#into(at.context, path.parts);
  }

  #into(value: unknown, names: readonly string[]): unknown {
    let found = value;
    for (const name of names) {
      this.#step();
      found = own(found, name);
    }
    return found;
  }

  #faultAt(expression: Expression, frame: Frame, detail: string): Problem {
    if (expression.kind !== 'path') return fault(this.#root, `what {{lookup}} asks for ${detail}`);
    const { up, data, said, parts } = expression;
    // Inside of a list it is no variable, but a member of an entry.
    const isPlain = up === 0 && !data && frame.parent === null;
    return fault(
      isPlain ? pointerTo(this.#root, ...parts) : this.#root,
      `${detail.startsWith('is missing') ? `${detail}: the template has {{${said}}}` : `${detail} ({{${said}}})`}`,
    );
  }
}

/** A member that the value itself has; of lists their entries and length. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** As Handlebars has it: an empty list is false, an empty object is not. */
function isEmpty(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
  '`': '&#x60;',
  '=': '&#x3D;',
};

/** The characters that Handlebars escapes. */
export function escapeHtml(text: string): string {
  return /[&<>"'`=]/.test(text) ? text.replace(/[&<>"'`=]/g, (char) => escapes[char] ?? char) : text;
}

function fault(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
