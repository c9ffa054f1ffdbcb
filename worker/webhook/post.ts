import { Webhook } from 'standardwebhooks';
import { answerBytes, parseRetryAfter, postTimeoutMs, type TryResult } from '#domain/webhook.ts';
import { newestMac } from '../tokens/keyed-mac.ts';
import { signByKey, type WebhookKey } from '../tokens/webhook-key.ts';
import type { TargetGuard } from './guard.ts';

/** What is posted to whom. */
export interface WebhookPost {
  url: string;
  /** `whsec_…`; each signs. */
  secrets: string[];
  /** Each signs too, so that receivers need no secret. */
  keys: readonly WebhookKey[];
  /** Fields of the endpoint's owner; another host is not told them. */
  own: Record<string, string>;
  /** `webhook-id`: the same over all tries. */
  id: string;
  /** Signed under the names that Svix has for the fields of Standard Webhooks, too. */
  svix?: boolean;
  body: string | Uint8Array<ArrayBuffer>;
  /** Default `application/json`. */
  contentType?: string;
  /** Fields beside those that all have. */
  headers?: Record<string, string>;
  /** Milliseconds within which it must be answered. Default `postTimeoutMs`. */
  timeoutMs?: number;
  /** How many redirects are followed, each judged as the URL is. Default: none. */
  redirects?: number;
}

/** After the status a rest of the answer is waited for this long. */
const answerTimeoutMs = 1_000;

/** Makes one try; it never throws. Signed as Standard Webhooks (https://www.standardwebhooks.com). */
export async function postWebhook(post: WebhookPost, guard: TargetGuard): Promise<TryResult> {
  const startedMs = Date.now();
  const timeoutMs = post.timeoutMs ?? postTimeoutMs;
  const done = (
    result: Pick<TryResult, 'status' | 'answer' | 'answerType' | 'error' | 'retryAfterMs'>,
  ): TryResult => ({
    at: new Date(startedMs).toISOString(),
    durationMs: Date.now() - startedMs,
    ...result,
  });
  const unanswered = (error: string) =>
    done({ status: null, answer: '', answerType: null, error, retryAfterMs: null });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    let target = withOwn(withoutUser(post.url), post.own);
    for (let left = post.redirects ?? 0; ; left--) {
      const fault = await guard(target.url);
      if (fault) return unanswered(`the URL ${fault.text}`);
      const response = await fetch(target.url, {
        method: 'POST',
        headers: {
          'Content-Type': post.contentType ?? 'application/json',
          'User-Agent': 'Pennypost-Webhooks/1',
          ...target.headers,
          ...post.headers,
          ...(await signedHeaders(post, startedMs)),
        },
        body: post.body,
        redirect: 'manual',
        signal,
      });
      const isRedirect = response.status >= 300 && response.status < 400;
      const location = isRedirect && left > 0 ? response.headers.get('Location') : null;
      if (location !== null && URL.canParse(location, target.url)) {
        await response.body?.cancel();
        target = redirected(new URL(location, target.url).href, target);
        continue;
      }
      const answer = await readStart(response);
      return done({
        status: response.status,
        answer,
        answerType: response.headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? null,
        error: !isRedirect
          ? null
          : post.redirects
            ? 'it leads on and on, or nowhere'
            : 'redirects are not followed',
        retryAfterMs: parseRetryAfter(response.headers.get('Retry-After'), Date.now()),
      });
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      return unanswered(`no answer within ${timeoutMs / 1000} s`);
    return unanswered(`no answer: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500));
  }
}

interface Target {
  url: string;
  headers: Record<string, string>;
}

function withOwn({ url, headers }: Target, own: Record<string, string>): Target {
  return { url, headers: { ...headers, ...own } };
}

/** RFC 7617 §2, in UTF-8. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;
}

/** A URL without user and password, which go as RFC 7617 has it. */
function withoutUser(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.username + url.password === '') return { url: text, headers: {} };
  const Authorization = basicAuthorization(
    decodeURIComponent(url.username),
    decodeURIComponent(url.password),
  );
  url.username = '';
  url.password = '';
  return { url: url.href, headers: { Authorization } };
}

/** Where a redirect leads; another host is not told the password of this one. */
function redirected(url: string, from: Target): Target {
  return { url, headers: new URL(url).origin === new URL(from.url).origin ? from.headers : {} };
}

/** `webhook-id`, `webhook-timestamp` and a signature by each secret and each key, over `id.timestamp.body`. */
export async function signedHeaders(
  post: Pick<WebhookPost, 'id' | 'secrets' | 'keys' | 'body' | 'svix'>,
  nowMs: number,
): Promise<Record<string, string>> {
  const seconds = Math.floor(nowMs / 1000);
  const { body } = post;
  const before = `${post.id}.${seconds}.`;
  const signatures = [
    ...post.secrets.map((secret) =>
      typeof body === 'string'
        ? new Webhook(secret).sign(post.id, new Date(nowMs), body)
        : signBytes(secret, before, body),
    ),
    ...post.keys.map((key) => signByKey(key, signedBytes(before, body))),
  ];
  const signed = {
    id: post.id,
    timestamp: String(seconds),
    signature: (await Promise.all(signatures)).join(' '),
  };
  const names = post.svix ? ['webhook', 'svix'] : ['webhook'];
  return Object.fromEntries(
    names.flatMap((name) => Object.entries(signed).map(([part, value]) => [`${name}-${part}`, value])),
  );
}

/** The same signature (https://github.com/standard-webhooks/standard-webhooks, "Signature scheme") of a body of bytes. */
async function signBytes(secret: string, before: string, body: Uint8Array): Promise<string> {
  const key = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0));
  const mac = await (await newestMac([key]))(signedBytes(before, body));
  return `v1,${btoa(String.fromCharCode(...mac))}`;
}

function signedBytes(before: string, body: string | Uint8Array): Uint8Array {
  const start = new TextEncoder().encode(before);
  const end = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const signed = new Uint8Array(start.length + end.length);
  signed.set(start);
  signed.set(end, start.length);
  return signed;
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
