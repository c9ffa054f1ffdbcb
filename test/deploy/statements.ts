/**
 * The statements of a version of the Worker, kept so that a later schema can be held against them: `node
 * test/deploy/statements.ts`, when a version is released, writes those that a simulated fortnight asks.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Engine } from '../simulation/database.ts';
import { bundlePrograms, run } from '../simulation/run.ts';

const folder = new URL('./statements/', import.meta.url);

/** A statement without what differs from week to week and from call to call. */
export function normalized(text: string): string {
  let short = text
    .replace(/\s+/g, ' ')
    .replace(/_\d{4}w\d{2}\b/g, '_WEEK')
    .replace(/\bbodies_\d{8}\b/g, 'bodies_DAY')
    .replace(/'\d{4}w\d{2}'/g, "'WEEK'")
    .trim();
  // Lists, rows and weeks as often as there were: one of each says it.
  for (let before = ''; before !== short; ) {
    before = short;
    short = short
      .replace(/\bin \((\?|\d+)(?:, ?(?:\?|\d+))+\)/gi, 'IN (?)')
      .replace(/(\((?:[^()]|\([^()]*\))*\)), \1(?=,|$| )/g, '$1')
      .replace(/((?:\(|\b)select (?:(?!\bunion\b).)+?) union all \1/gi, '$1');
  }
  return short;
}

/** Lives some days and gives the database at their end, or each statement as it is asked. */
export async function live(
  days: number,
  more: { atEnd?: (database: Engine) => Promise<void>; onAsked?: (text: string) => void },
): Promise<void> {
  const programs = await bundlePrograms();
  await run({ seed: 2, days, engine: 'quick', programs, only: null, stopWhen: () => false, ...more });
}

/** The statements that a version has asked. */
export function statementsOf(file: string): string[] {
  return readFileSync(new URL(file, folder), 'utf8').split('\n').filter(Boolean);
}

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const texts = new Set<string>();
  const onAsked = (text: string) => {
    if (/^\s*(select|insert|update|delete|with)\b/i.test(text)) texts.add(normalized(text));
  };
  await live(14, { onAsked });
  writeFileSync(new URL(`${version}.sql`, folder), `${[...texts].sort().join('\n')}\n`);
  console.log(`${version}.sql: ${texts.size} statements`);
}
