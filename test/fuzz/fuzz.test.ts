import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { neverBreaks, takesLinearTime } from './properties.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';

/** Small; `npm run test:fuzz` goes on for as long as is wanted. */
const seed = 20_261_126;
/** The machine may have other work, which makes everything slower; what is judged are ratios of CPU time. */
const timeout = 300_000;

describe.each(targets.map((target) => [target.name, target] as const))(
  'what reads: %s',
  { timeout },
  (_, target) => {
    it('throws nothing but its own clear error, and gives no more than it may', async () => {
      await neverBreaks(target, { runs: 150, seed });
    });

    it('takes time that grows with the input and no faster', async () => {
      await takesLinearTime(target, { runs: 12, seed });
    });
  },
);

it('a parser whose time grows with the square of its input is told', { timeout }, async () => {
  const square: Target = {
    name: 'square',
    blocks: [],
    read: (text) => [...text].every((_, at) => text.slice(at).replaceAll('a', 'b').length > 0),
  };
  const error = await takesLinearTime(square, { runs: 2, seed }).catch((fault) => fault);
  expect(error).toHaveProperty('cause.message', expect.stringContaining('times as long'));
});

it('a parser that throws another error than its own is told', async () => {
  const careless: Target = { name: 'careless', blocks: ['{"a":'], read: (text) => JSON.parse(text) };
  await expect(neverBreaks(careless, { runs: 2, seed })).rejects.toThrow('Counterexample');
});

/** Where bytes from outside are read. */
const rooms = [
  'worker/domain', 'worker/dns', 'worker/http', 'worker/inbound', 'worker/intake', 'worker/received', 'worker/tokens',
  'smtp-node/inbound', 'smtp-node/outbound', 'smtp-node/signing', 'smtp-node/submission', 'smtp-node/tls-policy',
]; // biome-ignore format: one line reads better
/** Parsers that a target reaches through another one, which it names. */
const reachedThrough: Record<string, string> = {
  decodeAs: 'readReceived',
  decodeLoosely: 'readReceived',
  parseMail: 'readReceived',
  parseReplyLine: 'parseSmtpReply',
  readJson: 'jsonShapeFault',
  readNotice: 'readReturned',
  readTime: 'readDate',
  splitMailboxes: 'sendSchema',
  splitMime: 'readMail',
};
/** What reads by its name, and parses nothing from outside. */
const noParsers = new Set(['readBytes', 'readGateFor', 'readPair']);

it('every parser has a target', () => {
  const root = `${import.meta.dirname}/../..`;
  const all = (folder: string, name: RegExp) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => name.test(file))
      .map((file) => readFileSync(`${root}/${folder}/${file}`, 'utf8'))
      .join('\n');
  const tried = all('test/fuzz', /-targets\.ts$/);
  const isTried = (name: string) => new RegExp(`\\b${name}\\b`).test(tried);
  const parser = /^export (?:async )?function ((?:read|parse|decode|unpack|split)[A-Z]\w*)/gm;
  const parsers = rooms.flatMap((room) =>
    [...all(room, /\.tsx?$/).matchAll(parser)].map(([, name = '']) => name),
  );
  expect(parsers.length).toBeGreaterThan(40);
  expect(
    parsers.filter((name) => !noParsers.has(name) && !isTried(name) && !isTried(reachedThrough[name] ?? '-')),
  ).toEqual([]);
  const known = [...noParsers, ...Object.keys(reachedThrough)];
  expect(known.filter((name) => !parsers.includes(name) || isTried(name))).toEqual([]);
});
