import { weekOf } from '#domain/message/home.ts';
import { type SmtpRefusal, synchronousMs } from '#domain/node-contract.ts';
import { deliveryKey, formatDeliveryId, type WebhookTry } from '#domain/webhook.ts';
import type { Env } from '../env.ts';
import { writtenBody } from '../received/post-body.ts';
import type { Received } from '../store/received.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { targetGuard } from '../webhook/guard.ts';
import { postWebhook } from '../webhook/post.ts';
import { signingOf } from '../webhook/secrets.ts';

/** What an endpoint said to a mail while its sender waits. */
export interface Answered {
  /** Key of the delivery, which names it on the wire. */
  key: number;
  made: WebhookTry;
  /** Null: it has taken it. */
  refusal: SmtpRefusal | null;
}

/** CloudMailin follows as many. */
const mostRedirects = 3;
const longestText = 300;

/**
 * Posts a mail to an endpoint whose answer is the reply to its sender: 2xx takes it, 4xx refuses it for good, in the
 * words of a plain text; with anything else the sender tries again, and we do not.
 */
export async function askEndpoint(
  env: Env,
  endpoint: Endpoint,
  mail: { received: Received; raw: Uint8Array<ArrayBuffer>; origin: string },
): Promise<Answered> {
  const nowMs = Date.now();
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const key = deliveryKey(nowMs, random % 2 ** 22);
  const id = formatDeliveryId({ week: weekOf(nowMs), key });
  const signing = await signingOf(endpoint, env, nowMs);
  const written = await writtenBody(
    env,
    endpoint.format,
    mail,
    { deliveryId: id, attempt: 1, secrets: signing.secrets },
    nowMs,
  );
  const post = {
    url: endpoint.url,
    ...signing,
    id,
    ...written,
    timeoutMs: synchronousMs,
    redirects: mostRedirects,
  };
  const { retryAfterMs: _, answerType, ...made } = await postWebhook(post, targetGuard(env));
  return { key, made, refusal: refusalOf(made, answerType) };
}

function refusalOf({ status, answer }: WebhookTry, answerType: string | null): SmtpRefusal | null {
  if (status !== null && status >= 200 && status < 300) return null;
  if (status !== null && status >= 400 && status < 500) {
    const text = wordsOf(answer, answerType) || 'The mail is refused by its receiver';
    return { reply: '554 5.7.1', text };
  }
  return { reply: '450 4.3.2', text: 'The receiver of this mail cannot take it now; try again later' };
}

/** What an answer of plain text says, as an SMTP reply can say it; empty: it is none. */
export function wordsOf(answer: string, answerType: string | null): string {
  if (answerType !== 'text/plain') return '';
  return answer
    .replace(/[^ -~]+/g, ' ')
    .trim()
    .slice(0, longestText);
}
