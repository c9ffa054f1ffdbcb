import { z } from 'zod';
import type { Clock } from './clock.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';

/** How a webhook receiver answers. */
export const temperaments = ['healthy', 'slow', 'sick', 'gone'] as const;
export type Temperament = (typeof temperaments)[number];

export interface Receiver {
  host: string;
  temperament: Temperament;
  /** It fails until then, and is well afterwards. */
  sickUntilMs: number;
  /** Answers since it is well again: it may stumble once. */
  sinceWell: number;
  lastSuccessMs: number | null;
  saidGone: boolean;
  /** Ids of events in the order in which they came first, with the message each is about. */
  received: Map<string, { messageId: string; atMs: number }>;
  posts: number;
}

const eventBody = z.object({ id: z.string(), data: z.object({ message_id: z.string() }) });
const cloudmailinBody = z.object({ events: z.array(z.object({ id: z.string(), message_id: z.string() })) });

/** The customers' ends of webhooks, and the DNS that leads to them. */
export class Receivers {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #history: History;
  readonly #byHost = new Map<string, Receiver>();
  #serial = 0;

  constructor(of: { clock: Clock; random: Random; weather: Weather; history: History }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.#weather = of.weather;
    this.#history = of.history;
  }

  open(temperament: Temperament, sickForMs: number): Receiver {
    this.#serial += 1;
    const receiver: Receiver = {
      host: `hook-${this.#serial}.hooks.example`,
      temperament,
      sickUntilMs: this.#clock.nowMs + sickForMs,
      sinceWell: 0,
      lastSuccessMs: null,
      saidGone: false,
      received: new Map(),
      posts: 0,
    };
    this.#byHost.set(receiver.host, receiver);
    return receiver;
  }

  /** What the Worker's own `fetch` reaches. */
  outside(url: string, init: RequestInit): Promise<Response> {
    const { hostname, searchParams } = new URL(url);
    const seam = hostname.startsWith('doh.') ? 'dns' : 'hook';
    return new Promise((resolve, reject) => {
      const signal = init.signal;
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      const fault = this.#weather.draw(seam);
      const after = (ms: number, work: () => void) => this.#clock.after(ms, work);
      after(this.#weather.latencyMs(seam), () => {
        if (fault?.when === 'before') return reject(new TypeError(fault.text));
        const { response, tookMs } =
          seam === 'dns'
            ? { response: answerOf(searchParams), tookMs: 2 }
            : this.#receive(hostname, String(init.body ?? ''));
        after(tookMs + this.#weather.latencyMs(seam), () =>
          fault ? reject(new TypeError(fault.text)) : resolve(response),
        );
      });
    });
  }

  #receive(host: string, body: string): { response: Response; tookMs: number } {
    const receiver = this.#byHost.get(host);
    if (!receiver) return { response: new Response('', { status: 404 }), tookMs: 5 };
    const { status, tookMs } = this.#moodOf(receiver);
    receiver.posts += 1;
    const ids = status < 300 ? this.#note(receiver, body) : [];
    if (status < 300) receiver.lastSuccessMs = this.#clock.nowMs;
    if (status === 410) receiver.saidGone = true;
    this.#history.add(`hook ${host} answers ${status} ${ids.join(' ')}`);
    return { response: new Response(status < 300 ? 'ok' : 'no', { status }), tookMs };
  }

  #moodOf(receiver: Receiver): { status: number; tookMs: number } {
    const random = this.#random;
    switch (receiver.temperament) {
      case 'healthy':
        return { status: 200, tookMs: random.between(5, 300) };
      case 'slow':
        return { status: 200, tookMs: random.chance(0.5) ? 14_000 : 1400 };
      case 'gone':
        return { status: 410, tookMs: 20 };
      case 'sick': {
        if (this.#clock.nowMs < receiver.sickUntilMs) return { status: 503, tookMs: random.between(5, 2000) };
        receiver.sinceWell += 1;
        const stumbles = receiver.sinceWell % 5 === 0 || random.chance(0.02);
        return { status: stumbles ? 503 : 200, tookMs: random.between(5, 300) };
      }
    }
  }

  #note(receiver: Receiver, text: string): string[] {
    const json: unknown = JSON.parse(text);
    const single = eventBody.safeParse(json);
    const events = single.success
      ? [{ id: single.data.id, messageId: single.data.data.message_id }]
      : cloudmailinBody.parse(json).events.map((one) => ({ id: one.id, messageId: one.message_id }));
    for (const { id, messageId } of events) {
      if (!receiver.received.has(id)) receiver.received.set(id, { messageId, atMs: this.#clock.nowMs });
    }
    return events.map(({ id }) => id);
  }
}

/** Every name below `hooks.example` has one public address; nothing else is there. */
function answerOf(query: URLSearchParams): Response {
  const name = query.get('name') ?? '';
  const there = name.endsWith('.hooks.example') && query.get('type') === 'A';
  const known = name.endsWith('.hooks.example');
  return Response.json({
    Status: known ? 0 : 3,
    Answer: there ? [{ name, type: 1, TTL: 60, data: '93.184.216.34' }] : [],
  });
}
