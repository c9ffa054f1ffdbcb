/**
 * The account of mail of the installation itself, which nobody belongs to and no key is of. It is at the first home; its
 * domains, which others may send from, are copied to all.
 */
export const systemAccountId = 0;
