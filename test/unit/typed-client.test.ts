import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repository } from '../support/standalone.ts';
import { typesOf } from '../support/typed-client.ts';

// Not by name: the Worker's types, which it would bring, are not those of Node.
const source = new URL('../../worker/api/openapi.ts', import.meta.url).href;
const guide = readFileSync(join(repository, 'worker/docs/clients.md'), 'utf8');

let folder: string;
beforeAll(async () => {
  const { openApiDocument }: { openApiDocument(origin: string): object } = await import(source);
  folder = mkdtempSync(join(tmpdir(), 'typed-client-'));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'pennypost.d.ts'), await typesOf(openApiDocument('https://api.test')));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** What the compiler says of files beside the types; '' when nothing. */
function compiled(...texts: string[]): string {
  const names = texts.map((_, i) => `use${i}.ts`);
  for (const [i, text] of texts.entries()) writeFileSync(join(folder, `use${i}.ts`), text);
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const target = ['--target', 'es2024', '--module', 'nodenext', '--types', 'node'];
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const ran = spawnSync(process.execPath, [tsc, ...options, ...target, ...names], {
    cwd: folder,
    encoding: 'utf8',
  });
  return ran.stdout + ran.stderr;
}

const must = "from: 'c@d.example', subject: 'x', to: 'a@b.example'";
const sending = `
import createClient from 'openapi-fetch';
import type { paths } from './pennypost.js';
const mail = createClient<paths>();
export const least = mail.POST('/v1/send', { body: { ${must} } });
export const more = mail.POST('/v1/send', { body: { ${must}, class: 'digest', tags: ['a'], metadata: { a: 'b' } } });
export const filled = mail.POST('/v1/send', { body: { to: 'a@b.example', template: 'welcome', variables: { a: [1, { b: null }] } } });
// @ts-expect-error a subject is a text
export const wrong = mail.POST('/v1/send', { body: { from: 'c@d.example', to: 'a@b.example', subject: 1 } });
// @ts-expect-error there is no such class
export const other = mail.POST('/v1/send', { body: { ${must}, class: 'bulk' } });
`;

it('a client made from the description of the API compiles as the guide uses it, and wants no more than must be there', () => {
  const [, use = ''] = /```ts\n([\s\S]*?)```/.exec(guide) ?? [];
  expect(use).toContain("mail.POST('/v1/send'");
  expect(compiled(use, sending)).toBe('');
}, 60_000);
