import type { ICellModel } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';
import type { IAnswerCell } from '../cells';
import type { ExerciseState } from '../exercise';
import type { Preferences } from '../preferences';
import { FeedbackView } from './feedback';
import { costWords, pointsOf, statusWords, verdictWords, worth } from './words';

/**
 * What a footer does when its buttons are pressed.
 */
export interface IFooterActions {
  readonly check: (gradeId: string) => void;
  readonly hint: (gradeId: string, check: string) => void;
  /** Select a line of the cell. */
  readonly line: (line: number) => void;
  /** Return the exercise to go on with, or null. */
  readonly next: () => INextStep | null;
}

/**
 * The exercise to go on with.
 */
export interface INextStep {
  readonly title: string;
  readonly open: () => void;
}

/**
 * The strip under an answer cell: points, state, *Check*, and the feedback.
 */
export class CellFooter extends ReactWidget {
  constructor(
    readonly answer: IAnswerCell,
    readonly state: ExerciseState,
    private readonly _actions: IFooterActions,
    private readonly _preferences: Preferences,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbcoach-Footer');
    // The notebook's own keys (Enter: edit the cell) must not take the buttons' keys.
    this.node.dataset.lmSuppressShortcuts = 'true';
    this.node.dataset.cell = answer.gradeId;
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', _trans.__('Check of this cell'));
    state.changed.connect(this._onChanged, this);
    answer.model.contentChanged.connect(this._onEdited, this);
    _preferences.changed.connect(this._redraw, this);
    this._mark();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.state.changed.disconnect(this._onChanged, this);
      this.answer.model.contentChanged.disconnect(this._onEdited, this);
      this._preferences.changed.disconnect(this._redraw, this);
      super.dispose();
    }
  }

  protected render(): JSX.Element {
    const { gradeId, model } = this.answer;
    const { status, feedback, failure } = this.state.cell(gradeId);
    const trans = this._trans;
    const busy = status !== 'idle' && status !== 'offline';
    return (
      <>
        <div className="nbcoach-Footer-bar">
          {this._chip()}
          <span className="nbcoach-Footer-points">
            {feedback
              ? pointsOf(feedback.points, feedback.max_points, trans)
              : worth(this.answer.points, trans)}
          </span>
          <span className="nbcoach-Footer-aside">{this._aside()}</span>
          <button
            type="button"
            className="nbcoach-Button nbcoach-Footer-check"
            title={trans.__('Save the notebook and check this cell')}
            aria-disabled={busy}
            onClick={() => !busy && this._actions.check(gradeId)}
          >
            {status === 'offline' ? trans.__('Try again') : trans.__('Check')}
          </button>
        </div>
        {status === 'offline' && (
          <p className="nbcoach-Problem" role="status">
            {trans.__(
              'The grader cannot be reached. Your check is kept and sent as soon as it is back; you can go on working.'
            )}
          </p>
        )}
        {failure && <p className="nbcoach-Problem">{failure}</p>}
        {feedback && (
          <FeedbackView
            feedback={feedback}
            styleNotes={this._preferences.value.styleNotes}
            onLine={this._actions.line}
            isOwnCell={cell => cell === gradeId || cell === model.id}
            hints={check => this.state.hints(gradeId, check)}
            onHint={check => this._actions.hint(gradeId, check)}
            trans={trans}
          />
        )}
        {feedback?.solved && this._onward()}
      </>
    );
  }

  /**
   * Draw anew where another next step may be known by now.
   */
  refreshNext(): void {
    if (this.state.cell(this.answer.gradeId).feedback?.solved) {
      this.update();
    }
  }

  private _onward(): JSX.Element {
    const next = this._actions.next();
    return (
      <div className="nbcoach-Onward">
        <span>{this._trans.__('You have passed the whole exercise.')}</span>
        {next && (
          <button
            type="button"
            className="nbcoach-Button nbcoach-mod-primary nbcoach-Onward-next"
            onClick={next.open}
          >
            {this._trans.__('Next: %1', next.title)}
          </button>
        )}
      </div>
    );
  }

  private _chip(): JSX.Element {
    const { status, feedback } = this.state.cell(this.answer.gradeId);
    const running = statusWords(status, this._trans);
    const { sign, word } = running ??
      (feedback && verdictWords(feedback.verdict, this._trans)) ?? {
        sign: '○',
        word: this._trans.__('Not checked yet')
      };
    return (
      <span className="nbcoach-Chip">
        <span className="nbcoach-Sign" aria-hidden="true">
          {sign}
        </span>
        {word}
      </span>
    );
  }

  private _aside(): string {
    const { status, feedback, source } = this.state.cell(this.answer.gradeId);
    if (feedback === null || status !== 'idle') {
      return '';
    }
    if (this._isEdited(source)) {
      return this._trans.__('Edited since this check');
    }
    return feedback.verdict === 'not-attempted' || !this._preferences.value.cost
      ? ''
      : costWords(feedback, feedback.reference, this._trans);
  }

  private _isEdited(source: string | null): boolean {
    return (
      source !== null && source !== this.answer.model.sharedModel.getSource()
    );
  }

  private _onChanged(_: ExerciseState, gradeId: string): void {
    if (gradeId === this.answer.gradeId) {
      this._mark();
      this.update();
    }
  }

  private _onEdited(_: ICellModel): void {
    const { feedback, source } = this.state.cell(this.answer.gradeId);
    const edited = String(this._isEdited(source));
    if (feedback && this.node.dataset.edited !== edited) {
      this._mark();
      this.update();
    }
  }

  private _redraw(): void {
    this.update();
  }

  /**
   * Put the state on the node, for styles and for tests.
   */
  private _mark(): void {
    const { status, feedback, source } = this.state.cell(this.answer.gradeId);
    this.node.dataset.verdict = feedback?.verdict ?? '';
    this.node.dataset.status = status;
    this.node.dataset.edited = String(this._isEdited(source));
  }
}
