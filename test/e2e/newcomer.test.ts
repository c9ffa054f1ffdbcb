import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../lab/until.ts';

/**
 * Somebody who has only the quick start: a fresh copy of what is committed, a home of their own, no root, and the commands
 * of the guide, word for word but for the ports (others may be running here).
 */
const repository = new URL('../../', import.meta.url).pathname;
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const ports = ['--port', '0', '--smtp-port', '0', '--smtp-tls-port', '0', '--capture-port', '0'];

const guide = readFileSync(join(repository, 'worker/docs/quick-start.md'), 'utf8');
const [install = '', send = '', look = ''] = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map(
  ([, text]) => text,
);

/** Why it cannot be done here; null: it can. */
function obstacle(): string | null {
  for (const program of ['git', 'npm', 'curl', 'tar', 'sh'])
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `there is no ${program}`;
  if (spawnSync('git', ['rev-parse', 'HEAD'], { cwd: repository }).status !== 0) return 'this is no clone';
  return null;
}
const why = obstacle();
if (why) console.warn(`The newcomer is left out: ${why}.`);

describe.skipIf(why !== null)('a newcomer with the quick start', () => {
  let place: string;
  let clone: string;
  let product: ChildProcess | undefined;
  let printed = '';
  let offline: string | null = null;

  /** What a login of somebody without root has. */
  const options = () => ({
    cwd: clone,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: join(place, 'home'),
      TMPDIR: join(place, 'tmp'),
      ...(process.env.NODE_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS } : {}),
    },
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
  });
  const shell = (text: string) =>
    spawnSync('sh', ['-c', text], { ...options(), encoding: 'utf8', timeout: 540_000, maxBuffer: 1 << 26 });
  /** What stands behind a name in what `npm start` printed. */
  const value = (name: string) => new RegExp(`^ *${name} +(\\S+)`, 'm').exec(printed)?.[1] ?? '';

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'pennypost-newcomer-'));
    clone = join(place, 'pennypost');
    for (const folder of [clone, join(place, 'home'), join(place, 'tmp')]) mkdirSync(folder);
    const copy = spawnSync('sh', ['-c', `git archive HEAD | tar -x -C '${clone}'`], { cwd: repository });
    expect(copy.status).toBe(0);
    if (!isRoot) return;
    spawnSync('chown', ['-R', `${nobody}:${nobody}`, place]);
    chownSync(place, nobody, nobody);
    chmodSync(place, 0o700);
  });
  afterAll(async () => {
    if (product && product.exitCode === null && product.signalCode === null) {
      const gone = new Promise((resolve) => product?.once('exit', resolve));
      process.kill(-(product.pid ?? 0), 'SIGKILL');
      await gone;
    }
    rmSync(place, { recursive: true, force: true });
  });

  it('installs it', { timeout: 600_000 }, (context) => {
    expect(install.trim().split('\n')).toEqual(['npm ci', 'npm start']);
    const { status, stderr } = shell('npm ci');
    if (status !== 0 && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(stderr)) {
      offline = 'the package registry does not answer';
      context.skip(offline);
    }
    expect(status, stderr.slice(-2000)).toBe(0);
  });

  it('starts it, and is told where everything is', { timeout: 240_000 }, async (context) => {
    if (offline) context.skip(offline);
    product = spawn('npm', ['start', '--', ...ports], { ...options(), detached: true });
    for (const stream of [product.stdout, product.stderr])
      stream?.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
      });
    await until('the start', 220_000, async () => printed.includes('Ctrl-C stops it'));
    expect(value('live key')).toMatch(/^pp_live_/);
    expect(printed).toContain('set-up code');
  });

  it('sends a message, and sees what arrived and what happened', { timeout: 120_000 }, async (context) => {
    if (offline) context.skip(offline);
    const api = new URL(value('API')).origin;
    const filled = (text: string, id = '') =>
      text
        .replace('pp_live_…', value('live key'))
        .replaceAll('http://127.0.0.1:8787', api)
        .replace('01a1fbb4-…', id);
    const sent = shell(`${filled(send)}`);
    const id = /"message_id":"([0-9a-f-]{36})"/.exec(sent.stdout)?.[1] ?? '';
    expect(id, sent.stdout + sent.stderr).not.toBe('');
    await until('the delivery', 60_000, async () =>
      shell(`KEY=${value('live key')}\n${filled(look, id)}`).stdout.includes('"email.delivered"'),
    );
    expect(await (await fetch(value('captured'))).text()).toContain('Your receipt');
  });

  it('pastes the line that was printed, and it is accepted', (context) => {
    if (offline) context.skip(offline);
    const line = printed.split('\n').find((one) => one.startsWith('curl ')) ?? '';
    expect(shell(line).stdout).toMatch(/^\{"message_id":"[0-9a-f-]{36}","status":"queued"\}/);
  });

  it('opens the dashboard, which asks for the code', async (context) => {
    if (offline) context.skip(offline);
    const page = await fetch(value('dashboard'));
    expect(await page.text()).toContain('Set-up code');
    expect((await fetch(new URL('/docs/quick-start', value('dashboard')))).status).toBe(200);
  });

  it('stops it by Ctrl-C', { timeout: 60_000 }, async (context) => {
    if (offline || !product) return context.skip(offline ?? 'it did not start');
    const end = new Promise((resolve) => product?.once('exit', resolve));
    process.kill(-(product.pid ?? 0), 'SIGINT');
    await end;
    expect(printed).toContain('Stopping…');
  });
});
