/**
 * `npm run test:fuzz [-- --runs N --seed N --only NAME]`: every parser that meets bytes from outside, with as many inputs as
 * there is patience for. The same properties run small in `npm test`. A fault is told with the input that shows it.
 */
import { parseArgs } from 'node:util';
import { neverBreaks, takesLinearTime } from './properties.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const numberOf = (name: 'runs' | 'seed', otherwise: number) => {
  const given = Number(values[name] ?? otherwise);
  if (Number.isInteger(given) && given >= 0) return given;
  console.error(`--${name} must be a whole number`);
  process.exit(2);
};
const effort = { runs: numberOf('runs', 2000), seed: numberOf('seed', Date.now() % 2 ** 31) };
const chosen = targets.filter(({ name }) => name.includes(values.only ?? ''));
console.log(`${chosen.length} parsers, ${effort.runs} inputs each, --seed ${effort.seed}`);

let broken = 0;
for (const target of chosen) {
  const startedAt = performance.now();
  try {
    await neverBreaks(target, effort);
    const { microsPerKilobyte, ratio } = await takesLinearTime(
      target,
      { ...effort, runs: Math.ceil(effort.runs / 10) },
      1_048_576,
    );
    const slowest =
      ratio === 0
        ? 'too quick to be measured'
        : `at most ${microsPerKilobyte.toFixed(1)} µs a KiB, ${ratio.toFixed(2)} times for twice the input`;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`  ${target.name}: ${slowest} (${seconds} s)`);
  } catch (error) {
    broken += 1;
    // A counterexample may be long.
    const lines = String(error instanceof Error ? error.message : error).split('\n');
    console.log(`BROKEN ${target.name}: ${lines.map((line) => line.slice(0, 2000)).join('\n')}`);
    if (error instanceof Error && error.cause instanceof Error) console.log(error.cause.stack);
  }
}
console.log(broken === 0 ? 'Nothing broke.' : `${broken} of ${chosen.length} are broken.`);
process.exit(broken === 0 ? 0 : 1);
