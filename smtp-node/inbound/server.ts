import { join } from 'node:path';
import { largestReceivedBytes, mostReturnedRecipients } from '#domain/node-contract.ts';
import type { Meters } from '../metrics.ts';
import { AddressLimits } from '../submission/address-limits.ts';
import { neverCommands, type OpenPorts, openPorts, type PortsOptions } from '../submission/open-ports.ts';
import type { WorkerClient } from '../worker-client.ts';
import { Doors } from './doors.ts';
import { HandOver } from './hand-over.ts';
import { type Judge, mailJudge } from './judge.ts';
import { rspamdFilter } from './rspamd.ts';
import { type SenderPolicy, senderPolicy } from './sender-policy.ts';
import { sessionHandlers } from './session.ts';
import { type ResolveTxt, txtResolver } from './signed-author.ts';
import { ReceivedSpool } from './spool.ts';

export interface InboundOptions extends PortsOptions {
  client: Pick<WorkerClient, 'doors' | 'authorize' | 'inbound' | 'received'>;
  /** Ports with STARTTLS; none: it does not listen. */
  ports: readonly number[];
  /** DNS servers that mail is judged with, each with an optional port; empty: those of the system. */
  dnsServers: readonly string[];
  /** Default: by mailauth. */
  judge?: Judge;
  /** Default: by mailauth. */
  senderPolicy?: SenderPolicy;
  /** An rspamd that is asked about received mail; empty: none is. */
  rspamdUrl?: string;
  /** Where keys of feedback loops are looked up. Default: those servers. */
  resolveTxt?: ResolveTxt;
  /** A peer that is silent for so long is disconnected. Default 2 min. */
  idleMs?: number;
  /** Longest time that one message may take to arrive. Default 10 min. */
  dataMs?: number;
  /** Longest time that a session may last. Default 15 min. */
  sessionMs?: number;
  /** From its beginning, a connection must have named an address that is here after so long. Default 2 min. */
  arrivalMs?: number;
  meters: Meters;
}

export type Inbound = OpenPorts;

const minuteMs = 60_000;

/**
 * Listens for mail (RFC 5321, port 25): to return paths, and to the domains that receive. It takes mail only for
 * addresses that the edge knows, from anybody; it relays nothing and never sends mail, so that it can be neither a relay
 * nor a source of backscatter. What an earlier run took and could not hand over is handed over, whether it listens or not.
 */
export async function startInbound(options: InboundOptions): Promise<Inbound> {
  const { client, log, meters, hostName } = options;
  const spool = await ReceivedSpool.open(join(options.dataDirectory, 'received'));
  const handOver = new HandOver({ client, spool, log });
  if (options.ports.length === 0) return { ports: [], stop: async () => await handOver.stop() };
  const context = {
    client,
    hostName,
    doors: new Doors(client),
    judge: options.judge ?? mailJudge({ hostName, dnsServers: options.dnsServers }),
    senderPolicy: options.senderPolicy ?? senderPolicy({ dnsServers: options.dnsServers }),
    spamFilter: options.rspamdUrl ? rspamdFilter(options.rspamdUrl, { hostName, log }) : null,
    resolveTxt: options.resolveTxt ?? txtResolver(options.dnsServers),
    spool,
    handOver,
    // whoever brings mail has no password to guess
    limits: new AddressLimits({ connections: options.connectionsPerAddress, failedLogins: 1 }),
    dataMs: options.dataMs ?? 10 * minuteMs,
    sessionMs: options.sessionMs ?? 15 * minuteMs,
    log,
    meters,
  };
  const open = await openPorts(
    options,
    options.ports.map((port) => ({ port, secure: false })),
    {
      options: {
        banner: 'Pennypost',
        authOptional: true,
        // nobody logs in here
        disabledCommands: ['AUTH', ...neverCommands],
        socketTimeout: options.idleMs ?? 2 * minuteMs,
        size: largestReceivedBytes,
        maxRecipients: mostReturnedRecipients,
      },
      arrivalMs: options.arrivalMs ?? 2 * minuteMs,
      handlers: (hooks) => sessionHandlers({ ...context, ...hooks }),
    },
  );
  const stop = async (mostMs: number) => {
    await open.stop(mostMs);
    await handOver.stop();
  };
  return { ports: open.ports, stop };
}
