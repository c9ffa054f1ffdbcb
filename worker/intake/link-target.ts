import { trackingLimits } from '#domain/delivery/tracked-event.ts';

/** The named character references that addresses have; others are rare, and their links are left alone. */
const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
  ['lt', '<'],
  ['gt', '>'],
]);
const reference = /&(?:#(\d{1,7});|#x([0-9a-f]{1,6});|([a-z][a-z0-9]*)(;|=|(?![a-z0-9])))|&#/gi;

/**
 * Where a link leads, as a browser reads the attribute; null when it is no web address, or not certainly the one
 * that a browser would read: then it is better left alone.
 * @param attribute the value of `href` as it is written in HTML
 */
export function linkTarget(attribute: string): string | null {
  const text = decodeReferences(attribute);
  // WHATWG URL, §4.4: white space around it and line ends in it are no part of it; the parser takes them out.
  if (text === null || !/^[\x00-\x20]*https?:/i.test(text) || !URL.canParse(text)) return null;
  const { protocol, href } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return null;
  return href.length <= trackingLimits.targetCharacters ? href : null;
}

/** Character references of an attribute decoded (HTML, §13.2.5.72); null when one is not certain. */
function decodeReferences(attribute: string): string | null {
  let certain = true;
  const text = attribute.replace(reference, (whole, decimal, hex, name, end) => {
    if (decimal !== undefined || hex !== undefined) {
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      const plain = code >= 0x20 && code < 0x7f;
      certain &&= plain; // the table of those that mean another character is above ASCII
      return plain ? String.fromCharCode(code) : whole;
    }
    // In an attribute, `&name=` is what it looks like: the next field of a query.
    if (end === '=') return whole;
    const character = end === ';' ? named.get(name) : undefined;
    certain &&= character !== undefined;
    return character ?? whole;
  });
  return certain ? text : null;
}
