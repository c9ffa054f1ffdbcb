import type { Membership, Role } from '../store/auth.ts';

/** Who looks at a page, and at which account. */
export interface Viewer {
  user: { id: string; name: string; email: string; operator: boolean; twoFactor: boolean };
  sessionId: string;
  memberships: Membership[];
  /** The account that is looked at. */
  account: Membership;
}

const rank: Record<Role, number> = { viewer: 0, developer: 1, owner: 2 };

/** What each role may do, in one sentence. */
export const roleAbout: Record<Role, string> = {
  owner: 'everything, people and settings included',
  developer: 'send, make keys, change domains and webhooks',
  viewer: 'look at everything, change nothing',
};

/** True when the role is at least the one that is needed. */
export function may(viewer: Viewer, needed: Role): boolean {
  return rank[viewer.account.role] >= rank[needed];
}
