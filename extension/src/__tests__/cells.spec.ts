import type { ICellModel } from '@jupyterlab/cells';
import { describe, expect, it } from 'vitest';
import { answerCells, cellSources, exerciseOf } from '../cells';

function cell(
  id: string,
  source: string,
  metadata: Record<string, unknown> = {},
  type = 'code'
): ICellModel {
  return {
    id,
    type,
    getMetadata: (key: string) => metadata[key],
    sharedModel: { getSource: () => source }
  } as unknown as ICellModel;
}

const answer = (id: string, gradeId: string, source = '') =>
  cell(id, source, {
    nbgrader: { grade_id: gradeId, solution: true },
    nbcoach: { points: 2 }
  });

describe('cells of an exercise', () => {
  it('reads which exercise a notebook is', () => {
    const named = { course: 'c', exercise: 'e', version: 'v' };
    const notebook = (value: unknown) => ({ getMetadata: () => value });
    expect(exerciseOf(notebook({ ...named, title: 'E' }))).toEqual(named);
    expect(exerciseOf(notebook(undefined))).toBeNull();
    expect(exerciseOf(notebook({ ...named, version: 1 }))).toBeNull();
  });

  it('finds answer cells with checks, and of copies the first', () => {
    const first = answer('1', 'fact');
    const cells = [
      cell('0', 'text', { nbcoach: { points: 1 } }, 'markdown'),
      first,
      answer('2', 'fact'),
      cell('3', '', { nbgrader: { grade_id: 'test' } }),
      cell('4', '')
    ];
    expect(answerCells(cells)).toEqual([
      { gradeId: 'fact', points: 2, model: first }
    ]);
  });

  it('sends all code cells in order; a copy goes without the grade id', () => {
    const cells = [
      answer('1', 'fact', 'a'),
      cell('t', 'text', {}, 'markdown'),
      answer('2', 'fact', 'b'),
      cell('3', 'c')
    ];
    expect(cellSources(cells)).toEqual([
      { id: '1', grade_id: 'fact', source: 'a' },
      { id: '2', grade_id: null, source: 'b' },
      { id: '3', grade_id: null, source: 'c' }
    ]);
  });
});
