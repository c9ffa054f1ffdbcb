import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** As `node --cpu-prof` writes it (Chrome DevTools Protocol, Profiler.Profile). */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[];
  samples: number[];
  /** Microseconds since the sample before. */
  timeDeltas: number[];
}

/** Time of the main thread by the part of the program that it was spent for, milliseconds, the longest first. */
export type Shares = [part: string, ms: number][];

/**
 * Reads the one profile in a folder. What the platform does is counted for the file of ours, or the package, that had it
 * done; what nobody of ours began (reading sockets, promises that go on) stands under `node`.
 */
export async function readProfile(folder: string): Promise<Shares> {
  const name = (await readdir(folder)).find((one) => one.endsWith('.cpuprofile'));
  if (name === undefined) throw new Error(`no profile in ${folder}`);
  return sharesOf(JSON.parse(await readFile(join(folder, name), 'utf8')) as Profile);
}

export function sharesOf({ nodes, samples, timeDeltas }: Profile): Shares {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const partOf = (id: number | undefined): string => {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (!frame) break;
      const part = partOfFrame(frame.functionName, frame.url);
      if (part) return part;
    }
    return 'node';
  };
  const parts = new Map(nodes.map(({ id }) => [id, partOf(id)]));
  const shares = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const part = parts.get(id) ?? 'node';
    shares.set(part, (shares.get(part) ?? 0) + (timeDeltas[i] ?? 0) / 1000);
  }
  shares.delete('(idle)');
  return [...shares].sort(([, a], [, b]) => b - a);
}

function partOfFrame(functionName: string, url: string): string | null {
  if (functionName === '(garbage collector)' || functionName === '(idle)') return functionName;
  const own = /\/(smtp-node|worker\/domain)\/(.+)\.ts$/.exec(url);
  if (own) return own[2] ?? null;
  const foreign = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (foreign) return foreign[1] ?? null;
  return url.startsWith('node:internal/deps/undici') ? 'undici' : null;
}
