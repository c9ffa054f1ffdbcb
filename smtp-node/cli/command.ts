import type { ParseArgsOptionsConfig } from 'node:util';
import type { Api } from './api.ts';
import type { Said } from './print.ts';

/** Values of options as `node:util` parses them. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** What a command works with. */
export interface Context {
  values: Values;
  /** Behind the command's own words. */
  args: readonly string[];
  /** Opened when it is first asked for: some commands need none. @throws Fault without a profile */
  api(): Promise<Api>;
  /** The same with the operator token. @throws Fault without one */
  operator(): Promise<Api>;
  environment: Readonly<Record<string, string | undefined>>;
  /** All of the standard input as text. */
  input(prompt?: string): Promise<string>;
  /** Says a part at once; what comes last is what `run` gives. */
  say(part: Said): void;
  stop: AbortSignal;
}

/** A command: one row; usage, parsing and completion derive from it. */
export interface Command {
  /** One word or two, as in `domains add`. */
  name: string;
  /** Arguments as the usage shows them: `ID`, `[ID]`. */
  args?: string;
  about: string;
  options?: Readonly<Record<string, ParseArgsOptionsConfig[string] & { about: string; value?: string }>>;
  /** Null: all is said. `failed`: the exit code is 1. */
  run(context: Context): Promise<(Said & { failed?: boolean }) | null>;
}

export const text = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};
export const texts = (values: Values, name: string): string[] =>
  [values[name] ?? []].flat().filter((value) => typeof value === 'string');
