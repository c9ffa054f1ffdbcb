import { decodePercent, decodeWords } from './encoded-word.ts';

/** File names that are refused as attachments, by their ending. */
export const refusedAttachments = [
  'vbs', 'exe', 'bin', 'bat', 'chm', 'com', 'hta', 'pif', 'reg', 'vbe', 'vba', 'msc', 'msi',
] as const; // biome-ignore format: one line reads better

/** Separators of a path, and what comes before the name of an NTFS stream (`a.exe::$DATA`). */
const separators = /[/\\:]/;
/** What Windows, or whoever saves the file for it, drops: controls and invisible characters. */
const invisible = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
/** What it drops at the end of a name, and what no name may have there. */
const dropped = /[\s.<>|?*"']/;

/** True when a file of this name is not taken as an attachment, whatever a receiver's system makes of the name. */
export function isRefusedAttachment(filename: string): boolean {
  return filename
    .replace(invisible, '')
    .toLowerCase()
    .split(separators)
    .some((name) => {
      let end = name.length;
      while (end > 0 && dropped.test(name.charAt(end - 1))) end -= 1;
      const extension = name.slice(name.lastIndexOf('.', end - 1) + 1, end).trim();
      return end > extension.length && (refusedAttachments as readonly string[]).includes(extension);
    });
}

interface Parameter {
  name: string;
  value: string;
}

/**
 * Every file name that a reader could take from the value of a Content-Type or Content-Disposition field (RFC 2045
 * §5.1, RFC 2183 §2.3; in pieces and encoded, RFC 2231; encoded words, which readers decode here too). Readers differ
 * about repeated and broken parameters, so all that one of them could see is given. Time is linear.
 * @param value unfolded
 */
export function fileNamesIn(value: string): string[] {
  const own = parametersOf(value).filter(({ name }) => /^(?:file)?name(?:\*|$)/.test(name));
  const whole = own
    .filter(({ name }) => !/\*\d/.test(name))
    .map((one) => (one.name.endsWith('*') ? decoded(one.value) : one.value));
  return [...whole, ...joined(own)].flatMap((name) => [name, decodeWords(name), withoutComments(name)]);
}

/** RFC 2231 §3: the pieces of each name in their order, and in the order in which they were written. */
function joined(parameters: readonly Parameter[]): string[] {
  const bases = ['name', 'filename'] as const;
  return bases.flatMap((base) => {
    const pieces = parameters.flatMap(({ name, value }) => {
      const [, of, number, encoded] = /^(name|filename)\*(\d{1,6})(\*?)$/.exec(name) ?? [];
      return of === base ? [{ number: Number(number), text: encoded ? decoded(value) : value }] : [];
    });
    if (pieces.length === 0) return [];
    const text = (list: readonly { text: string }[]) => list.map((piece) => piece.text).join('');
    return [text(pieces), text(pieces.toSorted((a, b) => a.number - b.number))];
  });
}

/** RFC 2231 §4: `charset'language'text`; later pieces have the text alone. */
function decoded(value: string): string {
  const [, charset = 'utf-8', text = value] = /^([^']{0,60})'[^']{0,60}'(.*)$/s.exec(value) ?? [];
  return decodePercent(text, charset || 'utf-8');
}

function withoutComments(value: string): string {
  return value.replace(/\([^()]*\)/g, '');
}

/** The parameters behind the first semicolon; names in lower case. A value reaches to the next semicolon. */
function parametersOf(text: string): Parameter[] {
  const parameters: Parameter[] = [];
  let at = endOfValue(text, 0).end;
  while (at < text.length) {
    const start = at + 1;
    const { end, value } = endOfValue(text, start);
    const equals = value.indexOf('=');
    if (equals > 0) {
      parameters.push({
        name: value.slice(0, equals).replace(/\s/g, '').toLowerCase(),
        value: value.slice(equals + 1).trim(),
      });
    }
    at = end;
  }
  return parameters;
}

/** Where the next semicolon outside of quotation marks stands, and the text until there without quoting. */
function endOfValue(text: string, start: number): { end: number; value: string } {
  let value = '';
  let quoted = false;
  let at = start;
  for (; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') quoted = !quoted;
    else if (quoted && char === '\\') value += text.charAt(++at);
    else if (char === ';' && !quoted) break;
    else value += char;
  }
  return { end: at, value };
}
