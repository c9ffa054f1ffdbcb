/** The dashboard's snippets, each run as a person would who pastes it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snippets } from '../../worker/dashboard/sending/snippets.ts';
import { until } from '../lab/until.ts';
import { Captured } from '../support/captured.ts';
import { isInstalled, runCommand } from '../support/command.ts';
import { repository, Standalone } from '../support/standalone.ts';

/** Each does with the settings of its framework what the framework does. */
const mailers = join(repository, 'test/support/mailers');

/** How each is run: the file it is saved as, and the command; `{}` is the file, `{/}` its folder, `{to}` the recipient. */
const runners: Record<string, { file: string; command: string[] }> = {
  curl: { file: 'send.sh', command: ['sh', '{}'] },
  swaks: { file: 'swaks.sh', command: ['sh', '{}'] },
  Node: { file: 'send.mjs', command: [process.execPath, '{}'] },
  Python: { file: 'send.py', command: ['python3', '{}'] },
  PHP: { file: 'send.php', command: ['php', '{}'] },
  Ruby: { file: 'send.rb', command: ['ruby', '{}'] },
  Go: { file: 'send.go', command: ['env', 'GO111MODULE=off', 'go', 'run', '{}'] },
  Java: { file: 'Send.java', command: ['java', '{}'] },
  'C#': { file: 'Program.cs', command: ['dotnet', 'run', '{}'] },
  Rust: { file: 'src/main.rs', command: ['cargo', 'run', '--quiet', '--manifest-path', '{/}/Cargo.toml'] },
  Elixir: { file: 'send.exs', command: ['elixir', '{}'] },
  Laravel: { file: '.env', command: [process.execPath, join(mailers, 'laravel.mjs'), '{}', '{to}'] },
  Django: { file: 'settings.py', command: ['python3', join(mailers, 'django.py'), '{}', '{to}'] },
  Rails: { file: 'production.rb', command: ['ruby', join(mailers, 'rails.rb'), '{}', '{to}'] },
};
const programs: Record<string, string> = { Go: 'go', Java: 'javac' };
/** What the package of a snippet needs beside it. */
const besides: Record<string, Record<string, string>> = {
  // Without TLS, which the API of this test has not: it is built in a moment then.
  Rust: {
    'Cargo.toml':
      '[package]\nname = "send"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nureq = { version = "3", default-features = false }\n',
  },
};

describe('the snippets of the dashboard', () => {
  let folder: string;
  let product: Standalone;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pennypost-snippets-'));
    product = await Standalone.start(join(folder, 'data'));
  }, 120_000);

  afterAll(async () => {
    await product?.interrupt();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const filled = (to: string) => {
    const { apiUrl, smtp, liveKey, domain } = product.facts;
    const { username, ...place } = smtp;
    return snippets({ apiUrl, smtp: place, username, key: liveKey, from: `hello@${domain}`, to });
  };

  it('are all run here', () => {
    expect(
      filled('you@example.net')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(runners).sort());
  });

  for (const [name, { file, command }] of Object.entries(runners)) {
    const program = programs[name] ?? (command[0] === 'sh' ? name : (command[0] ?? ''));
    it.skipIf(!program.startsWith('/') && !isInstalled(program))(
      `${name}: the message arrives`,
      async ({ skip }) => {
        const to = `${name.toLowerCase().replace('#', '-sharp')}@example.net`;
        const text = filled(to).find((one) => one.name === name)?.text ?? '';
        const own = join(folder, name);
        await mkdir(dirname(join(own, file)), { recursive: true });
        await writeFile(join(own, file), text);
        for (const [beside, content] of Object.entries(besides[name] ?? {}))
          await writeFile(join(own, beside), content);
        const filledIn = { '{}': join(own, file), '{/}': own, '{to}': to };
        const [run = '', ...args] = command.map((part) =>
          Object.entries(filledIn).reduce((all, [mark, value]) => all.replace(mark, value), part),
        );
        const { code, output } = await runCommand(run, args);
        if (code !== 0 && /failed to download/.test(output)) skip('its package cannot be fetched here');
        expect(code, output).toBe(0);
        expect(output).toMatch(/queued/i);
        const captured = new Captured(product.facts.captureUrl);
        const mail = await until(`the mail of ${name}`, 30_000, async () =>
          (await captured.list()).find(({ rcptTo }) => rcptTo[0] === to),
        );
        expect((await captured.raw(mail.id)).toString()).toContain('Sent with Pennypost.');
      },
    );
  }
});
