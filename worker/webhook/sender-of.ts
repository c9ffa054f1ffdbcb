import type { WebhookSender } from './sender.ts';

/** The sender of an endpoint. */
export function senderOf(
  namespace: DurableObjectNamespace,
  endpointId: number,
): DurableObjectStub<WebhookSender> {
  return namespace.get(namespace.idFromName(`endpoint ${endpointId}`)) as DurableObjectStub<WebhookSender>;
}
