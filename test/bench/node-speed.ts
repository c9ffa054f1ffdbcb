import { createPrivateKey, sign } from 'node:crypto';
import type { DkimKey } from '#domain/node-contract.ts';
import { whyNoHaraka } from './bench-haraka.ts';
import { whyNoPostfix } from './bench-postfix.ts';
import type { Shares } from './cpu-profile.ts';
import { type Run, startDebianSink } from './debian-sink.ts';
import { cpuMs, mainThreadCpuMs } from './processes.ts';
import { fixed, judged, median, type SectionReport, told } from './report.ts';
import { connections, type SideBySide, sideBySide } from './side-by-side.ts';

/** Messages a second into smtp-sink and CPU a message, from a full queue that a recorded edge leases. */
export async function nodeSpeed({ quick }: { quick: boolean }): Promise<SectionReport> {
  const title = 'The node from a full queue into smtp-sink, the edge elsewhere';
  const missing = await whyNoPostfix();
  if (missing) return { title, figures: [], notes: [`left out: ${missing}`] };
  const count = quick ? 2000 : 6000;
  const sides = await sideBySide();
  try {
    const both: QueueRun[] = [];
    const rsa: QueueRun[] = [];
    for (let i = 0; i < (quick ? 1 : 3); i++) {
      both.push(await queueRun(sides, count, sides.recording.keys));
      rsa.push(await queueRun(sides, count, rsaOf(sides)));
    }
    const profiled = await queueRun(sides, count, sides.recording.keys, true);
    const [perSecond, cpu, rsaMs] = [rateOf(both), cpuOf(both), await rsaCpuMs(sides)];
    return {
      title,
      figures: [
        judged('CPU a message, RSA and Ed25519', '≤ 1.2 ms', `${fixed(cpu, 2)} ms`, cpu <= 1.2),
        told('of it on the main thread', `${fixed(median(both.map(({ mainMs }) => mainMs)), 2)} ms`),
        told('of it the RSA signature, measured in this process', `${fixed(rsaMs, 2)} ms`),
        told('CPU a message, RSA signatures it is worth', fixed(cpu / rsaMs, 2)),
        judged('delivered a second', '≥ 1,000', fixed(perSecond, 0), perSecond >= 1000),
        told(
          'with RSA alone: CPU a message, delivered a second',
          `${fixed(cpuOf(rsa), 2)} ms, ${fixed(rateOf(rsa), 0)}`,
        ),
        ...stepsOf(profiled.shares ?? [], count),
      ],
      notes: [
        `${count} messages of 4 kB, ${connections} connections, from the tenth to the ninetieth percent as smtp-sink counts them; medians`,
        'the edge says what a real one said once; the steps are those of the main thread, from a run with a profiler',
      ],
    };
  } finally {
    await sides.close();
  }
}

/** Accepted over TLS with AUTH, signed, delivered into smtp-sink: the node and a recorded edge, Postfix and OpenDKIM. */
export async function relaySpeed({ quick }: { quick: boolean }): Promise<SectionReport> {
  const title = 'Accept by SMTP, sign, deliver: the node beside Postfix with OpenDKIM';
  const missing = await whyNoPostfix();
  if (missing) return { title, figures: [], notes: [`left out: ${missing}`] };
  const count = quick ? 600 : 1200;
  const sides = await sideBySide();
  try {
    const figures = [];
    for (const [name, keys] of [
      ['RSA', rsaOf(sides)],
      ['RSA and Ed25519', sides.recording.keys],
    ] as const) {
      const node: Run[] = [];
      const postfix: Run[] = [];
      for (let i = 0; i < (quick ? 1 : 3); i++) {
        postfix.push(await postfixRelay(sides, count, keys));
        node.push(await nodeRelay(sides, count, keys));
      }
      const ratio = rateOf(node) / rateOf(postfix);
      figures.push(
        judged(`${name}: messages a second, ratio of medians`, '≥ 1.0', fixed(ratio, 2), ratio >= 1),
        told(`${name}: messages a second: node, Postfix`, both(node, postfix, rateOf, 0)),
        told(`${name}: CPU a message, ms: node, Postfix`, both(node, postfix, cpuOf, 2)),
      );
    }
    return {
      title,
      figures,
      notes: [
        `${count} messages of 4 kB over ${connections} sessions of 100 with TLS and AUTH PLAIN, into smtp-sink over as many connections, rounds one after the other; medians`,
        'CPU of Postfix is that of all its processes and of an OpenDKIM for each key; the cores also carry the client, the sink and, beside the node, the recorded edge',
      ],
    };
  } finally {
    await sides.close();
  }
}

