import { aliasFault } from '#domain/inbound/alias.ts';
import { answeredMailboxes, answerFields } from '#domain/inbound/answer.ts';
import { isAutomatic } from '#domain/inbound/automatic.ts';
import { failureNotice, toldStatus } from '#domain/inbound/failure-notice.ts';
import { forwarded, forwardLoop, passedMarks, passedOn } from '#domain/inbound/forwarding.ts';
import { htmlAboveQuote, htmlText } from '#domain/inbound/html-text.ts';
import { statusQuery } from '#domain/inbound/incoming-status.ts';
import { maskMessage, messageIdsIn } from '#domain/inbound/masking.ts';
import { compilePattern, patternLimits } from '#domain/inbound/pattern.ts';
import { replyText } from '#domain/inbound/reply-text.ts';
import { patternFault, splitDetail } from '#domain/inbound/route.ts';
import { readSpamVerdict } from '#domain/inbound/rspamd.ts';
import { comparators, conditionFault, firstRule, ruleFields } from '#domain/inbound/rule.ts';
import { threadClues } from '#domain/inbound/threading.ts';
import { joinMessage, splitMessage, toCrlf } from '#domain/message/header.ts';
import { hashOf } from '#domain/message/search-word.ts';
import { readAggregateReport } from '#domain/reports/aggregate-report.ts';
import { keptAggregate, keptTls } from '#domain/reports/kept-report.ts';
import { parseReportAddress } from '#domain/reports/report-address.ts';
import { readTlsReport } from '#domain/reports/tls-report.ts';
import { signedAuthor } from '../../smtp-node/inbound/signed-author.ts';
import { loopFault } from '../../smtp-node/inbound/trace.ts';
import { reportAddresses } from '../../smtp-node/tls-policy/report.ts';
import { textOfFile } from '../../worker/http/text-file.ts';
import { readHead } from '../../worker/received/open-mail.ts';
import { readReceived } from '../../worker/received/read-received.ts';
import { readReport } from '../../worker/received/read-report.ts';
import { readXml } from '../../worker/received/read-xml.ts';
import { unpackReport } from '../../worker/received/unpack-report.ts';
import { decodeUu } from '../../worker/received/uuencode.ts';
import { octets, type Target } from './target.ts';

const fields = [
  'From: a@b.example\r\n', 'To: c@d.example\r\n', 'Subject: =?utf-8?q?a?=\r\n', 'Received: from a by b; x\r\n', ' folded\r\n',
  'Delivered-To: <c@d.example>\r\n', 'Message-ID: <a@b>\r\n', 'In-Reply-To: <a@b>\r\n', 'References: <a@b> <c@d>\r\n', '<a@b> ',
  'Auto-Submitted: auto-replied\r\n', 'List-Unsubscribe: <mailto:x@y>\r\n', 'Reply-To: e@f.example\r\n', '\r\n', '--b\r\n', '--b--\r\n',
  'DKIM-Signature: v=1; a=rsa-sha256; d=b.example; s=x; h=from:to; bh=AA==; b=AA==\r\n', 'h=', 'd=b.example;', 'l=0;',
  'Content-Type: multipart/mixed; boundary=b\r\n\r\n', 'Content-Type: text/html; charset=utf-16\r\n\r\n', 'Content-Type: message/rfc822\r\n\r\n',
  'Content-Transfer-Encoding: base64\r\n', 'Content-Transfer-Encoding: quoted-printable\r\n', '=\r\n', '=41', 'QQ==', 'begin 644 a.txt\r\n',
  '#0V%T\r\n', '`\r\n', 'end\r\n', 'Content-Type: text/plain; charset=iso-2022-jp; format=flowed\r\n\r\n', '\x1b$B', 'a@b.example ',
]; // biome-ignore format: a list of words
const prose = [
  'On Monday, a@b.example wrote:\n', '> ', '>> ', '-- \n', '-----Original Message-----\n', 'From: x\n', 'Sent: y\n', '____\n', '\n\n', 'Thanks\n',
  'Am 1.1.2026 schrieb A:\n', 'Le 1 janvier, A a écrit :\n',
]; // biome-ignore format: a list of words
const html = [
  '<p>', '</p>', '<br>', '<blockquote>', '</blockquote>', '<div class="gmail_quote">', '</div>', '<!--', '-->', '<script>', '</script>',
  '<style>', '<![CDATA[', '<table><tr><td>', '&amp;', '&#x41;', '&#', '<a href="', '<svg>', '<', '/>',
]; // biome-ignore format: a list of words
const xml = [
  '<feedback>', '</feedback>', '<record>', '</record>', '<row>', '<source_ip>1.2.3.4</source_ip>', '<count>1</count>', '<a b="', '"/>',
  '<!DOCTYPE a [<!ENTITY b "', '<!ENTITY c SYSTEM "file:///etc/passwd">', '&b;', '&#x41;', '<![CDATA[', ']]>', '<?xml', '?>', '<!--', '-->',
  '<report_metadata>', '<policy_published>', '<auth_results>', '<dkim>', '<domain>b.example</domain>', '<begin>1</begin>',
]; // biome-ignore format: a list of words
const tlsReport = [
  '{"organization-name":"x",', '"date-range":{"start-datetime":"2026-11-26T00:00:00Z",', '"policies":[{', '"policy":{"policy-type":"sts"}',
  '"summary":{"total-successful-session-count":1}', '"failure-details":[', '}', ']', ',', '"', 'null', '1e999', '"__proto__":',
]; // biome-ignore format: a list of words
const zip = [
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  '\x1f\x8b\x08\0',
  '\0\0\0\0',
  '\xff\xff\xff\xff',
  '\x08\0',
];

