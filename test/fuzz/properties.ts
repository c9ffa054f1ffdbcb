import fc from 'fast-check';
import type { Target } from './target.ts';

/** Blocks that mean something to many parsers, and names that every object of JavaScript has. */
const blocks = [
  ' ', '\t', '\r\n', '\n', '\r', '\0', 'a', 'A', '0', '1', '9999999999999999999999', '-', '_', '.', ',', ';', ':', '=',
  '@', '<', '>', '(', ')', '[', ']', '{', '}', '"', "'", '\\', '/', '?', '&', '%', '%41', '%ff', '+', '*', '|', '#', '$',
  '--', '=?utf-8?q?a?=', '=?', '?=', '&#', 'a@b.example', 'b.example', 'é', '日', '😀', '\ud800', '\u202e', '\ufeff', '\u200b', '\xa0',
  '\xff', 'null', 'true', '__proto__', 'constructor', 'toString', 'hasOwnProperty', ' '.repeat(40), 'a'.repeat(70),
]; // biome-ignore format: a list of words

const blockOf = (target: Target) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...target.blocks, 'a') },
    { weight: 2, arbitrary: fc.constantFrom(...blocks) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  );

/** The longest fault or error that people are shown, characters. */
const mostFault = 2000;

/**
 * Throws when the parser throws anything but its own clear error, or gives more than it may.
 * @param numRuns inputs that are tried
 */
export async function neverBreaks(target: Target, { runs, seed }: Effort): Promise<void> {
  const text = fc
    .array(
      fc.tuple(
        blockOf(target),
        fc.oneof({ weight: 12, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 300 })),
      ),
      { maxLength: 24 },
    )
    .map((parts) => parts.map(([block, times]) => block.repeat(times)).join(''));
  const property = fc.asyncProperty(text, async (given) => {
    const input = given.slice(0, target.most);
    const said = await outcome(target, input);
    const isFault = said instanceof Error || (target.tells && typeof said === 'string');
    const length = said instanceof Error ? said.message.length : sizeOf(said);
    const most = isFault ? mostFault : (target.grows ?? 16) * input.length + 16_384;
    if (length > most) throw new Error(`${length} characters of ${input.length}`);
  });
  await fc.assert(property, { numRuns: runs, seed });
}

/** What it gives, or its own error. */
async function outcome(target: Target, text: string): Promise<unknown> {
  try {
    return await target.read(text);
  } catch (error) {
    if (target.refuses?.(error)) return error;
    throw error;
  }
}

function sizeOf(value: unknown): number {
  const plain = (_: string, part: unknown) => {
    if (typeof part === 'function' || typeof part === 'symbol') throw new Error(`gives a ${typeof part}`);
    if (part instanceof Map || part instanceof Set) return [...part];
    return part instanceof Uint8Array ? `${part.length}${' '.repeat(part.length)}` : part;
  };
  return typeof value === 'string' ? value.length : (JSON.stringify(value, plain)?.length ?? 0);
}

/** Twice the input may take so many times as long. */
const mostRatio = 2.5;
/** Less says nothing, microseconds of CPU: what takes no more for a quarter of the longest input is quick enough. */
const leastMicros = 4000;
const shortest = 256;

export interface Effort {
  runs: number;
  seed: number;
}

/** What was measured of the slowest kind of input that a run has met. */
export interface Slowest {
  microsPerKilobyte: number;
  ratio: number;
}

/**
 * Throws when twice as long an input of one kind, a few blocks again and again between two ends, takes more than
 * `mostRatio` times as long, and that twice as long again more than `mostRatio` times that. What is measured is
 * the CPU time of this thread, which others on the machine hardly change, and of several the least; who fails is
 * measured again and again before it counts.
 * @param most longest input that is tried, characters
 */
export async function takesLinearTime(
  target: Target,
  { runs, seed }: Effort,
  most = 131_072,
): Promise<Slowest> {
  const slowest: Slowest = { microsPerKilobyte: 0, ratio: 0 };
  const block = blockOf(target);
  const kind = fc.record({
    start: fc.array(block, { maxLength: 3 }).map((list) => list.join('')),
    pump: fc.array(block, { minLength: 1, maxLength: 3 }).map((list) => list.join('')),
    end: fc.array(block, { maxLength: 2 }).map((list) => list.join('')),
  });
  const longest = Math.min(most, target.most ?? most);
  const property = fc.asyncProperty(kind, async ({ start, pump, end }) => {
    if (pump === '') return;
    const make = (length: number) =>
      `${start}${pump.repeat(Math.ceil(length / pump.length))}`.slice(0, Math.max(0, length - end.length)) +
      end;
    const measured = await growth(target, make, longest);
    if (!measured) return;
    if (measured.microsPerKilobyte > slowest.microsPerKilobyte)
      slowest.microsPerKilobyte = measured.microsPerKilobyte;
    slowest.ratio = Math.max(slowest.ratio, measured.ratio);
    if (measured.ratio <= mostRatio) return;
    for (let again = 0; again < 4; again++) {
      const more = await growth(target, make, longest, 7);
      if (!more || more.ratio <= mostRatio) return;
    }
    throw new Error(`twice the input takes ${measured.ratio.toFixed(1)} times as long`);
  });
  // The kinds are short as they are: to seek a shorter one would take longer than all before.
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: true });
  return slowest;
}

/**
 * How the time grows where it can be told: the lesser of two doublings one after the other, since a parser may turn to
 * another way of its own at some length. Null: it is over too soon, or the longest input is no four times the first
 * that can be measured.
 */
async function growth(
  target: Target,
  make: (length: number) => string,
  most: number,
  repeats = 3,
): Promise<Slowest | null> {
  for (let length = shortest; length * 4 <= most; length *= 2) {
    if ((await micros(target, make(length), 1)) < leastMicros) continue;
    const [one, two, four] = [
      await micros(target, make(length), repeats),
      await micros(target, make(2 * length), repeats),
      await micros(target, make(4 * length), repeats),
    ] as const;
    if (one < leastMicros / 2) continue; // the first time was that of a cold start
    return { microsPerKilobyte: four / ((4 * length) / 1024), ratio: Math.min(two / one, four / two) };
  }
  return null;
}

/** CPU time that reading takes, microseconds: the least of several, which has least of what else the machine does. */
async function micros(target: Target, text: string, repeats: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const before = process.threadCpuUsage();
    await outcome(target, text);
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least;
}
