/**
 * The sandbox: a domain of the installation's own, from which every account may send before it has one, to the simulator
 * and to the proven addresses of its own members.
 */
export function sandboxDomain(serviceDomain: string): string {
  return `sandbox.${serviceDomain}`;
}

/** The one address that an account may write from there. */
export function sandboxAddress(serviceDomain: string, accountId: number): string {
  return `account-${accountId}@${sandboxDomain(serviceDomain)}`;
}

/** Messages to people that an account may send from the sandbox in 24 hours; to the simulator they are not counted. */
export const sandboxMessagesADay = 100;

/** The service domain of an address in the sandbox. */
export function serviceDomainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).replace(/^sandbox\./, '');
}
