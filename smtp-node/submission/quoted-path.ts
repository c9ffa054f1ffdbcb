import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';

/** RFC 5321 §4.1.2: the Quoted-string of a path, with what is before it. */
const quotedPath = /^([^:]*:\s*<(?:@[^\s":]*:)?)("(?:[^"\\]|\\.)*")(?=@)/;
/** Stands for it while smtp-server, which knows no quoted strings, reads the rest of the command. */
const standIn = 'quoted';

/** A connection that takes quoted local parts too, as in `RCPT TO:<"a b"@example.net>`. */
export class QuotedPathConnection extends SMTPConnection {
  override _parseAddressCommand(name: string, command: string | Buffer) {
    const text = command.toString();
    const [path, before = '', localPart = ''] = quotedPath.exec(text) ?? [];
    if (path === undefined) return super._parseAddressCommand(name, command);
    const parsed = super._parseAddressCommand(name, before + standIn + text.slice(path.length));
    return parsed && { ...parsed, address: localPart + parsed.address.slice(standIn.length) };
  }
}
