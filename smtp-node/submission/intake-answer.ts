import { z } from 'zod';
import { problems } from '#domain/problem.ts';
import { edgeAway, SmtpFault } from './smtp-fault.ts';

/** An answer of the edge to a submitted message. */
export interface IntakeAnswer {
  status: number;
  body: string;
}

const acceptedSchema = z.object({ message_id: z.string().regex(/^[0-9a-f-]{36}$/i) });
const problemSchema = z.object({ code: z.string(), detail: z.string().optional() });

/**
 * The message id in an answer of the intake.
 * @throws SmtpFault what the client is told otherwise (`#domain/problem.ts`, column `smtp`). An answer that is
 *   no problem of ours (a proxy's page, say) proves nothing permanent and is temporary.
 */
export function messageIdOf(answer: IntakeAnswer): string {
  const body = parseJson(answer.body);
  if (answer.status === 202) {
    const accepted = acceptedSchema.safeParse(body);
    if (accepted.success) return accepted.data.message_id;
    throw edgeAway();
  }
  const problem = problemSchema.safeParse(body);
  if (!problem.success || answer.status < 400) throw edgeAway();
  const row = problems.find((one) => one.code === problem.data.code);
  if (!row && (answer.status >= 500 || answer.status === 408 || answer.status === 429)) throw edgeAway();
  throw new SmtpFault(row?.smtp ?? '550 5.0.0', problem.data.detail || row?.title || 'Refused');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
