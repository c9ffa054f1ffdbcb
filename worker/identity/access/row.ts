import type { Scope } from '#domain/scope.ts';
import type { Role } from '../../store/role.ts';

/** What a key that is limited to some domains may do with a route. */
export type DomainRule =
  /** It is about no domain. */
  | 'any'
  /** Only what is of its domains: rows by signing domain; the handler asks for no others (`identity/rows.ts`). */
  | 'rows'
  /** Nothing: it is about the account as a whole. */
  | 'refused';

/** How often one source may ask for what is open to everybody (`identity/source.ts`). */
export type SourceLimit = 'pages' | 'tracking';

/** Who may use a route. */
export type Who =
  /**
   * Whoever has a key with the scope; null: any key. `byIntake`: the intake looks at the key, in its one read. `byLink`:
   * or whoever has a link that is signed for just that (`tokens/attachment-links.ts`).
   */
  | { surface: 'api'; scope: Scope | null; domains: DomainRule; byIntake?: true; byLink?: true }
  /** Whoever is signed in, with at least the role in the account that is looked at, or as operator. */
  | { surface: 'dashboard'; role: Role | 'operator' }
  /** Whoever has the operator token. */
  | { surface: 'operator' }
  /** A node, by its own token. */
  | { surface: 'node' }
  /** Whoever has the installation's secret for nodes, which asks for a token. */
  | { surface: 'enrolment' }
  /**
   * Everybody; what limits them is where they come from. `onLinkHosts`: it is answered at link hosts of customers as well,
   * which have nothing else of ours (`identity/link-hosts.ts`).
   */
  | { surface: 'tracking' | 'public'; limit: SourceLimit | null; onLinkHosts?: true };

/** A route and who may use it. */
export interface Access {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As routers spell it, with `:name` for what varies. */
  path: string;
  who: Who;
  /** What the audit log calls it; left out: it changes nothing that anybody would ask for later. */
  audit?: string;
}

type Line = [route: string, who: Who, audit?: string];

/** Rows of a table from its lines; a route is written `METHOD /path`. */
export function accessRows(lines: readonly Line[]): Access[] {
  return lines.map(([route, who, audit]) => {
    const [method, path] = route.split(' ') as [Access['method'], string];
    return { method, path, who, ...(audit === undefined ? {} : { audit }) };
  });
}
