import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { receipt } from './mail.ts';
import { cpuMs } from './processes.ts';

process.env.ZZ_INSPECT = '9239';
const bench = await startBenchEdge({ shell: 'counting' });
let arrived = 0;
const sink = await startSmtpSink(() => {
  arrived += 1;
});
const node = await startBenchNode(bench, sink.port, { PENNYPOST_POLL_SECONDS: '600' });
const one = async (i: number) => {
  await bench.send(receipt(bench.domain, 4000));
  while (arrived < i) await pause(2);
  await pause(40);
};
for (let i = 1; i <= 100; i++) await one(i);
const targets = (await (await fetch('http://127.0.0.1:9239/json')).json()) as {
  title: string;
  id: string;
  webSocketDebuggerUrl: string;
}[];
console.log(targets.map((t) => t.title + ' ' + t.id).join('\n'));
const N = Number(process.env.N ?? 100);
const sockets = await Promise.all(
  targets
    .filter((t) => new RegExp(process.env.T ?? 'core:user').test(t.title))
    .map(async (t) => {
      const ws = new WebSocket(t.webSocketDebuggerUrl.replace('localhost', '127.0.0.1'));
      const pending = new Map<number, (v: any) => void>();
      ws.onmessage = (m) => {
        const d = JSON.parse(String(m.data));
        pending.get(d.id)?.(d.result ?? d.error);
      };
      await new Promise((r, j) => {
        ws.onopen = r;
        ws.onerror = j;
      });
      let id = 0;
      const call = (method: string, params: object = {}) =>
        new Promise<any>((r) => {
          id += 1;
          pending.set(id, r);
          ws.send(JSON.stringify({ id, method, params }));
        });
      return { t, call };
    }),
);
for (const s of sockets) {
  await s.call('Profiler.enable');
  await s.call('Profiler.setSamplingInterval', { interval: Number(process.env.I ?? 500) });
  await s.call('Profiler.start');
}
const c0 = await cpuMs(bench.pid);
for (let i = 101; i <= 100 + N; i++) await one(i);
const c1 = await cpuMs(bench.pid);
console.log('process cpu ms a message', (c1 - c0) / N);
for (const s of sockets) {
  const { profile } = await s.call('Profiler.stop');
  writeFileSync(`/tmp/wt/prof-${s.t.title.replace(/[^a-z0-9]/gi, '_')}.json`, JSON.stringify(profile));
  const self = new Map<string, number>();
  const byId = new Map(profile.nodes.map((n: any) => [n.id, n]));
  let total = 0,
    idle = 0;
  profile.samples.forEach((id: number, i: number) => {
    const n: any = byId.get(id);
    const dt = Math.min((profile.timeDeltas[i + 1] ?? 0) / 1000, (Number(process.env.I ?? 500) / 1000) * 1.1);
    const f = n.callFrame;
    const name = f.functionName;
    if (name === '(idle)' || name === '(program)') {
      idle += dt;
      return;
    }
    total += dt;
    const k = `${name || 'anon'} ${String(f.url).split('/').pop()}:${f.lineNumber + 1}`;
    self.set(k, (self.get(k) ?? 0) + dt);
  });
  console.log('==', s.t.title, 'ms a message', (total / N).toFixed(2), 'idle/program', (idle / N).toFixed(1));
  for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 40))
    console.log('   ', (v / N).toFixed(3), k);
}
await node.stop();
await sink.stop();
await bench.stop();
process.exit(0);
