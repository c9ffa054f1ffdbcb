/** HTML of mail, for a frame of a page: without scripts, forms, an origin, and anything from elsewhere. */
export function mailFrame(text: string): Response {
  return new Response(text, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    },
  });
}