const failed = {
  address: 'x@alias.example',
  sender: 'a@b.example',
  messageId: '<id@alias.example>',
  reporter: 'mx.example',
  nowMs: 0,
};
const plainNotice = failureNotice({
  ...failed,
  status: '5.0.0',
  original: { from: 'a', subject: 'b', messageId: '<c@d>', receivedAtMs: 0 },
});
const fieldsOf = (text: string) => {
  const split = splitMessage(toCrlf(text));
  return typeof split === 'string' ? [] : split.fields;
};
const masking = {
  writer: ['a@b.example'],
  shownAs: 'reply+x@alias.example',
  reader: new Map([['reply+y@alias.example', 'c@d.example']]),
  messageIds: new Map([['<a@b>', '<c@d>']]),
};

/** What comes for people and programs behind the domains that receive, and reports about domains. */
export const receivedTargets: readonly Target[] = [
  {
    name: 'received mail',
    blocks: fields,
    read: async (text) => [await readReceived(Uint8Array.from(octets(text)))],
    grows: 60,
  },
  {
    name: 'head of a received mail',
    blocks: fields,
    most: 262_144,
    read: (text) => readHead(Uint8Array.from(octets(text))),
    grows: 60,
  },
  { name: 'uuencoded file', blocks: fields, read: (text) => decodeUu(octets(text)) },
  { name: 'text of an answer', blocks: prose, read: replyText },
  {
    name: 'HTML as text',
    blocks: [...html, ...prose],
    most: 5_242_880,
    read: (text) => [htmlText(text), htmlAboveQuote(text)],
  },
  {
    name: 'mail that is masked',
    blocks: fields,
    read: (text) => [messageIdsIn(text), maskMessage(text, masking)],
    grows: 60,
  },
  {
    name: 'the address of an alias',
    blocks: ['b-', 'reply', '..', '.', '_', 'postmaster', 'a', '0'],
    most: 320,
    read: (text) => aliasFault(text) ?? 'it is one',
    tells: true,
  },
  {
    name: 'a notice of mail that was not sent on',
    blocks: fields,
    most: 4096,
    read: (text) => {
      const original = { from: text, subject: text, messageId: text, receivedAtMs: 0 };
      const notice = failureNotice({ ...failed, status: toldStatus(text), original });
      // Nobody's words end the header or begin another part.
      if (notice.split('\r\n--').length !== plainNotice.split('\r\n--').length)
        throw new Error('a part too many');
      return notice;
    },
  },
  {
    name: 'mail that is forwarded',
    blocks: fields,
    read: (text) => {
      const split = splitMessage(toCrlf(text));
      if (typeof split === 'string') return split;
      const of = { alias: 'c@d.example', switchOffUrl: 'https://x.example/' };
      return [
        forwardLoop(split.fields, of.alias),
        joinMessage(forwarded(split, { ...of, rewriteFrom: true })),
        joinMessage(forwarded(split, { ...of, rewriteFrom: false })),
        joinMessage(passedOn(split, { ...of, marks: passedMarks(split.fields) })),
      ];
    },
  },
  {
    name: 'answer to a mail',
    blocks: [...fields, '"', '\\', '(', ')', ', ', 'Ann <', '>'],
    read: (text) => {
      const headers = fieldsOf(text);
      const { to, ...rest } = answerFields({ headers, messageId: text, from: text, subject: text });
      return [rest, answeredMailboxes(to)];
    },
    grows: 40,
  },
  {
    name: 'what a mail answers',
    blocks: fields,
    read: (text) => [threadClues([text], fieldsOf(text)), isAutomatic(fieldsOf(text), text)],
  },
  {
    name: 'mail in a circle',
    blocks: fields,
    most: 262_144,
    read: (text) => loopFault(text, ['c@d.example']),
    tells: true,
  },
  {
    name: 'signature of the author of a report',
    blocks: fields,
    most: 1_048_576,
    read: (text) => signedAuthor(octets(text), ['c@d.example'], async () => [['v=DKIM1; p=AAAA']]),
  },
  {
    name: 'pattern of a rule',
    blocks: ['(', ')', '*', '+', '?', '{1,100}', '[a-z]', '[^', ']', '|', '^', '$', '.', '\\d', '\\'],
    most: patternLimits.characters,
    read: (text) => {
      const matcher = compilePattern(text);
      return typeof matcher === 'string' ? matcher : matcher(`${text.repeat(20)}${'a'.repeat(2000)}`);
    },
  },
  {
    name: 'mail under rules',
    blocks: fields,
    read: (text) =>
      ruleFields.map((field) =>
        comparators.map((comparator) => {
          const condition = {
            field,
            headerName: field === 'header' ? 'Subject' : null,
            comparator,
            value: '(a|b)*c',
          };
          const facts = { sender: text, subject: text, headers: fieldsOf(text), spf: text, dkim: text };
          const rule = { id: 'a', conditions: [condition], priority: 1, aliasId: null };
          return [conditionFault(condition), firstRule([rule], null, facts)?.id];
        }),
      ),
  },
  {
    name: 'pattern of a route',
    blocks: ['*', '+', 'a', '@'],
    read: (text) => [patternFault(text), splitDetail(text)],
  },
  { name: 'XML', blocks: xml, read: readXml, tells: true, grows: 120 },
  {
    name: 'report on DMARC',
    blocks: xml,
    read: (text) => readReport({ text: `<feedback>${text}</feedback>`, attachments: [] }),
    tells: true,
    grows: 120,
  },
  { name: 'report on TLS', blocks: tlsReport, read: readTlsReport, tells: true, grows: 60 },
  {
    name: 'report as it is kept',
    blocks: [...xml, ...tlsReport],
    read: (text) => {
      const [dmarc, tls] = [readXml(`<feedback>${text}</feedback>`), readTlsReport(text)];
      const aggregate = typeof dmarc === 'string' ? dmarc : readAggregateReport(dmarc);
      return [
        typeof aggregate === 'string'
          ? aggregate
          : keptAggregate(aggregate, aggregate.domain, aggregate.toMs),
        typeof tls === 'string' ? tls : keptTls(tls, tls.rows[0]?.domain ?? '', tls.toMs),
      ];
    },
    grows: 120,
  },
  {
    name: 'query of incoming statuses',
    blocks: ['subject: ', 'status:', 'status_category', ', ', 'to:a@b.example'],
    most: 500,
    read: (text) =>
      statusQuery(text)({
        message_id: text,
        to: null,
        from: text,
        status: '200',
        status_category: '',
        subject: text,
      }),
  },
  {
    name: 'address for reports',
    blocks: ['dmarc+', 'tlsrpt+', '42', '-', '0123456789abcdef'],
    read: (text) => parseReportAddress(text),
  },
  {
    name: 'report that is packed',
    blocks: zip,
    read: (text) => unpackReport(octets(text)),
    tells: true,
  },
  {
    name: 'verdict of rspamd',
    blocks: ['{"score":', '"action":"reject"', '1e999', '"symbols":{', '}', ',', '"'],
    read: (text) => {
      try {
        return readSpamVerdict(JSON.parse(text));
      } catch (error) {
        if (error instanceof SyntaxError)
          return readSpamVerdict({ score: text, action: text, symbols: { [text]: text } });
        throw error;
      }
    },
  },
  {
    name: 'record of TLS reports',
    blocks: [
      'v=TLSRPTv1; ',
      'rua=',
      'mailto:',
      'https://',
      'a@b.example',
      ',',
      '%0D%0A',
      '%',
      '%c3%28',
      ';',
      '[::1]',
    ],
    read: (text) => reportAddresses([text, `v=TLSRPTv1; rua=${text}`]),
  },
  {
    name: 'word that is searched for',
    blocks: ['<', '>', 'a@b.example'],
    read: (text) => [
      hashOf({ of: 'recipient', address: text }),
      hashOf({ of: 'messageId', header: text }),
      hashOf({ of: 'tag', tag: text }),
    ],
  },
  {
    name: 'text of a file',
    blocks: ['\xff\xfe', '\xfe\xff', '\xef\xbb\xbf', 'a\0'],
    read: (text) => textOfFile(octets(text)),
  },
];
