import { ISignal, Signal } from '@lumino/signaling';
import type { IFeedback, IHintText } from './frames';

/**
 * Where a cell's check stands: `queued` before it runs, `offline` while it waits for the grader.
 */
export type CheckStatus = 'idle' | 'queued' | 'running' | 'offline';

/**
 * The hints of a check that the learner has seen.
 */
export interface IHints {
  readonly texts: readonly string[];
  readonly pending: boolean;
  readonly failure: string | null;
}

/**
 * What is known of an answer cell.
 */
export interface ICellState {
  readonly status: CheckStatus;
  readonly request: string | null;
  readonly feedback: IFeedback | null;
  readonly failure: string | null;
  /** The source that the feedback is about. */
  readonly source: string | null;
  readonly hints: Readonly<Record<string, IHints>>;
}

const EMPTY: ICellState = {
  status: 'idle',
  request: null,
  feedback: null,
  failure: null,
  source: null,
  hints: {}
};

const NO_HINTS: IHints = { texts: [], pending: false, failure: null };

/**
 * The checks of one open notebook, shared by all its views.
 */
export class ExerciseState {
  constructor(
    readonly course: string,
    readonly exercise: string,
    readonly version: string
  ) {}

  /**
   * Emitted with the grade id of a cell whose state changed.
   */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /**
   * Return the state of an answer cell.
   */
  cell(gradeId: string): ICellState {
    return this._cells.get(gradeId) ?? EMPTY;
  }

  /**
   * Return what is known of a check's hints.
   */
  hints(gradeId: string, check: string): IHints {
    return this.cell(gradeId).hints[check] ?? NO_HINTS;
  }

  /**
   * Change the state of an answer cell.
   */
  update(gradeId: string, change: Partial<ICellState>): void {
    this._cells.set(gradeId, { ...this.cell(gradeId), ...change });
    this._changed.emit(gradeId);
  }

  /**
   * Change what is known of a check's hints.
   */
  updateHints(gradeId: string, check: string, change: Partial<IHints>): void {
    const hints = this.cell(gradeId).hints;
    this.update(gradeId, {
      hints: {
        ...hints,
        [check]: { ...this.hints(gradeId, check), ...change }
      }
    });
  }

  /**
   * Take a hint that came; hints are kept in the order of their level.
   */
  addHint(gradeId: string, hint: IHintText): void {
    const texts = [...this.hints(gradeId, hint.check).texts];
    texts[hint.level - 1] = hint.text;
    this.updateHints(gradeId, hint.check, {
      texts,
      pending: false,
      failure: null
    });
  }

  /**
   * Take the judgement of a cell; hints of checks that now pass are put away.
   */
  judge(gradeId: string, feedback: IFeedback): void {
    const open = new Set(
      feedback.checks.filter(c => c.verdict !== 'passed').map(c => c.id)
    );
    const hints = Object.entries(this.cell(gradeId).hints).filter(([id]) =>
      open.has(id)
    );
    this.update(gradeId, {
      status: 'idle',
      request: null,
      failure: null,
      feedback,
      hints: Object.fromEntries(hints)
    });
  }

  private readonly _cells = new Map<string, ICellState>();
  private readonly _changed = new Signal<this, string>(this);
}
