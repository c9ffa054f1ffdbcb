/**
 * OpenDKIM and OpenDMARC as milters of a Postfix: the one verifies signatures, the other SPF and DMARC, and refuses what
 * fails the policy of its author's domain. Both ask the lab's DNS.
 */
import { openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostName, hosts } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';
import { untilListening } from './until-listening.ts';

const DKIM_PORT = 8891;
const DMARC_PORT = 8893;

/** What the main.cf of such a host has more. */
export const dmarcSettings: Readonly<Record<string, string>> = {
  smtpd_milters: `inet:127.0.0.1:${DKIM_PORT}, inet:127.0.0.1:${DMARC_PORT}`,
  // What nobody has judged is not taken.
  milter_default_action: 'tempfail',
};

/** Starts both in a host, and returns once they listen. */
export async function startDmarc(namespaces: Namespaces, dir: string, host: HostName): Promise<void> {
  const { fqdn } = hosts[host];
  const resolver = join(dir, 'resolver.conf');
  // OpenDKIM's own resolver answers names below `test` by itself (RFC 6761), and remembers.
  await writeFile(
    resolver,
    'server:\n  local-zone: "test." nodefault\n  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n',
  );
  const configurations = {
    opendkim: `
Mode v
Socket inet:${DKIM_PORT}@127.0.0.1
AuthservID ${fqdn}
AlwaysAddARHeader yes
Nameservers ${hosts.dns.ipv4}
ResolverConfiguration ${resolver}
Background no
Syslog no
PidFile ${dir}/opendkim.pid
`,
    opendmarc: `
Socket inet:${DMARC_PORT}@127.0.0.1
AuthservID ${fqdn}
TrustedAuthservIDs ${fqdn}
RejectFailures true
SPFIgnoreResults true
SPFSelfValidate true
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
Background false
Syslog false
PidFile ${dir}/opendmarc.pid
`,
  };
  for (const [program, text] of Object.entries(configurations)) {
    const conf = join(dir, `${program}.conf`);
    await writeFile(conf, text);
    const log = openSync(join(dir, `${program}.log`), 'a');
    const options = { detached: true, stdio: ['ignore', log, log] as ['ignore', number, number] };
    // In the foreground (`-f`), so that the lab ends it with its host.
    namespaces
      .spawn(host, program, ['-f', ...(program === 'opendkim' ? ['-x'] : ['-c']), conf], options)
      .unref();
  }
  for (const port of [DKIM_PORT, DMARC_PORT]) await untilListening(namespaces, host, port);
}
