import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import { EdgeClient } from './edge-client.ts';
import { makeNodeToken } from './node-token.ts';

const leaseSchema = z.object({
  deliveries: z.array(
    z.object({ messageId: z.string(), n: z.number(), leaseId: z.string(), rcptTo: z.string() }),
  ),
});
const doorsSchema = z.object({
  doors: z.array(z.looseObject({ door: z.string(), group: z.string().optional() })),
});

/** A node without a network, over HTTP: it reports of recipients at `bounce.…` that they are unknown, of all others that they took the mail. */
export class EdgeNode {
  readonly #edge: EdgeClient;
  readonly #url: string;
  readonly #token: string;
  readonly #node = { nodeId: 'node-a', bootId: randomUUID() };

  private constructor(url: string, token: string) {
    this.#edge = new EdgeClient(url);
    this.#url = url;
    this.#token = token;
  }

  static async start(url: string, operatorToken: string): Promise<EdgeNode> {
    const node = new EdgeNode(url, await makeNodeToken(url, operatorToken, 'node-a'));
    await node.#post(z.unknown(), 'hello', { hostName: 'out.example', version: 'test' });
    return node;
  }

  #post<T>(schema: z.ZodType<T>, path: string, body: object): Promise<T> {
    return this.#edge.call(schema, 'POST', `/node/v1/${path}`, this.#token, { ...this.#node, ...body });
  }

  /** Delivers, or fails to deliver, all that is due. */
  async deliverAll(): Promise<void> {
    for (;;) {
      const { deliveries } = await this.#post(leaseSchema, 'lease', { max: 100, excludeDomains: [] });
      if (deliveries.length === 0) return;
      const results = deliveries.map(({ rcptTo, ...of }) => ({ ...of, outcome: outcomeFor(rcptTo) }));
      await this.#post(z.unknown(), 'results', { results });
    }
  }

  /** Brings a mail that came by SMTP; gives its id. */
  async bring(to: string, raw: string): Promise<string> {
    const { doors } = await this.#post(doorsSchema, 'inbound/check', { addresses: [to] });
    const random = crypto.getRandomValues(new Uint8Array(10));
    random[9] = 0;
    const head = {
      id: uuidV7(Date.now(), random),
      receivedAtMs: Date.now(),
      group: doors[0]?.group,
      mailFrom: 'ann@people.example',
      rcptTo: [to],
      remoteIp: '192.0.2.7',
      helo: 'mx.people.example',
      tls: true,
      verdicts: noVerdicts,
    };
    const response = await fetch(`${this.#url}/node/v1/received`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/octet-stream' },
      body: Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), Buffer.from(raw, 'latin1')]),
    });
    if (!response.ok) throw new Error(`${to}: ${response.status} ${await response.text()}`);
    return head.id;
  }
}

function outcomeFor(recipient: string): object {
  const ended = {
    startedAtMs: Date.now(),
    endedAtMs: Date.now(),
    session: {
      mx: { host: 'mx.example.net', address: '192.0.2.1' },
      tls: null,
      reused: false,
      steps: [],
      tried: [],
    },
  };
  if (!recipient.includes('@bounce.'))
    return {
      type: 'delivered',
      ...ended,
      reply: { code: 250, status: '2.0.0', text: 'Ok' },
      dkim: ['pennypost'],
    };
  const failure = {
    reply: { code: 550, status: '5.1.1', text: 'No such user' },
    status: null,
    class: 'bad_mailbox',
    text: '550 5.1.1 No such user',
    step: 'rcpt',
    code: null,
  };
  return { type: 'bounced', ...ended, failure };
}
