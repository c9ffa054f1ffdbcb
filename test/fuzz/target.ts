/** A parser that meets bytes from outside, and what may come of them. */
export interface Target {
  name: string;
  /** What inputs are made of, beside the blocks that all have: what means something to this parser. */
  blocks: readonly string[];
  /** Longest input that its caller lets through, characters; left out: there is no bound but that of a request. */
  most?: number;
  /** Reads a text. Texts of which each character is at most U+00FF stand for octets where a parser takes those. */
  read(text: string): unknown;
  /** Its own clear error; left out: it throws none. */
  refuses?(error: unknown): boolean;
  /** A text that it gives is a sentence that says what is wrong, for people to read. */
  tells?: true;
  /** How often what it gives may be as long as what it was given, as JSON; left out: 16 times. */
  grows?: number;
}

/** The octets of a text: Latin-1 where it is such, else UTF-8. */
export function octets(text: string): Buffer {
  return Buffer.from(text, /[^\0-\xff]/.test(text) ? 'utf8' : 'latin1');
}
