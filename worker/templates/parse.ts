import { type AST, parse as parseHandlebars } from '@handlebars/parser';
import { scanFault } from './scan.ts';

/**
 * Handlebars (https://handlebarsjs.com/guide/expressions.html) as a tree of what is taken here: its parser reads it, and
 * what it knows beyond this (partials, decorators, helpers of one's own) is refused when a template is kept, not when it
 * is sent.
 */

/** A part of a template. */
export type Part =
  | { kind: 'text'; value: string }
  | { kind: 'print'; value: Expression; escaped: boolean }
  | {
      kind: 'block';
      /** `section` is a block by the name of a variable, as in Mustache. */
      helper: 'if' | 'unless' | 'each' | 'with' | 'section';
      value: Expression;
      /** 0 counts as true for `if` and `unless`. */
      includeZero: boolean;
      names: readonly string[];
      body: readonly Part[];
      otherwise: readonly Part[];
    };

export type Expression =
  | { kind: 'literal'; value: string | number | boolean | null }
  | Path
  | { kind: 'lookup'; of: Expression; key: Expression };

export interface Path {
  kind: 'path';
  /** `@index` and the like. */
  data: boolean;
  /** How many contexts up. */
  up: number;
  /** It begins with `this` or `..`, so no name of a block stands for it. */
  scoped: boolean;
  parts: readonly string[];
  /** As it is written. */
  said: string;
}

/** What stands in data paths. `content`: in layouts, what they are around. */
const dataNames = ['root', 'index', 'key', 'first', 'last', 'content'] as const;

/** A template cannot be read: why, and where. */
export class TemplateFault extends Error {}

/**
 * @param of.layout it may name `@content`
 * @throws TemplateFault that says what is wrong and on which line
 */
export function parseTemplate(source: string, of: { layout: boolean }): readonly Part[] {
  const fault = scanFault(source);
  if (fault !== null) throw new TemplateFault(fault);
  let program: AST.Program;
  try {
    program = parseHandlebars(source);
  } catch (error) {
    throw new TemplateFault(sentenceOf(error));
  }
  return partsOf(program, of);
}

/** The parser's own words, shortened: they may quote lines of the source. */
function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, line, near = ''] = /^Parse error on line (\d+):\n(.*)/.exec(text) ?? [];
  if (line !== undefined) return `is not Handlebars on line ${line}, near “${near.trim().slice(-60)}”`;
  const [, what = text, at] = /^(.*) - (\d+):\d+$/s.exec(text) ?? [];
  return `is not Handlebars${at === undefined ? '' : ` on line ${at}`}: ${what.slice(0, 120)}`;
}

type Of = { layout: boolean };

function partsOf(program: AST.Program | null | undefined, of: Of): Part[] {
  return (program?.body ?? []).flatMap((statement) => partOf(statement, of));
}

function partOf(statement: AST.Statement, of: Of): Part[] {
  switch (statement.type) {
    case 'ContentStatement': {
      const { value } = statement as AST.ContentStatement;
      return value === '' ? [] : [{ kind: 'text', value }];
    }
    case 'CommentStatement':
      return [];
    case 'MustacheStatement': {
      const { path, params, hash, escaped } = statement as AST.MustacheStatement;
      return [{ kind: 'print', value: callOf(path, params, hash, statement, of), escaped }];
    }
    case 'BlockStatement':
      return [blockOf(statement as AST.BlockStatement, of)];
    case 'PartialStatement':
    case 'PartialBlockStatement':
      throw at(statement, 'has a partial ({{>), which there is not here; a layout goes around a template');
    default:
      throw at(statement, 'has a decorator, which there is not here');
  }
}

const blockHelpers = ['if', 'unless', 'each', 'with'] as const;

function blockOf(block: AST.BlockStatement, of: Of): Part {
  const { path, params, hash, program, inverse } = block;
  const helper = blockHelpers.find((name) => name === nameOf(path)) ?? 'section';
  const [value] = params;
  if (helper === 'section' && value)
    throw at(
      block,
      `has a helper {{#${said(path)}}}, which there is not here; there are #if, #unless, #each, #with`,
    );
  if (helper !== 'section' && (!value || params.length > 1))
    throw at(block, `has {{#${helper}}} with ${params.length} values; it needs one`);
  const zero = hash?.pairs.find(({ key }) => key === 'includeZero')?.value;
  const other = hash?.pairs.find(
    ({ key }) => key !== 'includeZero' || (helper !== 'if' && helper !== 'unless'),
  );
  if (other) throw at(block, `has {{#${said(path)}}} with ${other.key}=, which it does not know`);
  return {
    kind: 'block',
    helper,
    value: expressionOf(value ?? path, of),
    includeZero: zero?.type === 'BooleanLiteral' && (zero as AST.BooleanLiteral).value,
    names: (program?.blockParams ?? []).slice(0, 2),
    body: partsOf(program, of),
    otherwise: partsOf(inverse, of),
  };
}

