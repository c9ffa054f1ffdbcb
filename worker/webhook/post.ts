import { Webhook } from 'standardwebhooks';
import { answerBytes, parseRetryAfter, postTimeoutMs, type TryResult } from '#domain/webhook.ts';
import type { TargetGuard } from './guard.ts';

/** What is posted to whom. */
export interface WebhookPost {
  url: string;
  /** `whsec_…`; each signs. */
  secrets: string[];
  /** `webhook-id`: the same over all tries. */
  id: string;
  body: string;
}

/** After the status a rest of the answer is waited for this long. */
const answerTimeoutMs = 1_000;

/** Makes one try; it never throws. Signed as Standard Webhooks (https://www.standardwebhooks.com). */
export async function postWebhook(post: WebhookPost, guard: TargetGuard): Promise<TryResult> {
  const startedMs = Date.now();
  const done = (result: Pick<TryResult, 'status' | 'answer' | 'error' | 'retryAfterMs'>): TryResult => ({
    at: new Date(startedMs).toISOString(),
    durationMs: Date.now() - startedMs,
    ...result,
  });
  const unanswered = (error: string) => done({ status: null, answer: '', error, retryAfterMs: null });
  try {
    const fault = await guard(post.url);
    if (fault) return unanswered(`the URL ${fault.text}`);
    const response = await fetch(post.url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'Pennypost-Webhooks/1',
        ...signedHeaders(post, startedMs),
      },
      body: post.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(postTimeoutMs),
    });
    const answer = await readStart(response);
    return done({
      status: response.status,
      answer,
      error: response.status >= 300 && response.status < 400 ? 'redirects are not followed' : null,
      retryAfterMs: parseRetryAfter(response.headers.get('Retry-After'), Date.now()),
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      return unanswered(`no answer within ${postTimeoutMs / 1000} s`);
    return unanswered(`no answer: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500));
  }
}

/** `webhook-id`, `webhook-timestamp` and a signature by each secret, over `id.timestamp.body`. */
export function signedHeaders(post: WebhookPost, nowMs: number): Record<string, string> {
  const at = new Date(nowMs);
  return {
    'webhook-id': post.id,
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
    'webhook-signature': post.secrets
      .map((secret) => new Webhook(secret).sign(post.id, at, post.body))
      .join(' '),
  };
}

/** The first kilobyte of an answer as text; the rest is not read. An answer that ends in an error ends there. */
async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const stop = AbortSignal.timeout(answerTimeoutMs);
  const stopped = new Promise<null>((resolve) => {
    stop.addEventListener('abort', () => resolve(null));
  });
  const start = new Uint8Array(answerBytes);
  let size = 0;
  try {
    while (size < answerBytes) {
      const chunk = await Promise.race([reader.read(), stopped]);
      if (chunk === null || chunk.done) break;
      const part: Uint8Array = chunk.value.subarray(0, answerBytes - size);
      start.set(part, size);
      size += part.length;
    }
  } catch {
    // The status is what counts.
  }
  reader.cancel().catch(() => undefined);
  return new TextDecoder().decode(start.subarray(0, size));
}
