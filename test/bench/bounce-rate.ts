import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { readMail } from '../../worker/inbound/read-mail.ts';
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

/** Messages read in a second of CPU: ours beside Sisimai for Perl (Debian's libsisimai-perl), as lines of text. */
export async function bounceRate(files: string[], rounds = 3): Promise<string[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const version = await promisify(execFile)('perl', ['-MSisimai', '-e', 'print Sisimai->version']).then(
    ({ stdout }) => stdout,
    () => null,
  );
  await ourSeconds(files);
  for (let i = 0; i < rounds; i++) {
    ours.push(files.length / (await ourSeconds(files)));
    if (version !== null) theirs.push(files.length / (await perlSeconds(files)));
  }
  const own = `${fixed(median(ours), 0)} messages read in a second of one core`;
  if (version === null) return [own, 'Sisimai is left out: Perl does not find it (Debian: libsisimai-perl)'];
  return [
    `${own}, Sisimai ${version} ${fixed(median(theirs), 0)}: ratio ${fixed(median(ours) / median(theirs), 2)}`,
    `(medians of ${rounds} interleaved rounds over ${files.length} files, CPU time, files read from disk, the start of the processes left out)`,
  ];
}

/** CPU time that reading the files takes us, helper threads included. */
async function ourSeconds(files: string[]): Promise<number> {
  const before = process.cpuUsage();
  for (const file of files) await readMail(new Uint8Array(readFileSync(file)));
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
