/** A receipt as shops send it, whose raw message has about so many bytes. */
export function receipt(domain: string, bytes: number, more: Record<string, unknown> = {}) {
  // Headers, MIME parts and the short text take about 900 bytes.
  const rows = Math.max(1, Math.round((bytes - 900) / rowHtml(1).length));
  return {
    from: `Corner Shop <receipts@${domain}>`,
    to: [`user${Math.floor(Math.random() * 1e6)}@example.net`],
    subject: 'Your receipt for order 2026-118842',
    text_body: 'Thank you for your order 2026-118842.\nThe total is EUR 84.20.\n',
    html_body: `<html><body>\n${Array.from({ length: rows }, (_, i) => rowHtml(i)).join('')}</body></html>\n`,
    tags: ['receipt'],
    metadata: { order: '2026-118842' },
    class: 'priority',
    ...more,
  };
}

function rowHtml(i: number): string {
  return `<tr><td>Article ${String(i).padStart(4, '0')}</td><td>2</td><td>EUR 12.40</td></tr>\n`;
}
