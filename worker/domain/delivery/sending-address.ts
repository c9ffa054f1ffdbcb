import { z } from 'zod';
import { byName } from '../by-name.ts';
import { classNames } from '../message/class.ts';

/** Most addresses that a node tells of, and domains for which one of them is paused. */
export const mostSendingAddresses = 64;
export const mostPausedDomains = 10;

/** One of several addresses that a node sends from, as it stands. */
export const sendingAddressState = z.object({
  /** Said in EHLO. */
  name: z.string().max(253),
  addresses: z.array(z.string().max(45)).max(2),
  /** Of which classes and accounts alone mail leaves from it; null: of all. */
  classes: z.array(z.enum(classNames)).max(classNames.length).nullable(),
  accounts: z.array(z.number().int()).max(1000).nullable(),
  /** Day of its ramp, from 1; null: it is warm. */
  rampDay: z.number().int().nullable(),
  /** Attempts from it in this UTC day, and how many of them its ramp allows; null: any number. */
  today: z.number().int(),
  allowedToday: z.number().int().nullable(),
  /** Recipient domains that asked it to slow down, and are left alone for a while. */
  paused: z.array(z.string().max(255)).max(mostPausedDomains),
});
export type SendingAddressState = z.infer<typeof sendingAddressState>;

/** Most accounts by which an edge is told that an address is for them: more than these are only said to be more. */
export const mostAccountsTold = 11;

/** What a node tells the edge of its addresses, with each request: a bounded share. */
export function toldOfAddresses(states: readonly SendingAddressState[]): SendingAddressState[] {
  return states
    .slice(0, mostSendingAddresses)
    .map((one) => ({ ...one, accounts: one.accounts?.slice(0, mostAccountsTold) ?? null }));
}

/** What several workers of a node tell of its addresses, added up. */
export function addUpSendingAddresses(told: readonly SendingAddressState[]): SendingAddressState[] {
  return byName(told, (first, of) => ({
    ...first,
    today: of.reduce((sum, { today }) => sum + today, 0),
    allowedToday:
      first.allowedToday === null ? null : of.reduce((sum, { allowedToday }) => sum + (allowedToday ?? 0), 0),
    paused: [...new Set(of.flatMap(({ paused }) => paused))].slice(0, mostPausedDomains),
  }));
}
