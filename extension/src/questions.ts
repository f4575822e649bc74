import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PanelLayout } from '@lumino/widgets';
import { exerciseOf } from './cells';
import { formOf } from './forms';
import { QuestionForm } from './widgets/question';

/**
 * Keep a form above each answer cell of an exercise that has one.
 */
export function followQuestions(
  tracker: INotebookTracker,
  trans: TranslationBundle
): void {
  tracker.forEach(panel => follow(panel, trans));
  tracker.widgetAdded.connect((_, panel) => follow(panel, trans));
}

function follow(panel: NotebookPanel, trans: TranslationBundle): void {
  const forms = new Map<ICellModel, QuestionForm>();
  let scheduled = false;
  const compare = () => {
    scheduled = false;
    const { content } = panel;
    if (panel.isDisposed || !content.model) {
      return;
    }
    const isExercise = exerciseOf(content.model) !== null;
    const present = new Map(content.widgets.map(cell => [cell.model, cell]));
    for (const [model, form] of forms) {
      if (
        !present.has(model) ||
        form.isDisposed ||
        !isExercise ||
        read(model) === null
      ) {
        forms.delete(model);
        model.metadataChanged.disconnect(schedule);
        form.dispose();
      }
    }
    for (const [model, cell] of present) {
      const form = isExercise ? read(model) : null;
      if (form && !forms.has(model)) {
        const widget = new QuestionForm(form, model, trans);
        forms.set(model, widget);
        model.metadataChanged.connect(schedule); // a copy loses its form
        cell.disposed.connect(() => widget.dispose());
        void cell.ready.then(() => insert(cell, widget));
      }
    }
  };
  // Soon: widgets of cells follow their models within the same turn.
  const schedule = () => {
    if (!scheduled) {
      scheduled = true;
      void Promise.resolve().then(compare);
    }
  };
  let followed = panel.content.model;
  const attach = () => {
    followed?.cells.changed.disconnect(schedule);
    followed?.metadataChanged.disconnect(schedule);
    followed = panel.content.model;
    followed?.cells.changed.connect(schedule);
    followed?.metadataChanged.connect(schedule);
    schedule();
  };
  panel.content.modelChanged.connect(attach);
  attach();
  void panel.context.ready.then(schedule);
}

function read(model: ICellModel) {
  const own: unknown = model.getMetadata('nbcoach');
  return typeof own === 'object' && own !== null && model.type === 'code'
    ? formOf((own as { question?: unknown }).question)
    : null;
}

/**
 * Put a form above the cell's input, now or when the cell is on the page.
 */
function insert(cell: Cell, form: QuestionForm): void {
  if (cell.isDisposed || form.isDisposed || form.parent) {
    return;
  }
  if (!cell.isAttached) {
    const onViewport = (_: Cell, inViewport: boolean) => {
      if (inViewport) {
        cell.inViewportChanged.disconnect(onViewport);
        insert(cell, form);
      }
    };
    cell.inViewportChanged.connect(onViewport);
    return;
  }
  const layout = cell.layout as PanelLayout;
  const input = layout.widgets.findIndex(w =>
    w.hasClass('jp-Cell-inputWrapper')
  );
  layout.insertWidget(input, form);
}
