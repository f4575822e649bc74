import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import type { CoachModel } from './model';
import type { Preferences } from './preferences';
import { FooterAttachment } from './widgets/attachment';
import type { INextStep } from './widgets/footer';

/**
 * The footers of all open notebooks.
 */
export class NotebookFooters {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _coach: CoachModel,
    private readonly _preferences: Preferences,
    private readonly _next: () => INextStep | null,
    private readonly _trans: TranslationBundle
  ) {
    _tracker.forEach(panel => this._add(panel));
    _tracker.widgetAdded.connect((_, panel) => this._add(panel));
    _tracker.currentChanged.connect(() => this._onCurrentChanged());
    this._onCurrentChanged();
  }

  /** Emitted when another notebook, or none, is the current one. */
  get currentChanged(): ISignal<this, void> {
    return this._currentChanged;
  }

  /** The footers of the current notebook, or null where that is no exercise. */
  get current(): FooterAttachment | null {
    const panel = this._tracker.currentWidget;
    const footers = panel ? this._byPanel.get(panel) : undefined;
    return footers?.state ? footers : null;
  }

  /**
   * Return the open notebook at a path, or null.
   */
  at(path: string): NotebookPanel | null {
    return this._tracker.find(panel => panel.context.path === path) ?? null;
  }

  private _add(panel: NotebookPanel): void {
    if (!this._byPanel.has(panel)) {
      const footers = new FooterAttachment(
        panel,
        this._coach,
        this._preferences,
        this._next,
        this._trans
      );
      this._byPanel.set(panel, footers);
      footers.stateChanged.connect(() => this._onCurrentChanged());
    }
  }

  private _onCurrentChanged(): void {
    this._currentChanged.emit();
  }

  private readonly _byPanel = new WeakMap<NotebookPanel, FooterAttachment>();
  private readonly _currentChanged = new Signal<this, void>(this);
}
