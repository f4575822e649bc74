import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
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
import { CellFooter } from './footer';

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
    private readonly _trans: TranslationBundle
  ) {
    panel.content.modelChanged.connect(this._onModelChanged, this);
    panel.disposed.connect(this.dispose, this);
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
    await this._coach.check(
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
      for (const footer of this._footers.values()) {
        footer.dispose();
      }
      this._footers.clear();
      Signal.clearData(this);
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
    this._state = exercise ? this._coach.exercise(context, exercise) : null;
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
          this._coach.hint(this._state, gradeId, check);
        }
      }
    };
    const footer = new CellFooter(answer, this._state, actions, this._trans);
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
