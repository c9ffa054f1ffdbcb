/** What takes no place where it stands, or turns around what follows (UAX #44, UAX #9). */
export const hiddenCharacters = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/** Blanks other than the space, and what is not seen: of no use in an address, and often pasted along with one. */
const hidden = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u0085]|(?! )\p{Zs}/u;
const hiddenAtStart = new RegExp(`^(?:\\s|${hidden.source})+`, 'u');
const isHidden = new RegExp(`^(?:\\s|${hidden.source})$`, 'u');

/** The names of those that are met most (Unicode). */
const names: Readonly<Record<number, string>> = {
  133: 'NEXT LINE',
  160: 'NO-BREAK SPACE',
  173: 'SOFT HYPHEN',
  8203: 'ZERO WIDTH SPACE',
  8204: 'ZERO WIDTH NON-JOINER',
  8205: 'ZERO WIDTH JOINER',
  8206: 'LEFT-TO-RIGHT MARK',
  8207: 'RIGHT-TO-LEFT MARK',
  8232: 'LINE SEPARATOR',
  8233: 'PARAGRAPH SEPARATOR',
  8234: 'LEFT-TO-RIGHT EMBEDDING',
  8235: 'RIGHT-TO-LEFT EMBEDDING',
  8236: 'POP DIRECTIONAL FORMATTING',
  8237: 'LEFT-TO-RIGHT OVERRIDE',
  8238: 'RIGHT-TO-LEFT OVERRIDE',
  8239: 'NARROW NO-BREAK SPACE',
  8288: 'WORD JOINER',
  8294: 'LEFT-TO-RIGHT ISOLATE',
  8295: 'RIGHT-TO-LEFT ISOLATE',
  8297: 'POP DIRECTIONAL ISOLATE',
  12288: 'IDEOGRAPHIC SPACE',
  65279: 'ZERO WIDTH NO-BREAK SPACE',
};

/** The first such character of a text, as `U+200B ZERO WIDTH SPACE`; null when there is none. */
export function hiddenCharacter(text: string): string | null {
  const point = hidden.exec(text)?.[0].codePointAt(0);
  if (point === undefined) return null;
  const code = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = names[point];
  return name === undefined ? code : `${code} ${name}`;
}

/** A text without spaces and the like at its ends. Linear: an expression for the end would begin anew at each of them. */
export function trimHidden(text: string): string {
  const start = hiddenAtStart.exec(text)?.[0].length ?? 0;
  let end = text.length;
  while (end > start) {
    const isPair =
      /[\udc00-\udfff]/.test(text.charAt(end - 1)) && /[\ud800-\udbff]/.test(text.charAt(end - 2));
    const last = text.slice(isPair ? end - 2 : end - 1, end);
    if (!isHidden.test(last)) break;
    end -= last.length;
  }
  return text.slice(start, end);
}
