#!/usr/bin/env node
/** `npm run cli -- COMMAND`, or `pennypost COMMAND`: the API from a shell. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from './run.ts';

/** All of the standard input; of a person at a terminal one line, which is not shown. */
async function input(prompt?: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || prompt === undefined) return await text(stdin);
  stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silent, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    stderr.write('\n');
  }
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  input,
  out: (part) => process.stdout.write(part),
  err: (part) => process.stderr.write(part),
  stop: stop.signal,
});
