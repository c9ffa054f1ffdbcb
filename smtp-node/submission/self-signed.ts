import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

const dayMs = 86_400_000;

/**
 * Makes a self-signed certificate (RFC 5280 §4.1) for a host name: ECDSA P-256, valid for a year. It
 * encrypts but proves nothing, so a client must be told to trust it.
 */
export function selfSigned(hostName: string, nowMs: number): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(set(sequence(oid.commonName, utf8String(hostName.slice(0, 64)))));
  const serial = randomBytes(16);
  // RFC 5280 §4.1.2.2: a positive number
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // version 3
    integer(serial),
    sequence(oid.ecdsaWithSha256),
    name,
    sequence(time(nowMs - dayMs), time(nowMs + 365 * dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    // RFC 5280 §4.2.1.6: dNSName is [2] IMPLICIT
    tagged(
      0xa3,
      sequence(sequence(oid.subjectAltName, octetString(sequence(tagged(0x82, ascii(hostName)))))),
    ),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, sequence(oid.ecdsaWithSha256), bitString(signature));
  return { cert: pem('CERTIFICATE', certificate), key: pemOf(privateKey) };
}

// DER (ITU-T X.690), as much as a certificate needs

function tagged(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

/** X.690 §8.1.3: short form below 128, else the number of octets and the octets. */
function length(octets: number): Buffer {
  if (octets < 0x80) return Buffer.from([octets]);
  if (octets < 0x100) return Buffer.from([0x81, octets]);
  return Buffer.from([0x82, octets >> 8, octets & 0xff]);
}

const sequence = (...contents: Uint8Array[]) => tagged(0x30, ...contents);
const set = (...contents: Uint8Array[]) => tagged(0x31, ...contents);
const integer = (octets: Uint8Array) => tagged(0x02, octets);
const octetString = (octets: Uint8Array) => tagged(0x04, octets);
const bitString = (octets: Uint8Array) => tagged(0x03, Buffer.from([0]), octets);
const utf8String = (text: string) => tagged(0x0c, Buffer.from(text));
const ascii = (text: string) => Buffer.from(text, 'latin1');

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after. */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return new Date(ms).getUTCFullYear() < 2050
    ? tagged(0x17, ascii(text.slice(2)))
    : tagged(0x18, ascii(text));
}

const oid = {
  /** 2.5.4.3 */
  commonName: tagged(0x06, Buffer.from('550403', 'hex')),
  /** 2.5.29.17 */
  subjectAltName: tagged(0x06, Buffer.from('551d11', 'hex')),
  /** 1.2.840.10045.4.3.2 (RFC 5758 §3.2) */
  ecdsaWithSha256: tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')),
};

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
