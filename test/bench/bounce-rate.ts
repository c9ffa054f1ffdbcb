import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { readMail } from '../../worker/inbound/read-mail.ts';
import { adversarial } from './adversarial.ts';
import { fixed, median } from './report.ts';

/** Reads every file twice, the second time by the clock: the first loads modules and warms up. */
const perlReader = `
use strict; use warnings; use Sisimai; use Time::HiRes qw(clock);
chomp(my @files = <STDIN>);
my $started;
for my $pass (0, 1) {
  $started = clock();
  for my $file (@files) { Sisimai->make($file, delivered => 1) }
}
print clock() - $started, "\\n";
`;

/** So many messages are read before the clock runs. */
const warmUp = 5000;

/** Messages read in a second of CPU: ours beside Sisimai for Perl (Debian's libsisimai-perl), as lines of text. */
export async function bounceRate(files: string[], rounds = 3): Promise<string[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const version = await promisify(execFile)('perl', ['-MSisimai', '-e', 'print Sisimai->version']).then(
    ({ stdout }) => stdout,
    () => null,
  );
  // As in a process that has run for a while: Perl compiles at once, V8 what it sees often.
  for (let read = 0; read < warmUp; read += files.length) await ourSeconds(files);
  for (let i = 0; i < rounds; i++) {
    ours.push(files.length / (await ourSeconds(files)));
    if (version !== null) theirs.push(files.length / (await perlSeconds(files)));
  }
  const own = `${fixed(median(ours), 0)} messages read in a second of one core`;
  if (version === null) return [own, 'Sisimai is left out: Perl does not find it (Debian: libsisimai-perl)'];
  return [
    `${own}, Sisimai ${version} ${fixed(median(theirs), 0)}: ratio ${fixed(median(ours) / median(theirs), 2)}`,
    `(medians of ${rounds} interleaved rounds over ${files.length} files, CPU time, files read from disk, the start of the processes and ${warmUp} messages to warm up left out)`,
  ];
}

/** A doubling is told of times that the clock can tell apart, milliseconds. */
const leastTold = 4;

/**
 * CPU time of mails that are made to cost it, at 1 MiB, the slowest kind first, and the most that doubling the size
 * multiplied it by; as lines of text.
 */
export function adversarialTimes(): string[] {
  const sizes = [65_536, 131_072, 262_144, 524_288, 1_048_576];
  const encoder = new TextEncoder();
  const rows = adversarial.map(({ kind, of }) => {
    const mails = sizes.map((bytes) => encoder.encode(of(bytes)));
    const times = mails.map((mail) => Math.min(...[1, 2, 3, 4, 5].map(() => milliseconds(mail))));
    const doublings = times.slice(1).map((time, i) => (time < leastTold ? 0 : time / (times[i] ?? time)));
    return { kind, last: times.at(-1) ?? 0, doubling: Math.max(...doublings) };
  });
  return [
    'made to cost time (CPU, best of five)           at 1 MiB   a doubling costs at most',
    ...rows
      .sort((a, b) => b.last - a.last)
      .map(
        ({ kind, last, doubling }) =>
          `${kind.padEnd(44)}${fixed(last, 1).padStart(9)} ms   ${doubling === 0 ? '–' : fixed(doubling, 2)}`,
      ),
  ];
}

function milliseconds(mail: Uint8Array): number {
  const before = process.cpuUsage();
  readMail(mail);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** CPU time that reading the files takes us, helper threads included. */
async function ourSeconds(files: string[]): Promise<number> {
  const before = process.cpuUsage();
  for (const file of files) readMail(new Uint8Array(readFileSync(file)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function perlSeconds(files: string[]): Promise<number> {
  const perl = spawn('perl', ['-e', perlReader], { stdio: ['pipe', 'pipe', 'ignore'] });
  perl.stdin.end(files.join('\n'));
  const seconds = Number(await text(perl.stdout));
  if (!(seconds > 0)) throw new Error('Perl gave no time');
  return seconds;
}
