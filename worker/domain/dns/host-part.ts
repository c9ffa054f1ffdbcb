/** Second-level names under which others register, as in `example.co.uk`; all of one to three letters beside them. */
const registryLabels = new Set([
  'com',
  'net',
  'org',
  'gov',
  'edu',
  'ac',
  'co',
  'or',
  'ne',
  'go',
  'gob',
  'asn',
  'id',
]);

/**
 * The zone that a domain is most likely in: what its owner has registered. A guess, since only DNS would tell it; names of
 * records below it are said whole beside.
 */
export function likelyZone(domain: string): string {
  const labels = domain.split('.');
  const second = labels.at(-2) ?? '';
  const country = labels.at(-1)?.length === 2;
  const own = country && registryLabels.has(second) && labels.length > 2 ? 3 : 2;
  return labels.slice(-own).join('.');
}

/** A record's name without the zone, which most DNS providers append by themselves: `@` for the zone's own name. */
export function hostPart(name: string, zone: string): string {
  if (name === zone) return '@';
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : name;
}
