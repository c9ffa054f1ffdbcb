import { parseArgs } from 'node:util';
import { type Api, openApi } from './api.ts';
import type { Command, Context } from './command.ts';
import { commands } from './commands.ts';
import { Fault } from './fault.ts';
import type { Said } from './print.ts';
import { baseUrl, readProfile } from './profile.ts';

/** What a command line is run with. */
export interface Surroundings {
  environment: Context['environment'];
  input: Context['input'];
  out(text: string): void;
  err(text: string): void;
  stop: AbortSignal;
}

const shared = {
  json: { type: 'boolean', about: 'prints JSON' },
  help: { type: 'boolean', about: 'prints this' },
} as const;

const title = ({ name, args }: Command) => [name, args].filter(Boolean).join(' ');

export function usage(): string {
  const widest = Math.max(...commands.map((one) => title(one).length));
  const rows = commands.map((one) => `  ${title(one).padEnd(widest)}  ${one.about}`);
  return `pennypost COMMAND [options]\n\n${rows.join('\n')}\n\nEach takes --json and --help.`;
}

function usageOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...shared }).map(([name, option]) => {
    const value = 'value' in option && option.value ? ` ${option.value}` : '';
    return `  --${name}${value}\n      ${option.about}`;
  });
  return `pennypost ${title(command)}\n  ${command.about}\n\n${rows.join('\n')}`;
}

/** The longest name that the words begin with, and what is behind it. */
function commandIn(words: readonly string[]): { command: Command; rest: string[] } {
  for (const length of [2, 1]) {
    const command = commands.find(({ name }) => name === words.slice(0, length).join(' '));
    if (command) return { command, rest: words.slice(length) };
  }
  throw new Fault(`There is no command ${words[0]}: pennypost --help`);
}

function parsed(command: Command, args: string[]) {
  try {
    return parseArgs({ args, options: { ...command.options, ...shared }, allowPositionals: true });
  } catch (error) {
    throw new Fault(
      `${error instanceof Error ? error.message : String(error)} (pennypost ${command.name} --help)`,
    );
  }
}

async function operatorApi(environment: Context['environment']): Promise<Api> {
  const { OPERATOR_TOKEN: token, PENNYPOST_URL: url } = environment;
  if (!token) throw new Fault('Set OPERATOR_TOKEN: this is for the operator.');
  return openApi({ url: url ? baseUrl(url) : (await readProfile(environment)).url, key: token });
}

/** Runs a command line; gives the exit code: 1 when something is wrong, 2 without a command. */
export async function run(words: readonly string[], around: Surroundings): Promise<number> {
  const isUsage = words.length === 0 || words[0] === '--help' || words[0] === 'help';
  if (isUsage) {
    around.out(`${usage()}\n`);
    return words.length === 0 ? 2 : 0;
  }
  try {
    const { command, rest } = commandIn(words);
    const { values, positionals } = parsed(command, rest);
    if (values.help === true) {
      around.out(`${usageOf(command)}\n`);
      return 0;
    }
    const isJson = values.json === true;
    const most = command.args === undefined ? 0 : 1;
    if (positionals.length > most)
      throw new Fault(`"${positionals[most]}" is one too many (pennypost ${command.name} --help)`);
    let api: Promise<Api> | null = null;
    const ended = await command.run({
      values,
      args: positionals,
      api: () => (api ??= readProfile(around.environment).then(openApi)),
      operator: () => operatorApi(around.environment),
      environment: around.environment,
      input: around.input,
      // One line each, so that what reads them need not wait for an end.
      say: ({ json, text }: Said) => around.out(isJson ? `${JSON.stringify(json)}\n` : `${text}\n`),
      stop: around.stop,
    });
    if (ended === null) return 0;
    around.out(isJson ? `${JSON.stringify(ended.json, null, 2)}\n` : `${ended.text}\n`);
    return ended.failed ? 1 : 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    around.err(`${error.message}\n`);
    return 1;
  }
}
