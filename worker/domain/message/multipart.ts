/** The body of a multipart entity (RFC 2046 §5.1) as latin1 text with CRLF line ends, taken apart without changing it. */

/** A piece between two delimiters, and the line of the delimiter behind it. Places count from the body's beginning. */
export interface Piece {
  /** It is a part; else what stands before the first delimiter or behind the last. */
  isPart: boolean;
  from: number;
  to: number;
  /** Where the line of the delimiter is over; `to` when there is none. */
  end: number;
}

/** The boundary that a Content-Type field names; null: none. */
export function boundaryOf(contentType: string): string | null {
  const [, quoted, token] =
    /;\s*boundary\s*=\s*(?:"([^"\\\r\n]{1,200})"|([^\s;"()]{1,200}))/i.exec(contentType) ?? [];
  return quoted ?? token ?? null;
}

/** The media type that a Content-Type field names, in lower case; text/plain where it names none (RFC 2045 §5.2). */
export function mediaTypeOf(contentType: string): string {
  return (/^\s*([\w.+-]+\/[\w.+-]+)/.exec(contentType)?.[1] ?? 'text/plain').toLowerCase();
}

/** All of a body in its pieces. Time is linear. */
export function piecesOf(body: string, boundary: string): Piece[] {
  const delimiter = `--${boundary}`;
  const pieces: Piece[] = [];
  let from = 0;
  let isPart = false;
  for (let at = body.startsWith(delimiter) ? 0 : next(body, delimiter, 0); at >= 0; ) {
    const end = endOfLine(body, at);
    const rest = body.slice(at + delimiter.length, end).trimEnd();
    if (rest === '' || rest === '--') {
      pieces.push({ isPart, from, to: at, end });
      from = end;
      isPart = rest === '';
      if (!isPart) break;
    }
    at = body.startsWith(delimiter, end) ? end : next(body, delimiter, end);
  }
  pieces.push({ isPart, from, to: body.length, end: body.length });
  return pieces;
}

/** Where the next line begins so. */
function next(text: string, wanted: string, from: number): number {
  const at = text.indexOf(`\n${wanted}`, Math.max(0, from - 1));
  return at < 0 ? -1 : at + 1;
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at + 1;
}
