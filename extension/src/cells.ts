import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { ICellSource } from './frames';

/**
 * What a notebook says that it is, where it is an exercise.
 */
export interface IExerciseMetadata {
  readonly course: string;
  readonly exercise: string;
  readonly version: string;
}

/**
 * An answer cell with checks.
 */
export interface IAnswerCell {
  readonly gradeId: string;
  readonly points: number;
  readonly model: ICellModel;
}

/**
 * Return which exercise a notebook is, or null.
 */
export function exerciseOf(
  notebook: Pick<INotebookModel, 'getMetadata'>
): IExerciseMetadata | null {
  const own = asObject(notebook.getMetadata('nbcoach'));
  const { course, exercise, version } = own;
  return typeof course === 'string' &&
    typeof exercise === 'string' &&
    typeof version === 'string'
    ? { course, exercise, version }
    : null;
}

/**
 * Return nbgrader's id of a cell, or null.
 */
export function gradeIdOf(cell: ICellModel): string | null {
  const id = asObject(cell.getMetadata('nbgrader')).grade_id;
  return typeof id === 'string' && id ? id : null;
}

/**
 * List the answer cells with checks. A copied cell carries the same id: only the first counts.
 */
export function answerCells(cells: Iterable<ICellModel>): IAnswerCell[] {
  const seen = new Set<string>();
  const found: IAnswerCell[] = [];
  for (const model of cells) {
    const gradeId = gradeIdOf(model);
    if (model.type !== 'code' || gradeId === null || seen.has(gradeId)) {
      continue;
    }
    seen.add(gradeId);
    const points = asObject(model.getMetadata('nbcoach')).points;
    if (typeof points === 'number') {
      found.push({ gradeId, points, model });
    }
  }
  return found;
}

/**
 * Return all code cells as the grader takes them; of cells with the same grade id only the first keeps it.
 */
export function cellSources(cells: Iterable<ICellModel>): ICellSource[] {
  const seen = new Set<string>();
  const found: ICellSource[] = [];
  for (const model of cells) {
    if (model.type !== 'code') {
      continue;
    }
    const gradeId = gradeIdOf(model);
    const first = gradeId !== null && !seen.has(gradeId);
    if (gradeId !== null) {
      seen.add(gradeId);
    }
    found.push({
      id: model.id,
      grade_id: first ? gradeId : null,
      source: model.sharedModel.getSource()
    });
  }
  return found;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)
    : {};
}
