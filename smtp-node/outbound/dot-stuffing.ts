const lf = 0x0a;
const dot = 0x2e;
const stuffing = Buffer.from('.');

/**
 * The content as it travels after DATA: a dot that begins a line is doubled (RFC 5321 §4.5.2), and the last line
 * ends with CRLF. The final dot itself is left to the caller, who must know when it is sent.
 */
export async function* dotStuffed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let atLineStart = true;
  for await (const chunk of source) {
    if (chunk.length === 0) continue;
    const parts: Buffer[] = [];
    let from = 0;
    if (atLineStart && chunk[0] === dot) parts.push(stuffing);
    for (let at = chunk.indexOf('\n.'); at >= 0; at = chunk.indexOf('\n.', at + 1)) {
      parts.push(chunk.subarray(from, at + 1), stuffing);
      from = at + 1;
    }
    atLineStart = chunk[chunk.length - 1] === lf;
    yield parts.length === 0 ? chunk : Buffer.concat([...parts, chunk.subarray(from)]);
  }
  if (!atLineStart) yield Buffer.from('\r\n');
}
