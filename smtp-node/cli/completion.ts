import type { Command } from './command.ts';

/** Scripts that complete commands and options, made from the commands themselves. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const program = 'pennypost';

interface Rows {
  /** First words. */
  words: string[];
  /** Second words of a first one. */
  below: Map<string, string[]>;
  /** Options, by the name of the command. */
  options: Map<string, string[]>;
}

function rowsOf(commands: readonly Command[]): Rows {
  const below = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ');
    below.set(first, [...(below.get(first) ?? []), ...(second === undefined ? [] : [second])]);
  }
  const optionsOf = ({ options = {} }: Command) =>
    [...Object.keys(options), 'json', 'help'].map((one) => `--${one}`);
  return {
    words: [...below.keys()],
    below,
    options: new Map(commands.map((command) => [command.name, optionsOf(command)])),
  };
}

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const rows = rowsOf(commands);
  if (shell === 'fish') return fish(rows, commands);
  const script = bash(rows);
  return shell === 'bash'
    ? script
    : `#compdef ${program}\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function bash({ words, below, options }: Rows): string {
  const cases = [...options].map(([name, some]) => `    '${name}') words='${some.join(' ')}' ;;`);
  const seconds = [...below].map(([first, some]) => `    '${first}') seconds='${some.join(' ')}' ;;`);
  return `_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}" words='' seconds=''
  case "$first" in
${seconds.join('\n')}
  esac
  case " $seconds " in *" $second "*) [ -n "$second" ] && first="$first $second" ;; esac
  case "$first" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='${words.join(' ')}'
  elif [ "$COMP_CWORD" -eq 2 ]; then words="$words $seconds"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _${program} ${program}
`;
}

function fish({ words, below }: Rows, commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const line = (...parts: string[]) => `complete -c ${program} ${parts.join(' ')}`;
  const firsts = words.map((word) => line('-n __fish_use_subcommand', '-a', word));
  const seconds = [...below].flatMap(([first, some]) =>
    some.map((word) => line('-n', quoted(`__fish_seen_subcommand_from ${first}`), '-a', word)),
  );
  const options = commands.flatMap(({ name, options = {} }) =>
    Object.entries(options).map(([option, { about }]) => {
      const seen = name
        .split(' ')
        .map((word) => `__fish_seen_subcommand_from ${word}`)
        .join('; and ');
      return line('-n', quoted(seen), '-l', option, '-d', quoted(about));
    }),
  );
  return `${[...firsts, ...seconds, ...options].join('\n')}\n`;
}
