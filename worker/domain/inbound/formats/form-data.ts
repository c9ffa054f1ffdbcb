/** One field of a form; with a `filename` it is a file. */
export interface Part {
  name: string;
  content: string | Uint8Array<ArrayBuffer>;
  filename?: string;
  contentType?: string;
}

/** A body in pieces, one behind the other, texts as UTF-8: what the constructor of Blob takes. */
export type BodyPieces = (string | Uint8Array<ArrayBuffer>)[];

/**
 * A form as `multipart/form-data` (RFC 7578), the same bytes each time.
 * @param id makes the boundary; it is lengthened until no content has it
 */
export function multipartBody(parts: readonly Part[], id: string): { contentType: string; body: BodyPieces } {
  let boundary = `pennypost-${id}`;
  while (parts.some(({ content }) => holds(content, `--${boundary}`))) boundary += '-';
  const pieces = parts.flatMap((part) => [`--${boundary}\r\n${headOf(part)}\r\n`, part.content, '\r\n']);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: [...pieces, `--${boundary}--\r\n`],
  };
}

function headOf({ name, filename, contentType }: Part): string {
  const file = filename === undefined ? '' : `; filename="${quoted(filename)}"`;
  const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
  return `Content-Disposition: form-data; name="${quoted(name)}"${file}\r\n${type}`;
}

/** As browsers do (the WHATWG's HTML standard, "multipart/form-data encoding algorithm"). */
function quoted(name: string): string {
  return name.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22');
}

/** @param wanted ASCII */
function holds(content: string | Uint8Array, wanted: string): boolean {
  if (typeof content === 'string') return content.includes(wanted);
  const first = wanted.charCodeAt(0);
  for (let at = content.indexOf(first); at >= 0; at = content.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && content[at + same] === wanted.charCodeAt(same)) same += 1;
    if (same === wanted.length) return true;
  }
  return false;
}
