import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { build, type Plugin } from 'esbuild';
import { globalsOf, type Host } from './sandbox.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A text of the product that is replaced when it is bundled: a fault that is made again. */
export interface Mutation {
  file: string;
  find: string;
  replace: string;
}

/** A bundled program; each start of it is a new one with globals and memory of its own. */
export class Program {
  readonly #evaluate: (globals: Record<string, unknown>) => unknown;

  private constructor(evaluate: (globals: Record<string, unknown>) => unknown) {
    this.#evaluate = evaluate;
  }

  static async of(
    entry: string,
    options: {
      mutations?: readonly Mutation[];
      shared?: readonly Mutation[];
      standIns?: Record<string, string>;
    } = {},
  ): Promise<Program> {
    const result = await build({
      absWorkingDir: repository,
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node24',
      supported: { 'dynamic-import': false },
      jsx: 'automatic',
      jsxImportSource: 'hono/jsx',
      external: ['cloudflare:*', 'simulated-node', 'node:*'],
      conditions: ['workerd', 'worker'],
      logLevel: 'error',
      plugins: [
        standInsOf(options.standIns ?? {}),
        mutationsOf(options.mutations ?? [], options.shared ?? []),
      ],
    });
    const code = result.outputFiles?.[0]?.text ?? '';
    const names = [
      'Date',
      'Math',
      'performance',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'clearTimeout',
      'clearInterval',
      'clearImmediate',
      'AbortSignal',
      'fetch',
      'crypto',
      'Blob',
      'CompressionStream',
      'DecompressionStream',
      'console',
      'scheduler',
      'WebSocketPair',
      'caches',
      'HTMLRewriter',
      'Reflect',
      'globalThis',
      'self',
      'global',
      'require',
    ];
    const factory = runInThisContext(`(function (module, exports, ${names.join(', ')}) {${code}\n})`, {
      filename: `${entry}.bundle.cjs`,
    }) as (...values: unknown[]) => void;
    return new Program((globals) => {
      const module = { exports: {} };
      factory(module, module.exports, ...names.map((name) => globals[name]));
      return module.exports;
    });
  }

  /** What the program exports, run for this host. */
  start<T>(host: Host): T {
    return this.#evaluate(globalsOf(host)) as T;
  }
}

/** Modules of the product that need a network are replaced by others of the same form. */
function standInsOf(standIns: Record<string, string>): Plugin {
  const byPath = new Map(
    Object.entries(standIns).map(([from, to]) => [`${repository}${from}`, `${repository}${to}`]),
  );
  return {
    name: 'stand-ins',
    setup(plugin) {
      plugin.onResolve({ filter: /^\.\.?\// }, (of) => {
        const path = fileURLToPath(new URL(of.path, `file://${of.importer}`));
        const standIn = byPath.get(path);
        // A stand-in may import what it stands for.
        return standIn === undefined || standIn === of.importer ? undefined : { path: standIn };
      });
    },
  };
}

/** @param shared of files that the other half holds in any case, and this one perhaps */
function mutationsOf(mutations: readonly Mutation[], shared: readonly Mutation[]): Plugin {
  const byFile = Map.groupBy([...mutations, ...shared], ({ file }) => `${repository}${file}`);
  const optional = new Set(shared.map(({ file }) => `${repository}${file}`));
  return {
    name: 'mutations',
    setup(plugin) {
      plugin.onLoad({ filter: /\.tsx?$/ }, async ({ path }) => {
        const own = byFile.get(path);
        if (!own) return undefined;
        let text = await readFile(path, 'utf8');
        for (const { file, find, replace } of own) {
          if (text.split(find).length !== 2) throw new Error(`${file} must hold exactly once: ${find}`);
          text = text.replace(find, () => replace);
        }
        byFile.delete(path);
        return { contents: text, loader: path.endsWith('x') ? 'tsx' : 'ts' };
      });
      plugin.onEnd(() => {
        const missing = [...byFile.keys()].find((path) => !optional.has(path));
        if (missing) throw new Error(`not in the bundle: ${missing}`);
      });
    },
  };
}
