/**
 * What whoever sends a message wants of TLS: as the receiver asks (`policy`), encrypted to a certificate that is valid
 * for the host whatever that is (`required`), as well as it goes, whatever the receiver asks (`optional`, RFC 8689 §5),
 * or `required` on this way and every further one, so only to hosts that offer REQUIRETLS (`requiretls`, RFC 8689 §4.2).
 * Stored as the place in this list.
 */
export const tlsWishes = ['policy', 'required', 'optional', 'requiretls'] as const;
export type TlsWish = (typeof tlsWishes)[number];
