import { defineConfig } from 'vitest/config';

const root = new URL('../..', import.meta.url).pathname;

/** Everything that needs the mail lab. Run: vitest run --config test/lab/vitest.config.ts (as root). */
export default defineConfig({
  root,
  test: {
    name: 'lab',
    include: ['test/lab/**/*.test.ts', 'test/e2e/**/*.lab.test.ts'],
    environment: 'node',
    globalSetup: [`${root}test/lab/setup.ts`],
    // One lab, one sender: files take turns.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
