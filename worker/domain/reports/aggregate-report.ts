import { z } from 'zod';

/** DMARC aggregate reports (RFC 7489 §7.2 and appendix C; RFC 9990 has the same elements). Pure. */

export interface XmlElement {
  /** Without prefix, in lower case. */
  name: string;
  text: string;
  children: XmlElement[];
}

const mostRows = 20_000;
const mostResults = 20;

const domainName = z
  .string()
  .trim()
  .toLowerCase()
  .transform((text) => text.replace(/\.$/, ''))
  .pipe(
    z
      .string()
      .max(255)
      .regex(/^[^\s<>"'@]*$/, 'is no domain'),
  );
const unixSeconds = z
  .string()
  .trim()
  .regex(/^\d{9,11}$/, 'is no Unix time in seconds')
  .transform(Number);
const count = z
  .string()
  .trim()
  .regex(/^\d{1,15}$/, 'is no number')
  .transform(Number);
const address = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[0-9a-f.:]{2,45}$/, 'is no IP address');
const word = z.string().trim().toLowerCase().max(64);
const line = z
  .string()
  .max(1000)
  .transform((text) => text.replace(/\s+/g, ' ').trim().slice(0, 255));

/** One record: mail of one source that was judged alike. */
export interface AggregateRow {
  sourceIp: string;
  count: number;
  /** What the receiver did: `none`, `quarantine`, `reject` (RFC 9990: `pass` too). */
  disposition: string;
  /** DMARC's view: a DKIM signature, or SPF, that passed and is aligned with the author's domain. */
  dkimAligned: boolean;
  spfAligned: boolean;
  /** Why the receiver did otherwise than the policy says: `forwarded`, `mailing_list`, `local_policy`… */
  overrides: string[];
  headerFrom: string;
  envelopeFrom: string;
  dkim: { domain: string; selector: string; result: string }[];
  spf: { domain: string; result: string }[];
}

export interface AggregateReport {
  /** Who reports. */
  reporter: string;
  reportId: string;
  fromMs: number;
  toMs: number;
  /** Whose policy it is about. */
  domain: string;
  policy: string;
  subdomainPolicy: string;
  rows: AggregateRow[];
}

/** A field that is missing or wrong, named as in the report. */
class Fault extends Error {}

/**
 * Reads an aggregate report. Time is linear; more than 20,000 records are not read.
 * @returns the report, or a sentence that names the element and what is wrong with it
 */
export function readAggregateReport(root: XmlElement): AggregateReport | string {
  if (root.name !== 'feedback') return `its root is "${root.name.slice(0, 40)}", not "feedback"`;
  try {
    const [metadata, published] = [child(root, 'report_metadata'), child(root, 'policy_published')];
    const range = child(metadata, 'date_range');
    return {
      reporter: read(metadata, 'org_name', line) || read(metadata, 'email', line),
      reportId: read(metadata, 'report_id', line),
      fromMs: read(range, 'begin', unixSeconds) * 1000,
      toMs: read(range, 'end', unixSeconds) * 1000,
      domain: read(
        published,
        'domain',
        domainName.refine((name) => name !== '', 'is empty'),
      ),
      policy: read(published, 'p', word),
      subdomainPolicy: read(published, 'sp', word),
      rows: all(root, 'record').slice(0, mostRows).map(rowOf),
    };
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function rowOf(record: XmlElement): AggregateRow {
  const row = child(record, 'row');
  const evaluated = child(row, 'policy_evaluated');
  const identifiers = child(record, 'identifiers');
  const results = all(record, 'auth_results').flatMap(({ children }) => children);
  const named = (name: string) => results.filter((one) => one.name === name).slice(0, mostResults);
  return {
    sourceIp: read(row, 'source_ip', address),
    count: read(row, 'count', count),
    disposition: read(evaluated, 'disposition', word),
    dkimAligned: read(evaluated, 'dkim', word) === 'pass',
    spfAligned: read(evaluated, 'spf', word) === 'pass',
    overrides: all(evaluated, 'reason')
      .slice(0, mostResults)
      .map((reason) => read(reason, 'type', word)),
    headerFrom: read(identifiers, 'header_from', domainName),
    envelopeFrom: read(identifiers, 'envelope_from', domainName),
    dkim: named('dkim').map((one) => ({
      domain: read(one, 'domain', domainName),
      selector: read(one, 'selector', line),
      result: read(one, 'result', word),
    })),
    spf: named('spf').map((one) => ({
      domain: read(one, 'domain', domainName),
      result: read(one, 'result', word),
    })),
  };
}

function all(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((one) => one.name === name);
}

function child(element: XmlElement, name: string): XmlElement {
  const found = element.children.find((one) => one.name === name);
  if (!found) throw new Fault(`"${element.name}" has no "${name}"`);
  return found;
}

/** The text of a child; an empty text when there is none. */
function read<T>(element: XmlElement, name: string, schema: z.ZodType<T>): T {
  const text = element.children.find((one) => one.name === name)?.text ?? '';
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new Fault(
    `"${name}" of "${element.name}" ${result.error.issues[0]?.message ?? 'is wrong'}: "${text.slice(0, 60)}"`,
  );
}
