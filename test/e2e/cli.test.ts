/** The command line, the server of the Model Context Protocol and the typed client, as whoever has the repository runs them. */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../smtp-node/cli/commands.ts';
import { run } from '../../smtp-node/cli/run.ts';
import { until } from '../lab/until.ts';
import { runCommand } from '../support/command.ts';
import { repository, Standalone } from '../support/standalone.ts';

const main = join(repository, 'smtp-node/cli/main.ts');
let folder: string;
let product: Standalone;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-cli-'));
  product = await Standalone.start(join(folder, 'data'));
  const { PATH = '', HOME = '' } = process.env;
  environment = {
    PATH,
    HOME,
    XDG_CONFIG_HOME: join(folder, 'config'),
    OPERATOR_TOKEN: product.facts.operatorToken,
  };
}, 120_000);
afterAll(async () => {
  await product?.interrupt();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const started = (args: string[]) =>
  spawn(process.execPath, [main, ...args], { env: environment, cwd: folder });

/** A line as the program runs it, in this process: one of its own takes a second to begin. */
async function cli(args: string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await run(args, {
    environment,
    input: async () => input,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    stop: new AbortController().signal,
  });
  return { code, ...said };
}
// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
async function json(...args: string[]): Promise<any> {
  const { code, out, err } = await cli([...args, '--json']);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}
const simulated = (name: string) => `${name}@simulator.${product.facts.domain.replace(/^[^.]*\./, '')}`;

describe('the command line', () => {
  it('says what there is, and what is wrong with a line', async () => {
    const usage = await cli(['--help']);
    expect(usage.code).toBe(0);
    for (const { name, about } of commands) {
      expect(usage.out.split('\n')).toContainEqual(expect.stringMatching(new RegExp(`^  ${name} `)));
      expect(usage.out).toContain(about);
    }
    expect((await cli(['send', '--help'])).out).toContain('--subject TEXT');
    expect(await cli(['sent'])).toMatchObject({
      code: 1,
      err: 'There is no command sent: pennypost --help\n',
    });
    expect(await cli(['send', '--too'])).toMatchObject({ code: 1, err: expect.stringContaining("'--too'") });
    expect(await cli(['domains', 'add', 'a.example', 'b.example'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('one too many'),
    });
    expect(await cli(['domains'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('pennypost login'),
    });
  });

  it('keeps a key that works, for its user alone', async () => {
    const url = product.facts.apiUrl;
    expect(await cli(['login', '--url', 'http://example.com'], 'pp_live_x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('must be an address'),
    });
    expect(await cli(['login', '--url', url], 'pp_live_wrong')).toMatchObject({
      code: 1,
      err: expect.stringContaining('key'),
    });
    const { code, out } = await cli(['login', '--url', `${url}/`], `${product.facts.liveKey}\n`);
    const path = join(folder, 'config/pennypost/config.json');
    expect([code, out]).toEqual([0, expect.stringContaining(path)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url, key: product.facts.liveKey });
    expect((await json('keys')).scopes).toContain('send');
  });

  it('sends, follows what happens, and tells why', async () => {
    const follower = started(['events', '--follow', '--json']);
    let followed = '';
    follower.stdout.on('data', (chunk: Buffer) => {
      followed += chunk.toString();
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const file = join(folder, 'note.txt');
    await writeFile(file, 'attached');
    const line = [
      'send',
      '--from',
      `Shop <shop@${product.facts.domain}>`,
      '--to',
      simulated('hard-bounce'),
      '--subject',
      'Hello',
    ];
    const more = [
      '--tag',
      'a',
      '--metadata',
      'order=1',
      '--header',
      'X-A: b',
      '--attach',
      file,
      '--class',
      'priority',
    ];
    const sent = await cli([...line, ...more, '--json'], 'Thank you.');
    expect([sent.code, sent.err]).toEqual([0, '']);
    const { message_id: id } = JSON.parse(sent.out);
    await until('the bounce', 30_000, async () =>
      followed.split('\n').some((one) => one.includes('"bounced"') && one.includes(id)),
    );
    follower.kill('SIGINT');
    expect(await new Promise((resolve) => follower.on('close', resolve))).toBe(0);
    const told = await cli(['why', id]);
    expect(told.out).toMatch(/bounced +hard-bounce@\S+ +550 5\.1\.1 The mailbox does not exist/);
    expect((await json('emails', '--tag', 'a')).data).toMatchObject([
      { id, subject: 'Hello', metadata: { order: '1' } },
    ]);
    expect((await json('events', '--limit', '1')).data).toHaveLength(1);
    const refused = await cli(['send', '--from', 'x@other.example', '--to', 'a@b.example', '--text', 'x']);
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/subject|other\.example/) });
    expect(await cli([...line, '--text', 'x', '--dry-run'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('queued'),
    });
  });

  it('has domains, suppressions and keys', async () => {
    expect((await cli(['domains', 'add', 'cli.example'])).out).toContain('_pennypost.cli.example');
    expect((await cli(['domains'])).out).toMatch(/^cli\.example +outbound +pending/m);
    expect((await json('domains', 'show', 'cli.example')).records.length).toBeGreaterThan(3);
    expect((await cli(['domains', 'verify', 'cli.example'])).code).toBe(1);
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, 'own.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const dkim = ['domains', 'dkim', 'cli.example', '--key-file', join(folder, 'own.pem')];
    expect((await cli([...dkim, '--selector', 'own'])).out).toMatch(
      /^own +ed25519-sha256 +pending +own\._domainkey\.cli\.example +TXT +v=DKIM1; k=ed25519/m,
    );
    expect((await cli(dkim)).err).toContain('belong together');
    expect((await json('domains', 'dkim', 'cli.example')).data).toHaveLength(3);
    const delegate = ['domains', 'dkim', 'cli.example', '--delegate'];
    expect((await cli([...delegate, 'yes'])).out).toMatch(
      /^pennypost-s1 +rsa-sha256 +pending +pennypost-s1\._domainkey\.cli\.example +CNAME +s1\.\S+\.dkim\.\S+ +\w/m,
    );
    expect((await cli([...delegate, 'maybe'])).err).toContain('must be yes or no');
    expect((await json('domains', 'show', 'cli.example')).dkim_delegated).toBe(true);
    expect((await cli([...delegate, 'no'])).out).toMatch(/^pennypost2 +rsa-sha256 +pending +\S+ +TXT /m);
    const delegated = await json('domains', 'add', 'delegated.example', '--delegate');
    expect(delegated).toMatchObject({ domain: 'delegated.example', dkim_delegated: true });
    await cli(['domains', 'remove', 'delegated.example']);
    expect((await cli(['domains', 'links', 'cli.example', '--label', 'links'])).out).toMatch(
      /^links: links\.cli\.example {2}pending {2}The domain is not verified\.$/m,
    );
    expect((await json('domains', 'links', 'cli.example', '--label', 'none')).link_host).toBeNull();
    expect(await cli(['doctor'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^FAIL {2}cli\.example: /m),
    });
    expect((await cli(['domains', 'remove', 'cli.example'])).code).toBe(0);
    expect((await cli(['doctor'])).out).toMatch(/^ok {4}key: live/m);

    await json('suppressions', 'add', 'gone@example.net', '--note', 'asked by phone');
    expect((await cli(['suppressions', 'check', 'gone@example.net'])).out).toContain('asked by phone');
    expect((await json('suppressions', '--query', 'gone@example.net')).data).toHaveLength(1);
    await json('suppressions', 'remove', 'gone@example.net');
    expect((await cli(['suppressions', 'check', 'gone@example.net'])).out).toBe('not suppressed\n');

    const made = await json('keys', 'add', '--account', '1', '--name', 'ci', '--scope', 'send');
    expect(made).toMatchObject({ name: 'ci', scopes: ['send'], secret: expect.stringMatching(/^pp_live_/) });
    expect((await cli(['keys', 'list', '--account', '1'])).out).toContain(`…${made.hint}`);
    expect((await cli(['keys', 'revoke', String(made.id), '--account', '1'])).code).toBe(0);
  });

  it('keeps templates as files have them, and sends with them', async () => {
    const files = {
      html: '<p>Dear {{name}}, {{total}}</p>',
      frame: '<main>{{{@content}}}</main>',
      declared: '[{"name": "total", "default": "nothing"}]',
      values: '{"name": "Ann"}',
    };
    const at = (name: string) => join(folder, name);
    for (const [name, content] of Object.entries(files)) await writeFile(at(name), content);
    await json('templates', 'create', 'Frame', '--type', 'layout', '--html-file', at('frame'));
    const create = ['templates', 'create', 'A bill', '--subject', 'Bill for {{name}}', '--layout', 'frame'];
    const made = await json(...create, '--html-file', at('html'), '--declare-file', at('declared'));
    expect(made.template).toMatchObject({ slug: 'a-bill', published_version: 1, layout: 'frame' });
    expect((await cli(['templates'])).out).toMatch(/^a-bill +template +version 1 published +\S+ +A bill$/m);
    const changed = await json('templates', 'update', 'a-bill', '--subject', 'For {{name}}', '--draft');
    expect(changed.template).toMatchObject({ has_draft: true, published_version: 1 });
    expect((await cli(['templates', 'show', 'a-bill'])).out).toMatch(/^subject +For \{\{name\}\}$/m);
    const render = ['templates', 'render', 'a-bill', '--variables-file', at('values')];
    expect((await cli(render)).out).toContain('Subject: Bill for Ann\n');
    expect((await cli([...render, '--version', 'draft'])).out).toMatch(
      /^Subject: For Ann\n[\s\S]*<main><p>Dear Ann, nothing<\/p><\/main>/,
    );
    expect((await json('templates', 'publish', 'a-bill')).template.published_version).toBe(2);
    const from = ['--from', `shop@${product.facts.domain}`, '--to', simulated('delivered')];
    const filled = ['--variables', files.values];
    expect((await json('templates', 'test', 'a-bill', ...from, ...filled)).status).toBe('queued');
    expect((await json('send', '--template', 'a-bill', ...from, ...filled)).status).toBe('queued');
    expect(await cli(['send', '--template', 'a-bill', ...from])).toMatchObject({
      code: 1,
      err: expect.stringContaining('name'),
    });
    expect(await cli(['templates', 'render', 'a-bill', '--variables', '{'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--variables is no JSON'),
    });
    expect((await cli(['templates', 'remove', 'a-bill'])).code).toBe(0);
    expect((await cli(['templates', 'show', 'a-bill'])).code).toBe(1);
  });

  it('prints scripts that complete it', async () => {
    const { out: script } = await cli(['completion', 'bash']);
    const ask = `${script}\nCOMP_WORDS=(pennypost domains v); COMP_CWORD=2; _pennypost; echo "\${COMPREPLY[@]}"
COMP_WORDS=(pennypost domains add --); COMP_CWORD=3; _pennypost; echo "\${COMPREPLY[@]}"`;
    const bash = spawn('bash', ['-c', ask]);
    expect(Buffer.concat(await bash.stdout.toArray()).toString()).toBe(
      'verify\n--type --delegate --json --help\n',
    );
    expect((await cli(['completion', 'zsh'])).out).toMatch(/^#compdef pennypost/);
    expect((await cli(['completion', 'fish'])).out).toContain(
      'complete -c pennypost -n __fish_use_subcommand -a send',
    );
  });
});

describe('the server of the Model Context Protocol', () => {
  const opened = async (...options: string[]): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1' });
    const args = [join(repository, 'smtp-node/cli/mcp.ts'), ...options];
    await client.connect(new StdioClientTransport({ command: process.execPath, args, env: environment }));
    return client;
  };
  const call = async (client: Client, name: string, input: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name, arguments: input });
    const [{ text = '' } = {}] = content as { text?: string }[];
    return { text, isError: isError === true, json: () => JSON.parse(text) };
  };
  const mail = { subject: 'From a model', text: 'Hello.' };

  it('has tools that send to the simulator only, look up, explain, and tell of domains', async () => {
    const client = await opened();
    try {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name).sort()).toEqual([
        'domains',
        'explain_email',
        'find_emails',
        'send',
      ]);
      for (const to of ['you@example.net', 'delivered@example.net', `x <you@example.net>`]) {
        const refused = await call(client, 'send', { ...mail, to: [to] });
        expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('--real-recipients') });
      }
      const sent = (await call(client, 'send', { ...mail, to: ['hard-bounce'] })).json();
      const explain = () => call(client, 'explain_email', { id: sent.message_id });
      await until('the bounce', 30_000, async () => (await explain()).text.includes('"bounced"'));
      expect((await explain()).text).toContain('The mailbox does not exist');
      const found = (await call(client, 'find_emails', { subject: 'model' })).json();
      expect(found.data).toMatchObject([{ id: sent.message_id }]);
      const { domain } = product.facts;
      expect((await call(client, 'domains', {})).text).toContain(domain);
      expect((await call(client, 'domains', { domain })).json()).toMatchObject({
        domain,
        records: expect.any(Array),
      });
      expect(await call(client, 'explain_email', { id: 'nothing' })).toMatchObject({ isError: true });
    } finally {
      await client.close();
    }
  });

  it('writes to people when it was started so', async () => {
    const client = await opened('--real-recipients');
    try {
      const from = `shop@${product.facts.domain}`;
      const sent = await call(client, 'send', { ...mail, from, to: ['you@example.net'] });
      expect(sent).toMatchObject({ isError: false, text: expect.stringContaining('message_id') });
    } finally {
      await client.close();
    }
  });
});

it('the typed client sends as the guide does', async () => {
  const guide = await readFile(join(repository, 'worker/docs/clients.md'), 'utf8');
  const [, use = ''] = /```ts\n([\s\S]*?)```/.exec(guide) ?? [];
  const { apiUrl, liveKey, domain } = product.facts;
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'use.ts'), use.replace('shop@example.com', `shop@${domain}`));
  const ran = await runCommand('env', [
    `API=${apiUrl}`,
    `KEY=${liveKey}`,
    process.execPath,
    join(folder, 'use.ts'),
  ]);
  expect(ran).toEqual({ code: 0, output: expect.stringContaining("status: 'queued'") });
});
