import { Signal } from '@lumino/signaling';
import type { INotificationFrame, Reply, Request } from '../frames';

/**
 * A `LiveConnection` whose other end is the test: it keeps what is sent, and emits what the test lets arrive.
 */
export class FakeLive {
  restored: Request[] = [];
  readonly noticed = new Signal<this, INotificationFrame>(this);
  readonly opened = new Signal<this, void>(this);
  readonly received = new Signal<this, Reply>(this);
  readonly held = new Signal<this, string>(this);
  readonly sent: Request[] = [];
  readonly cancelled: string[] = [];
  connect(): void {}
  send(request: Request): void {
    this.sent.push(request);
  }
  cancel(request: string): void {
    this.cancelled.push(request);
  }
  isHeld(request: string): boolean {
    return request === 'held';
  }
  dispose(): void {}
}