/** Messages taken by SMTP with TLS and AUTH, in long sessions and in sessions of one message. */
export async function submitSpeed({ quick }: { quick: boolean }): Promise<SectionReport> {
  const title = 'Accept by SMTP with TLS and AUTH: the node beside Postfix and Haraka';
  const missing = await whyNoPostfix();
  if (missing) return { title, figures: [], notes: [`left out: ${missing}`] };
  const noHaraka = await whyNoHaraka();
  const sides = await sideBySide();
  const figures = [];
  try {
    for (const [name, messagesPerSession, count] of [
      ['sessions of 100', 100, quick ? 1500 : 3000],
      ['sessions of one message', 1, quick ? 600 : 1200],
    ] as const) {
      const load = { connections: 20, messagesPerSession, count };
      const runs: Record<'node' | 'postfix' | 'haraka', Run[]> = { node: [], postfix: [], haraka: [] };
      for (let i = 0; i < (quick ? 1 : 3); i++) {
        runs.postfix.push(await postfixAccept(sides, load));
        runs.node.push(await nodeAccept(sides, load));
        if (noHaraka === null) runs.haraka.push(await harakaAccept(sides, load));
      }
      const all = [runs.node, runs.postfix, ...(noHaraka === null ? [runs.haraka] : [])];
      const each = (of: (some: readonly Run[]) => number, digits: number) =>
        all.map((some) => fixed(of(some), digits)).join(', ');
      const [perCpu, perSecond] = [
        cpuOf(runs.postfix) / cpuOf(runs.node),
        rateOf(runs.node) / rateOf(runs.postfix),
      ];
      figures.push(
        judged(`${name}: messages for CPU time, node to Postfix`, '≥ 1.0', fixed(perCpu, 2), perCpu >= 1),
        told(`${name}: messages a second, node to Postfix`, fixed(perSecond, 2)),
        told(`${name}: a second: node, Postfix, Haraka`, each(rateOf, 0)),
        told(`${name}: CPU ms a message: node, Postfix, Haraka`, each(cpuOf, 2)),
      );
    }
    return {
      title,
      figures,
      notes: [
        '20 connections at once, one certificate for all; the node hands over to a recorded edge, Postfix writes to its queue and throws away what came (its queue manager is not counted), Haraka keeps nothing at all',
        'the client, and beside the node the recorded edge, share the cores; messages for CPU time do not depend on that',
        ...(noHaraka === null ? [] : [`Haraka is left out: ${noHaraka}`]),
      ],
    };
  } finally {
    await sides.close();
  }
}

interface QueueRun extends Run {
  mainMs: number;
  shares: Shares | null;
}

async function queueRun(
  sides: SideBySide,
  count: number,
  keys: readonly DkimKey[],
  profiled = false,
): Promise<QueueRun> {
  const sink = await startDebianSink();
  const node = await sides.node({ sinkPort: sink.port, keys, profiled });
  try {
    const main: number[] = [];
    const run = sink.over(count, async () => {
      main.push(await mainThreadCpuMs(node.pid));
      return cpuMs(node.pid);
    });
    node.edge.fill(count);
    const { perSecond, cpuMs: cpu } = await run;
    const mainMs = ((main[1] ?? 0) - (main[0] ?? 0)) / (count * 0.8);
    return { perSecond, cpuMs: cpu, mainMs, shares: await node.stop() };
  } finally {
    sink.stop();
  }
}

