import { DurableObject } from 'cloudflare:workers';
import type { Bindings } from '../env.ts';
import { HomesWithWork, type MayHaveWork } from './homes-with-work.ts';

/** What the hub has of the environment. */
type OwnBindings = Partial<Pick<Bindings, 'EMAIL' | 'DELIVERY'>>;

/** Runs in which the Worker carries mail are asked for at most so often: each looks at all that is due. */
const carryEveryMs = 1000;
/** A run that has not told of its end by then was cut off: it lasts for less (`node-api/carry.ts`). */
const longestRunMs = 2 * 60_000;

/** Nodes that listen are woken through this one object: it holds their WebSockets and sleeps with them. */
export class NodeHub extends DurableObject<OwnBindings> {
  private readonly work = new HomesWithWork();
  private carryAskedAtMs = 0;
  /** The run that goes on, until it ends or can be no more, and whether another was asked for meanwhile. */
  private carrying: { id: number; untilMs: number; again: boolean } | null = null;
  private runs = 0;

  /** A node opens its WebSocket (RFC 6455); hibernation keeps it at no cost. */
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') {
      return new Response('expected a WebSocket', { status: 426 });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
    return new Response(null, { status: 101, webSocket: client });
  }

  /**
   * Tells every node that there may be work; gives how many were told. It tells no more than that: which work is the
   * most urgent, and who has room for it, is decided by the lease.
   * @param homes where the work is; an isolate of the version before does not tell
   */
  async wake(homes: readonly number[] = []): Promise<number> {
    this.work.told(homes);
    this.ctx.waitUntil(this.askToCarry());
    let told = 0;
    for (const socket of this.ctx.getWebSockets()) {
      try {
        socket.send('wake');
        told += 1;
      } catch {
        // Closing; the node opens a new one and asks by itself meanwhile.
      }
    }
    return told;
  }

  /**
   * Asks for a run in which the Worker carries mail itself, where it has the binding for that. Without harm where it fails: the sweep
   * asks again.
   */
  async askToCarry(): Promise<void> {
    const { EMAIL, DELIVERY } = this.env;
    if (!EMAIL || !DELIVERY) return;
    const nowMs = Date.now();
    if (this.carrying && nowMs < this.carrying.untilMs) {
      this.carrying.again = true;
      return;
    }
    // A run that is asked for and begins only later sees what has come until then.
    if (nowMs < this.carryAskedAtMs) return;
    const isSoon = nowMs < this.carryAskedAtMs + carryEveryMs;
    this.carryAskedAtMs = isSoon ? nowMs + carryEveryMs : nowMs;
    await this.orderToCarry(null, isSoon ? carryEveryMs / 1000 : 0);
  }

  private async orderToCarry(place: string | null, delaySeconds: number): Promise<void> {
    try {
      await this.env.DELIVERY?.send({ carry: true, place }, { delaySeconds });
    } catch (error) {
      const msg = 'the Worker is not told to carry mail; it will be by the sweep';
      console.warn(JSON.stringify({ level: 'warn', msg, error: String(error) }));
    }
  }

  /**
   * A run may begin: there is one at a time, so that a transport is given no more at once than it may have.
   * @returns the run's name for its end; null: one goes on, and another is asked for when it ends
   */
  async beginToCarry(): Promise<number | null> {
    if (this.carrying && Date.now() < this.carrying.untilMs) {
      this.carrying.again = true;
      return null;
    }
    this.runs += 1;
    this.carrying = { id: this.runs, untilMs: Date.now() + longestRunMs, again: false };
    return this.runs;
  }

  /** A run has ended. @param isMore there is more to do from this place on */
  async endToCarry(id: number, { isMore, place }: { isMore: boolean; place: string | null }): Promise<void> {
    if (this.carrying?.id !== id) return;
    const { again } = this.carrying;
    this.carrying = null;
    // What was asked for meanwhile may stand before the place.
    if (isMore || again) await this.orderToCarry(again ? null : place, 0);
  }

  /** The homes that may have work, of so many; a lease asks these. */
  async homesWithWork(count: number): Promise<MayHaveWork[]> {
    return this.work.list(count);
  }

  /** A lease has found nothing in homes that it was given. */
  async foundEmpty(homes: readonly MayHaveWork[]): Promise<void> {
    this.work.empty(homes);
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 only report a close, they must not be sent (RFC 6455 §7.4.1).
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }
}
