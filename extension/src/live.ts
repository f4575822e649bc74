import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { INotificationFrame, Reply, Request } from './frames';

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15000;
const STABLE_AFTER = 5000;
const SHORTEST_WAIT = 200;

/**
 * The part of a WebSocket that the connection needs.
 */
export type Socket = Pick<
  WebSocket,
  | 'send'
  | 'close'
  | 'readyState'
  | 'onopen'
  | 'onclose'
  | 'onmessage'
  | 'onerror'
>;

/**
 * Where requests outlive a page.
 */
export interface IKeep {
  /** Return what was kept. */
  load(): readonly Request[];
  /** Keep these requests, and no others. */
  save(requests: readonly Request[]): void;
}

/**
 * The connection that checks, hints, submissions and notifications travel on.
 *
 * A request stays here until a final reply names it. It goes out once while its socket lives;
 * after the socket broke, or the relay said that the grader is away, it is *held* and goes out
 * again when there is a way. One that came too fast goes out again after the time that the grader
 * named. Requests are kept beyond the page: one that is loaded again takes up those of its former
 * self, under the same ids, and the grader counts an id once. So nothing that a learner asked for is
 * lost, or counted twice.
 */
export class LiveConnection implements IDisposable {
  constructor(
    private readonly _open: () => Socket,
    private readonly _keep: IKeep | null = null
  ) {
    this.restored = _keep?.load() ?? [];
    for (const request of this.restored) {
      this._pending.set(request.request, {
        request,
        sent: false,
        held: false,
        timer: 0
      });
    }
  }

  /** The requests that were pending when this page was loaded. */
  readonly restored: readonly Request[];

  /**
   * Says what a reply says in the reader's language.
   */
  translate: (reply: Reply) => Reply = reply => reply;

  /**
   * Emitted for each notification.
   */
  get noticed(): ISignal<this, INotificationFrame> {
    return this._noticed;
  }

  /**
   * Emitted when a socket has opened.
   */
  get opened(): ISignal<this, void> {
    return this._opened;
  }

  /**
   * Emitted for each frame; of codes "unavailable" (see `held`) and "too-many-requests" none arrives here.
   */
  get received(): ISignal<this, Reply> {
    return this._received;
  }

  /**
   * Emitted with the id of a request that waits for the grader to come back.
   */
  get held(): ISignal<this, string> {
    return this._held;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Open the socket, so that the first check finds it open.
   */
  connect(): void {
    if (this._isDisposed || this._socket !== null) {
      return;
    }
    window.clearTimeout(this._timer);
    let socket: Socket;
    try {
      socket = this._open();
    } catch {
      this._onClosed(null);
      return;
    }
    this._socket = socket;
    socket.onopen = () => {
      this._openedAt = Date.now();
      this._flush();
      this._opened.emit();
    };
    socket.onmessage = event => this._onMessage(event.data as unknown);
    socket.onclose = () => this._onClosed(socket);
    socket.onerror = () => undefined; // a close event follows
  }

  /**
   * Send a request now, or when there is a connection.
   */
  send(request: Request): void {
    const held = this._socket === null && this._pause > FIRST_PAUSE;
    this._pending.set(request.request, {
      request,
      sent: false,
      held,
      timer: 0
    });
    this._save();
    if (held) {
      this._held.emit(request.request);
    }
    this.connect();
    this._flush();
  }

  /**
   * Forget a request; a reply that still comes is dropped.
   */
  cancel(request: string): void {
    this._pending.delete(request);
    this._save();
  }

  /**
   * Return whether a request waits for the grader to come back.
   */
  isHeld(request: string): boolean {
    return this._pending.get(request)?.held === true;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    this._pending.clear();
    if (socket) {
      socket.onopen = socket.onclose = socket.onmessage = null;
      socket.close();
    }
    Signal.clearData(this);
  }

  private _flush(): void {
    if (this._socket?.readyState !== 1) {
      return;
    }
    for (const entry of this._pending.values()) {
      if (!entry.sent) {
        entry.sent = true;
        entry.held = false;
        this._socket.send(JSON.stringify(entry.request));
      }
    }
  }

  private _onMessage(data: unknown): void {
    const frame = parse(data);
    if (frame === null) {
      return;
    }
    if (frame.type === 'notification') {
      this._noticed.emit(frame);
      return;
    }
    const reply = frame;
    if (reply.request !== null && !this._pending.has(reply.request)) {
      return;
    }
    if (reply.type === 'failure' && reply.code === 'unavailable') {
      if (reply.request !== null) {
        this._hold(reply.request);
      }
      return;
    }
    if (reply.type === 'failure' && reply.code === 'too-many-requests') {
      if (reply.request !== null) {
        this._defer(reply.request, reply.detail.retry_after);
      }
      return;
    }
    if (reply.type !== 'progress') {
      this._pause = FIRST_PAUSE;
      if (reply.request !== null) {
        this._pending.delete(reply.request);
        this._save();
      }
    }
    this._received.emit(this.translate(reply));
  }

  /**
   * Keep a request that the relay gave back, and try again after a pause.
   */
  private _hold(request: string): void {
    const entry = this._pending.get(request);
    if (entry) {
      entry.sent = false;
      entry.held = true;
      this._held.emit(request);
      this._retry(() => this._flush());
    }
  }

  /**
   * Send a request again after the seconds that the grader named.
   */
  private _defer(request: string, seconds: unknown): void {
    const entry = this._pending.get(request);
    if (!entry) {
      return;
    }
    const wait = typeof seconds === 'number' && seconds > 0 ? seconds : 1;
    const jitter = 1 + 0.2 * Math.random();
    entry.timer = window.setTimeout(
      () => {
        entry.sent = false;
        this._flush();
      },
      Math.max(1000 * wait * jitter, SHORTEST_WAIT)
    );
  }

  private _onClosed(socket: Socket | null): void {
    if (this._isDisposed || socket !== this._socket) {
      return;
    }
    this._socket = null;
    if (this._openedAt && Date.now() - this._openedAt > STABLE_AFTER) {
      this._pause = FIRST_PAUSE;
    }
    this._openedAt = 0;
    for (const [id, entry] of this._pending) {
      window.clearTimeout(entry.timer);
      entry.sent = false;
      entry.held = true;
      this._held.emit(id);
    }
    this._retry(() => this.connect());
  }

  private _retry(action: () => void): void {
    window.clearTimeout(this._timer);
    const jitter = 0.8 + 0.4 * Math.random();
    this._timer = window.setTimeout(action, this._pause * jitter);
    this._pause = Math.min(this._pause * 2, LONGEST_PAUSE);
  }

  private _save(): void {
    this._keep?.save([...this._pending.values()].map(entry => entry.request));
  }

  private readonly _pending = new Map<
    string,
    { readonly request: Request; sent: boolean; held: boolean; timer: number }
  >();
  private readonly _noticed = new Signal<this, INotificationFrame>(this);
  private readonly _opened = new Signal<this, void>(this);
  private readonly _received = new Signal<this, Reply>(this);
  private readonly _held = new Signal<this, string>(this);
  private _socket: Socket | null = null;
  private _openedAt = 0;
  private _pause = FIRST_PAUSE;
  private _timer = 0;
  private _isDisposed = false;
}

/**
 * Read a frame, or null where it is none; the relay has checked it against the schema.
 */
function parse(data: unknown): Reply | INotificationFrame | null {
  if (typeof data !== 'string') {
    return null;
  }
  try {
    const frame = JSON.parse(data) as Reply | INotificationFrame | null;
    return typeof frame?.type === 'string' ? frame : null;
  } catch {
    return null;
  }
}