async function nodeRelay(sides: SideBySide, count: number, keys: readonly DkimKey[]): Promise<Run> {
  const sink = await startDebianSink();
  const node = await sides.node({ sinkPort: sink.port, keys, relay: true });
  try {
    const run = sink.over(count, () => cpuMs(node.pid));
    await node.submit({ connections, messagesPerSession: 100, count });
    return await run;
  } finally {
    await node.stop();
    sink.stop();
  }
}

async function postfixRelay(sides: SideBySide, count: number, keys: readonly DkimKey[]): Promise<Run> {
  const sink = await startDebianSink();
  const postfix = await sides.postfix({ sinkPort: sink.port, keys });
  try {
    const run = sink.over(count, postfix.cpuMs);
    await postfix.submit({ connections, messagesPerSession: 100, count });
    return await run;
  } finally {
    await postfix.stop();
    sink.stop();
  }
}

type AcceptLoad = { connections: number; messagesPerSession: number; count: number };

async function nodeAccept(sides: SideBySide, load: AcceptLoad): Promise<Run> {
  const node = await sides.node({ sinkPort: 9 });
  try {
    return await acceptRun(load, node.submit, () => cpuMs(node.pid));
  } finally {
    await node.stop();
  }
}

async function postfixAccept(sides: SideBySide, load: AcceptLoad): Promise<Run> {
  const postfix = await sides.postfix({ sinkPort: null, keys: [] });
  try {
    return await acceptRun(load, postfix.submit, postfix.intakeCpuMs);
  } finally {
    await postfix.stop();
  }
}

async function harakaAccept(sides: SideBySide, load: AcceptLoad): Promise<Run> {
  const haraka = await sides.haraka();
  try {
    return await acceptRun(load, haraka.submit, haraka.cpuMs);
  } finally {
    await haraka.stop();
  }
}

async function acceptRun(
  load: AcceptLoad,
  submit: (load: AcceptLoad) => Promise<number>,
  cpu: () => Promise<number>,
): Promise<Run> {
  await submit({ ...load, count: Math.ceil(load.count / 5) }); // warms up
  const before = await cpu();
  const seconds = await submit(load);
  return { perSecond: load.count / seconds, cpuMs: ((await cpu()) - before) / load.count };
}

/** CPU time of one RSA signature now: other work of the machine makes it, and everything, dearer. */
async function rsaCpuMs(sides: SideBySide): Promise<number> {
  const key = createPrivateKey(rsaOf(sides)[0]?.privateKey ?? '');
  const header = Buffer.alloc(1000, 'x');
  const count = 300;
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) sign('sha256', header, key);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

function rsaOf({ recording }: SideBySide): DkimKey[] {
  return recording.keys.filter(({ algorithm }) => algorithm === 'rsa-sha256');
}

function rateOf(runs: readonly Run[]): number {
  return median(runs.map(({ perSecond }) => perSecond));
}

function cpuOf(runs: readonly Run[]): number {
  return median(runs.map((run) => run.cpuMs));
}

function both(node: Run[], postfix: Run[], of: (runs: readonly Run[]) => number, digits: number): string {
  return `${fixed(of(node), digits)}, ${fixed(of(postfix), digits)}`;
}

/** The largest shares, as milliseconds a message. */
function stepsOf(shares: Shares, count: number) {
  const all = shares.reduce((sum, [, ms]) => sum + ms, 0);
  return shares
    .slice(0, 30)
    .map(([part, ms]) =>
      told(`step ${part}`, `${fixed(ms / count, 3)} ms (${fixed((ms / all) * 100, 0)} %)`),
    );
}
