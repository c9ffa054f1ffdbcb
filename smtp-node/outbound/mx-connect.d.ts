/** The part of mx-connect 2.0's public interface that this room uses (its README, "Configuration"). */
declare module 'mx-connect' {
  import type { Socket } from 'node:net';

  namespace mxConnect {
    interface MxEntry {
      exchange: string;
      priority: number;
      A: string[];
      AAAA: string[];
    }
    interface Delivery {
      mx: MxEntry[];
      blockedAddresses: { exchange: string; ip: string; reason: string }[];
    }
    interface Options {
      target: string;
      port?: number;
      maxConnectTime?: number;
      localAddressIPv4?: string;
      localAddressIPv6?: string;
      dnsOptions?: {
        ignoreIPv6?: boolean;
        blockLocalAddresses?: boolean;
        resolveRecords?: (domain: string, type: string) => Promise<unknown[]>;
      };
      mx?: MxEntry[];
      connectHook?: (delivery: Delivery, options: object, callback: (error?: Error) => void) => void;
    }
    interface Connection {
      socket: Socket;
      hostname: string;
      host: string;
      port: number;
    }
  }
  function mxConnect(options: mxConnect.Options): Promise<mxConnect.Connection>;
  export = mxConnect;
}
