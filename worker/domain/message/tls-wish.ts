/**
 * What whoever sends a message wants of TLS: as the receiver asks (`policy`), encrypted to a certificate that is valid
 * for the host whatever that is (`required`, RFC 8689 §2), or as well as it goes, whatever the receiver asks
 * (`optional`, RFC 8689 §5). Stored as the place in this list.
 */
export const tlsWishes = ['policy', 'required', 'optional'] as const;
export type TlsWish = (typeof tlsWishes)[number];
