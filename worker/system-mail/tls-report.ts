import type { z } from 'zod';
import { foldField } from '#domain/message/fold.ts';
import { toCrlf } from '#domain/message/header.ts';
import type { tlsReportRequest } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import type { Env } from '../env.ts';
import { accept } from '../intake/accept.ts';
import { rawDraftOf } from '../intake/raw-message.ts';
import type { Store } from '../store/store.ts';
import { systemAccountId } from '../store/system-mail.ts';
import { mailerOf, systemFrom, systemSender } from './send.ts';

type Report = z.infer<typeof tlsReportRequest>;

/**
 * Mails a report on TLS (RFC 8460 §5.3), signed as all mail is. It goes whatever the receiver asks of TLS: that may be
 * what it reports (§3).
 * @throws Problem when there is no domain to send it from, or the intake refuses
 */
export async function mailTlsReport(store: Store, env: Env, report: Report): Promise<void> {
  const mailer = mailerOf(store, env);
  const system = await systemSender(mailer);
  if ('fault' in system) throw new Problem('unavailable', system.fault);
  const from = systemFrom(env, system.domain);
  const draft = await rawDraftOf({
    bytes: new TextEncoder().encode(messageOf(report, from)),
    mailFrom: '',
    rcptTo: [report.to],
    source: 'raw',
    receivedBy: null,
    smtpUtf8: false,
    layouts: null,
    requireTls: false,
    nowMs: Date.now(),
  });
  const by = { accountId: systemAccountId, domainsOf: system.accountId };
  const { answers } = await accept(mailer.intake, { by, username: null, drafts: [draft], idempotency: null });
  if (answers[0] instanceof Problem) throw answers[0];
}

function messageOf({ domain, to, id, fileName, submitter, report }: Report, from: string): string {
  const boundary = `report-${crypto.randomUUID()}`;
  const header = [
    `From: ${from}\r\n`,
    `To: <${to}>\r\n`,
    foldField('Subject', `Report Domain: ${domain} Submitter: ${submitter} Report-ID: <${id}>`),
    `TLS-Report-Domain: ${domain}\r\n`,
    `TLS-Report-Submitter: ${submitter}\r\n`,
    'TLS-Required: No\r\n',
    'Auto-Submitted: auto-generated\r\n',
    'MIME-Version: 1.0\r\n',
    `Content-Type: multipart/report; report-type="tlsrpt";\r\n boundary="${boundary}"\r\n`,
  ].join('');
  const body = `--${boundary}
Content-Type: text/plain; charset=us-ascii

This is an aggregate TLS report (RFC 8460) of ${submitter}
about mail to ${domain}.

--${boundary}
Content-Type: application/tlsrpt+gzip
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
 filename="${fileName}"

${report.replace(/.{76}/g, '$&\n')}
--${boundary}--
`;
  return `${header}\r\n${toCrlf(body)}`;
}
