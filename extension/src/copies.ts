import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookModel, INotebookTracker } from '@jupyterlab/notebook';
import { exerciseOf, gradeIdOf } from './cells';

/**
 * Take our ids from cells that are copies: a copied cell keeps its metadata, but only one cell can be the answer.
 *
 * A cell that was cut and pasted, moved, or brought back by undo is no copy, as its former self is gone.
 */
export function followCopies(tracker: INotebookTracker): void {
  tracker.forEach(panel => follow(panel.content.model));
  tracker.widgetAdded.connect((_, panel) => {
    void panel.context.ready.then(() => follow(panel.content.model));
  });
}

function follow(model: INotebookModel | null): void {
  let added = new Set<ICellModel>();
  model?.cells.changed.connect((_, change) => {
    if (change.type !== 'add') {
      return;
    }
    if (added.size === 0) {
      // Soon: a move takes the cell from its former place only now.
      void Promise.resolve().then(() => {
        const came = added;
        added = new Set();
        if (exerciseOf(model)) {
          release(model.cells, came);
        }
      });
    }
    change.newValues.forEach(cell => added.add(cell));
  });
}

/**
 * Take the ids from cells that came to a notebook that has these ids already.
 */
export function release(
  cells: Iterable<ICellModel>,
  came: ReadonlySet<ICellModel>
): void {
  const all = [...cells];
  const present = new Set(
    all.filter(cell => !came.has(cell)).map(cell => gradeIdOf(cell))
  );
  for (const cell of all) {
    const id = gradeIdOf(cell);
    if (came.has(cell) && id !== null && present.has(id)) {
      cell.deleteMetadata('nbgrader');
      cell.deleteMetadata('nbcoach');
    }
  }
}
