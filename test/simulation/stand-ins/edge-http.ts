import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Answered, Asked } from '../../../smtp-node/edge-http.ts';

/** The network of the model is `fetch`; stands for `smtp-node/edge-http.ts`. */
export class EdgeHttp {
  async ask(url: string, { body, ...asked }: Asked): Promise<Answered> {
    const whole = body instanceof Readable ? await buffer(body) : body;
    const response = await fetch(url, {
      ...asked,
      ...(whole !== undefined && { body: whole }),
    } as RequestInit);
    const bytes = async () => Buffer.from(await response.arrayBuffer());
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      json: () => response.json(),
      text: () => response.text(),
      bytes,
      stream: () => Readable.from(response.body ?? []),
      drop: async () => {
        await bytes();
      },
    };
  }
}
