import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';

/** Begins a text that has its own enhanced status code (RFC 2034 §3). */
const ownStatus = /^[245]\.\d{1,3}\.\d{1,3} /;
/** What is said after DATA is part of the public contract, to the letter: it has no enhanced code. */
const queuedAs = 'Thanks! Queued as: ';

/** The answer to an accepted message. */
export function queuedText(messageId: string): string {
  return queuedAs + messageId;
}

/** A submission client's connection: the replies that smtp-server has no option for. */
export class SubmissionConnection extends SMTPConnection {
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (Array.isArray(data)) {
      // RFC 3207 §4.2, RFC 4954 §4: AUTH is offered only where a password may be sent
      const offered = this.secure ? data : data.filter((line) => !/^AUTH( |$)/.test(line));
      super.send(code, offered, context);
    } else {
      const complete = typeof data === 'string' && (ownStatus.test(data) || data.startsWith(queuedAs));
      super.send(code, data, complete ? false : context);
    }
  }

  /** RFC 5321 §3.5.3: a list is nobody's to see. */
  handler_EXPN(_command: Buffer, callback: () => void): void {
    this.send(502, '5.5.1 EXPN is not offered');
    callback();
  }
}
