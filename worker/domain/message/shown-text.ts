import { type HeaderField, type SplitMessage, splitMessage } from './header.ts';
import { boundaryOf, mediaTypeOf, piecesOf } from './multipart.ts';

/** Where a message has the text that its reader shows: the first HTML and the first plain text that is no attachment. */

const mostDepth = 24;
const mostParts = 1000;

/** A part with such text. Places count from the beginning of the message's body. */
export interface ShownText {
  media: 'text/html' | 'text/plain';
  /** Of the part; of the message itself when it has no parts. */
  fields: readonly HeaderField[];
  /** Where its header begins; null: it is the message's own. */
  headAt: number | null;
  from: number;
  to: number;
}

export interface ShownTexts {
  html: ShownText | null;
  plain: ShownText | null;
}

/** Another can take out what they have signed or sealed, but not change it. */
const sealed = /^(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-mime)$/;

/**
 * @param body of a message with these fields, without the empty line in front; latin1 with CRLF line ends
 * @returns where the texts are, or a sentence that says why nothing is changed in it
 */
export function shownTexts(fields: SplitMessage['fields'], body: string): ShownTexts | string {
  const found: ShownTexts = { html: null, plain: null };
  let parts = 0;

  const look = (
    own: readonly HeaderField[],
    at: Omit<ShownText, 'media' | 'fields'>,
    depth: number,
  ): string | null => {
    parts += 1;
    if (depth > mostDepth || parts > mostParts) return 'it has too many parts';
    const type = fieldValue(own, 'content-type');
    const media = mediaTypeOf(type);
    if (sealed.test(media)) return 'it is signed or encrypted, and a layout would break that';
    if (media.startsWith('multipart/')) return inside(type, at, depth);
    if (media !== 'text/html' && media !== 'text/plain') return null;
    // RFC 2183 §2.8: what has a file name is meant to be kept as a file.
    if (/^\s*attachment\b|\bfilename\*?\s*=/i.test(fieldValue(own, 'content-disposition'))) return null;
    const name = media === 'text/html' ? 'html' : 'plain';
    found[name] ??= { media, fields: own, ...at };
    return null;
  };
  const inside = (type: string, { from, to }: { from: number; to: number }, depth: number): string | null => {
    const boundary = boundaryOf(type);
    if (boundary === null) return 'it has parts without a boundary';
    const text = body.slice(from, to);
    for (const piece of piecesOf(text, boundary)) {
      if (!piece.isPart) continue;
      const split = splitMessage(text.slice(piece.from, piece.to));
      if (typeof split === 'string') return split;
      const { rest } = split;
      const start = from + piece.to - rest.length + (rest.startsWith('\r\n') ? 2 : 0);
      // The line end before a delimiter belongs to it (RFC 2046 §5.1.1).
      const ends = piece.end > piece.to && text.slice(0, piece.to).endsWith('\r\n') ? 2 : 0;
      const end = Math.max(start, from + piece.to - ends);
      const fault = look(split.fields, { headAt: from + piece.from, from: start, to: end }, depth + 1);
      if (fault !== null) return fault;
    }
    return null;
  };

  return look(fields, { headAt: null, from: 0, to: body.length }, 0) ?? found;
}

function fieldValue(fields: readonly HeaderField[], name: string): string {
  return fields.find((field) => field.name.toLowerCase() === name)?.value ?? '';
}
