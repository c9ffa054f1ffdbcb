import { routeOf } from './route.ts';

/** The received mail that an endpoint is bound to. Pure. */
export interface EndpointScope {
  /** Null: of all domains of its account. */
  domain: string | null;
  /** A pattern as routes have them; null: all addresses of the domain. */
  addressPattern: string | null;
}

/** Whether an endpoint hears of mail to an address. */
export function isInScope({ domain, addressPattern }: EndpointScope, at: string, localPart: string): boolean {
  if (domain !== null && domain !== at) return false;
  return addressPattern === null || routeOf([{ pattern: addressPattern }], localPart) !== null;
}
