import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { type Variable, variablesSchema, variableTypes } from '#domain/template/template.ts';

/** Variables as they are typed: declared a line each, `name: type = default`, and an example of their values in JSON. */

const line = /^(?<name>\S+?)(?:\s*:\s*(?<type>[a-z]+))?(?:\s*=\s*(?<value>\S.*))?$/;

export function variableLines(variables: readonly Variable[]): string {
  return variables
    .map(
      ({ name, type, default: value }) =>
        `${name}: ${type}${value === undefined ? '' : ` = ${JSON.stringify(value)}`}`,
    )
    .join('\n');
}

/** @throws Problem 400 at the field, which names the lines */
export function variablesIn(text: string, pointer = '/variables'): Variable[] {
  const lines = text.split('\n').map((one, i) => ({ text: one.trim(), number: i + 1 }));
  const given = lines.filter((one) => one.text !== '');
  const faults: string[] = [];
  const read = given.map((one) => readLine(one, faults));
  const parsed = faults.length === 0 ? variablesSchema.safeParse(read) : null;
  for (const { path, message } of parsed?.error?.issues ?? []) {
    const at = given[typeof path[0] === 'number' ? path[0] : -1];
    faults.push(at ? `Line ${at.number}: ${message}` : message);
  }
  if (faults.length > 0) throw faultAt(pointer, `${faults.slice(0, 5).join('; ')}.`);
  return parsed?.data ?? [];
}

function readLine({ text, number }: { text: string; number: number }, faults: string[]): unknown {
  const { name, type, value } = line.exec(text)?.groups ?? {};
  if (name === undefined) {
    faults.push(`Line ${number} must be a name, or name: type = default`);
    return null;
  }
  if (type !== undefined && !variableTypes.some((one) => one === type)) {
    faults.push(`Line ${number}: the type must be one of ${variableTypes.join(', ')}`);
    return null;
  }
  if (value === undefined) return { name, ...(type && { type }) };
  // A text may stand without its quotes.
  if ((type ?? 'string') === 'string' && !value.startsWith('"')) return { name, default: value };
  try {
    return { name, ...(type && { type }), default: JSON.parse(value) };
  } catch {
    faults.push(`Line ${number}: the default is not JSON`);
    return null;
  }
}

const values = z.record(z.string(), z.json());

/** The example's values; none when nothing is typed. @throws Problem 400 at the field, which names the place */
export function exampleIn(text: string, pointer = '/example'): Record<string, unknown> {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw faultAt(pointer, `is not JSON${whyNot(text, error)}.`);
  }
  const read = values.safeParse(value);
  if (!read.success) throw faultAt(pointer, 'must be an object of names with values, as {"name": "Ann"}.');
  return read.data;
}

/** The parser's words, with the place, which it leaves out for a token that it does not expect. */
function whyNot(text: string, error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const words = said.replace(/(?: in JSON)? at position .*$/s, '').replace(/, (?:\.\.\.)?".*$/s, '');
  const isToken = (prefix: string) => {
    try {
      JSON.parse(prefix);
      return false;
    } catch (fault) {
      return String(fault).includes('Unexpected token');
    }
  };
  const at = /at position (\d+)/.exec(said)?.[1];
  let position = Number(at ?? text.length);
  if (at === undefined && isToken(text)) {
    // What stands before the token is only too short: halves find the first text that is more.
    let [before, beyond] = [0, text.length];
    while (beyond - before > 1) {
      const middle = (before + beyond) >> 1;
      if (isToken(text.slice(0, middle))) beyond = middle;
      else before = middle;
    }
    position = before;
  }
  const lines = text.slice(0, position).split('\n');
  return ` on line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

/** What is declared, and what an example has beside it. */
export function withExample(declared: readonly Variable[], example: Record<string, unknown>): Variable[] {
  const known = new Set(declared.map(({ name }) => name));
  const more = Object.entries(example).filter(([name, value]) => !known.has(name) && value !== null);
  return [...declared, ...more.map(([name, value]) => ({ name, type: typeOf(value) }))];
}

function typeOf(value: unknown): Variable['type'] {
  if (Array.isArray(value)) return 'list';
  const type = typeof value;
  return type === 'number' || type === 'boolean' || type === 'object' ? type : 'string';
}

function faultAt(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
