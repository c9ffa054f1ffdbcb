import type { SubjectKey } from './check-subject.ts';
import { type Diagnosis, failed, fine, unknown, warning } from './diagnosis.ts';
import { dkimFault, formatDkimRecord } from './dkim-record.ts';
import { type Lookup, recordsOf } from './dns.ts';
import { isFailure } from './finding.ts';

/** A key that the operator publishes for a domain, and whether it signs already. */
export interface PublishedKey extends Pick<SubjectKey, 'algorithm' | 'publicKey'> {
  domain: string;
  /** The name that its selector is a CNAME to. */
  target: string;
  signs: boolean;
}

const check = 'delegated-dkim';

/**
 * Whether the records that the operator publishes for domains with DKIM by CNAME are there.
 * @param byHand whether the operator publishes them; else the Worker does, by the API of the zone
 * @returns nothing where no domain delegates
 */
export async function diagnoseDelegatedKeys(
  keys: readonly PublishedKey[],
  { lookup, byHand }: { lookup: Lookup; byHand: boolean },
): Promise<Diagnosis[]> {
  if (keys.length === 0) return [];
  const seen = await Promise.all(
    keys.map(async (key) => {
      const answer = await lookup(key.target, 'TXT');
      const texts = recordsOf(answer);
      const there = texts.length === 1 && texts.every((text) => dkimFault(text, key) === null);
      return { key, found: there ? 'right' : isFailure(answer) ? 'unknown' : 'wrong' };
    }),
  );
  const wrong = seen.flatMap(({ key, found }) => (found === 'wrong' ? [key] : []));
  const [first] = wrong.toSorted((a, b) => Number(b.signs) - Number(a.signs));
  if (first) {
    const state = first.signs ? 'signs its mail' : 'is to sign its mail';
    const tell = first.signs ? failed : warning;
    return [
      tell(
        check,
        `${wrong.length} of ${keys.length} key records of domains that delegate DKIM are missing or wrong, such as ${first.target}, whose key ${state} (${first.domain}).`,
        byHand
          ? `Publish TXT ${first.target}: ${formatDkimRecord(first)} (all of them: GET /admin/v1/dkim-records).`
          : 'Give DNS_TOKEN the permission Zone > DNS > Edit for the zone DNS_ZONE; the log of the Worker says what was refused. Each is tried again when its domain is looked at.',
      ),
    ];
  }
  const unseen = seen.filter(({ found }) => found === 'unknown').length;
  if (unseen > 0)
    return [
      unknown(
        check,
        `DNS did not answer for ${unseen} of ${keys.length} key records of domains that delegate DKIM.`,
        'Look again; when it stays so, see that the servers of the zone answer.',
      ),
    ];
  return [fine(check, `The key records of domains that delegate DKIM are there (${keys.length} looked at).`)];
}
