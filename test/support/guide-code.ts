import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import type { EdgeFixture } from './edge-fixture.ts';
import { repository } from './standalone.ts';

/** The first block of code of a guide in a language, as who moves here fills it in. */
export function guideCode(guide: string, language: 'js' | 'sh', edge: EdgeFixture): string {
  const text = readFileSync(join(repository, 'worker/docs', `${guide}.md`), 'utf8');
  const [, code] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(text) ?? [];
  if (code === undefined) throw new Error(`${guide}.md has no code in ${language}`);
  return code
    .replaceAll('https://mail.example.org', edge.url)
    .replaceAll('mail.example.org', new URL(edge.url).host)
    .replaceAll('pp_live_…', edge.liveKey)
    .replaceAll("username: '…'", `username: '${edge.username}'`)
    .replaceAll('@example.com', `@${edge.domain}`);
}

/** Runs code that makes a client. @param names what it imports @throws when it makes none */
export function clientOf<T extends object>(
  code: string,
  name: string,
  names: Record<string, unknown>,
  type: new (...options: never[]) => T,
): T {
  const made: unknown = runInNewContext(`${code}\n${name}`, { ...names });
  if (!(made instanceof type)) throw new Error(`this makes no ${type.name}:\n${code}`);
  return made;
}
