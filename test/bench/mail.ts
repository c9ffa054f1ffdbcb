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

const words =
  'amber anchor basket bottle brass candle canvas cedar ceramic charcoal cherry copper cotton cream crystal denim drawer enamel feather felt flint folding garden ginger glass granite handle hazel hemp honey indigo iron ivory jasmine kettle lamp leather linen maple marble mint mirror mustard napkin nickel oak olive orchid paper pearl pepper pewter pine plum pocket poppy quilt rattan ribbon rosewood saffron sage satin shelf silver slate spoon steel stone summer tea thyme tin travel tulip velvet walnut willow winter wool'.split(
    ' ',
  );

/** A line of a receipt, a different one each time, as compressible as those of shops: five to seven times. */
function rowHtml(i: number): string {
  const pick = (k: number) => words[(i * 7919 + k * 104_729 + ((i * k * 31) % 97)) % words.length];
  const cents = (i * 48_271) % 99_991;
  const sku = ((i + 1) * 2_654_435_761) % 2 ** 32;
  return `<tr><td class="item"><a href="https://shop.example/p/${sku.toString(36)}">${pick(1)} ${pick(2)} ${pick(3)}</a></td><td>${1 + (i % 4)}</td><td style="text-align:right">EUR ${(cents / 100).toFixed(2)}</td></tr>\n`;
}
