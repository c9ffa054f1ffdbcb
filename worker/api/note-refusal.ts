import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { callerOf, credentialOf } from '../identity/credential.ts';
import { noteRefused, type Way } from '../store/requests.ts';

/** What is our fault is told and logged where it is answered (`http/app.ts`). */
const ours = new Problem('internal_error', 'Something went wrong on our side; nothing was lost, try again.');

/**
 * Writes a refused submission down for the account of its key, beside the answer. A request without a good key is of no
 * account; what a page of the dashboard submits is told there.
 */
export function noteRefusal(c: Call, error: Error): void {
  const { status, code, detail } = error instanceof Problem ? error : ours;
  if (status === 401 || c.get('caller')) return;
  c.executionCtx.waitUntil(
    answered()
      .then(() => write(c, { status, code, detail }))
      .catch((failure: unknown) => {
        console.warn(
          JSON.stringify({
            level: 'warn',
            msg: 'a refusal is not in the log of requests',
            error: String(failure),
          }),
        );
      }),
  );
}

/** The answer is made first: nothing of the log is asked of the database before it. */
function answered(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Of a batch of which some were refused: how many, and why the first was. */
export function noteRefusals(c: Call, answers: readonly unknown[]): void {
  const problems = answers.filter((answer) => answer instanceof Problem);
  const [first] = problems;
  if (!first) return;
  const { code, detail, errors } = first;
  noteRefusal(
    c,
    new Problem(code, `${problems.length} of ${answers.length} refused. The first: ${detail}`, { errors }),
  );
}

async function write(c: Call, said: { status: number; code: string; detail: string }): Promise<void> {
  const by = await callerOf(c);
  if (!by || !('secretHash' in by)) return;
  const nowMs = Date.now();
  const leftOut = c.get('isolate').refusals.take(by.secretHash, nowMs);
  if (leftOut === null) return;
  const credential = await credentialOf(c, null).catch((error: unknown) => {
    if (error instanceof Problem) return null;
    throw error;
  });
  if (!credential) return;
  await noteRefused(c.get('store'), {
    accountId: credential.accountId,
    atMs: nowMs,
    requestId: c.get('requestId'),
    credentialId: credential.id,
    way: wayOf(c),
    ...said,
    leftOut,
  });
}

function wayOf(c: Call): Way {
  if (c.req.path.startsWith('/api/')) return 'cloudmailin';
  if (c.req.path.endsWith('/batch')) return 'batch';
  if (!c.req.path.endsWith('/raw')) return 'api';
  return c.req.header('X-Pennypost-Source') === 'smtp' ? 'smtp' : 'raw';
}
