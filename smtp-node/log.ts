import { type DestinationStream, type Logger, pino } from 'pino';

/** A structured log. Lines about a message carry its id as `messageId`. */
export type Log = Logger;

/** Members that are never written, wherever an object with them is logged by mistake. */
const secretMembers = new Set(['authorization', 'nodeToken', 'password', 'privateKey', 'secret', 'token']);
const mayBeSecret = new RegExp(`"(?:${[...secretMembers].join('|')})":`);

/**
 * Makes the log of a node: one JSON object a line.
 * @param destination where the lines go; standard output when absent, a tenth of a second later at most
 */
export function createLog(
  options: { level: string; nodeId: string; bootId: string },
  destination?: DestinationStream,
): Log {
  const settings = {
    level: options.level,
    base: { nodeId: options.nodeId, bootId: options.bootId },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // pino's own `redact` copies every object that is logged, which takes ten times as long as writing it.
    hooks: { streamWrite: withoutSecrets },
  };
  return pino(settings, destination ?? standardOutput());
}

const writtenAfterMs = 100;
const writtenAtBytes = 8192;

/** Gathers lines, since a write for each is the larger part of its cost; the process ends with all of them written. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, minLength: writtenAtBytes });
  let timer: NodeJS.Timeout | null = null;
  const flush = () => {
    timer = null;
    output.flushSync();
  };
  process.on('exit', flush);
  return {
    write(line) {
      output.write(line);
      if (timer === null) timer = setTimeout(flush, writtenAfterMs).unref();
    },
  };
}

/** A line as it may be written. */
function withoutSecrets(line: string): string {
  if (!mayBeSecret.test(line)) return line;
  const told = JSON.parse(line, (name, value) => (secretMembers.has(name) ? '[secret]' : value));
  return `${JSON.stringify(told)}\n`;
}
