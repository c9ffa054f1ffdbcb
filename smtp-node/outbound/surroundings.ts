import type { Outcome } from '#domain/delivery/outcome.ts';
import type { DkimSigner } from '../signing/dkim.ts';
import type { ForwardSealer } from '../signing/forward-seal.ts';
import type { TlsPolicies } from '../tls-policy/policy.ts';
import type { Departure, Departures } from './departures.ts';
import type { Destinations } from './destinations.ts';
import type { Errand } from './host-attempt.ts';
import type { MxResolver } from './mx.ts';
import type { MxTarget } from './mx-order.ts';
import type { Port25 } from './port-25.ts';
import type { Provider } from './providers.ts';
import type { Relays } from './relays.ts';
import type { OpenOptions, SmtpConnection } from './smtp-connection.ts';
import type { Timeouts } from './timeouts.ts';
import type { Turns } from './turns.ts';

/** What every attempt shares. */
export interface Surroundings {
  /** The node's own, for relays. */
  hostName: string;
  resolver: MxResolver;
  signer: DkimSigner;
  /** For what was received and is sent on. */
  sealer: ForwardSealer;
  departures: Departures;
  destinations: Destinations;
  providers: readonly Provider[];
  tlsPolicies: TlsPolicies;
  /** Signing of messages in memory. */
  signing: Turns;
  open(target: MxTarget, options: OpenOptions): Promise<SmtpConnection>;
  relays: Relays;
  port25: Port25;
  timeouts: Timeouts;
  slotWaitMs: number;
  now(): number;
  random(): number;
}

/** Those of one way: by a relay, or from one of our addresses. */
export type SurroundingsOfWay = Surroundings & Departure;

/** An outcome, but for what all outcomes have. */
type Bare<T> = T extends Outcome ? Omit<T, 'startedAtMs' | 'endedAtMs' | 'session'> : never;
export type Ending = Bare<Outcome>;

/** What belongs to the attempt as a whole, whichever way it goes. */
export type Trip = Omit<Errand, 'domain' | 'mailClass' | 'mail' | 'plain' | 'tls'> & {
  /** The relay that it waited for in vain, as that takes no more in a minute. */
  pacedBy: string | null;
};
