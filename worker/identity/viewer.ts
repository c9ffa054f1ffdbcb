import type { Role, Viewer } from '../store/auth.ts';

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
