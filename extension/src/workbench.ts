import type { JupyterFrontEnd } from '@jupyterlab/application';
import { showErrorMessage } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { exerciseOf } from './cells';
import type { IExercise } from './course';
import type { NotebookFooters } from './footers';
import { messageOf } from './loaded';
import type { CoachModel } from './model';
import type { ExerciseOpener } from './opener';
import type { INamed } from './submissions';

/**
 * What commands and notices about open exercises work with.
 */
export interface IWorkbench {
  readonly app: JupyterFrontEnd;
  readonly coach: CoachModel;
  readonly footers: NotebookFooters;
  readonly opener: ExerciseOpener;
  readonly trans: TranslationBundle;
}

/**
 * The exercise of the notebook in front.
 */
export interface IOpenExercise {
  readonly named: INamed;
  readonly panel: NotebookPanel;
  readonly title: string;
}

/**
 * Return the exercise of the notebook in front, or null where that is none.
 */
export function openExercise(bench: IWorkbench): IOpenExercise | null {
  const panel = bench.footers.current?.panel;
  const named = panel?.model && exerciseOf(panel.model);
  return panel && named
    ? { named, panel, title: titleOf(bench.coach, named) }
    : null;
}

/**
 * Return an exercise of the chosen course, or undefined.
 */
export function exerciseIn(
  coach: CoachModel,
  named: Omit<INamed, 'version'>
): IExercise | undefined {
  const course = coach.course.value;
  return course?.id === named.course
    ? course.exercises.find(({ id }) => id === named.exercise)
    : undefined;
}

/**
 * Return the title of an exercise, or its id where it is not known.
 */
export function titleOf(
  coach: CoachModel,
  named: Omit<INamed, 'version'>
): string {
  return exerciseIn(coach, named)?.title ?? named.exercise;
}

/**
 * Open an exercise, and say so where that fails.
 */
export async function openOrTell(
  { opener, trans }: IWorkbench,
  { course, exercise }: Omit<INamed, 'version'>
): Promise<void> {
  try {
    await opener.open(course, exercise);
  } catch (error) {
    await failed(trans.__('The exercise cannot be opened'), error);
  }
}

/**
 * Say what failed, and why.
 */
export async function failed(title: string, error: unknown): Promise<void> {
  await showErrorMessage(title, messageOf(error));
}
