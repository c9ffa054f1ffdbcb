import type { AggregateReport, AggregateRow } from './aggregate-report.ts';

/** What a page says of DMARC reports: who sends with the domain's name, how much, and what that means. Pure. */

export interface DmarcSource {
  sourceIp: string;
  count: number;
  /** Passed DMARC: by DKIM or by SPF, aligned. */
  passed: number;
  byDkim: number;
  bySpf: number;
  quarantined: number;
  rejected: number;
  /** Domains that signed or were in the envelope there, most mail first; at most five. */
  domains: string[];
  reporters: string[];
  /** One sentence. */
  meaning: string;
}

const mostNames = 5;

/** Rows by the address that mail came from, most mail first. */
export function dmarcSources(reports: readonly Pick<AggregateReport, 'reporter' | 'rows'>[]): DmarcSource[] {
  const sources = new Map<string, { rows: AggregateRow[]; reporters: Set<string> }>();
  for (const { reporter, rows } of reports) {
    for (const row of rows) {
      const known = sources.get(row.sourceIp);
      if (known) {
        known.rows.push(row);
        known.reporters.add(reporter);
      } else {
        sources.set(row.sourceIp, { rows: [row], reporters: new Set([reporter]) });
      }
    }
  }
  return [...sources]
    .map(([sourceIp, { rows, reporters }]) => sourceOf(sourceIp, rows, [...reporters]))
    .toSorted((a, b) => b.count - a.count || (a.sourceIp < b.sourceIp ? -1 : 1));
}

function sourceOf(sourceIp: string, rows: readonly AggregateRow[], reporters: string[]): DmarcSource {
  const sum = (of: (row: AggregateRow) => boolean) =>
    rows.reduce((total, row) => total + (of(row) ? row.count : 0), 0);
  const figures = {
    count: sum(() => true),
    passed: sum(isPass),
    byDkim: sum((row) => row.dkimAligned),
    bySpf: sum((row) => row.spfAligned),
    quarantined: sum((row) => row.disposition === 'quarantine'),
    rejected: sum((row) => row.disposition === 'reject'),
  };
  const domains = otherDomains(rows);
  return {
    sourceIp,
    ...figures,
    domains,
    reporters: reporters.slice(0, mostNames),
    meaning: meaningOf(rows, figures, domains),
  };
}

/** RFC 9989 §4.4: one of both, aligned, is enough. */
function isPass(row: AggregateRow): boolean {
  return row.dkimAligned || row.spfAligned;
}

/** Domains that passed SPF or DKIM, by volume. */
function otherDomains(rows: readonly AggregateRow[]): string[] {
  const volumes = new Map<string, number>();
  for (const row of rows) {
    const passed = [...row.dkim, ...row.spf].filter(
      ({ result, domain }) => result === 'pass' && domain !== '',
    );
    for (const domain of new Set(passed.map((one) => one.domain))) {
      volumes.set(domain, (volumes.get(domain) ?? 0) + row.count);
    }
  }
  return [...volumes]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, mostNames)
    .map(([domain]) => domain);
}

type Figures = Pick<DmarcSource, 'count' | 'passed' | 'byDkim' | 'bySpf' | 'quarantined' | 'rejected'>;

function meaningOf(rows: readonly AggregateRow[], of: Figures, domains: readonly string[]): string {
  const overrides = new Set(rows.flatMap((row) => row.overrides));
  if (of.count === 0) return 'No mail was counted.';
  if (of.passed === of.count) {
    if (of.byDkim === of.count && of.bySpf === of.count)
      return 'Set up right: SPF and DKIM both speak for your domain.';
    if (of.byDkim === of.count) {
      return of.bySpf === 0
        ? 'Passes by DKIM alone: forwarded mail of yours, or a sender whose return path is not below your domain.'
        : 'Passes by DKIM, and partly by SPF too: mail of yours, some of it forwarded.';
    }
    if (of.bySpf === of.count) {
      return of.byDkim === 0
        ? 'Passes by SPF alone: it is not signed with DKIM for your domain, and fails as soon as somebody forwards it.'
        : 'Passes by SPF, and partly by DKIM too: some of its mail is not signed for your domain.';
    }
    return 'Passes, by SPF for some mail and by DKIM for other: give both to all of it.';
  }
  if (of.passed > 0)
    return `Passes in part: ${of.count - of.passed} of ${of.count} have neither SPF nor DKIM of your domain.`;
  if (overrides.has('mailing_list'))
    return 'A mailing list sends mail of yours on, and changes it on the way; the receiver knows.';
  if (overrides.has('forwarded') || overrides.has('trusted_forwarder')) {
    return 'Somebody forwards mail of yours, and the signature did not last; the receiver knows.';
  }
  const stopped = of.quarantined + of.rejected;
  if (domains.length > 0) {
    const fate =
      stopped > 0
        ? 'It is not delivered as it should be'
        : 'It is delivered, since your policy asks for nothing';
    return `Sends as ${domains[0]} with your domain in From: a service of yours that lacks DKIM for your domain, a forwarder, or a stranger. ${fate}.`;
  }
  return stopped > 0
    ? 'Nobody speaks for it: forged mail that your policy stopped, or a server of yours that is not set up.'
    : 'Nobody speaks for it: forged mail, or a server of yours that is not set up; your policy lets it pass.';
}

/** Mail of one day (UTC) by what became of it. */
export interface DmarcDay {
  dayMs: number;
  passed: number;
  /** Failed and delivered all the same. */
  failed: number;
  quarantined: number;
  rejected: number;
}

const dayMs = 86_400_000;
const mostDays = 400;

/** Days from the first report to the last without gaps; a report counts for the day in its middle. */
export function dmarcDays(reports: readonly Pick<AggregateReport, 'fromMs' | 'toMs' | 'rows'>[]): DmarcDay[] {
  const days = new Map<number, DmarcDay>();
  for (const { fromMs, toMs, rows } of reports) {
    const at = Math.floor((fromMs + toMs) / 2 / dayMs) * dayMs;
    const day = days.get(at) ?? emptyDay(at);
    days.set(at, day);
    for (const row of rows) day[fateOf(row)] += row.count;
  }
  const known = [...days.keys()].toSorted((a, b) => a - b);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return [];
  const start = Math.max(first, last - (mostDays - 1) * dayMs);
  return Array.from({ length: (last - start) / dayMs + 1 }, (_, i) => {
    const at = start + i * dayMs;
    return days.get(at) ?? emptyDay(at);
  });
}

function fateOf(row: AggregateRow): Exclude<keyof DmarcDay, 'dayMs'> {
  if (isPass(row)) return 'passed';
  if (row.disposition === 'reject') return 'rejected';
  return row.disposition === 'quarantine' ? 'quarantined' : 'failed';
}

function emptyDay(at: number): DmarcDay {
  return { dayMs: at, passed: 0, failed: 0, quarantined: 0, rejected: 0 };
}
