/**
 * `npm run bench [-- --quick] [--keep] [section …]`: each budget of the plan beside what was measured in this run. `--keep`
 * writes down what the guide Deploy computes capacity from (`measured.json`).
 * Times depend on the machine and its other work: only ratios and medians of one run are judged.
 */
import { cpus, loadavg } from 'node:os';
import { acceptRate } from './accept-rate.ts';
import { capacity } from './capacity.ts';
import { d1Cost } from './d1-cost.ts';
import { dashboard } from './dashboard.ts';

import { door } from './door.ts';
import { forwarding } from './forwarding.ts';
import { gate } from './gate.ts';
import { homes } from './homes.ts';
import { latency } from './latency.ts';
import { leaseTime } from './lease-time.ts';
import { memory } from './memory.ts';
import { nodeSpeed, relaySpeed, submitSpeed } from './node-speed.ts';
import { price } from './price.ts';
import { received } from './received.ts';
import { type SectionReport, table } from './report.ts';
import { webhooks } from './webhooks.ts';

const sections: Record<string, (options: { quick: boolean; keep: boolean }) => Promise<SectionReport>> = {
  d1: d1Cost,
  gate,
  door,
  price,
  received,
  capacity,
  accept: acceptRate,
  latency,
  node: nodeSpeed,
  relay: relaySpeed,
  submit: submitSpeed,
  lease: leaseTime,
  homes,
  memory,
  forwarding,
  dashboard,
  webhooks,
};

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const names = words.filter((word) => !word.startsWith('--'));
const keep = words.includes('--keep');
const unknown = words.filter((word) => word !== '--quick' && word !== '--keep' && !(word in sections));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; sections are ${Object.keys(sections).join(', ')}`);
  process.exit(2);
}
const load = loadavg().map((one) => one.toFixed(1));
console.log(`${cpus().length} cores, load average ${load.join(', ')} before the bench`);
let missed = 0;
for (const [name, section] of Object.entries(sections)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const startedAt = performance.now();
  const report = await section({ quick, keep });
  missed += report.figures.filter(({ pass }) => pass === false).length;
  console.log(table(report));
  console.log(`  (${name}: ${Math.round((performance.now() - startedAt) / 1000)} s)`);
}
console.log(missed === 0 ? '\nAll budgets are kept.' : `\n${missed} budgets are missed.`);
// A bench informs; it fails a build only by throwing.
process.exit(0);
