import { type FieldError, Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';

/** Another service's API, spoken below a path of its own. What it sends ends in the one intake. */
export interface Dialect {
  /** `/resend`. */
  prefix: string;
  /** An error in that service's shape and with its status. */
  answerError(error: Error, c: Call): Response;
  /** What that service has and this one has not, by how its path begins, and what there is instead. */
  missing: readonly (readonly [path: RegExp, instead: string])[];
}

/**
 * Their name of a field, and ours. One of an object inside stands as `template.id` when its object is taken apart before,
 * one of each object of a list as `variables[].key`.
 */
export type Fields = readonly (readonly [theirs: string, ours: string])[];

export type Json = Record<string, unknown>;

/** An object of JSON; null: it is none. */
export function objectOf(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

/**
 * A body with our names for its fields; null is as if it were not there.
 * @param changed gives what a field says in our terms; undefined: nothing
 * @throws Problem when it has a field that the table does not
 */
export function renamed(
  fields: Fields,
  value: unknown,
  changed: (theirs: string, value: unknown) => unknown = (_, one) => one,
): unknown {
  const body = objectOf(value);
  if (!body) return value;
  const names = new Map(fields.filter(([theirs]) => !theirs.includes('[]')));
  return Object.fromEntries(
    Object.entries(body).flatMap(([theirs, one]) => {
      if (one === null || one === undefined) return [];
      const ours = names.get(theirs);
      if (ours === undefined)
        throw fault(`/${theirs.slice(0, 100)}`, 'there is no such field here; leave it out');
      const said = changed(theirs, one);
      return said === undefined ? [] : [[ours, said]];
    }),
  );
}

/** The problem of one field of a body. */
export function fault(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}

/** The faults that a problem tells of, with their names for our fields. */
export function toldIn(fields: Fields, { errors }: Problem): FieldError[] {
  const names = new Map(fields.map(([theirs, ours]) => [ours, theirs]));
  const theirs = (name: string) => names.get(name) ?? name;
  return errors.map(({ pointer, detail }) => ({
    pointer: pointer.replace(
      /^(\/(?:\d+\/)?)([^/]+)(?:(\/\d+\/)([^/]+))?/,
      (_, before: string, name: string, at = '', inner = '') =>
        before + theirs(name) + at + (theirs(`${name}[].${inner}`).split('[].')[1] ?? inner),
    ),
    // In a sentence only what can be nothing but the name of a field.
    detail: detail.replace(/\b[a-z]+(?:_[a-z]+)+\b/g, theirs),
  }));
}

/**
 * What is wrong with the input: where, as `attachments[0].content`, and what; null: the problem is another, and its own
 * sentence says it.
 */
export function faultIn(fields: Fields, problem: Problem): { name: string; detail: string } | null {
  const [first] = /^invalid_/.test(problem.code) ? toldIn(fields, problem) : [];
  if (!first?.pointer.startsWith('/')) return null;
  const name = first.pointer
    .slice(1)
    .replace(/(^|\/)(\d+)(?=\/|$)/g, '[$2]')
    .replaceAll('/', '.');
  return { name, detail: first.detail.replace(/\.$/, '') };
}
