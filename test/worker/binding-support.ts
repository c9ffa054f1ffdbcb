import { createMessageBatch } from 'cloudflare:test';
import worker from '../../worker/index.ts';
import { latin1 } from './support.ts';

/** Ids that the service gives: each once, in all tests of the file. */
let ids = 0;

/** The binding: it keeps what it is given, and answers as the test says. */
export class RecordingBinding {
  readonly taken: { from: string; to: string; raw: string; id: string }[] = [];
  /** What it answers to the next messages; nothing: that it has taken them. */
  readonly answers: (Error | Promise<void>)[] = [];

  async send(message: EmailMessage): Promise<{ messageId: string }> {
    // As miniflare's module gives the content on.
    const content = (message as unknown as Record<string, ReadableStream>)['EmailMessage::raw'];
    const raw = latin1(new Uint8Array(await new Response(content).arrayBuffer()));
    ids += 1;
    const id = `id-${ids}@cloudflare.example`;
    this.taken.push({ from: message.from, to: message.to, raw, id });
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    await answer;
    return { messageId: `<${id}>` };
  }
}

/** A run in which the Worker carries mail, as a queue message orders it. */
export async function carryNow(env: Record<string, unknown>): Promise<void> {
  const body = { carry: true, place: null };
  const message = { id: '1', timestamp: new Date(), attempts: 1, body };
  await worker.queue(createMessageBatch<unknown>('pennypost-delivery', [message]), env);
}
