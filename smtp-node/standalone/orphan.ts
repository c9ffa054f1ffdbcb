import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Row {
  pid: number;
  parent: number;
  /** When it started: with the pid, it names one process for good. */
  startedAt: string;
}

/**
 * Notes which workerd this process has started. When this process is killed, workerd stays: it holds the port and
 * the database, and still accepts mail that nobody delivers.
 */
export async function noteWorkerd(path: string): Promise<void> {
  const own = (await workerds()).filter(({ parent }) => parent === process.pid);
  await writeFile(path, JSON.stringify(own));
}

/** Ends a workerd that was noted in the file and is still there. Call it only when no other run can own it. */
export async function endOrphans(path: string): Promise<void> {
  const noted = await readFile(path, 'utf8').catch(() => '[]');
  const rows = JSON.parse(noted) as Row[];
  if (rows.length === 0) return;
  const running = await workerds();
  for (const { pid, startedAt } of rows) {
    if (!running.some((one) => one.pid === pid && one.startedAt === startedAt)) continue;
    process.kill(pid, 'SIGKILL');
  }
  await rm(path);
}

/** The workerd processes of this machine; none where there is no ps(1). */
async function workerds(): Promise<Row[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,lstart=,comm=']).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, startedAt = ''] = /^\s*(\d+)\s+(\d+)\s+(\S.*\S)\s+\S*workerd\s*$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), startedAt }];
  });
}
