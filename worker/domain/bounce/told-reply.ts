/** Finds what an SMTP server said, in a diagnostic or in prose. */
export interface ToldReply {
  /** Reply code (RFC 5321 §4.2), 4yz or 5yz. */
  code: number | null;
  /** Enhanced status (RFC 3463). */
  status: string | null;
  /** True when the status stood right behind the code: a server said it (RFC 2034 §4). */
  together: boolean;
}

// Not part of a longer number, an IPv4 address or a word; `(#5.1.1)` is qmail's (HCMSSC).
const statusPattern = /(?<![\w./-]|\w:)([245]\.[0-7]\.\d{1,3})(?![\w]|\.\d)/g;
// A code stands at the beginning of what was said: after a line's start, a bracket, a colon, a quote or a space.
const codePattern =
  /(?<![\w./=@+-]|[\w\]]:|\d )(?<code>[45][0-5]\d)(?=[ \-:#,)>\]'"]|$)(?:[ \-:#(['"]{0,4}(?<status>[245]\.[0-7]\.\d{1,3})(?![\w]|\.\d))?/gm;
// "503 Need RCPT", "503 Bad sequence": what follows from an earlier refusal in a pipelined dialogue (RFC 2920).
const consequentCodes = new Set([503]);

/**
 * The reply that a text tells: the first with code and specific status, else the first of each. Codes that only
 * follow from an earlier refusal come last.
 */
export function toldReply(text: string): ToldReply {
  const bounded = text.slice(0, 8192);
  const replies: { code: number; status: string | null }[] = [];
  for (const match of bounded.matchAll(codePattern)) {
    const code = Number(match.groups?.code);
    if (code % 100 < 60) replies.push({ code, status: match.groups?.status ?? null });
    if (replies.length >= 40) break;
  }
  const leading = replies.filter((r) => !consequentCodes.has(r.code));
  const best =
    leading.find((r) => r.status && !isGeneric(r.status)) ??
    leading.find((r) => r.status) ??
    leading[0] ??
    replies[0];
  const statuses = [...bounded.matchAll(statusPattern)].slice(0, 40).map((m) => m[1] ?? '');
  const alone = statuses.filter((s) => !s.startsWith('2.'));
  const status = best?.status ?? alone.find((s) => !isGeneric(s)) ?? alone[0] ?? null;
  return { code: best?.code ?? null, status, together: Boolean(best?.status) };
}

/** True for statuses that tell no more than permanent or not (x.0.0), or that trying has ended. */
function isGeneric(status: string): boolean {
  return isExpiry(status) || /^[45]\.0\.0$/.test(status);
}

/** RFC 3463 §3.5 x.4.7: the time for trying ran out; not why the tries failed. */
export function isExpiry(status: string): boolean {
  return /^[45]\.4\.7$/.test(status);
}

/**
 * The better of a reported status and what its diagnostic tells. The remote server's own words are nearer to
 * the cause than what the reporting host made of them (RFC 3464 §2.3.6), unless they are generic.
 */
export function betterStatus(reported: string | null, told: ToldReply): string | null {
  if (!reported || !told.status) return reported ?? told.status;
  if (isGeneric(told.status)) return reported;
  return told.together || isGeneric(reported) ? told.status : reported;
}
