import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { breaks } from '../simulation/breaks.ts';
import { repository } from '../support/standalone.ts';

describe('a known fault that the simulation can make again', () => {
  it.each(
    breaks.flatMap(({ row, about, mutations }) => mutations.map((mutation) => ({ row, about, ...mutation }))),
  )('$row, $about: changes one place of $file', ({ file, find, replace }) => {
    expect(readFileSync(join(repository, file), 'utf8').split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });
});
