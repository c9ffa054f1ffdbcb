/** wrangler.toml with an account's own values. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readsRowsBinding } from '#domain/message/row-form.ts';
import { repository } from '../../standalone/bundle.ts';
import { stateDir } from './session.ts';

export interface AccountValues {
  databaseId: string;
  /** Homes beside the first. */
  homes: readonly { binding: string; name: string; databaseId: string }[];
  vars: Readonly<Record<string, string>>;
  onWorkersDev: boolean;
  previews: boolean;
  /** Name of the binding by which the Worker hands mail to Cloudflare itself; null: it does not. */
  sendBinding: string | null;
}

const placeholderId = '00000000-0000-0000-0000-000000000000';

/**
 * Writes it into a file that git ignores; gives its path. Routes and custom domains are not in it: those of an account
 * stay as they are only where wrangler is told of none.
 */
export async function writeConfiguration(values: AccountValues): Promise<string> {
  const template = await readFile(join(repository, 'wrangler.toml'), 'utf8');
  // A basic string of TOML takes the escapes of JSON.
  const vars = Object.entries(values.vars).map(([name, text]) => `${name} = ${JSON.stringify(text)}\n`);
  const replaced: [part: string | RegExp, by: string][] = [
    [placeholderId, values.databaseId],
    [/^\[vars\]\n(?:\w+ = .*\n)*/m, `[vars]\n${vars.join('')}`],
    [/^\[build\]\n(?:\w+ = .*\n)*/m, ''],
    [/^workers_dev = true$/m, `workers_dev = ${values.onWorkersDev}\npreview_urls = ${values.previews}`],
    ['main = "worker/', 'main = "../worker/'],
    ['migrations_dir = "drizzle/', 'migrations_dir = "../drizzle/'],
  ];
  let text = template;
  for (const [part, by] of replaced) {
    const before = text;
    text = text.replace(part, () => by);
    if (text === before) throw new Error(`wrangler.toml has no ${part}`);
  }
  const homes = values.homes.map(
    ({ binding, name, databaseId }) => `
[[d1_databases]]
binding = "${binding}"
database_name = "${name}"
database_id = "${databaseId}"
migrations_dir = "../drizzle/migrations"
`,
  );
  const version = `\n[version_metadata]\nbinding = "${readsRowsBinding}"\n`;
  // Without an address: any sender that is set up for sending in the account, and any recipient.
  const sends = values.sendBinding === null ? '' : `\n[[send_email]]\nname = "${values.sendBinding}"\n`;
  const path = join(stateDir, 'wrangler.toml');
  await writeFile(path, text + homes.join('') + sends + version, { mode: 0o600 });
  return path;
}
