import { readD1Migrations } from '@cloudflare/vitest-plugin';
import type { TestProject } from 'vitest/node';

/** Gives the Worker's tests the migrations that they apply to their databases. */
export default async function setup(project: TestProject): Promise<void> {
  const migrations = await readD1Migrations(new URL('../../drizzle/migrations', import.meta.url).pathname);
  project.provide('migrations' as never, migrations as never);
}
