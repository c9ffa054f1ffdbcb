/** RFC 6238, as an authenticator app does it. */
export async function totpOf(base32: string, nowMs: number): Promise<string> {
  const bits = [...base32]
    .map((char) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0'))
    .join('');
  const secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(Math.floor(nowMs / 30_000)));
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, counter));
  const at = (mac.at(-1) ?? 0) & 15;
  const number = new DataView(mac.buffer).getUint32(at) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}
