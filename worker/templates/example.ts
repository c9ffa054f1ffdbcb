import type { TemplateContent, Variable, VariableType } from '#domain/template/template.ts';
import { type Expression, type Part, type Path, parseTemplate } from './parse.ts';

/** What a template reads of a value: its members, or those of its items. */
interface Shape {
  /** The name that it has; what a sample says. */
  name: string;
  members: Map<string, Shape>;
  item: Shape | null;
  printed: boolean;
}

type Source = Pick<TemplateContent, 'subject' | 'htmlBody' | 'textBody' | 'variables'>;

const newShape = (name: string): Shape => ({ name, members: new Map(), item: null, printed: false });

/**
 * Values with which a template and its layout can be shown: the defaults of what is declared, and a sample of what else is
 * read, made as the templates go through it.
 * @throws TemplateFault when one of them cannot be read
 */
export function exampleOf(template: Source, layout: Source | null): Record<string, unknown> {
  const root = newShape('');
  for (const [content, isLayout] of [
    [template, false],
    [layout, true],
  ] as const) {
    if (content === null) continue;
    for (const { name } of content.variables) member(root, name);
    for (const source of [content.subject, content.htmlBody, content.textBody])
      if (source) readParts(parseTemplate(source, { layout: isLayout }), [root], new Map());
  }
  const declared = new Map(
    [...(layout?.variables ?? []), ...template.variables].map((one) => [one.name, one]),
  );
  return Object.fromEntries(
    [...root.members].map(([name, shape]) => [name, sampleOf(shape, declared.get(name))]),
  );
}

function member(of: Shape, name: string): Shape {
  const there = of.members.get(name) ?? newShape(name);
  of.members.set(name, there);
  return there;
}

/** @param scopes what names are looked up in, the innermost last */
function readParts(
  parts: readonly Part[],
  scopes: readonly Shape[],
  names: ReadonlyMap<string, Shape>,
): void {
  for (const part of parts) {
    if (part.kind === 'text') continue;
    const shape = shapeOf(part.value, scopes, names);
    if (part.kind === 'print') {
      if (shape) shape.printed = true;
      continue;
    }
    let inside = shape ?? newShape('');
    const goesIn = part.helper === 'each' || part.helper === 'with';
    if (part.helper === 'each') {
      inside.item ??= newShape(inside.name.replace(/s$/, ''));
      inside = inside.item;
    }
    const [own] = part.names;
    const known = goesIn && own !== undefined ? new Map([...names, [own, inside]]) : names;
    readParts(part.body, goesIn ? [...scopes, inside] : scopes, known);
    readParts(part.otherwise, scopes, names);
  }
}

/** Null: it is no value of the variables. */
function shapeOf(
  value: Expression,
  scopes: readonly Shape[],
  names: ReadonlyMap<string, Shape>,
): Shape | null {
  if (value.kind === 'literal') return null;
  if (value.kind === 'lookup') {
    shapeOf(value.of, scopes, names);
    shapeOf(value.key, scopes, names);
    return null;
  }
  const from = beginOf(value, scopes, names);
  return from ? from.parts.reduce((shape, part) => member(shape, part), from.shape) : null;
}

function beginOf(
  { data, up, scoped, parts }: Path,
  scopes: readonly Shape[],
  names: ReadonlyMap<string, Shape>,
): { shape: Shape; parts: readonly string[] } | null {
  const [first = '', ...rest] = parts;
  if (data) return first === 'root' && scopes[0] ? { shape: scopes[0], parts: rest } : null;
  const bound = scoped ? undefined : names.get(first);
  if (bound) return { shape: bound, parts: rest };
  const shape = scopes[scopes.length - 1 - up];
  return shape ? { shape, parts } : null;
}

const samples: Record<VariableType, (name: string) => unknown> = {
  string: (name) => name.replaceAll('_', ' '),
  number: () => 1,
  boolean: () => true,
  list: () => [],
  object: () => ({}),
};

function sampleOf({ name, members, item, printed }: Shape, declared?: Variable): unknown {
  if (declared?.default !== undefined) return declared.default;
  if (item !== null) return [sampleOf(item)];
  if (members.size > 0) return Object.fromEntries([...members].map(([own, shape]) => [own, sampleOf(shape)]));
  return samples[declared?.type ?? (printed ? 'string' : 'boolean')](name);
}
