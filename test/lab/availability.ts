/** Whether this machine lets the lab be: asked before anything is made, and answered in words. */
import { existsSync, readFileSync } from 'node:fs';
import { runHere } from './namespaces.ts';

/** The Debian packages the lab needs, each with a file that shows it is there. The list is packages.txt. */
export const packages: { name: string; file: string }[] = readFileSync(
  new URL('packages.txt', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter(Boolean)
  .map((line) => {
    const [name = '', file = ''] = line.split(' ');
    return { name, file };
  });

/** Why the lab cannot be brought up here, or `undefined` when it can. */
export async function whyNoLab(prefix: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs network namespaces, which only Linux has';
  if (process.getuid?.() !== 0) return 'it needs root for network namespaces and port 25';
  const missing = packages.filter(({ file }) => !existsSync(file)).map(({ name }) => name);
  if (missing.length > 0) return `these Debian packages are missing: ${missing.join(' ')}`;
  return await whyNoNamespaces(`${prefix}-probe`);
}

async function whyNoNamespaces(name: string): Promise<string | undefined> {
  try {
    await runHere('ip', ['netns', 'add', name]);
    await runHere('ip', ['-netns', name, 'link', 'add', 'br0', 'type', 'bridge']);
    await runHere('ip', ['-netns', name, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']);
    await runHere('ip', ['-netns', name, 'link', 'set', 'lo', 'up']);
    await runHere('ip', ['-netns', name, 'addr', 'add', 'fd98:18::ff/64', 'dev', 'lo']);
    await runHere('ip', ['netns', 'exec', name, 'true']);
    return undefined;
  } catch (error) {
    return `network namespaces are not allowed here: ${lastLine(error)}`;
  } finally {
    await runHere('ip', ['netns', 'delete', name], { mayFail: true }).catch(() => {});
  }
}

/** What `ip` itself said. */
const lastLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n').at(-1) ?? '';
