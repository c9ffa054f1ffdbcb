import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface CommandResult {
  code: number;
  /** Standard output and standard error. */
  output: string;
}

/** Runs a command to its end, with an input. Its failure is a value. */
export function runCommand(
  command: string,
  args: string[],
  input: string | Buffer = '',
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024, timeout: 60_000, killSignal: 'SIGKILL' as const };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: `${stdout}${stderr}${code === -1 ? error?.message : ''}` });
    });
    // a command that ends without reading its input must not end the test run by EPIPE
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** True when a program is there to be run. */
export const isInstalled = (name: string) =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(`${folder}/${name}`));
