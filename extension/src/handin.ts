import {
  Dialog,
  type ICommandPalette,
  Notification,
  showDialog
} from '@jupyterlab/apputils';
import { cellSources, gradeIdOf } from './cells';
import { momentOf } from './widgets/moments';
import { exerciseIn, failed, type IWorkbench, openExercise } from './workbench';

/**
 * The commands about handing in and beginning anew.
 */
export namespace HandInCommandIDs {
  export const submit = 'nbcoach:submit';
  export const resetCell = 'nbcoach:reset-cell';
  export const resetNotebook = 'nbcoach:reset-notebook';
}

const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/**
 * Add the commands that hand in and begin anew, and list them in the palette.
 */
export function addHandIn(
  bench: IWorkbench,
  palette: ICommandPalette | null
): void {
  const { app, coach, footers, trans } = bench;
  const { commands } = app;
  const isEnabled = () => footers.current !== null;
  commands.addCommand(HandInCommandIDs.submit, {
    label: () => {
      const open = openExercise(bench);
      const status =
        open &&
        coach.submissions.state(open.named.course, open.named.exercise).status;
      switch (status) {
        case 'saving':
        case 'sending':
          return trans.__('Submitting…');
        case 'offline':
          return trans.__('Waiting to submit');
        default:
          return trans.__('Submit');
      }
    },
    caption: trans.__('Save the notebook and hand it in'),
    isEnabled,
    isVisible: isEnabled,
    execute: () => submit(bench),
    describedBy: NO_ARGS
  });
  commands.addCommand(HandInCommandIDs.resetCell, {
    label: trans.__('Reset This Answer'),
    caption: trans.__('Bring back what stood in this cell at the beginning'),
    isEnabled,
    isVisible: isEnabled,
    execute: () => resetCell(bench),
    describedBy: NO_ARGS
  });
  commands.addCommand(HandInCommandIDs.resetNotebook, {
    label: trans.__('Reset This Exercise'),
    caption: trans.__('Begin the exercise anew; your notebook is kept'),
    isEnabled,
    isVisible: isEnabled,
    execute: () => resetNotebook(bench),
    describedBy: NO_ARGS
  });
  const ids = Object.values(HandInCommandIDs);
  const notify = () => ids.forEach(id => commands.notifyCommandChanged(id));
  footers.currentChanged.connect(notify);
  coach.submissions.changed.connect(notify);
  for (const command of ids) {
    palette?.addItem({ command, category: trans.__('Exercises') });
  }
}

async function submit(bench: IWorkbench): Promise<void> {
  const { coach, trans } = bench;
  const open = openExercise(bench);
  if (!open) {
    return;
  }
  const { named, panel, title } = open;
  const due = exerciseIn(coach, named)?.due ?? null;
  const late = due !== null && Date.parse(due) < Date.now();
  const { button } = await showDialog({
    title: trans.__('Hand in “%1”?', title),
    body: [
      trans.__(
        'Your notebook is saved, kept as it is now, and graded. You may hand it in again; the newest counts.'
      ),
      due === null
        ? ''
        : late
          ? trans.__(
              'It was due %1, so it will be marked as late.',
              momentOf(due)
            )
          : trans.__('It is due %1.', momentOf(due))
    ].join(' '),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Submit') })
    ]
  });
  if (!button.accept) {
    return;
  }
  const { context } = panel;
  await coach.submissions.submit(
    named,
    async () => {
      if (context.isReady && !context.model.readOnly) {
        await context.save();
      }
    },
    () => cellSources(panel.content.model?.cells ?? [])
  );
}

async function resetCell(bench: IWorkbench): Promise<void> {
  const { coach, footers, trans } = bench;
  const open = openExercise(bench);
  const cell = footers.current?.currentAnswer();
  const model = [...(open?.panel.model?.cells ?? [])].find(
    item => gradeIdOf(item) === cell
  );
  if (!open || !cell || !model) {
    return;
  }
  try {
    const { course, exercise } = open.named;
    model.sharedModel.setSource(await coach.starter(course, exercise, cell));
    Notification.info(
      trans.__('The answer was reset. Undo in the cell brings it back.'),
      { autoClose: 5000 }
    );
  } catch (error) {
    await failed(trans.__('The answer cannot be reset'), error);
  }
}

async function resetNotebook(bench: IWorkbench): Promise<void> {
  const { coach, trans } = bench;
  const open = openExercise(bench);
  if (!open) {
    return;
  }
  const { button } = await showDialog({
    title: trans.__('Begin “%1” anew?', open.title),
    body: trans.__(
      'You get the exercise as it was at the beginning. Your notebook is kept beside it, under another name.'
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Begin anew') })
    ]
  });
  if (!button.accept) {
    return;
  }
  const { context } = open.panel;
  try {
    if (context.model.dirty) {
      await context.save();
    }
    const { course, exercise } = open.named;
    const { kept } = await coach.reset(course, exercise);
    await context.revert();
    Notification.info(
      trans.__('Your former notebook is kept as %1.', kept ?? ''),
      {
        autoClose: 10000
      }
    );
  } catch (error) {
    await failed(trans.__('The exercise cannot be reset'), error);
  }
}
