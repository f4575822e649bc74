import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';
import { answerCells, exerciseOf } from '../cells';
import type { CoachModel } from '../model';
import { isHandedIn } from '../course';
import { pointsOf, worth } from './words';

/**
 * The points of a notebook's exercise, in its toolbar; nothing in other notebooks.
 */
export class NotebookPoints extends ReactWidget {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _coach: CoachModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbcoach-Points');
    _coach.changed.connect(this._onChanged, this);
    void _panel.context.ready.then(() => this.update());
  }

  dispose(): void {
    this._coach.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected render(): JSX.Element | null {
    const notebook = this._panel.content.model;
    const exercise = notebook && exerciseOf(notebook);
    if (!exercise) {
      return null;
    }
    const course = this._coach.course.value;
    const progress =
      course?.id === exercise.course
        ? course.progress?.[exercise.exercise]
        : undefined;
    if (progress) {
      return (
        <span
          title={
            isHandedIn(progress)
              ? this._trans.__(
                  'What you have handed in; submit again for newer work to count'
                )
              : this._trans.__('What counts for this exercise so far')
          }
        >
          {pointsOf(progress.points, progress.max_points, this._trans)}
        </span>
      );
    }
    const points = answerCells(notebook.cells).map(cell => cell.points);
    const total = points.reduce((sum, value) => sum + value, 0);
    return <span>{worth(total, this._trans)}</span>;
  }

  private _onChanged(): void {
    this.update();
  }
}
