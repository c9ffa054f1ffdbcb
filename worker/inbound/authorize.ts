import type { z } from 'zod';
import { decide } from '#domain/inbound/route.ts';
import { uuidV7 } from '#domain/message/ids.ts';
import type { authorizeRequest, SmtpRefusal } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import { readReceiving } from '../store/receiving.ts';
import type { Store } from '../store/store.ts';
import { targetGuard } from '../webhook/guard.ts';
import { postWebhook } from '../webhook/post.ts';
import { signingOf } from '../webhook/secrets.ts';
import { wordsOf } from './ask-endpoint.ts';
import { concernedEndpoints, partsOf } from './check.ts';

/** The recipient and what the session has told so far. */
export type Asked = Omit<z.infer<typeof authorizeRequest>, 'nodeId' | 'bootId'>;

/** Clients wait five minutes for the reply to RCPT (RFC 5321 §4.5.3.2.3), and nodes less for the edge. */
const timeoutMs = 5_000;

/**
 * Asks each authorisation URL of the endpoints that are concerned whether mail is taken: 2xx takes it, 4xx refuses it for
 * good, in the words of a plain text; with anything else the sender tries again.
 * @returns null when all take it
 */
export async function authorize(store: Store, env: Env, asked: Asked): Promise<SmtpRefusal | null> {
  const { localPart, domain: name } = partsOf(asked.to);
  const domain = (await readReceiving(store, [partsOf(asked.to)])).get(name);
  if (!domain) return null; // the door was told something else: what is not here is refused when it is handed over
  const nowMs = Date.now();
  const endpoints = concernedEndpoints(domain, localPart, decide(domain, localPart, nowMs));
  const guard = targetGuard(env);
  const { to, from, size, remoteIp, helo, spf } = asked;
  const body = JSON.stringify({ size, to, from, remote_ip: remoteIp, helo_domain: helo, spf });
  const refusals = await Promise.all(
    endpoints.map(async (endpoint): Promise<SmtpRefusal | null> => {
      const { authorizationUrl: url } = endpoint;
      if (url === null) return null;
      const id = `msg_ask_${uuidV7(nowMs, crypto.getRandomValues(new Uint8Array(10)))}`;
      const signing = await signingOf(endpoint, env, nowMs);
      const { status, answer, answerType } = await postWebhook(
        { url, ...signing, id, body, timeoutMs },
        guard,
      );
      if (status !== null && status >= 200 && status < 300) return null;
      return status !== null && status >= 400 && status < 500
        ? { reply: '550 5.7.1', text: wordsOf(answer, answerType) || 'Mail to this address is not wanted' }
        : { reply: '450 4.3.2', text: 'Nobody can say now whether this mail is wanted; try again later' };
    }),
  );
  return refusals.find((one) => one !== null) ?? null;
}
