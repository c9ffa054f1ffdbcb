const [quote, backslash] = [0x22, 0x5c];
const [openObject, closeObject, openArray, closeArray, comma] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

/** Values may be nested so deep; bodies of this API have four levels. */
export const mostJsonDepth = 32;
/** Objects, arrays, and values after a comma. Parsed, a value takes many times its two octets. */
export const mostJsonValues = 200_000;

/**
 * What keeps a text from being parsed as JSON: it would take more memory or stack than its length tells. Null when
 * nothing does; whether it is JSON is for the parser to say. Time is linear: strings are passed by at a stride.
 */
export function jsonShapeFault(bytes: Uint8Array): string | null {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case quote:
        at = endOfString(bytes, at);
        break;
      case openObject:
      case openArray:
        depth += 1;
        values += 1;
        if (depth > mostJsonDepth) return `is nested deeper than ${mostJsonDepth} levels`;
        break;
      case closeObject:
      case closeArray:
        depth -= 1;
        break;
      case comma:
        values += 1;
        break;
    }
    if (values > mostJsonValues) return `has more than ${mostJsonValues} values`;
  }
  return null;
}

/** The index of the quotation mark that ends the string; the length when none does. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at !== -1; at = bytes.indexOf(quote, at + 1)) {
    let before = at - 1;
    while (before > start && bytes[before] === backslash) before -= 1;
    if ((at - before) % 2 === 1) return at; // RFC 8259 §7: an even number of backslashes escapes only themselves
  }
  return bytes.length;
}
