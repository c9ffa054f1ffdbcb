import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { z } from 'zod';
import type { Call } from '../http/app.ts';
import { publicOrigin } from '../http/public-origin.ts';
import type { Viewer } from '../store/auth.ts';
import { decryptKey, encryptKey, type Sealed } from '../store/key-encryption.ts';

/**
 * What the page behind a form shows once: a key that was made, what a test came to. It waits for that page in a cookie that
 * only this Worker can read, so that the form is answered by a redirect and a reload makes nothing twice.
 */
const cookie = 'pennypost.once';
const keptSeconds = 120;
/** Browsers keep 4096 octets of a cookie with its attributes (RFC 6265 §6.1). */
const longest = 3_500;

/** Answers a form: the page at `path` shows what is given, once. */
export async function thenShow(c: Call, viewer: Viewer, path: string, shown: unknown): Promise<Response> {
  const sealed = await seal(c, viewer, path, shown);
  if (sealed.length > longest) throw new Error('what is to be shown once does not fit into a cookie');
  setCookie(c, cookie, sealed, {
    path: path.replace(/[?#].*$/s, ''),
    httpOnly: true,
    sameSite: 'Lax',
    secure: publicOrigin(c).startsWith('https:'),
    maxAge: keptSeconds,
  });
  return c.redirect(path, 303);
}

/** What this page is to show once, and takes it away; null: nothing, or what was made for another page or person. */
export async function shownOnce<T extends z.ZodType>(
  c: Call,
  viewer: Viewer,
  schema: T,
): Promise<z.output<T> | null> {
  const kept = getCookie(c, cookie);
  if (!kept?.startsWith('v2.') || c.req.method !== 'GET') return null;
  deleteCookie(c, cookie, { path: c.req.path });
  return await unseal(c, viewer, { path: c.req.path, sealed: kept, schema });
}

/** What only this Worker reads, on the page at `path`, for this session. */
export async function seal(c: Call, viewer: Viewer, path: string, shown: unknown): Promise<string> {
  return await encryptKey(JSON.stringify(shown), c.get('env').encryptionKeys, sealOf(viewer, path));
}

/** What `seal` has sealed; null: it was for another page or session, or is none. */
export async function unseal<T extends z.ZodType>(
  c: Call,
  viewer: Viewer,
  { path, sealed, schema }: { path: string; sealed: string; schema: T },
): Promise<z.output<T> | null> {
  try {
    const text = await decryptKey(sealed, c.get('env').encryptionKeys, sealOf(viewer, path));
    const shown = schema.safeParse(JSON.parse(text));
    return shown.success ? shown.data : null;
  } catch {
    return null;
  }
}

/** It opens on the page that it was made for, for the session that made it. */
function sealOf({ sessionId }: Viewer, path: string): Sealed {
  return { table: 'cookie', row: [sessionId, path.replace(/[?#].*$/s, '')], purpose: 'shown once' };
}
