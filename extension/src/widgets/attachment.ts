import type { Cell, ICellModel } from '@jupyterlab/cells';
import {
  type Notebook,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';
import {
  answerCells,
  cellSources,
  exerciseOf,
  type IAnswerCell
} from '../cells';
import type { ExerciseState } from '../exercise';
import type { CoachModel } from '../model';
import type { Preferences } from '../preferences';
import { CellFooter, type INextStep } from './footer';

/**
 * Keeps a footer under each answer cell of one view of a notebook.
 *
 * A cell's widget can be made late (windowed notebooks) and anew (moves, undo), so whenever the
 * list of cells changes the footers are compared with what should be there.
 */
export class FooterAttachment implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    private readonly _coach: CoachModel,
    private readonly _preferences: Preferences,
    private readonly _next: () => INextStep | null,
    private readonly _trans: TranslationBundle
  ) {
    panel.content.modelChanged.connect(this._onModelChanged, this);
    panel.disposed.connect(this.dispose, this);
    NotebookActions.executed.connect(this._onExecuted, this);
    _coach.changed.connect(this._onCoachChanged, this);
    this._onModelChanged();
    void panel.context.ready.then(() => this._schedule());
  }

  /** The exercise that the notebook is, or null. */
  get state(): ExerciseState | null {
    return this._state;
  }

  /** Emitted when the notebook became an exercise, another one, or none. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Return the answer cell that a check of the active cell is about: itself, or the nearest one above.
   */
  currentAnswer(): string | null {
    const active = this.panel.content.activeCellIndex;
    const cells = [...(this.panel.content.model?.cells ?? [])];
    const answers = answerCells(cells);
    const above = answers.filter(({ model }) => cells.indexOf(model) <= active);
    return (above[above.length - 1] ?? answers[0])?.gradeId ?? null;
  }

  /**
   * Have an answer cell judged.
   */
  async check(gradeId: string): Promise<void> {
    const { context, content } = this.panel;
    if (this._state === null) {
      return;
    }
    await this._coach.checks.check(
      this._state,
      gradeId,
      async () => {
        if (context.isReady && !context.model.readOnly) {
          await context.save();
        }
      },
      () => cellSources(content.model?.cells ?? [])
    );
  }

  /**
   * Have all answer cells judged.
   */
  async checkAll(): Promise<void> {
    for (const { gradeId } of answerCells(
      this.panel.content.model?.cells ?? []
    )) {
      await this.check(gradeId);
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      NotebookActions.executed.disconnect(this._onExecuted, this);
      this._coach.changed.disconnect(this._onCoachChanged, this);
      for (const footer of this._footers.values()) {
        footer.dispose();
      }
      this._footers.clear();
      Signal.clearData(this);
    }
  }

  /**
   * Check a cell that was run, where the learner wants that.
   */
  private _onExecuted(
    _: unknown,
    { notebook, cell }: { notebook: Notebook; cell: Cell }
  ): void {
    if (notebook === this.panel.content && this._preferences.value.checkOnRun) {
      const footer = this._footers.get(cell.model);
      if (footer) {
        void this.check(footer.answer.gradeId);
      }
    }
  }

  private _onCoachChanged(): void {
    for (const footer of this._footers.values()) {
      footer.refreshNext();
    }
  }

  /**
   * Select a line, so that it is marked in the editor, and go there.
   */
  private _selectLine(model: ICellModel, line: number): void {
    const { content } = this.panel;
    const index = content.widgets.findIndex(w => w.model === model);
    const editor = content.widgets[index]?.editor;
    const text = editor?.getLine(line - 1);
    if (editor && text !== undefined) {
      content.activeCellIndex = index;
      content.mode = 'edit';
      editor.focus();
      editor.setSelection({
        start: { line: line - 1, column: 0 },
        end: { line: line - 1, column: text.length }
      });
    }
  }

  private _onModelChanged(): void {
    const model = this.panel.content.model;
    if (model !== this._model) {
      this._model?.cells.changed.disconnect(this._schedule, this);
      this._model?.metadataChanged.disconnect(this._schedule, this);
      this._model = model;
      model?.cells.changed.connect(this._schedule, this);
      model?.metadataChanged.connect(this._schedule, this);
    }
    this._schedule();
  }

  /**
   * Compare soon: after a change of the model its widgets follow within the same turn.
   */
  private _schedule(): void {
    if (!this._scheduled) {
      this._scheduled = true;
      void Promise.resolve().then(() => {
        this._scheduled = false;
        this._compare();
      });
    }
  }

  private _compare(): void {
    if (this._isDisposed) {
      return;
    }
    const { content, context } = this.panel;
    const exercise = content.model && exerciseOf(content.model);
    const former = this._state;
    this._state = exercise
      ? this._coach.checks.exercise(context, exercise)
      : null;
    if (this._state !== former) {
      this._stateChanged.emit();
    }
    if (this._state) {
      this._coach.connect();
    }
    const wanted = this._state ? answerCells(content.model?.cells ?? []) : [];
    const models = new Set(wanted.map(({ model }) => model));
    for (const [model, footer] of this._footers) {
      if (
        footer.isDisposed ||
        !models.has(model) ||
        footer.state !== this._state
      ) {
        this._footers.delete(model);
        footer.dispose();
      }
    }
    for (const answer of wanted) {
      this._attach(answer);
    }
  }

  private _attach(answer: IAnswerCell): void {
    const cell = this.panel.content.widgets.find(w => w.model === answer.model);
    if (this._footers.has(answer.model) || !cell || !this._state) {
      return;
    }
    const actions = {
      check: (gradeId: string) => void this.check(gradeId),
      hint: (gradeId: string, check: string) => {
        if (this._state) {
          this._coach.checks.hint(this._state, gradeId, check);
        }
      },
      line: (line: number) => this._selectLine(answer.model, line),
      next: this._next
    };
    const footer = new CellFooter(
      answer,
      this._state,
      actions,
      this._preferences,
      this._trans
    );
    this._footers.set(answer.model, footer);
    cell.disposed.connect(() => footer.dispose());
    void cell.ready.then(() => insert(cell, footer));
  }

  private readonly _footers = new Map<ICellModel, CellFooter>();
  private _model: NotebookPanel['content']['model'] = null;
  private _state: ExerciseState | null = null;
  private readonly _stateChanged = new Signal<this, void>(this);
  private _scheduled = false;
  private _isDisposed = false;
}

/**
 * Put a footer below the cell's input, now or when the cell is on the page:
 * a windowed notebook takes a cell's children out while the cell is out of view.
 */
function insert(cell: Cell, footer: CellFooter): void {
  if (cell.isDisposed || footer.isDisposed || footer.parent) {
    return;
  }
  if (!cell.isAttached) {
    const onViewport = (_: Cell, inViewport: boolean) => {
      if (inViewport) {
        cell.inViewportChanged.disconnect(onViewport);
        insert(cell, footer);
      }
    };
    cell.inViewportChanged.connect(onViewport);
    return;
  }
  const layout = cell.layout as PanelLayout;
  const input = layout.widgets.findIndex(w =>
    w.hasClass('jp-Cell-inputWrapper')
  );
  layout.insertWidget(input + 1, footer);
}
