import { type DnsType, dnsTypes, quoteTxt } from '#domain/dns/dns.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';

/** The resolver of the tests: the JSON form over a table. Anything else that the Worker fetches fails. */
export async function answerDoh(input: RequestInfo | URL, table: DnsTable): Promise<Response> {
  const { origin, searchParams } = new URL(String(input));
  if (origin !== 'http://127.0.0.1:9') throw new Error(`nothing may be fetched from ${origin}`);
  const [name, type] = [searchParams.get('name') ?? '', searchParams.get('type') as DnsType];
  const answer = await lookupIn(table)(name, type);
  const aliases = answer.chain.map((data, i) => ({
    name: i === 0 ? name : answer.chain[i - 1],
    type: 5,
    data,
  }));
  if ('failure' in answer) {
    if (answer.failure === 'timeout') throw new DOMException('late', 'TimeoutError');
    const Status = { nxdomain: 3, nodata: 0, servfail: 2, refused: 5, unreachable: 2, malformed: 2 }[
      answer.failure
    ];
    return Response.json({ Status, Answer: aliases });
  }
  const owner = answer.chain.at(-1) ?? name;
  const records = answer.records.map((text) => ({
    name: owner,
    type: dnsTypes[type],
    data: type === 'TXT' ? quoteTxt(text) : text,
  }));
  return Response.json({ Status: 0, Answer: type === 'CNAME' ? aliases : [...aliases, ...records] });
}
