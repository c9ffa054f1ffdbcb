/** What a member of an account may do, the most first. */
export const roles = ['owner', 'developer', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** A stored role; what is not known may do least. */
export function roleOf(value: unknown): Role {
  return roles.find((role) => role === value) ?? 'viewer';
}
