/** What a peer said it can do (RFC 5321 §4.1.1.1), as far as we use it. */
export interface Extensions {
  startTls: boolean;
  /** RFC 2920. */
  pipelining: boolean;
  /** RFC 6152. */
  eightBitMime: boolean;
  /** RFC 6531. */
  smtpUtf8: boolean;
  /** RFC 8689. */
  requireTls: boolean;
  /** RFC 4954: mechanisms, in upper case. */
  auth: readonly string[];
  /** RFC 1870: null when SIZE is not offered, 0 when offered without a limit, else octets. */
  sizeLimit: number | null;
}

/** What every peer can do that only knows HELO. */
export const noExtensions: Extensions = {
  startTls: false,
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  requireTls: false,
  auth: [],
  sizeLimit: null,
};

/** @param lines the lines of the EHLO reply without codes; the first is the greeting, not a keyword */
export function parseExtensions(lines: readonly string[]): Extensions {
  const found = { ...noExtensions };
  for (const line of lines.slice(1)) {
    const [keyword, parameter, ...more] = line.trim().split(/\s+/);
    switch (keyword?.toUpperCase()) {
      case 'STARTTLS':
        found.startTls = true;
        break;
      case 'PIPELINING':
        found.pipelining = true;
        break;
      case '8BITMIME':
        found.eightBitMime = true;
        break;
      case 'SMTPUTF8':
        found.smtpUtf8 = true;
        break;
      case 'REQUIRETLS':
        found.requireTls = true;
        break;
      case 'AUTH':
        found.auth = [parameter ?? '', ...more].map((mechanism) => mechanism.toUpperCase());
        break;
      case 'SIZE':
        found.sizeLimit = parameter && /^\d{1,20}$/.test(parameter) ? Number(parameter) : 0;
        break;
    }
  }
  return found;
}
