import { Problem } from '#domain/problem.ts';
import { readSesEvent } from '#domain/relay-feed/ses.ts';
import { isConfirmationUrl, type SnsMessage, snsMessage } from '#domain/relay-feed/sns.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { readBytes } from '../http/request-body.ts';
import { inRoom } from '../inbound/doors.ts';
import { isSignedBySns, SnsCertificates } from '../inbound/sns-signature.ts';
import { takeRelayEvents } from '../inbound/take-relay-events.ts';
import { errorText } from '../store/store.ts';
import { isFeedPath } from '../tokens/feed-path.ts';

/** Where relays post what became of the mail that they took. Public: a path that nobody can guess, and Amazon's signature. */
export const relayFeedsApp = newApp();

/** A message of SNS has at most 256 KiB, as JSON in JSON at most twice that (Amazon SNS, quotas). */
const mostBytes = 640 * 1024;
const confirmForMs = 10_000;
const certificates = new SnsCertificates();

relayFeedsApp.post('/feeds/:transport/:mac', async (c) => {
  const { transport, mac } = c.req.param();
  if (!(await isFeedPath(c.get('env').returnPathKeys, transport, mac)))
    throw new Problem('not_found', 'No relay tells its events here: take the address that Transports shows.');
  const message = await read(c);
  if (!(await isSigned(message)))
    throw new Problem('unauthorized', 'The signature of Amazon SNS does not fit this message.');
  switch (message.Type) {
    case 'SubscriptionConfirmation':
      await confirm(message.SubscribeURL);
      break;
    case 'UnsubscribeConfirmation':
      console.warn(JSON.stringify({ level: 'warn', msg: 'a feed of events was unsubscribed', transport }));
      break;
    case 'Notification': {
      const event = readSesEvent(message.Message);
      const told = event && { ...event, transport, text: message.Message };
      if (told) await inRoom(c.get('store'), c.get('env'), (room) => takeRelayEvents(room, [told]));
    }
  }
  return c.body(null, 204);
});

/** The message of SNS, which calls its JSON text/plain. @throws Problem */
async function read(c: Call): Promise<SnsMessage> {
  const bytes = await readBytes(c, mostBytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    throw new Problem('invalid_json', 'The body is no JSON of Amazon SNS: leave raw message delivery off.');
  }
  const message = snsMessage.safeParse(value);
  if (!message.success) throw invalidBody(message.error.issues);
  return message.data;
}

/** @throws Problem when that cannot be found out now: SNS posts it again */
async function isSigned(message: SnsMessage): Promise<boolean> {
  try {
    return await isSignedBySns(message, certificates, Date.now());
  } catch (error) {
    const msg = 'the certificate of Amazon SNS cannot be had';
    console.warn(JSON.stringify({ level: 'warn', msg, error: errorText(error) }));
    throw new Problem('unavailable', `${msg}; post it again later.`);
  }
}

/** Says to SNS that we want what it has to tell. @throws Problem */
async function confirm(url: string): Promise<void> {
  if (!isConfirmationUrl(url))
    throw new Problem(
      'invalid_body',
      'SubscribeURL must be a confirmation at https://sns.<region>.amazonaws.com.',
    );
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(confirmForMs) });
  await response.body?.cancel();
  if (!response.ok)
    throw new Problem('unavailable', `Amazon SNS answers ${response.status} to the confirmation.`);
}
