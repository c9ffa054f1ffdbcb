import { env } from 'cloudflare:workers';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import worker from '../../worker/index.ts';
import {
  type Answer,
  bindings,
  bytesOf,
  call,
  nodeToken,
  request,
  type TestAccount,
  TestNode,
} from './support.ts';

let domains = 0;

/** A domain of the account that is verified for receiving. */
export async function newReceivingDomain(
  account: TestAccount,
  type: 'inbound' | 'both' | 'alias' = 'inbound',
): Promise<string> {
  domains += 1;
  const domain = `in${domains}.${account.domain}`;
  const { status, body } = await call(
    'POST',
    `/admin/v1/accounts/${account.id}/domains`,
    bindings.OPERATOR_TOKEN,
    { domain, type, verified: true },
  );
  if (status !== 201) throw new Error(JSON.stringify(body));
  return domain;
}

/** What a node asks at RCPT. */
export async function doors(...addresses: string[]): Promise<Answer[]> {
  return (await new TestNode().post('inbound/check', { addresses })).body.doors;
}

export function newReceivedId(): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  random[9] = 0;
  return uuidV7(Date.now(), random);
}

export interface Brought {
  id: string;
  refusal: { reply: string; text: string } | null;
  cost: { trips: number; written: number };
}

/** Brings a mail as a node does: asks at RCPT, and hands it over when nobody refuses. */
export async function bringMail(
  rcptTo: string | string[],
  raw: string,
  more: Record<string, unknown> = {},
): Promise<Brought> {
  const addresses = [rcptTo].flat();
  const [door] = await doors(...addresses);
  if (door.door !== 'received') throw new Error(JSON.stringify(door));
  const head = {
    id: newReceivedId(),
    receivedAtMs: Date.now(),
    group: door.group,
    mailFrom: 'ann@people.example',
    rcptTo: addresses,
    remoteIp: '192.0.2.7',
    helo: 'mx.people.example',
    tls: true,
    verdicts: noVerdicts,
    ...more,
  };
  const line = bytesOf(`${JSON.stringify(head)}\n`);
  const body = new Uint8Array([...line, ...bytesOf(raw)]);
  const response = await request('/node/v1/received', {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${await nodeToken()}`,
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(body.length),
    },
    body,
  });
  const answer: Answer = await response.json();
  if (response.status !== 200) throw new Error(JSON.stringify(answer));
  const timing = response.headers.get('Server-Timing') ?? '';
  const number = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(timing)?.[1]);
  return {
    id: head.id,
    refusal: answer.refusal,
    cost: { trips: number('trips'), written: number('written') },
  };
}

/** Brings a mail by Email Routing; gives what it was refused with, or null. */
export async function routeMail(
  to: string,
  raw: string,
  from = 'ann@people.example',
): Promise<string | null> {
  let refused: string | null = null;
  const bytes = bytesOf(raw);
  const message = {
    from,
    to,
    raw: new Blob([bytes]).stream(),
    rawSize: bytes.length,
    setReject: (text: string) => {
      refused = text;
    },
  };
  await worker.email(message as unknown as ForwardableEmailMessage, env);
  return refused;
}

/** A plain mail. */
export function letterTo(to: string, more: string[] = [], text = 'Hello'): string {
  return [
    'Received: from mx.people.example by mx.test',
    'From: "Ann, B." <ann@people.example>',
    `To: ${to}`,
    'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    `Message-ID: <${crypto.randomUUID()}@people.example>`,
    ...more,
    '',
    text,
    '',
  ].join('\r\n');
}
