import { type DestinationStream, type Logger, pino } from 'pino';

/** A structured log. Lines about a message carry its id as `messageId`. */
export type Log = Logger;

/** Members that are never written, wherever an object with them is logged by mistake. */
const secretMembers = ['authorization', 'nodeToken', 'password', 'privateKey', 'secret', 'token'];

/**
 * Makes the log of a node: one JSON object a line.
 * @param destination where the lines go; standard output when absent
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
    redact: {
      paths: secretMembers.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[secret]',
    },
  };
  return destination ? pino(settings, destination) : pino(settings);
}
