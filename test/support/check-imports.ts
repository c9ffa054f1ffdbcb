/**
 * Import rules of the house (see worker/docs/development.md): each room may import only what is listed, a room of
 * the Worker only rooms below it, and no file imports itself through others. Prints every breach and exits 1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

/** What a room may import: path prefixes inside the repository, and packages. */
const rules: { room: string; inside: string[]; packages: RegExp }[] = [
  { room: 'worker/domain/', inside: ['worker/domain/'], packages: /^(zod|tr46)$/ },
  {
    room: 'worker/store/',
    inside: ['worker/store/', 'worker/domain/', 'drizzle/schema/'],
    packages: /^(drizzle-orm(\/.*)?|better-auth\/adapters\/drizzle|zod|node:buffer|node:zlib)$/,
  },
  // Who deploys the Worker knows its settings.
  {
    room: 'smtp-node/operator/',
    inside: ['smtp-node/', 'worker/domain/', 'worker/settings.ts'],
    packages: /^(?!drizzle-orm|hono|cloudflare:)/,
  },
  {
    room: 'smtp-node/',
    inside: ['smtp-node/', 'worker/domain/'],
    packages: /^(?!drizzle-orm|hono|cloudflare:)/,
  },
  { room: 'worker/', inside: ['worker/'], packages: /^(?!drizzle-orm)/ },
  { room: 'drizzle/', inside: ['drizzle/'], packages: /^(drizzle-orm|drizzle-kit)/ },
];

/** The rooms and files at the door of `worker/`, top to bottom: each may import itself and what stands below it. */
const storeys = [
  'index.ts',
  'routes.ts',
  'queue/',
  'cron/',
  'tracking/',
  'dialects/',
  'dashboard/',
  'docs/',
  'api/',
  'node-api/',
  'inbound/',
  'webhook/',
  'received/',
  'system-mail/',
  'intake/',
  'templates/',
  'identity/',
  'dns/',
  'pages/',
  'http/',
  'hub/',
  'tokens/',
  'store/',
  'env.ts',
  'settings.ts',
  'domain/',
].map((place) => `worker/${place}`);

function storeyOf(file: string): number {
  return storeys.findIndex((place) => file === place || (place.endsWith('/') && file.startsWith(place)));
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern =
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The file inside the repository that an import names; null for a package. */
function target(file: string, specifier: string): string | null {
  if (specifier.startsWith('#domain/')) return `worker/domain/${specifier.slice('#domain/'.length)}`;
  return specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : null;
}

const breaches: string[] = [];
const graph = new Map<string, string[]>();
for (const file of ['worker', 'smtp-node', 'drizzle'].flatMap(sources)) {
  const rule = rules.find(({ room }) => file.startsWith(room));
  if (!rule) continue;
  if (file.startsWith('worker/') && storeyOf(file) < 0) {
    breaches.push(`${file} is in no room of the table in test/support/check-imports.ts`);
  }
  const edges: string[] = [];
  for (const specifier of importsOf(file)) {
    const inside = target(file, specifier);
    if (inside !== null) edges.push(inside);
    const allowed =
      inside === null ? rule.packages.test(specifier) : rule.inside.some((room) => inside.startsWith(room));
    if (!allowed) breaches.push(`${file} must not import ${specifier}`);
    if (inside?.startsWith('worker/') && file.startsWith('worker/') && storeyOf(inside) < storeyOf(file)) {
      breaches.push(`${file} must not import upstairs: ${specifier}`);
    }
  }
  graph.set(file, edges);
}

const done = new Set<string>();
function visit(file: string, path: string[]): void {
  if (path.includes(file)) {
    breaches.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    return;
  }
  if (done.has(file)) return;
  for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  done.add(file);
}
for (const file of graph.keys()) visit(file, []);

for (const breach of breaches) console.error(breach);
console.log(`imports: ${graph.size} files, ${breaches.length} breaches`);
process.exit(breaches.length > 0 ? 1 : 0);
