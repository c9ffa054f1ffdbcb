/** The Worker's bundle, as `counting-worker.ts` is put around it. */
declare module 'product' {
  const product: {
    fetch(request: Request, env: object, context: unknown): Promise<Response>;
    queue(batch: unknown, env: object): Promise<void>;
    scheduled(controller: unknown, env: object): Promise<void>;
  };
  export default product;
  export class NodeHub {
    fetch(request: Request): Promise<Response>;
    wake(homes: readonly number[]): Promise<number>;
    homesWithWork(count: number): Promise<{ home: number; mark: string; deep: boolean }[]>;
    foundEmpty(homes: readonly { home: number; mark: string }[]): Promise<void>;
    foundDepth(homes: readonly { home: number; deep: boolean }[]): Promise<void>;
  }
  export class WebhookSender {
    constructor(context: unknown, env: object);
    poke(endpointId: number): Promise<void>;
    alarm(): Promise<void>;
  }
}
