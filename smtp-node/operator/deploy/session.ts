/** Who deploys, and into which account: the API and wrangler on behalf of one account. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import { repository, wrangler } from '../../standalone/bundle.ts';
import { Cloudflare, DeployError, neededPermissions, RefusedError, refusal } from './cloudflare.ts';

/** What a deployment keeps in this folder; git ignores it. */
export const stateDir = join(repository, '.pennypost');

export interface Session {
  api: Cloudflare;
  accountId: string;
  accountName: string;
  /** `/accounts/<id>`. */
  account: string;
  /** Runs wrangler for this account. @throws DeployError with one sentence */
  run(args: string[]): Promise<string>;
}

const howToLogIn = `run npx wrangler login, or set CLOUDFLARE_API_TOKEN to a token with the permissions ${neededPermissions.join(', ')}`;

/** Opens the account that was chosen, or the only one. @throws DeployError */
export async function openSession(chosen: string | undefined): Promise<Session> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const api = new Cloudflare(await tokenOf());
  const accounts = await reachable(api);
  const kept = await keptText('account');
  const wanted = chosen ?? process.env.CLOUDFLARE_ACCOUNT_ID ?? kept ?? null;
  const told = accounts.map(({ name, id }) => `${name} (${id})`).join(', ');
  const found = wanted === null ? accounts : accounts.filter(({ id }) => id === wanted);
  const [account, another] = found;
  if (!account)
    throw new DeployError(
      wanted === null
        ? `This login reaches no account: ${howToLogIn}.`
        : `This login does not reach the account ${wanted}, only: ${told || 'none'}. Choose by --account ID.`,
    );
  if (another)
    throw new DeployError(`This login reaches several accounts: choose one of ${told} by --account ID.`);
  await keepText('account', account.id);
  return {
    api,
    accountId: account.id,
    accountName: account.name,
    account: `/accounts/${account.id}`,
    run: async (args) => {
      try {
        return await wrangler(args, { env: { CLOUDFLARE_ACCOUNT_ID: account.id } });
      } catch (error) {
        throw new DeployError(sentenceOf(args, error instanceof Error ? error.message : String(error)));
      }
    },
  };
}

/** The token of the environment, or that of `wrangler login`. */
async function tokenOf(): Promise<string> {
  if (process.env.CLOUDFLARE_API_TOKEN) return process.env.CLOUDFLARE_API_TOKEN;
  try {
    const said = z
      .object({ token: z.string() })
      .parse(JSON.parse(await wrangler(['auth', 'token', '--json'])));
    return said.token;
  } catch {
    throw new DeployError(`Nobody is logged in at Cloudflare: ${howToLogIn}.`);
  }
}

async function reachable(api: Cloudflare): Promise<{ id: string; name: string }[]> {
  try {
    return await api.ask(z.array(z.object({ id: z.string(), name: z.string() })), '/accounts?per_page=50');
  } catch (error) {
    if (error instanceof RefusedError && error.status < 500 && error.status !== 429)
      throw new DeployError(`Cloudflare does not know this login: ${howToLogIn}.`);
    throw error;
  }
}

/** What wrangler says when it fails, without its stack and decoration. */
function sentenceOf(args: readonly string[], output: string): string {
  const text = stripVTControlCharacters(output);
  const asked = /Cloudflare API \(([^)\s]+)\) failed\.\s+(.+)/.exec(text);
  const code = Number(/\[code: (\d+)\]/.exec(text)?.[1] ?? 0);
  if (asked?.[1]) return refusal(asked[1], 0, code, (asked[2] ?? '').replace(/\s*\[code: \d+\]/, '').trim());
  const faults = [...text.matchAll(/\[ERROR\]\s*(.+)/g)].map((match) => match[1]?.trim());
  const why = faults.length > 0 ? faults.join(' ') : text.trim().split('\n').slice(-3).join(' ');
  return `wrangler ${args.slice(0, 3).join(' ')} failed: ${why} Run this again; what is done already stays done.`;
}

/** A line that an earlier run kept here. */
export async function keptText(name: string): Promise<string | null> {
  const path = join(stateDir, name);
  return existsSync(path) ? (await readFile(path, 'utf8')).trim() : null;
}

export async function keepText(name: string, text: string): Promise<void> {
  await writeFile(join(stateDir, name), `${text}\n`, { mode: 0o600 });
}

/** Asks the person at the terminal. @throws DeployError where there is none: the answer is a flag then */
export async function askPerson(question: string, flag: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new DeployError(`${question.trim()} Nobody is here to answer: give ${flag}.`);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await lines.question(question)).trim();
  } finally {
    lines.close();
  }
}

/** Asks for a secret, which is not shown. @throws DeployError where there is nobody: it is a variable of the environment then */
export async function askSecret(question: string, variable: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new DeployError(`${question.trim()} Nobody is here to answer: set ${variable}.`);
  process.stdout.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return (await lines.question('')).trim();
  } finally {
    lines.close();
    process.stdout.write('\n');
  }
}
