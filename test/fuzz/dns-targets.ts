import { dkimFault, parseDkimRecord, parseTagList } from '#domain/dns/dkim-record.ts';
import { findDmarc, isDmarc, parseDmarc, treeWalk } from '#domain/dns/dmarc.ts';
import { canonicalName, type DnsType, dnsTypes, joinTxt, quoteTxt } from '#domain/dns/dns.ts';
import { hostFault, isLoopbackHost, parseAddress, parseHostAddress } from '#domain/dns/public-address.ts';
import { isIpv4, isIpv6, isSpf, mergedSpf, parseSpf, walkSpf } from '#domain/dns/spf.ts';
import { domainFault } from '#domain/message/address.ts';
import { parseAnswer } from '../../worker/dns/doh.ts';
import type { Target } from './target.ts';

const spf = [
  'v=spf1 ',
  'include:',
  'a:',
  'mx/',
  '24',
  '//',
  'exists:%{',
  'i}',
  '%{d}',
  'redirect=',
  '-all ',
  'ip4:',
  '1.2.3.4',
  'ip6:',
  '::',
  'ptr',
  'exp=',
];
const tags = [
  'v=DKIM1; ',
  'v=DMARC1; ',
  'k=rsa; ',
  'p=',
  'none',
  'AAAA',
  ';',
  '=',
  'rua=mailto:',
  'sp=',
  'h=sha256:',
  't=y',
];
/** No answer of ours is longer. */
const most = 131_072;
const rr = (type: DnsType, data: string) => ({ name: 'a.example', type: dnsTypes[type], data, TTL: 1 });
const answerWith = (data: string) => async () => ({ records: [data], chain: [] });

/** What DNS says, and names that are asked of it. */
export const dnsTargets: readonly Target[] = [
  {
    name: 'DNS answer in JSON',
    blocks: [
      '{"Status":0,"Answer":[',
      '{"name":"a.example","type":5,"data":"',
      'b.example',
      '"},',
      ']}',
      '"TTL":',
    ],
    most,
    read: (text) => parseAnswer(text, 'a.example', 'TXT'),
  },
  {
    name: 'data of a record',
    blocks: ['"', '\\034', '\\"', '\\', ' ', 'a.', '10 ', '"v=spf1 -all"'],
    most,
    read: (data) =>
      (Object.keys(dnsTypes) as DnsType[]).map((type) =>
        parseAnswer(JSON.stringify({ Status: 0, Answer: [rr(type, data)] }), 'a.example', type),
      ),
  },
  {
    name: 'strings of TXT',
    blocks: ['"', '\\034', '\\"', '\\', '\\999'],
    most,
    read: (text) => [joinTxt(text), quoteTxt(text)],
    grows: 40,
  },
  { name: 'SPF', blocks: spf, most, read: parseSpf, tells: true },
  {
    name: 'SPF that is merged',
    blocks: spf,
    most,
    read: (text) => [isSpf(text), mergedSpf([text], 'b.example')],
    grows: 40,
  },
  {
    name: 'SPF that is walked',
    blocks: spf,
    most,
    read: async (text) =>
      await walkSpf({
        domain: 'a.example',
        record: `v=spf1 ${text}`,
        wanted: 'c.example',
        lookup: answerWith(text),
      }),
    grows: 40,
  },
  {
    name: 'DKIM key',
    blocks: tags,
    most,
    read: parseDkimRecord,
    tells: true,
    grows: 40,
  },
  {
    name: 'DKIM key that is compared',
    blocks: tags,
    most,
    read: (text) => dkimFault(text, { algorithm: 'rsa-sha256', publicKey: 'AAAA' }),
    tells: true,
  },
  { name: 'tag list', blocks: tags, most, read: parseTagList, tells: true, grows: 40 },
  { name: 'DMARC record', blocks: tags, most, read: parseDmarc, tells: true, grows: 40 },
  {
    name: 'DMARC',
    blocks: tags,
    most,
    read: async (text) => [isDmarc(text), parseDmarc(text), await findDmarc('a.example', answerWith(text))],
    grows: 40,
  },
  {
    name: 'domain name',
    blocks: [
      'a.',
      'xn--',
      'ü',
      '.',
      '-',
      '1.2.3.4',
      '0x7f',
      '[::1]',
      '::',
      ':',
      'ffff:',
      'localhost',
      '.internal',
    ],
    read: (text) => [
      domainFault(text), canonicalName(text), hostFault(text), parseHostAddress(text) === null, parseAddress(text) === null,
      isLoopbackHost(text), isIpv4(text), isIpv6(text),
    ], // biome-ignore format: one line of many
  },
  { name: 'tree of a domain', blocks: ['a.', '.'], most: 253, read: treeWalk },
];
