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

/** Its comparison of certificates with TLSA records (RFC 6698 §2.1). */
declare module 'mx-connect/lib/dane.js' {
  import type { X509Certificate } from 'node:crypto';

  export interface TlsaRecord {
    usage: number;
    selector: number;
    matchingType: number;
    data: Buffer;
  }
  export function verifyCertAgainstTlsa(
    cert: X509Certificate,
    records: readonly TlsaRecord[],
    chain: X509Certificate[],
  ): { valid: boolean; error: string | null };
}
