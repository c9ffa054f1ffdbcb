/** A refusal as it is said to an SMTP client: reply code (RFC 5321 §4.2.3), enhanced code (RFC 3463), words. */
export class SmtpFault extends Error {
  override readonly name = 'SmtpFault';
  /** Read by smtp-server. */
  readonly responseCode: number;

  /** @param reply e.g. `550 5.7.1` */
  constructor(reply: string, text: string) {
    const [code = '451', status = '4.3.0'] = reply.split(' ');
    super(`${status} ${asReplyText(text)}`);
    this.responseCode = Number(code);
  }
}

/** Printable ASCII that fits in a reply line of 512 octets (RFC 5321 §4.5.3.1.5). */
function asReplyText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 450);
}

/** The edge is away or does not make sense: nothing was accepted, the client keeps its mail. */
export function edgeAway(): SmtpFault {
  return new SmtpFault('451 4.3.0', 'Not accepted: the service cannot be reached now; try again later');
}
