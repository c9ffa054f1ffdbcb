import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import nodemailer from 'nodemailer';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { startBenchEdge } from './bench-edge.ts';
import { startBenchNode } from './bench-node.ts';
import { memoryMiB } from './processes.ts';
import { fixed, judged, type SectionReport, told } from './report.ts';

/** Memory of the node's process while a message of 25 MiB goes in by submission and out to an MX. */
export async function memory(): Promise<SectionReport> {
  const bench = await startBenchEdge({ meter: false });
  let arrived = { count: 0, bytes: 0 };
  const sink = await startSmtpSink(({ bytes }) => {
    arrived = { count: arrived.count + 1, bytes };
  });
  const node = await startBenchNode(bench, sink.port, { PENNYPOST_EDGE_TIMEOUT_SECONDS: '120' });
  try {
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      port: node.submissionPorts[0] ?? 0,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'pennypost', pass: bench.liveKey },
    });
    const submit = async (bytes: number) => {
      const before = arrived.count;
      await transport.sendMail({
        envelope: { from: `shop@${bench.domain}`, to: ['user@example.net'] },
        raw: rawMessage(bench.domain, bytes),
      });
      while (arrived.count === before) await pause(5);
      await pause(500);
    };
    for (let i = 0; i < 5; i++) await submit(20_000);
    const { resident } = await memoryMiB(node.pid);
    await writeFile(`/proc/${node.pid}/clear_refs`, '5'); // the peak counts from here on (proc_pid_clear_refs(5))
    await submit(25 * 1024 * 1024 - 1024);
    const { peak } = await memoryMiB(node.pid);
    const more = peak - resident;
    return {
      title: 'Memory of the node for a message of 25 MiB',
      figures: [
        judged('more resident memory at the peak', '≤ 100 MiB', `${fixed(more)} MiB`, more <= 100),
        told('resident before; at the peak', `${fixed(resident)}; ${fixed(peak)} MiB`),
        told('bytes at the MX', String(arrived.bytes)),
      ],
      notes: ['VmRSS and VmHWM of the node as an own process, submission and delivery one after the other'],
    };
  } finally {
    await node.stop();
    await sink.stop();
    await bench.stop();
  }
}

function rawMessage(domain: string, bytes: number): string {
  const header = [
    `From: Shop <shop@${domain}>`,
    'To: user@example.net',
    'Subject: Your catalogue',
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${Math.random()}@${domain}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '\r\n',
  ].join('\r\n');
  const line = `${'0123456789'.repeat(7)}abcdef\r\n`;
  return header + line.repeat(Math.floor((bytes - header.length) / line.length));
}
