import { NoAnswer, origin, settings } from './edge.ts';
import type { Acceptance } from './mx.ts';
import type { Random } from './random.ts';
import type { Service } from './service.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const isDsn = (raw: string) => raw.includes('report-type=delivery-status');

/** What follows after an MX has taken a mail: reports that come back, and people who read. */
export function afterAcceptance(service: Service, acceptance: Acceptance, raw: string): void {
  const random = service.random.fork(`after ${service.mx.acceptances}`);
  const { manner, messageId, rcptTo } = acceptance;
  noteLinks(service, acceptance, raw);
  const soonOrLate = () =>
    random.chance(0.6) ? random.between(1, 90) * minuteMs : Math.floor(random.unit() * 33 * dayMs);
  const back = (raw: string, delayMs: number, returnPath = acceptance.mailFrom) => {
    service.clock.after(
      delayMs,
      () => void bring(service, { ...acceptance, mailFrom: returnPath }, raw, random),
    );
  };
  const id = `<${random.uuid()}@mx.example>`;
  if (manner === 'late') {
    const delayMs = soonOrLate();
    back(dsn(id, rcptTo, messageId), delayMs);
    if (random.chance(0.3)) back(dsn(id, rcptTo, messageId), delayMs + random.between(1, 3000) * minuteMs);
  }
  // The MX that lost its connection after the dot may return what it took, too.
  if (manner === 'lost' && random.chance(0.3))
    back(dsn(id, rcptTo, messageId), random.between(10, 3000) * 1000);
  // Some complain where no token vouches for it: that suppresses nobody and is in no figure.
  if (manner === 'angry')
    back(
      complaint(id, rcptTo, messageId),
      soonOrLate(),
      random.chance(0.4) ? `fbl@bounces.${settings.SERVICE_DOMAIN}` : undefined,
    );
  if (manner === 'auto')
    back(
      [
        'From: ann@mx.example',
        'Subject: Away',
        `Message-ID: ${id}`,
        'Auto-Submitted: auto-replied',
        '',
        'Away.',
        '',
      ].join('\r\n'),
      soonOrLate(),
    );
}

/** Hands a mail in at the node's return path, as often as it takes: the peer keeps it until it is taken. */
export async function bring(
  service: Service,
  { mailFrom, messageId, n }: Acceptance,
  raw: string,
  random: Random,
): Promise<void> {
  service.stir();
  for (let tries = 0; tries < 12; tries++) {
    const query = new URLSearchParams([
      ['mail_from', ''],
      ['rcpt_to', mailFrom],
    ]);
    try {
      const answer = await service.edge.fetch({
        method: 'POST',
        path: `/node/v1/inbound?${query}`,
        headers: { authorization: `Bearer ${service.nodes[0]?.token}`, 'content-type': 'message/rfc822' },
        body: raw,
      });
      service.judge('POST /node/v1/inbound', answer);
      if (answer.status < 500) {
        if (isDsn(raw) && answer.bytes.includes('taken'))
          service.returned.set(`${messageId} ${n}`, service.clock.nowMs);
        service.history.add(
          `returned to ${messageId}: ${answer.status} ${answer.bytes.toString().slice(0, 100)}`,
        );
        return;
      }
    } catch (error) {
      if (!(error instanceof NoAnswer)) return service.fail(error);
    }
    await service.clock.sleep(random.between(1, 30) * minuteMs);
  }
}

function noteLinks(service: Service, { messageId, rcptTo }: Acceptance, raw: string): void {
  const sent = service.byMessage.get(messageId);
  if (!sent || !raw.includes(origin)) return;
  const text = raw.replaceAll('=\r\n', '').replaceAll('=3D', '=');
  const found = [...new Set(text.match(/https:\/\/edge\.sim\.example\/[tcu]\/[^\s"'<>]+/g) ?? [])].map(
    (url) => url.slice(origin.length).replaceAll('&amp;', '&'),
  );
  const of = (prefix: string) => found.filter((path) => path.startsWith(prefix));
  service.links.push({
    messageId,
    recipient: rcptTo,
    account: sent.account,
    opens: of('/t/'),
    clicks: of('/c/'),
    unsubscribe: of('/u/'),
  });
}

export function dsn(id: string, recipient: string, messageId: string): string {
  return [
    'From: MAILER-DAEMON@mx.example',
    'Subject: Undelivered Mail Returned to Sender',
    `Message-ID: ${id}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'I could not deliver your message.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 User unknown',
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    `Message-ID: <${messageId}@sender.example>`,
    '',
    '--b--',
    '',
  ].join('\r\n');
}

function complaint(id: string, recipient: string, messageId: string): string {
  return [
    'From: feedback@isp.example',
    'Subject: FW: Letter',
    `Message-ID: ${id}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'This is an abuse report.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: SimulatedFBL/1.0',
    'Version: 1',
    `Original-Rcpt-To: <${recipient}>`,
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    `Message-ID: <${messageId}@sender.example>`,
    'Subject: Letter',
    '',
    'Hello.',
    '--b--',
    '',
  ].join('\r\n');
}
