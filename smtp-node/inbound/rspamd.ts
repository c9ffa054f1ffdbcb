import { openAsBlob } from 'node:fs';
import { readSpamVerdict } from '#domain/inbound/rspamd.ts';
import type { Verdicts } from '#domain/inbound/verdicts.ts';
import type { Log } from '../log.ts';

/** A mail with the session that brought it. */
export interface Scanned {
  /** The file that holds it. */
  path: string;
  remoteIp: string;
  helo: string;
  /** Empty: the null sender. */
  mailFrom: string;
  rcptTo: readonly string[];
}

/** Asks a spam filter. Never rejects; null: it has no verdict. */
export type SpamFilter = (mail: Scanned) => Promise<Verdicts['spam']>;

/** An answer is no longer than that: some hundred symbols with their options. */
const longestAnswer = 1024 * 1024;

/**
 * Asks an rspamd (`POST /checkv2`, its protocol in HTTP). Whatever goes wrong is no verdict: mail is not held up by it.
 * @param withinMs longest time that it is waited for. Default 10 s
 */
export function rspamdFilter(
  url: string,
  { hostName, log, withinMs = 10_000 }: { hostName: string; log: Log; withinMs?: number },
): SpamFilter {
  return async (mail) => {
    try {
      const response = await fetch(new URL('/checkv2', url), {
        method: 'POST',
        headers: headersOf(mail, hostName),
        body: await openAsBlob(mail.path),
        redirect: 'error',
        signal: AbortSignal.timeout(withinMs),
      });
      const text = await textOf(response);
      if (response.status !== 200) throw new Error(`it answered ${response.status}: ${text.slice(0, 200)}`);
      const verdict = readSpamVerdict(JSON.parse(text));
      if (verdict === null) throw new Error(`its answer has no score and action: ${text.slice(0, 200)}`);
      return verdict;
    } catch (error) {
      log.warn({ err: error }, 'rspamd gave no verdict');
      return null;
    }
  };
}

/** What rspamd is told besides the mail; what a header field cannot hold is left out. */
function headersOf(mail: Scanned, hostName: string): [string, string][] {
  const told: [string, string][] = [
    ['IP', mail.remoteIp],
    ['Helo', mail.helo],
    ['From', mail.mailFrom],
    ...mail.rcptTo.map((address): [string, string] => ['Rcpt', address]),
    ['MTA-Name', hostName],
  ];
  return told.filter(([, value]) => /^[!-~]([ -~]*[!-~])?$/.test(value));
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > longestAnswer) throw new Error(`its answer has more than ${longestAnswer} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
