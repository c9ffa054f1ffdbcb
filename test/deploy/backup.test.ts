/** A backup of an installation that worked, restored into a new one that works: the real wrangler, the real Worker. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { open, seal } from '../../smtp-node/operator/sealed.ts';
import { repository } from '../../smtp-node/standalone/bundle.ts';
import { type Edge, startEdge } from '../../smtp-node/standalone/edge.ts';
import { newWorkerSecrets, setupCodeOf, type WorkerSecrets } from '../../smtp-node/standalone/secrets.ts';
import { until } from '../lab/until.ts';
import { Browser } from '../support/browser.ts';
import {
  type ClientAccount,
  EdgeClient,
  newClientAccount,
  newClientEndpoint,
} from '../support/edge-client.ts';
import { startFakeMx } from '../support/fake-mx.ts';
import { startNodeProcess } from '../support/node-process.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { Clone } from './clone.ts';
import { FakeCloudflare } from './cloudflare.ts';

const passphrase = { PENNYPOST_PASSPHRASE: 'correct horse battery' };
const owner = { email: 'owner@people.example', password: 'a long enough sentence' };
const secrets = newWorkerSecrets();

let folder: string;
let receiver: WebhookReceiver;
let account: ClientAccount;
const sent: string[] = [];
const [before, after] = [new FakeCloudflare(), new FakeCloudflare()];
const clones: Clone[] = [];

const startAt = (name: string, settings: Partial<WorkerSecrets>): Promise<Edge> =>
  startEdge({
    port: 0,
    host: '127.0.0.1',
    dataDir: join(folder, name),
    settings: { ...settings, SERVICE_DOMAIN: 'mail.shop.example', ALLOW_LOCAL_WEBHOOKS: '1' },
    log: () => {},
  });

const browserAt = (url: string) => new Browser(url, async (path, init) => await fetch(`${url}${path}`, init));

/** The file of the database, below the folder of the edge's data. */
async function databaseFile(name: string): Promise<string> {
  const state = join(folder, name, 'state');
  const all = await readdir(state, { recursive: true });
  const found = all.filter((path) => /d1.*[0-9a-f]{64}\.sqlite$/i.test(path));
  expect(found).toHaveLength(1);
  return join('state', found[0] ?? '');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-backup-'));
  await Promise.all([before.start(), after.start()]);
  receiver = await WebhookReceiver.start(() => 200);
  const edge = await startAt('before', secrets);
  const client = new EdgeClient(edge.url);
  account = await newClientAccount(client, secrets.OPERATOR_TOKEN);
  const made = await newClientEndpoint(client, account, { url: receiver.url, format: 'event' });
  receiver.secret = made.secret;
  const welcome = await browserAt(edge.url).post('/set-up', {
    ...owner,
    name: 'Olga',
    code: setupCodeOf(secrets.AUTH_SECRET),
  });
  expect(welcome.headers.get('Location')).toBe('/?done=welcome');
  for (const text of ["It's 5 € — \\'; DROP TABLE accounts; --\r\n.", 'large '.repeat(20_000)]) {
    const answer = await client.call(z.object({ message_id: z.string() }), 'POST', '/v1/send', account.key, {
      from: `shop@${account.domain}`,
      to: ['you@example.net'],
      subject: 'Your receipt',
      text_body: text,
    });
    sent.push(answer.message_id);
  }
  await edge.stop();
  const live = new DatabaseSync(join(folder, 'before', await databaseFile('before')));
  before.addDatabase('pennypost', live);
  before.buckets.set(
    'pennypost-raw',
    Array.from({ length: 2500 }, (_, i) => ({ key: `raw/${i}`, size: 40_000 })),
  );
  const home = new DatabaseSync(':memory:');
  home.exec(
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO accounts VALUES (7, 'elsewhere')",
  );
  home.exec('CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)');
  for (const name of await readdir(join(repository, 'drizzle/migrations')))
    if (name.endsWith('.sql')) home.prepare('INSERT INTO d1_migrations (name) VALUES (?)').run(name);
  const homeId = before.addDatabase('pennypost-home-1', home);
  before.worker = {
    id: 'version',
    bindings: [
      { type: 'd1', name: 'DB_1', id: homeId },
      { type: 'plain_text', name: 'SERVICE_DOMAIN', text: 'mail.shop.example' },
      { type: 'plain_text', name: 'PUBLIC_URL', text: 'https://pennypost.shop.workers.dev' },
      { type: 'plain_text', name: 'MAIL_FROM', text: 'hello@shop.example' },
    ],
    secrets,
    schedules: [],
    subdomain: { enabled: true, previews_enabled: false },
    migrationTag: 'v1',
  };
  after.workersDevName = 'other';
}, 300_000);

