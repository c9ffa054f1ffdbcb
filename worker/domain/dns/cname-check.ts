import { followed, type WantedRecord } from './check-subject.ts';
import { type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, missing, ok, publish, wrong } from './finding.ts';

/** Whether a name is a CNAME that leads to what is wanted, by others in between too; what was observed is the whole chain. */
export async function judgeCname(wanted: WantedRecord, lookup: Lookup): Promise<Finding> {
  const answer = await lookup(wanted.name, 'CNAME');
  if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure);
  const chain = answer.chain.length > 0 ? answer.chain : recordsOf(answer);
  if (chain.length === 0) {
    const addresses = recordsOf(await lookup(wanted.name, 'A'));
    if (addresses.length === 0) return missing(publish(wanted));
    return wrong(
      addresses,
      `Publish ${wanted.name} as a plain CNAME to ${wanted.value}: now it is an address (turn a proxy or flattening off).`,
    );
  }
  const whole = await followed(wanted.name, chain, lookup);
  if (whole.includes(wanted.value)) return ok(whole);
  return wrong(whole, `Point the CNAME ${wanted.name} to ${wanted.value}; it leads to ${whole.at(-1)}.`);
}
