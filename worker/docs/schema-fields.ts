/** JSON Schema (2020-12) as rows of a table. */
type Json = Record<string, unknown>;

/** A field as a table shows it. */
export interface FieldRow {
  name: string;
  required: boolean;
  type: string;
  notes: string;
}

const deepest = 2;

/** The fields of a schema; those of nested ones, two levels deep, with their path. */
export function fieldsOf(schema: Json, components: Json, prefix = '', depth = 0): FieldRow[] {
  const found = resolve(schema, components);
  if (found.type === 'array') return fieldsOf(found.items as Json, components, `${prefix}[].`, depth);
  const choices = (found.anyOf ?? []) as Json[];
  if (choices.length > 0) return unionOf(choices, components, prefix, depth);
  const required = new Set((found.required ?? []) as string[]);
  return Object.entries((found.properties ?? {}) as Record<string, Json>).flatMap(([name, field]) => {
    const own = resolve(field, components);
    const row: FieldRow = {
      name: prefix + name,
      required: required.has(name),
      type: typeOf(field, components),
      notes: notesOf(own),
    };
    const inner = depth < deepest && hasFields(own, components);
    if (!inner) return [row];
    const path = own.type === 'array' ? `${prefix}${name}` : `${prefix}${name}.`;
    return [row, ...fieldsOf(own, components, path, depth + 1)];
  });
}

/** The fields of several choices: each once, and required when it is so in all of them. */
function unionOf(choices: Json[], components: Json, prefix: string, depth: number): FieldRow[] {
  const rows = choices.map((choice) => fieldsOf(choice, components, prefix, depth));
  const named = (some: FieldRow[], name: string) => some.find((row) => row.name === name);
  const names = new Set(rows.flat().map((row) => row.name));
  return [...names].flatMap((name) => {
    const first = named(rows.flat(), name);
    const required = rows.every((some) => named(some, name)?.required === true);
    return first ? [{ ...first, required }] : [];
  });
}

function hasFields(schema: Json, components: Json): boolean {
  const items = schema.type === 'array' ? resolve(schema.items as Json, components) : schema;
  return items.properties !== undefined;
}

/** The schema that a reference names; of `null or something`, the something. */
function resolve(schema: Json, components: Json): Json {
  const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
  if (name) return resolve(components[name] as Json, components);
  const choices = ((schema.anyOf ?? []) as Json[]).filter((choice) => choice.type !== 'null');
  if (choices.length === 1 && choices[0]) return { ...schema, ...resolve(choices[0], components) };
  return schema;
}

/** What a field takes, in words. */
export function typeOf(schema: Json, components: Json): string {
  const choices = schema.anyOf as Json[] | undefined;
  if (choices) return choices.map((choice) => typeOf(choice, components)).join(' or ');
  const found = resolve(schema, components);
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (Array.isArray(found.enum)) return found.enum.map((value) => JSON.stringify(value)).join(', ');
  if (found.type === 'array') return `array of ${typeOf(found.items as Json, components)}`;
  if (Array.isArray(found.type)) return found.type.join(' or ');
  return String(found.format ?? found.type ?? 'any');
}

function notesOf(schema: Json): string {
  const bounds: [string, string][] = [
    ['maxLength', 'characters at most'],
    ['maxItems', 'at most'],
    ['minimum', 'at least'],
    ['maximum', 'at most'],
  ];
  const said = bounds
    .filter(
      ([key]) => typeof schema[key] === 'number' && Math.abs(Number(schema[key])) < Number.MAX_SAFE_INTEGER,
    )
    .filter(([key]) => key !== 'minimum' || schema[key] !== 0)
    .map(([key, words]) =>
      words.startsWith('char') ? `${schema[key]} ${words}` : `${words} ${schema[key]}`,
    );
  const { description } = schema;
  const parts = [
    ...(typeof description === 'string' ? [description.replaceAll('`', '').replace(/\.$/, '')] : []),
    ...said,
  ];
  return parts.length > 0 ? `${parts.join('; ')}.` : '';
}
