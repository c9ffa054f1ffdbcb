import { type ConfigRow, configCatalogue } from './config/catalogue.ts';
import { kinds } from './config/kinds.ts';

type Row = (typeof configCatalogue)[number];
/** A node's configuration, parsed. */
export type Config = { [R in Row as R['name']]: ReturnType<(typeof kinds)[R['kind']]> };

/** Everything that is wrong with a configuration, at once. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`the configuration is not valid:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Reads the configuration from environment variables.
 * @throws ConfigError with every fault; it never repeats the value of a secret
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const row of configCatalogue as readonly ConfigRow[]) {
    const text = env[row.key]?.trim() || row.default;
    if (text === undefined) {
      faults.push(`${row.key} is required: ${row.about}`);
      continue;
    }
    try {
      values[row.name] = kinds[row.kind](text);
    } catch (error) {
      faults.push(`${row.key} ${error instanceof Error ? error.message : 'is not valid'}`);
    }
  }
  if (!values.nodeId) values.nodeId = values.hostName;
  if ((values.tlsCertificateFile === '') !== (values.tlsKeyFile === '')) {
    faults.push('PENNYPOST_TLS_CERT_FILE and PENNYPOST_TLS_KEY_FILE must be given together');
  }
  if (faults.length > 0) throw new ConfigError(faults);
  // every row of the catalogue was parsed by the parser of its kind, which is what `Config` says
  return values as Config;
}

/** The node id of a worker, counted from 1; the first has the node's own. */
export function workerId(nodeId: string, number: number): string {
  return number === 1 ? nodeId : `${nodeId}-${number}`;
}
