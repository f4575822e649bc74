import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { INotification, INotificationFrame } from './frames';
import type { LiveConnection } from './live';
import { type ILoaded, nothing, settle } from './loaded';
import type { ICoachService } from './request';

/**
 * What the learner should know, kept until it is read.
 */
export class News implements IDisposable {
  constructor(
    private readonly _service: ICoachService,
    live: LiveConnection
  ) {
    live.noticed.connect(this._onNotice, this);
    live.opened.connect(this._onOpened, this);
  }

  /** Emitted when the notifications have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with what the learner should know, when it happens. */
  get noticed(): ISignal<this, INotification> {
    return this._noticed;
  }

  /** What the learner should know, newest first. */
  get notifications(): ILoaded<readonly INotification[]> {
    return this._notifications;
  }

  /** What is not read yet, newest first. */
  get unread(): readonly INotification[] {
    return (this._notifications.value ?? []).filter(item => !item.read);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Fetch what the learner should know.
   */
  async refresh(): Promise<void> {
    this._notifications = await settle(this._notifications, () =>
      this._service.notifications()
    );
    this._changed.emit();
  }

  /**
   * Mark notifications as read, here at once.
   */
  async markRead(ids: readonly string[]): Promise<void> {
    const before = this._notifications;
    this._notifications = {
      ...before,
      value: (before.value ?? []).map(item =>
        ids.includes(item.id) ? { ...item, read: true } : item
      )
    };
    this._changed.emit();
    try {
      await this._service.markRead(ids);
    } catch {
      await this.refresh(); // they stay unread
    }
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _onNotice(_: LiveConnection, frame: INotificationFrame): void {
    const others = (this._notifications.value ?? []).filter(
      item => item.id !== frame.id
    );
    this._notifications = {
      ...this._notifications,
      value: [frame, ...others]
    };
    this._noticed.emit(frame);
    this._changed.emit();
  }

  private _onOpened(): void {
    void this.refresh(); // what came while there was no connection
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _noticed = new Signal<this, INotification>(this);
  private _notifications: ILoaded<readonly INotification[]> = nothing();
  private _isDisposed = false;
}
