/** Makes the OpenAPI document and has a linter (Redocly) judge it; exits as the linter does. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Not by name: the Worker's types, which it would bring, are not those of Node.
const source = new URL('../../worker/api/openapi.ts', import.meta.url).href;
const { openApiDocument }: { openApiDocument(origin: string): unknown } = await import(source);

const folder = mkdtempSync(join(tmpdir(), 'pennypost-openapi-'));
const file = join(folder, 'openapi.json');
writeFileSync(file, JSON.stringify(openApiDocument('https://pennypost.dev'), null, 2));
const redocly = new URL('../../node_modules/@redocly/cli/bin/cli.js', import.meta.url).pathname;
const { status } = spawnSync(process.execPath, [redocly, 'lint', file, '--extends=recommended-strict'], {
  stdio: 'inherit',
  env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
});
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
