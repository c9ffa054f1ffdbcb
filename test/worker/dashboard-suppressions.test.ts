import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import { bindings, call, costOf, migrate, newAccount, request, type TestAccount } from './support.ts';

let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', request), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
});

const path = '/suppressions/import';
const csv = (rows: string[]) => `email,reason,created_at\n${rows.join('\n')}\n`;
const fileOf = (content: string | Uint8Array, name = 'list.csv') =>
  new File([content], name, { type: 'text/csv' });
const isSuppressed = async (email: string) =>
  (await call('GET', `/v1/suppressions/check?email=${encodeURIComponent(email)}`, account.live)).body
    .suppressed;

describe('an import', () => {
  it('of a file is shown first, and done without the file being chosen again', async () => {
    const rows = [
      'one@example.net,bounce,2026-01-02',
      'two@example.net,complaint,2026-01-02',
      'no address,bounce,2026-01-02',
    ];
    const preview = await owner.upload(path, { file: fileOf(`\uFEFF${csv(rows)}`), csv: '' });
    expect(preview.status).toBe(200);
    const page = await preview.text();
    expect(page).toContain('What the import would do');
    expect(page).toMatch(/<dt>Would be suppressed<\/dt><dd>2<\/dd>/);
    expect(page).toContain('line 4: ');
    expect(await isSuppressed('one@example.net')).toBe(false);
    const kept = /name="csv" value="([^"]*)"/.exec(page)?.[1] ?? '';
    // As a browser sends the hidden field: every line end is CRLF.
    const done = await owner.upload(path, { csv: kept.replaceAll('\n', '\r\n'), commit: 'true' });
    expect([done.status, done.headers.get('Location')]).toEqual([303, '/suppressions#preview']);
    const told = await (await owner.get('/suppressions')).text();
    expect(told).toMatch(/Imported[\s\S]*<dt>Newly suppressed<\/dt><dd>2<\/dd>/);
    expect(told).not.toContain('Import now');
    expect(await (await owner.get('/suppressions')).text()).not.toContain('Newly suppressed');
    expect(await isSuppressed('one@example.net')).toBe(true);
    expect(await isSuppressed('two@example.net')).toBe(true);
  });

  it('of pasted text goes the same way', async () => {
    const response = await owner.upload(path, {
      csv: csv(['three@example.net,bounce,2026-01-02']),
      file: fileOf('', ''),
    });
    expect(await response.text()).toMatch(/<dt>Would be suppressed<\/dt><dd>1<\/dd>/);
  });

  const row = 'someone@example.net,bounce,2026-01-02\n';
  it.each([
    ['nothing', { csv: '', file: fileOf('', '') }, 400, 'Choose a file, or paste its text.'],
    ['both', { csv: csv([row]), file: fileOf(csv([row])) }, 400, 'not both'],
    [
      'a file that is no text',
      { file: fileOf(new Uint8Array([0x65, 0xff, 0xfe]), 'list.xls') },
      400,
      'list.xls is no CSV in UTF-8',
    ],
    ['a file of no addresses', { file: fileOf('a,b\n1,2\n') }, 400, 'The file '],
    [
      'too many rows',
      { file: fileOf(csv(Array.from({ length: 20_001 }, (_, i) => `u${i}@example.net,bounce,`))) },
      400,
      'The file ',
    ],
    ['a file a little too large', { file: fileOf(csv([row.repeat(56_000)])) }, 413, 'larger than 2.0 MiB'],
    ['a file much too large', { file: fileOf(csv([row.repeat(100_000)])) }, 413, 'takes 8.0 MiB'],
  ])('of %s is refused with the way out', async (_, fields, status, said) => {
    const response = await owner.upload(path, fields);
    expect([response.status, await textOf(response)]).toEqual([status, expect.stringContaining(said)]);
  });
});

it('an address that is refused is named, and what was typed is kept', async () => {
  const response = await owner.post('/suppressions', { email: 'nobody@', note: 'asked by phone' });
  expect(response.status).toBe(400);
  const page = await response.text();
  expect(page).toContain('<a href="#email">Address</a>: has nothing after the');
  expect(page).toContain('value="asked by phone"');
});

it('the export comes page by page, while it is read', async () => {
  const other = await newAccount();
  await bindings.DB.exec(
    `WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < 3500) INSERT INTO suppressions (account_id, address, scope_domain, reason, source, created_at_ms) SELECT ${account.id}, 'many' || n || '@example.net', '', 'manual', 'api', 1 FROM more`,
  );
  await call('POST', '/v1/suppressions', other.live, { email: 'foreign@example.net' });
  const response = await owner.get('/suppressions/export');
  expect(response.headers.get('Content-Type')).toMatch(/^text\/csv/);
  expect(response.headers.get('Content-Disposition')).toContain('suppressions.csv');
  // What the head of the answer has cost so far: one page at most, not all that there is.
  expect(costOf(response).read).toBeLessThan(2500);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader.read()).value);
  await call('POST', '/v1/suppressions', account.live, { email: 'meanwhile@example.net' });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value);
  }
  expect(text.match(/^many\d+@example\.net,/gm)).toHaveLength(3500);
  expect(text).toContain('meanwhile@example.net');
  expect(text).not.toContain('foreign@example.net');
});
