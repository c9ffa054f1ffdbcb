import type { ReceivedAttachment } from '#domain/inbound/received.ts';
import { type AggregateReport, readAggregateReport } from '#domain/reports/aggregate-report.ts';
import { readTlsReport, type TlsReport } from '#domain/reports/tls-report.ts';
import { readXml } from './read-xml.ts';
import { unpackReport } from './unpack-report.ts';

/** A report about a domain. */
export type Report = { kind: 'dmarc'; report: AggregateReport } | { kind: 'tls'; report: TlsReport };

const reportTypes =
  /^(?:application\/(?:x-)?(?:gzip|zip|zip-compressed|gzip-compressed|xml|json|tlsrpt\+(?:gzip|json))|text\/xml|application\/octet-stream)$/;
const reportName = /\.(?:xml|json|gz|zip|xml\.gz|json\.gz)$/i;

/**
 * Reads the DMARC (RFC 7489 §7.2) or TLS report (RFC 8460 §5.3) that a mail brings. Never throws.
 * @returns the report, or a sentence that says why there is none
 */
export function readReport(mail: {
  text: string;
  attachments: readonly Pick<ReceivedAttachment, 'contentType' | 'filename' | 'content'>[];
}): Report | string {
  const part = mail.attachments.find(
    ({ contentType, filename }) => reportTypes.test(contentType) || reportName.test(filename),
  );
  if (!part) return mail.text.includes('<feedback') ? readDmarc(mail.text) : 'the mail has no report';
  const unpacked = unpackReport(part.content);
  if (typeof unpacked === 'string') return unpacked;
  const text = new TextDecoder().decode(unpacked);
  return /^\s*\{/.test(text) ? readTls(text) : readDmarc(text);
}

function readDmarc(text: string): Report | string {
  const root = readXml(text.slice(Math.max(0, text.indexOf('<'))));
  if (typeof root === 'string') return root;
  const report = readAggregateReport(root);
  return typeof report === 'string' ? report : { kind: 'dmarc', report };
}

function readTls(text: string): Report | string {
  const report = readTlsReport(text);
  return typeof report === 'string' ? report : { kind: 'tls', report };
}
