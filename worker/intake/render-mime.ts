import { Buffer } from 'node:buffer';
import * as base64 from 'nodemailer/lib/base64';
import type MimeNode from 'nodemailer/lib/mime-node';
import * as qp from 'nodemailer/lib/qp';

/** Above this a part is left to nodemailer's streams, which hold fewer copies of it. */
const largestPart = 64 * 1024;

/**
 * The bytes of nodemailer's `build()` as latin1 text, but written down at once: passing a small message through
 * streams takes several times the work of encoding it.
 */
export async function renderMime(root: MimeNode): Promise<string> {
  if (!isSmall(root)) return Buffer.from(await root.build()).toString('latin1');
  const text = render(root);
  return text.endsWith('\n') ? text : `${text}${text.endsWith('\r') ? '\n' : '\r\n'}`;
}

function isSmall({ content, childNodes }: MimeNode): boolean {
  const plain = !content || typeof content === 'string' || content instanceof Uint8Array;
  return plain && (content?.length ?? 0) <= largestPart && childNodes.every(isSmall);
}

function render(node: MimeNode): string {
  // The boundary is known once the header is built, and the encoding stands in it.
  const header = latin1(node.buildHeaders());
  const head = `${header}\r\n\r\n${encoded(node.content, node.getTransferEncoding())}`;
  if (!node.multipart) return head;
  const children = node.childNodes.map((child) => `--${node.boundary}\r\n${render(child)}\r\n`);
  return `${head}${children.join('')}${children.length > 0 ? '' : '\r\n'}--${node.boundary}--\r\n`;
}

function encoded(content: MimeNode['content'], encoding: string | false): string {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) return '';
  if (encoding === 'base64') return base64.wrap(base64.encode(content));
  if (encoding === 'quoted-printable') return qp.wrap(qp.encode(content));
  return typeof content === 'string' ? latin1(content) : Buffer.from(content).toString('latin1');
}

/** The UTF-8 bytes of a text, a character each. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
