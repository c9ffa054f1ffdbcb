import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig, type Plugin } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Secrets that only tests know; a deployment makes its own (see the guide Deploy). */
const secrets = {
  FEEDBACK_LOOPS: 'loop@isp.example, FBL.isp.example',
  NODE_TOKEN: 'test-node-token-0123456789abcdef0123456789',
  OPERATOR_TOKEN: 'test-operator-token-0123456789abcdef01234',
  RETURN_PATH_KEYS: 'a2V5LW9uZS1rZXktb25lLWtleS1vbmUta2V5LW9uZS0=',
  AUTH_SECRET: 'test-auth-secret-0123456789abcdef0123456789',
  ENCRYPTION_KEYS: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',
  PUBLIC_URL: 'https://api.test',
  /** Nobody answers there: a test that needs DNS brings its own answers. */
  DOH_URL: 'http://127.0.0.1:9/dns-query',
};

/** What drives sockets, workerd, real peers or a browser is tried once more in CI: the machine there is shared. */
const retry = process.env.CI ? 1 : 0;

/** Files at once, where they do not need the machine for themselves: of a small machine all cores, which is one more than usual. */
const maxWorkers = Math.max(2, availableParallelism() - 1);

/**
 * Modules of packages come without source maps: with them all modules of a file, which the runner in workerd is sent in
 * one WebSocket message, are more than the 32 MiB that such a message may have.
 */
const packagesWithoutMaps: Plugin = {
  name: 'packages-without-maps',
  enforce: 'post',
  transform: (code, id) => (id.includes('/node_modules/') ? { code, map: { mappings: '' } } : null),
};

/** One project after the other, the quick ones first: the heavy ones need the machine for themselves. */
export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/smtp-node/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          environment: 'node',
          testTimeout: 30_000,
          retry,
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        root,
        plugins: [
          packagesWithoutMaps,
          cloudflareTest({
            wrangler: { configPath: `${root}/wrangler.toml` },
            miniflare: { bindings: secrets },
          }),
        ],
        test: {
          name: 'worker',
          globalSetup: ['test/support/migrations.ts'],
          include: ['test/worker/**/*.test.ts'],
          exclude: ['test/worker/homes/**'],
          testTimeout: 30_000,
          // A first owner is made, with a password that is dear to hash.
          hookTimeout: 60_000,
          retry,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        root,
        plugins: [
          packagesWithoutMaps,
          cloudflareTest({
            wrangler: { configPath: `${root}/wrangler.toml` },
            miniflare: { bindings: secrets, d1Databases: { DB_1: 'home-1', DB_2: 'home-2' } },
          }),
        ],
        test: {
          // An installation with three databases.
          name: 'homes',
          globalSetup: ['test/support/migrations.ts'],
          include: process.env.HOMES_ALL ? ['test/worker/**/*.test.ts'] : ['test/worker/homes/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          retry,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/**/*.lab.test.ts'],
          environment: 'node',
          // Each file runs the whole product, and most of its time waits for it.
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          retry,
          sequence: { groupOrder: 3 },
        },
      },
      {
        root,
        test: {
          // The real wrangler against a fake of the platform's API.
          name: 'deploy',
          include: ['test/deploy/**/*.test.ts'],
          environment: 'node',
          testTimeout: 600_000,
          hookTimeout: 120_000,
          retry,
          sequence: { groupOrder: 2 },
        },
      },
      // Says by itself that it is left out, and why, where namespaces are not allowed.
      {
        extends: `${root}test/lab/vitest.config.ts`,
        test: { name: 'lab', retry, sequence: { groupOrder: 4 } },
      },
    ],
  },
});
