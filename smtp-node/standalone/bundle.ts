import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The root of the repository, with a slash at its end. */
export const repository = new URL('../../', import.meta.url).pathname;

/** Runs wrangler; gives its output, throws it when wrangler fails. */
export async function wrangler(
  args: string[],
  options: { env?: Record<string, string> } = {},
): Promise<string> {
  const child = spawn(
    process.execPath,
    [join(repository, 'node_modules/wrangler/bin/wrangler.js'), ...args],
    {
      cwd: repository,
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: 'false',
        NO_COLOR: '1',
        PENNYPOST_BUILD: '1',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`wrangler ${args.join(' ')} failed:\n${output}${errors}`);
  return output;
}

/** Bundles the Worker as `wrangler deploy` would upload it. Gives what wrangler says about it. */
export async function bundleWorker(
  outDir: string,
  config = join(repository, 'wrangler.toml'),
): Promise<string> {
  return await wrangler(['deploy', '--dry-run', '--outdir', outDir, '--config', config]);
}
