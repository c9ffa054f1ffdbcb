import { readdirSync, readFileSync } from 'node:fs';
import { readD1Migrations } from '@cloudflare/vitest-plugin';
import type { TestProject } from 'vitest/node';

/** Gives the Worker's tests the migrations that they apply to their databases, and DSNs that the mail lab brought. */
export default async function setup(project: TestProject): Promise<void> {
  const migrations = await readD1Migrations(new URL('../../drizzle/migrations', import.meta.url).pathname);
  project.provide('migrations' as never, migrations as never);
  const folder = new URL('../fixtures/returned/', import.meta.url);
  const captured = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'latin1')]),
  );
  project.provide('captured' as never, captured as never);
}
