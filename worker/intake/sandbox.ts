import { defaultSelector } from '#domain/dns/dkim-selector.ts';
import { rateLimited } from '#domain/limits/rate-limit.ts';
import { sandboxAddress, sandboxDomain, sandboxMessagesADay } from '#domain/message/sandbox.ts';
import { Problem } from '#domain/problem.ts';
import type { Gate, GateCredential } from '../store/acceptance.ts';
import { countTries } from '../store/auth.ts';
import { copySystemDomains } from '../store/copies.ts';
import { generateDkimKeys } from '../store/dkim-keys.ts';
import { AlreadyThere, createDomain, findHolder } from '../store/domains.ts';
import type { Store } from '../store/store.ts';
import { systemAccountId } from '../store/system-mail.ts';
import type { Draft } from './draft.ts';

/** The sandbox of this installation, as the intake works with it. */
export interface Sandbox {
  domain: string;
  addressOf(accountId: number): string;
  /** Makes the domain and its keys, where nobody has sent from it before. */
  prepare(nowMs: number): Promise<void>;
}

/** The domain is nobody's account's, and the operator's word is good for it: it is below the service domain. */
export function sandboxOf(
  store: Store,
  { serviceDomain, encryptionKeys }: { serviceDomain: string; encryptionKeys: readonly Uint8Array[] },
): Sandbox {
  const domain = sandboxDomain(serviceDomain);
  return {
    domain,
    addressOf: (accountId) => sandboxAddress(serviceDomain, accountId),
    prepare: async (nowMs) => {
      const of = {
        accountId: systemAccountId,
        domain,
        stem: defaultSelector,
        status: 'active',
        nowMs,
      } as const;
      const values = {
        accountId: systemAccountId,
        name: domain,
        type: 'outbound',
        status: 'verified',
        verifiedBy: 'operator',
        createdAtMs: nowMs,
        verifiedAtMs: nowMs,
      } as const;
      const { first } = store;
      // Keys are made for nothing where it is there already, or another account has the name.
      if ((await findHolder(first, { id: 0, name: domain })) === null) {
        try {
          await createDomain(first, values, await generateDkimKeys(encryptionKeys, of));
        } catch (error) {
          // Another request was faster.
          if (!(error instanceof AlreadyThere)) throw error;
        }
      }
      await copySystemDomains(store);
    },
  };
}

/** Lets a draft from the sandbox pass that is an account's own and goes to nobody but who may be tried on. */
export function checkSandbox(
  draft: Draft,
  { accountId }: GateCredential,
  gate: Gate,
  { sandbox, simulatorDomain }: { sandbox: Sandbox; simulatorDomain: string },
): void {
  const own = sandbox.addressOf(accountId);
  const refuse = (pointer: string, why: string): never => {
    const detail = `Cannot send from ${sandbox.domain}: ${why}`;
    throw new Problem('domain_not_allowed', detail, { errors: [{ pointer, detail: why }] });
  };
  if (!gate.domains.some(({ name }) => name === sandbox.domain))
    refuse('/from', 'another account has it verified; send from a domain of your own.');
  if (draft.fromAddress.toLowerCase() !== own) refuse('/from', `this account writes from ${own} there.`);
  const other = draft.recipients.find(
    ({ address, domain }) => domain !== simulatorDomain && !gate.members.has(address.toLowerCase()),
  );
  if (other) {
    const why = `${other.address} is neither of ${simulatorDomain} nor the proven address of a member of this account; add a domain to send to everybody.`;
    refuse('/to', why);
  }
}

/** Counts a message from the sandbox that people get. @throws Problem 429 when it is one too many */
export async function countSandbox(store: Store, accountId: number, nowMs: number): Promise<void> {
  const limit = sandboxMessagesADay;
  const { count, endsMs } = await countTries(store, `sandbox:${accountId}`, {
    windowMs: 86_400_000,
    nowMs,
  });
  if (count <= limit) return;
  const who = { who: 'The sandbox of this account', what: 'messages', count: 1, warmingPhase: null };
  throw rateLimited({ type: 'daily', limit, used: limit }, { ...who, endsMs }, nowMs);
}
