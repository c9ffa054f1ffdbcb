import { tooLarge } from '#domain/message/submission.ts';
import {
  largestReceivedBytes,
  longestReceivedHead,
  type ReceivedHead,
  receivedHead,
} from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody } from '../http/app.ts';

/** Trace fields that a node puts before a mail. */
const traceBytes = 64 * 1024;

/**
 * A mail as a node hands it over: a line of JSON, a line feed, the mail, whose bytes are not read yet.
 * @throws Problem when the line is not as agreed, or the mail is too large
 */
export async function readHandedOver(
  c: Call,
): Promise<{ head: ReceivedHead; raw: ReadableStream<Uint8Array>; sizeBytes: number }> {
  const said = Number(c.req.header('Content-Length') ?? Number.NaN);
  if (!Number.isSafeInteger(said)) {
    throw new Problem('invalid_body', 'Send the length of the body (Content-Length).');
  }
  const body = c.req.raw.body as ReadableStream<Uint8Array> | null;
  if (!body) throw new Problem('invalid_body', 'There is no body.');
  const reader = body.getReader();
  let line = new Uint8Array(0);
  let end = -1;
  while (end < 0 && line.length <= longestReceivedHead) {
    const { done, value } = await reader.read();
    if (done) break;
    const longer = new Uint8Array(line.length + value.length);
    longer.set(line);
    longer.set(value, line.length);
    line = longer;
    end = line.indexOf(10);
  }
  if (end < 0) throw new Problem('invalid_body', 'The body must begin with a line of JSON.');
  const parsed = receivedHead.safeParse(jsonOf(line.subarray(0, end)));
  if (!parsed.success) throw invalidBody(parsed.error.issues);
  const sizeBytes = said - end - 1;
  if (sizeBytes > largestReceivedBytes + traceBytes) throw tooLarge(null);
  const rest = line.subarray(end + 1);
  const raw = new ReadableStream<Uint8Array>({
    start(controller) {
      if (rest.length > 0) controller.enqueue(rest);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { head: parsed.data, raw, sizeBytes };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return null;
  }
}