/** What a tag or brackets say: a value, or `lookup` with two. */
function callOf(
  path: AST.Expression,
  params: readonly AST.Expression[],
  hash: AST.Hash | undefined,
  node: AST.Node,
  of: Of,
): Expression {
  if (params.length === 0 && !hash) return expressionOf(path, of);
  const [from, key] = params;
  if (nameOf(path) !== 'lookup' || !from || !key || params.length > 2 || hash)
    throw at(node, `has a helper ${said(path)}, which there is not here; there is (lookup list key)`);
  return { kind: 'lookup', of: expressionOf(from, of), key: expressionOf(key, of) };
}

function expressionOf(node: AST.Expression, of: Of): Expression {
  switch (node.type) {
    case 'StringLiteral':
    case 'NumberLiteral':
    case 'BooleanLiteral':
      return {
        kind: 'literal',
        value: (node as AST.StringLiteral | AST.NumberLiteral | AST.BooleanLiteral).value,
      };
    case 'NullLiteral':
    case 'UndefinedLiteral':
      return { kind: 'literal', value: null };
    case 'SubExpression': {
      const { path, params, hash } = node as AST.SubExpression;
      return callOf(path, params, hash, node, of);
    }
    case 'PathExpression':
      return pathOf(node as AST.PathExpression, of);
    default:
      throw at(node, 'has a value of a kind that there is not here');
  }
}

function pathOf(node: AST.PathExpression, of: Of): Path {
  const { data, depth, original } = node;
  const parts = node.parts.map((part) => {
    if (typeof part === 'string') return part;
    throw at(node, 'has a path that begins with brackets; use lookup');
  });
  const [first = ''] = parts;
  if (data) {
    const known = dataNames.find((name) => name === first);
    if (known === undefined || (known === 'content' && !of.layout))
      throw at(node, `has @${first.slice(0, 60)}, which there is not here`);
  }
  return {
    kind: 'path',
    data,
    up: depth,
    scoped: /^(?:this\b|\.)/.test(original),
    parts,
    said: original.slice(0, 120),
  };
}

/** The one name that a path is; null for others. */
function nameOf(node: AST.Expression): string | null {
  if (node.type !== 'PathExpression') return null;
  const { data, depth, parts } = node as AST.PathExpression;
  return !data && depth === 0 && parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : null;
}

function said(node: AST.Expression): string {
  return 'original' in node ? String(node.original).slice(0, 60) : 'of another kind';
}

function at(node: AST.Node, what: string): TemplateFault {
  return new TemplateFault(`${what} (line ${node.loc.start.line})`);
}

/** The names that a template reads of what it is given, in their order: what a form asks for. */
export function namesIn(parts: readonly Part[]): string[] {
  const names = new Set<string>();
  const ofExpression = (value: Expression, inside: number, bound: readonly string[]): void => {
    if (value.kind === 'lookup') {
      ofExpression(value.of, inside, bound);
      ofExpression(value.key, inside, bound);
    } else if (value.kind === 'path') {
      const [first = '', second = ''] = value.parts;
      if (value.data) {
        if (first === 'root' && second !== '') names.add(second);
      } else if (first !== '' && value.up === inside && !bound.includes(first)) names.add(first);
    }
  };
  const walk = (list: readonly Part[], inside: number, bound: readonly string[]): void => {
    for (const part of list) {
      if (part.kind === 'print') ofExpression(part.value, inside, bound);
      if (part.kind !== 'block') continue;
      ofExpression(part.value, inside, bound);
      const goesIn = part.helper === 'each' || part.helper === 'with';
      walk(part.body, inside + Number(goesIn), [...bound, ...part.names]);
      walk(part.otherwise, inside, bound);
    }
  };
  walk(parts, 0, []);
  return [...names];
}
