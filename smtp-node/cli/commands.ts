import type { Command } from './command.ts';
import { doctor } from './commands/doctor.ts';
import { domainCommands } from './commands/domains.ts';
import { listEmails, why } from './commands/emails.ts';
import { events } from './commands/events.ts';
import { keyCommands } from './commands/keys.ts';
import { login, logout } from './commands/login.ts';
import { send } from './commands/send.ts';
import { suppressionCommands } from './commands/suppressions.ts';
import { templateCommands } from './commands/templates.ts';
import { completionScript, type Shell, shells } from './completion.ts';
import { Fault } from './fault.ts';

const completion: Command = {
  name: 'completion',
  args: shells.join('|'),
  about: 'prints a script that completes commands and options',
  async run({ args }) {
    const shell = shells.find((one): one is Shell => one === args[0]);
    if (shell === undefined) throw new Fault(`completion needs a shell: ${shells.join(', ')}`);
    const script = completionScript(shell, commands);
    return { json: { shell, script }, text: script.trimEnd() };
  },
};

/** All commands, in the order of the usage. */
export const commands: readonly Command[] = [
  login,
  logout,
  send,
  listEmails,
  why,
  events,
  ...domainCommands,
  ...suppressionCommands,
  ...templateCommands,
  ...keyCommands,
  doctor,
  completion,
];
