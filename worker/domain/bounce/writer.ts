import { type HeaderField, headerOf, type ReturnedMail } from './returned-mail.ts';

/** Who wrote a mail that came back, as far as its envelope and header tell. */
export interface Writer {
  /** `null`: notifications have the null reverse-path (RFC 5321 §4.5.5), people never. */
  path: 'null' | 'address' | 'unknown';
  /** What sends reports, by the address of From or by X-Failed-Recipients (Exim, Gmail). */
  daemon: boolean;
  /** From is called like a program, whatever else it is. */
  machine: boolean;
  /** Auto-Submitted says so (RFC 3834 §5). */
  automatic: boolean;
  /** A known sender that is not null, and no daemon's name: only a real report counts, or what says to be automatic. */
  person: boolean;
}

export function writerOf({ mailFrom, headers }: ReturnedMail): Writer {
  const path = pathOf(mailFrom, headers);
  const from = headerOf(headers, 'from').slice(0, 400);
  const failedRecipients = headerOf(headers, 'x-failed-recipients') !== '';
  // A name in front of an address is anybody's choice, so it counts only when no sender speaks against it.
  const daemon =
    failedRecipients || daemonAddress.test(from) || (path !== 'address' && daemonName.test(from));
  const automatic = /^auto-(?:generated|replied|notified)/i.test(headerOf(headers, 'auto-submitted').trim());
  return {
    path,
    daemon,
    machine: daemon || machineAddress.test(from),
    automatic,
    person: path === 'address' && !daemon,
  };
}

function pathOf(mailFrom: string | undefined, headers: readonly HeaderField[]): Writer['path'] {
  if (mailFrom !== undefined) return mailFrom === '' ? 'null' : 'address';
  // In a corpus the last host has written it (RFC 5321 §4.4); an address there may also be the original's sender, so
  // that only one that is also the author's tells something.
  const told = /^<?([^<>\s]{0,320})>?$/.exec(headerOf(headers, 'return-path').trim())?.[1]?.toLowerCase();
  if (told === '' || told === 'mailer-daemon')
    return headerOf(headers, 'return-path') === '' ? 'unknown' : 'null';
  const from = headerOf(headers, 'from').slice(0, 400).toLowerCase();
  const isAuthor = told !== undefined && (from === told || from.includes(`<${told}>`));
  return isAuthor && !machineAddress.test(from) ? 'address' : 'unknown';
}

/** Local parts that send reports, at the beginning of an address. */
const daemonAddress =
  /(?:^|[\s<"'(:,])(?:mailer-?daemon|mail-?daemon|mdaemon|post-?master|double-bounce|mail-?system|mail-?delivery(?:-?system)?)(?:[+=.-][^\s@<>]{0,64})?(?:@|[\s>)]|$)/i;
const daemonName =
  /mailer-?daemon|post_?master|mail(?:er)? delivery|mail system|double-bounce|mailsystem|system administrator/i;
/** Names of gateways, lists and scanners that send reports of their own. */
const machineAddress =
  /(?:^|[\s<"'(:,.])[^\s<>@]{0,40}(?:daemon|gateway|virus|mailer|no-?reply|do-?not-?reply|delivery|notif|bounce|smtp|mta|postoffice|server|robot|system|filter|scan|spam|admin)[^\s<>@]{0,40}@/i;
