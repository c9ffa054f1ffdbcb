import { readdir, readFile } from 'node:fs/promises';

export interface ProcessStat {
  pid: number;
  command: string;
  parent: number;
  cpuMs: number;
}

/** `/proc/<pid>/stat` (proc_pid_stat(5)); null when there is no such process. Its clock ticks are 10 ms. @param of a thread, `task/<tid>/` */
export async function processStat(pid: number, of = ''): Promise<ProcessStat | null> {
  const text = await readFile(`/proc/${pid}/${of}stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  const command = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    command,
    parent: Number(fields[1]),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

/** CPU time that a process has used, milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await processStat(pid);
  if (!stat) throw new Error(`process ${pid} is gone`);
  return stat.cpuMs;
}

/** CPU time of the first thread of a process, which runs its JavaScript, milliseconds. */
export async function mainThreadCpuMs(pid: number): Promise<number> {
  const stat = await processStat(pid, `task/${pid}/`);
  if (!stat) throw new Error(`process ${pid} is gone`);
  return stat.cpuMs;
}

/** A process and its children that live. */
export async function treeStats(pid: number): Promise<ProcessStat[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const stats = await Promise.all(pids.map((one) => processStat(one)));
  return stats.flatMap((stat) => (stat && (stat.pid === pid || stat.parent === pid) ? [stat] : []));
}

/** Resident and peak resident memory of a process, MiB. */
export async function memoryMiB(pid: number): Promise<{ resident: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { resident: of('VmRSS'), peak: of('VmHWM') };
}

/** The workerd processes that this process has started. */
export async function workerdPids(): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const stats = await Promise.all(pids.map((pid) => processStat(pid)));
  return stats.flatMap((stat) =>
    stat?.command === 'workerd' && stat.parent === process.pid ? [stat.pid] : [],
  );
}