afterAll(async () => {
  for (const clone of clones) await clone.remove();
  await Promise.all([before.stop(), after.stop(), receiver.stop()]);
  expect([...before.unknown, ...after.unknown]).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

async function cloneAt(cloud: FakeCloudflare): Promise<Clone> {
  const clone = await Clone.make(cloud);
  clones.push(clone);
  return clone;
}

describe('a backup', () => {
  const kept = () => join(folder, 'kept');

  it('has the database, the secrets sealed, and the keys of every object; not where secrets are unknown', async () => {
    const clone = await cloneAt(before);
    const unknown = await clone.run('backup', [kept()], passphrase);
    expect([unknown.code, unknown.text]).toEqual([1, expect.stringContaining('bring that file from there')]);
    await mkdir(join(clone.folder, '.pennypost'), { recursive: true });
    await writeFile(join(clone.folder, '.pennypost/deployed-secrets.json'), JSON.stringify(secrets));
    const short = await clone.run('backup', [kept()], { PENNYPOST_PASSPHRASE: 'short' });
    expect([short.code, short.text]).toEqual([1, expect.stringContaining('at least 12 characters')]);
    const { code, text } = await clone.run('backup', [kept()], passphrase);
    expect([code, text]).toEqual([0, expect.stringContaining('2500 objects')]);
    const objects = (await readFile(join(kept(), 'objects.jsonl'), 'utf8')).trim().split('\n');
    expect(new Set(objects).size).toBe(2500);
    const all = await Promise.all(
      (await readdir(kept())).map((name) => readFile(join(kept(), name), 'utf8')),
    );
    for (const secret of Object.values(secrets)) expect(all.join('\n')).not.toContain(secret);
  });

  it('is restored into an empty account only, whole, and with its passphrase', async () => {
    const clone = await cloneAt(after);
    const wrong = await clone.run('restore', [kept()], { PENNYPOST_PASSPHRASE: 'incorrect horse battery' });
    expect([wrong.code, wrong.text]).toEqual([1, expect.stringContaining('does not open the secrets')]);
    const changed = join(folder, 'changed');
    await cp(kept(), changed, { recursive: true });
    await writeFile(join(changed, 'pennypost.sql'), 'SELECT 1;');
    const broken = await clone.run('restore', [changed], passphrase);
    expect([broken.code, broken.text]).toEqual([1, expect.stringContaining('is not as the backup made it')]);
    expect(after.databases.size).toBe(0);
    const { code, text } = await clone.run('restore', [kept()], passphrase);
    expect([code, text]).toEqual([0, expect.stringContaining('Restored.')]);
    expect(after.worker?.secrets).toEqual(secrets);
    const home = [...after.databases.values()].find(({ name }) => name === 'pennypost-home-1');
    expect(home?.db.prepare('SELECT name FROM accounts WHERE id = 7').get()).toEqual({ name: 'elsewhere' });
    expect(after.vars).toMatchObject({
      SERVICE_DOMAIN: 'mail.shop.example',
      MAIL_FROM: 'hello@shop.example',
      PUBLIC_URL: 'https://pennypost.other.workers.dev',
    });
    const again = await (await cloneAt(after)).run('restore', [kept()], passphrase);
    expect([again.code, again.text]).toEqual([1, expect.stringContaining('is not empty')]);
  });

  it('works afterwards: keys, messages, DKIM, webhooks, users', async () => {
    // The database that was restored and the objects that were copied are those of a new edge.
    const path = join(folder, 'after', await databaseFile('before'));
    await mkdir(dirname(path), { recursive: true });
    after.database?.exec(`VACUUM INTO '${path}'`);
    const state = await readdir(join(folder, 'before/state'));
    for (const part of state.filter((name) => /r2/i.test(name)))
      await cp(join(folder, 'before/state', part), join(folder, 'after/state', part), { recursive: true });
    const edge = await startAt('after', after.worker?.secrets ?? {});
    const mx = await startFakeMx();
    const node = await startNodeProcess({
      edgeUrl: edge.url,
      nodeToken: secrets.NODE_TOKEN,
      dataDirectory: join(folder, 'node'),
      route: { host: mx.address, port: mx.port },
      quiet: true,
    });
    try {
      await node.ready;
      const signedIn = await browserAt(edge.url).post('/sign-in', owner);
      expect(signedIn.headers.get('Location')).toBe('/');
      await until('both messages are delivered', 60_000, async () => mx.messages.length === 2);
      for (const { raw } of mx.messages) {
        expect(raw.toString()).toContain('DKIM-Signature:');
        expect(raw.toString()).toContain(`d=${account.domain};`);
      }
      const told = () => new Set(receiver.posts.flatMap(({ events }) => events.map((one) => one.messageId)));
      await until('the endpoint is told', 60_000, async () => sent.every((id) => told().has(id)));
      expect(receiver.forged).toBe(0);
      const client = new EdgeClient(edge.url);
      for (const id of sent) {
        const email = z.object({ status: z.string() });
        const delivered = async () =>
          (await client.call(email, 'GET', `/v1/emails/${id}`, account.key)).status === 'delivered';
        await until('the message is delivered', 30_000, delivered);
      }
    } finally {
      node.kill();
      await mx.close();
      await edge.stop();
    }
  }, 180_000);
});

describe('sealed text', () => {
  it('opens with its passphrase only, and not when it was changed', () => {
    const sealed = seal('secret', 'correct horse battery');
    expect(open(sealed, 'correct horse battery')).toBe('secret');
    expect(open(sealed, 'correct horse')).toBeNull();
    expect(sealed).not.toContain('secret');
    const parsed = JSON.parse(sealed);
    const { data } = parsed['aes-256-gcm'];
    parsed['aes-256-gcm'].data = (data.startsWith('A') ? 'B' : 'A') + data.slice(1);
    expect(open(JSON.stringify(parsed), 'correct horse battery')).toBeNull();
    expect(open(sealed.replace('"N": 131072', '"N": 1073741824'), 'correct horse battery')).toBeNull();
    expect(open('{}', 'correct horse battery')).toBeNull();
  });
});
