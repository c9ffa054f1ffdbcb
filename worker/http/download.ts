/** What a whole mail goes with: it is a file, never a page. @param id of the mail, a UUID, which names the file */
export function mailHeaders(id: string): Record<string, string> {
  return {
    ...downloadHeaders(''),
    'Content-Type': 'message/rfc822',
    'Content-Disposition': `attachment; filename="${id}.eml"`,
  };
}

/**
 * What a file goes with that somebody else has made: whatever it is called, it is not to run as a page of ours.
 * @param name as RFC 6266 §4.3 `filename*` writes it
 */
export function downloadHeaders(name: string): Record<string, string> {
  const written = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename*=UTF-8''${written}`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'private, no-store',
  };
}
