import type { SmtpReply, StepName } from '#domain/delivery/outcome.ts';

/** A server's refusal, or a dialogue that broke. Caught in this room only: outside it is an `Outcome`. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  /** What the server said; null when it said nothing that can be read. */
  readonly reply: SmtpReply | null;
  readonly step: StepName;
  /** `protocol`: it spoke, but not SMTP. */
  readonly kind: 'network' | 'protocol';
  /** Error code of the platform. */
  readonly code: string | null;

  constructor(
    step: StepName,
    message: string,
    more: { reply?: SmtpReply; kind?: 'network' | 'protocol'; code?: string | null } = {},
  ) {
    super(message);
    this.step = step;
    this.reply = more.reply ?? null;
    this.kind = more.kind ?? 'network';
    this.code = more.code ?? null;
  }
}

/** STARTTLS was refused or the handshake failed, by nobody's ill will as far as is known. */
export class TlsFailure extends StepFailure {}

/** The platform's code of an error, e.g. `ECONNRESET`. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
