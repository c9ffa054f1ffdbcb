import { largestReturnedBytes, mostReturnedRecipients } from '#domain/node-contract.ts';
import type { Meters } from '../metrics.ts';
import { AddressLimits } from '../submission/address-limits.ts';
import { neverCommands, type OpenPorts, openPorts, type PortsOptions } from '../submission/open-ports.ts';
import type { WorkerClient } from '../worker-client.ts';
import { sessionHandlers } from './session.ts';

export interface ReturnPathOptions extends PortsOptions {
  client: Pick<WorkerClient, 'knownRecipients' | 'inbound'>;
  /** Ports with STARTTLS; none: it does not listen. */
  ports: readonly number[];
  /** A peer that is silent for so long is disconnected. Default 2 min. */
  idleMs?: number;
  /** Longest time that one message may take to arrive. Default 5 min. */
  dataMs?: number;
  /** Longest time that a session may last. Default 15 min. */
  sessionMs?: number;
  meters: Meters;
}

export type ReturnPath = OpenPorts;

const minuteMs = 60_000;

/**
 * Listens for mail to return paths (RFC 5321, port 25). It takes mail only for addresses that the edge knows, from
 * anybody; it relays nothing and never sends mail, so that it can be neither a relay nor a source of backscatter.
 */
export async function startReturnPath(options: ReturnPathOptions): Promise<ReturnPath> {
  if (options.ports.length === 0) return { ports: [], stop: async () => {} };
  const context = {
    client: options.client,
    // bouncing hosts have no passwords to guess
    limits: new AddressLimits({ connections: options.connectionsPerAddress, failedLogins: 1 }),
    dataMs: options.dataMs ?? 5 * minuteMs,
    sessionMs: options.sessionMs ?? 15 * minuteMs,
    log: options.log,
    meters: options.meters,
  };
  return await openPorts(
    options,
    options.ports.map((port) => ({ port, secure: false })),
    {
      options: {
        banner: 'Pennypost return path',
        authOptional: true,
        // nobody logs in here
        disabledCommands: ['AUTH', ...neverCommands],
        socketTimeout: options.idleMs ?? 2 * minuteMs,
        size: largestReturnedBytes,
        maxRecipients: mostReturnedRecipients,
      },
      handlers: (hooks) => sessionHandlers({ ...context, ...hooks }),
    },
  );
}
