/** One delivered file, as a value: what the server wrote above the message and the message's own header. Pure. */

export interface ReceivedMail {
  file: string;
  /** The file's bytes: the server's trace fields and the message, line ends as LF. */
  raw: Buffer;
  /** The envelope recipient that this copy was delivered for. */
  rcptTo: string;
  /** The envelope sender; empty for the null sender. */
  mailFrom: string;
  /** From the topmost Received field: who connected, and what it called itself. */
  client: { ip: string; helo: string; tls: boolean };
  headers: Header[];
  subject: string;
  messageId: string;
}

export interface Header {
  /** In lower case. */
  name: string;
  /** Unfolded. */
  value: string;
}

/** Reads a file of a lab mailbox. Throws when it is not one. */
export function parseReceivedMail(file: string, raw: Buffer): ReceivedMail {
  const headers = parseHeaders(raw);
  const first = (name: string) => headers.find((header) => header.name === name)?.value ?? '';
  const received = first('received');
  const client = /^from (\S+) \((?:\S+ )?\[(?:IPv6:)?([0-9a-fA-F.:]+)\]\)/.exec(received);
  if (!client?.[1] || !client[2]) throw new Error(`${file}: who sent it? Received: ${received}`);
  return {
    file,
    raw,
    rcptTo: first('x-original-to'),
    mailFrom: first('return-path').replace(/^<|>$/g, ''),
    client: { helo: client[1], ip: client[2], tls: /\(using TLS/.test(received) },
    headers,
    subject: first('subject'),
    messageId: first('message-id'),
  };
}

function parseHeaders(raw: Buffer): Header[] {
  const text = raw.toString('utf8');
  const head = /^([\s\S]*?)\r?\n\r?\n/.exec(text)?.[1] ?? text;
  return head
    .replace(/\r?\n(?=[ \t])/g, '')
    .split(/\r?\n/)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0
        ? [{ name: line.slice(0, colon).trim().toLowerCase(), value: line.slice(colon + 1).trim() }]
        : [];
    });
}

/** The domain of the From field (RFC 5322 §3.6.2). Throws without exactly one. */
export function fromDomain(mail: ReceivedMail): string {
  const from = mail.headers.filter(({ name }) => name === 'from');
  const domain = /@([^\s<>@,;]+?)>?\s*$/.exec(from[0]?.value ?? '')?.[1];
  if (from.length !== 1 || !domain) throw new Error(`${mail.file}: no single From`);
  return domain.toLowerCase();
}

/**
 * Relaxed alignment (RFC 9989): the same organizational domain. In the lab that is the last two labels,
 * because no public suffix of the lab has two.
 */
export function relaxedAligned(one: string, other: string): boolean {
  const organizational = (domain: string) => domain.toLowerCase().split('.').slice(-2).join('.');
  return organizational(one) === organizational(other);
}

/**
 * The message (line ends CRLF) once for each DKIM signature, with the other signatures left out: no
 * signature covers another unless it names `dkim-signature` in `h=`.
 */
export function isolatedSignatures(raw: Buffer): { tags: Record<string, string>; message: Buffer }[] {
  const text = raw.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const fields = text.slice(0, end).split(/\r\n(?![ \t])/);
  const isSignature = (field: string) => /^dkim-signature[ \t]*:/i.test(field);
  return fields.filter(isSignature).map((kept) => ({
    tags: dkimTags(kept),
    message: Buffer.from(
      fields.filter((field) => field === kept || !isSignature(field)).join('\r\n') + text.slice(end),
      'latin1',
    ),
  }));
}

/** RFC 6376 §3.2, with all white space taken out. */
function dkimTags(field: string): Record<string, string> {
  const list = field.slice(field.indexOf(':') + 1).replace(/\s/g, '');
  return Object.fromEntries(
    list
      .split(';')
      .filter(Boolean)
      .map((tag): [string, string] => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]),
  );
}
