import type { NodeHub } from './hub.ts';

/** The one hub of all nodes. */
export function hubOf(namespace: DurableObjectNamespace): DurableObjectStub<NodeHub> {
  return namespace.get(namespace.idFromName('hub')) as DurableObjectStub<NodeHub>;
}
