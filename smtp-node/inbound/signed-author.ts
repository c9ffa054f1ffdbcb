import { Resolver } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import addressparser from 'nodemailer/lib/addressparser';
import { SmtpFault } from '../submission/smtp-fault.ts';

/** TXT records of a name, each in its strings; rejects with the codes of `node:dns`. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

/** Asks these servers, each with an optional port; none: those of the system. */
export function txtResolver(dnsServers: readonly string[]): ResolveTxt {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (dnsServers.length > 0) resolver.setServers(dnsServers);
  return (name) => resolver.resolveTxt(name);
}

const mostHeaderBytes = 65_536;
const mostFieldCharacters = 4096;
/** Each costs a question to the DNS and a verification. */
const mostSignatures = 3;
const verifyMs = 10_000;

/**
 * The author of a mail (RFC 5322 From) when a DKIM signature (RFC 6376) of exactly its domain passes that covers From,
 * To and the whole body, and To names each envelope recipient: a signed report that was written to somebody else and
 * is sent again to us vouches for nothing. Else null, without a look at the DNS where no signature is of that domain.
 * @throws SmtpFault 451 when the key could not be looked up, so that the peer brings it again
 */
export async function signedAuthor(
  raw: Buffer,
  rcptTo: readonly string[],
  resolveTxt: ResolveTxt,
): Promise<string | null> {
  const fields = headerFields(raw);
  const [author, ...others] = addressesOf(fields, 'from');
  if (author === undefined || others.length > 0) return null;
  const named = addressesOf(fields, 'to');
  if (!rcptTo.every((recipient) => named.includes(recipient.toLowerCase()))) return null;
  const domain = author.slice(author.lastIndexOf('@') + 1);
  const signatures = fields.filter(({ name }) => name === 'dkim-signature');
  if (signatures.length > mostSignatures || !signatures.some(({ value }) => domainOf(value) === domain))
    return null;

  const resolver = async (name: string) => await resolveTxt(name);
  const late = new AbortController();
  const verified = await Promise.race([
    dkimVerify(raw, { resolver, strict: true }),
    pause(verifyMs, null, { signal: late.signal, ref: false }),
  ]).finally(() => late.abort());
  const own = verified?.results.filter((one) => one.signingDomain?.toLowerCase() === domain) ?? [];
  if (own.some((one) => one.status.result === 'pass' && !one.canonBodyLengthLimited && coversAuthor(one)))
    return author;
  if (verified === null || own.some((one) => one.status.result === 'temperror'))
    throw new SmtpFault('451 4.7.5', `The DKIM key of ${domain} cannot be looked up now`);
  return null;
}

interface Field {
  name: string;
  value: string;
}

/** The header section, unfolded; no field when it is longer than what is looked at. */
function headerFields(raw: Buffer): Field[] {
  const beginning = raw.subarray(0, mostHeaderBytes).toString('latin1');
  const end = beginning.indexOf('\r\n\r\n');
  if (end === -1) return [];
  return beginning
    .slice(0, end)
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((line) => {
      const colon = line.indexOf(':');
      return { name: line.slice(0, colon).trim().toLowerCase(), value: line.slice(colon + 1) };
    });
}

/** The addresses of a field, lower case; none when the field is there more than once (RFC 5322 §3.6). */
function addressesOf(fields: readonly Field[], name: string): string[] {
  const [field, ...more] = fields.filter((one) => one.name === name);
  if (!field || more.length > 0 || field.value.length > mostFieldCharacters) return [];
  return addressparser(field.value, { flatten: true }).map(({ address }) => address.toLowerCase());
}

function domainOf(signature: string): string | undefined {
  return /(?:^|;)\s*d\s*=\s*([^\s;]{1,253})/.exec(signature)?.[1]?.toLowerCase();
}

function coversAuthor(result: { signingHeaders?: { keys: string } | undefined }): boolean {
  const covered = (result.signingHeaders?.keys ?? '').toLowerCase().split(/[:\s]+/);
  return covered.includes('from') && covered.includes('to');
}
