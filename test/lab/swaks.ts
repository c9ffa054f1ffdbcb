import type { HostName } from './hosts.ts';
import type { Lab } from './lab.ts';

export interface SwaksOptions {
  /** Where swaks runs: `sender` unless told. */
  host?: HostName;
  /** Address or name; without it swaks looks the MX up as any sender does. */
  server?: string;
  from: string;
  to: string;
  port?: number;
  /** STARTTLS is wanted: without it the session ends. */
  tls?: boolean;
  /** A whole message, or a Subject for a message of swaks's own. */
  data?: Buffer | string;
  subject?: string;
  /** Further arguments, such as `--auth-user`. */
  args?: string[];
}

export interface SwaksResult {
  ok: boolean;
  /** The last reply that refused something, or the last reply of all before QUIT. */
  reply: string;
  transcript: string;
}

/** One SMTP session by swaks, a client that shares no code with the product. */
export async function swaks(lab: Lab, options: SwaksOptions): Promise<SwaksResult> {
  const { code, stdout, stderr } = await lab.run(
    options.host ?? 'sender',
    'swaks',
    [
      ...(options.server ? ['--server', options.server] : []),
      ...['--port', `${options.port ?? 25}`, '--ehlo', lab.hosts[options.host ?? 'sender'].fqdn],
      ...['--from', options.from, '--to', options.to, '--timeout', '20'],
      ...(options.tls ? ['--tls'] : []),
      ...(options.subject ? ['--h-Subject', options.subject] : []),
      ...(options.data === undefined ? [] : ['--data', '-']),
      ...(options.args ?? []),
    ],
    { input: options.data ?? '', mayFail: true },
  );
  const transcript = `${stdout}${stderr}`;
  const replies = [...transcript.matchAll(/^<([-~*]{1,2})\s+(\d{3} .*)$/gm)];
  const refused = replies.findLast(([, mark]) => mark?.endsWith('*'));
  const last = replies.filter(([, , reply]) => !reply?.startsWith('221')).at(-1);
  return { ok: code === 0, reply: (refused ?? last)?.[2] ?? '', transcript };
}
