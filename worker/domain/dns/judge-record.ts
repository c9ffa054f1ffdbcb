import { type Lookup, recordsOf } from './dns.ts';
import type { Finding } from './finding.ts';
import { type CheckSubject, type PlannedCheck, parentOf } from './record-check.ts';

/**
 * Looks at one record. What is missing or wrong is also looked for where forms of DNS providers put it when they are
 * misread (the name with the domain twice, or without its subdomain), and without quotation marks that were pasted
 * along; it is found there when the check would be satisfied by it.
 */
export async function judgeRecord(
  { check, wanted }: PlannedCheck,
  subject: CheckSubject,
  lookup: Lookup,
): Promise<Finding> {
  const found = await check.judge(wanted, subject, lookup);
  if (found.status !== 'missing' && found.status !== 'wrong') return found;
  const satisfies = async (other: Lookup) => (await check.judge(wanted, subject, other)).status === 'ok';
  if (
    wanted.type === 'TXT' &&
    (await hasQuotes(wanted.name, lookup)) &&
    (await satisfies(unquoted(lookup)))
  ) {
    const { observed } = found;
    const records = observed.length > 0 ? observed : recordsOf(await lookup(wanted.name, 'TXT'));
    const fix = `Take the quotation marks out of the TXT record at ${wanted.name}: the form adds them itself. Its value is ${wanted.value}`;
    return { ...found, status: 'wrong', observed: records, fix };
  }
  // What hardly anybody publishes is not looked for elsewhere: each place is a question.
  if (found.status !== 'missing' || check.soughtElsewhere === false) return found;
  for (const [place, advice] of misplaced(wanted.name, subject.name)) {
    const there = await lookup(place, wanted.type);
    if (recordsOf(there).length === 0) continue;
    const moved: Lookup = (name, type) => lookup(name === wanted.name ? place : name, type);
    if (await satisfies(moved)) {
      return { ...found, fix: `It is at ${place}; ${advice}. It must be at ${wanted.name}` };
    }
  }
  return found;
}

/** Where a record lands by mistake, and what to do about it. */
function misplaced(name: string, domain: string): [place: string, advice: string][] {
  const zones = [domain, parentOf(domain)].filter((zone) => zone !== null);
  return zones.flatMap((zone): [string, string][] => {
    const label = name === zone ? '@' : name.slice(0, -zone.length - 1);
    const doubled: [string, string] = [
      `${name}.${zone}`,
      `leave the domain out of the name, your DNS provider adds it: the name is ${label}`,
    ];
    const head = name === domain ? '' : name.slice(0, -domain.length);
    return zone === domain || head === ''
      ? [doubled]
      : [doubled, [`${head}${zone}`, `the name lacks the subdomain: in the zone ${zone} it is ${label}`]];
  });
}

const quotes = /["“”„‟«»]/;

async function hasQuotes(name: string, lookup: Lookup): Promise<boolean> {
  return recordsOf(await lookup(name, 'TXT')).some((text) => quotes.test(readable(text)));
}

/** The same answers, with the texts of TXT records as they were meant. */
function unquoted(lookup: Lookup): Lookup {
  return async (name, type) => {
    const answer = await lookup(name, type);
    if (type !== 'TXT' || !('records' in answer)) return answer;
    return { ...answer, records: answer.records.map(withoutQuotes) };
  };
}

/** Several strings are one text (RFC 7208 §3.3); quotation marks have no place in any record that is checked here. */
function withoutQuotes(text: string): string {
  return readable(text)
    .replace(/"\s*"/g, '')
    .replace(new RegExp(`\\\\?${quotes.source}`, 'g'), '')
    .trim();
}

/** A text of one character a byte, as UTF-8 where it is that. */
function readable(text: string): string {
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return text;
  }
}
