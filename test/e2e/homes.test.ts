/** An installation with three databases: whatever an account's home is, its mail goes out and is told of. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api } from '../support/api.ts';
import { Captured } from '../support/captured.ts';
import { Standalone } from '../support/standalone.ts';

let folder: string;
let product: Standalone;
let keys: string[];

interface Account {
  domain: string;
  key: string;
}

async function accountAt(home: number): Promise<Account> {
  const { apiUrl, operatorToken } = product.facts;
  const operator = new Api(apiUrl, operatorToken);
  const post = async (path: string, body: unknown) => {
    const { status, answer } = await operator.call('POST', `/admin/v1/accounts${path}`, body);
    expect(status).toBe(201);
    return answer as { id: number; home: number; secret: string };
  };
  const { id, home: placed } = await post('', { name: `at ${home}`, home });
  expect(placed).toBe(home);
  const domain = `home${home}.example`;
  await post(`/${id}/domains`, { domain, verified: true });
  return { domain, key: (await post(`/${id}/credentials`, {})).secret };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-homes-'));
  product = await Standalone.start(join(folder, 'data'), ['--homes', '3']);
}, 120_000);

afterAll(async () => {
  await product?.interrupt();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

describe('npm start -- --homes 3', () => {
  it('delivers mail of accounts of each home, by HTTP and by SMTP', async () => {
    const { apiUrl, captureUrl, smtp } = product.facts;
    const captured = new Captured(captureUrl);
    const accounts = await Promise.all([0, 1, 2].map(accountAt));
    keys = accounts.map(({ key }) => key);
    for (const [home, { domain, key }] of accounts.entries()) {
      const from = `shop@${domain}`;
      const api = new Api(apiUrl, key);
      const subject = `By HTTP from ${home}`;
      const id = await api.send({ from, to: ['you@example.net'], subject, text_body: 'Hello.' });
      const transport = createTransport({
        host: smtp.host,
        port: smtp.port,
        auth: { user: smtp.username, pass: key },
        tls: { rejectUnauthorized: false },
      });
      await transport.sendMail({ from, to: 'you@example.net', subject: `By SMTP from ${home}`, text: 'Hi.' });
      await captured.waitFor(subject);
      await captured.waitFor(`By SMTP from ${home}`);
      await api.event(id, 'delivered');
    }
  });

  it('never has fewer homes than it had', async () => {
    await product.interrupt();
    product = await Standalone.start(join(folder, 'data'));
    for (const key of keys) expect(await new Api(product.facts.apiUrl, key).emails()).toHaveLength(2);
  });
});
