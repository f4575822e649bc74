import type { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Dialog,
  type ICommandPalette,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { cellSources, exerciseOf, gradeIdOf } from './cells';
import type { NotebookFooters } from './footers';
import type { CoachModel } from './model';
import type { ExerciseOpener } from './opener';
import type { INotification } from './tokens';
import { momentOf } from './widgets/moments';
import { sentenceOf } from './widgets/news';
import { showReceipt } from './widgets/receipt';
import type { INamed } from './work';

/**
 * The commands about handing in and beginning anew.
 */
export namespace WorkCommandIDs {
  export const submit = 'nbcoach:submit';
  export const resetCell = 'nbcoach:reset-cell';
  export const resetNotebook = 'nbcoach:reset-notebook';
}

const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/**
 * What the commands here work with.
 */
export interface IWorkbench {
  readonly app: JupyterFrontEnd;
  readonly coach: CoachModel;
  readonly footers: NotebookFooters;
  readonly opener: ExerciseOpener;
  readonly trans: TranslationBundle;
}

interface IOpenExercise {
  readonly named: INamed;
  readonly panel: NotebookPanel;
  readonly title: string;
}

/**
 * Add the commands that hand in and begin anew, and list them in the palette.
 */
export function addWork(
  bench: IWorkbench,
  palette: ICommandPalette | null
): void {
  const { app, coach, footers, trans } = bench;
  const { commands } = app;
  const isEnabled = () => footers.current !== null;
  commands.addCommand(WorkCommandIDs.submit, {
    label: () => {
      const open = current(bench);
      const status =
        open && coach.work.state(open.named.course, open.named.exercise).status;
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
  commands.addCommand(WorkCommandIDs.resetCell, {
    label: trans.__('Reset This Answer'),
    caption: trans.__('Bring back what stood in this cell at the beginning'),
    isEnabled,
    isVisible: isEnabled,
    execute: () => resetCell(bench),
    describedBy: NO_ARGS
  });
  commands.addCommand(WorkCommandIDs.resetNotebook, {
    label: trans.__('Reset This Exercise'),
    caption: trans.__('Begin the exercise anew; your notebook is kept'),
    isEnabled,
    isVisible: isEnabled,
    execute: () => resetNotebook(bench),
    describedBy: NO_ARGS
  });
  const ids = Object.values(WorkCommandIDs);
  const notify = () => ids.forEach(id => commands.notifyCommandChanged(id));
  footers.currentChanged.connect(notify);
  coach.work.changed.connect(notify);
  for (const command of ids) {
    palette?.addItem({ command, category: trans.__('Exercises') });
  }
  tell(bench);
}

function current({ footers, coach }: IWorkbench): IOpenExercise | null {
  const panel = footers.current?.panel;
  const named = panel?.model && exerciseOf(panel.model);
  if (!panel || !named) {
    return null;
  }
  const found = exerciseIn(coach, named);
  return { named, panel, title: found?.title ?? named.exercise };
}

function exerciseIn(coach: CoachModel, named: INamed) {
  const course = coach.course.value;
  return course?.id === named.course
    ? course.exercises.find(({ id }) => id === named.exercise)
    : undefined;
}

async function submit(bench: IWorkbench): Promise<void> {
  const { coach, trans } = bench;
  const open = current(bench);
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
  await coach.work.submit(
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
  const open = current(bench);
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
  const open = current(bench);
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

/**
 * Tell the learner of receipts, of submissions that were refused or wait, and of news, as they come.
 */
function tell({ coach, footers, opener, trans }: IWorkbench): void {
  const { work } = coach;
  work.handedIn.connect((_, receipt) => {
    const title = exerciseIn(coach, receipt)?.title ?? receipt.exercise;
    void showReceipt(receipt, title, trans);
  });
  const told = new Map<string, string>();
  work.changed.connect(() => {
    const named = footers.current?.state;
    if (!named) {
      return;
    }
    const { status, request, failure } = work.state(
      named.course,
      named.exercise
    );
    const key = `${named.course}/${named.exercise}`;
    const words =
      failure ??
      (status === 'offline' && request !== null
        ? trans.__(
            'The grader cannot be reached. Your work is kept and handed in as soon as it is back.'
          )
        : '');
    if (words !== '' && words !== told.get(key)) {
      Notification.warning(words, { autoClose: 10000 });
    }
    told.set(key, words);
  });
  work.noticed.connect((_, item) => show(item, work, opener, trans));
  followVersions(coach, footers, opener, trans);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') {
      void work.refreshNotifications(); // another tab may have read some
    }
  });
}

function show(
  item: INotification,
  work: CoachModel['work'],
  opener: ExerciseOpener,
  trans: TranslationBundle
): void {
  Notification.info(sentenceOf(item, trans), {
    autoClose: 15000,
    actions: [
      {
        label:
          item.kind === 'updated' ? trans.__('Update now') : trans.__('Open'),
        callback: () => {
          void work.markRead([item.id]);
          void opener
            .open(item.course, item.exercise)
            .catch(error =>
              failed(trans.__('The exercise cannot be opened'), error)
            );
        }
      }
    ]
  });
}

/**
 * Say of an open notebook that there is a newer version of it, once for each version.
 */
function followVersions(
  coach: CoachModel,
  footers: NotebookFooters,
  opener: ExerciseOpener,
  trans: TranslationBundle
): void {
  const said = new Set<string>();
  const look = () => {
    const named = footers.current?.state;
    const newest = named && exerciseIn(coach, named);
    if (!named || !newest || newest.version === named.version) {
      return;
    }
    const key = `${named.course}/${named.exercise}/${newest.version}`;
    if (!said.has(key)) {
      said.add(key);
      const { course, exercise } = named;
      Notification.info(
        trans.__(
          '“%1” has a new version. Your answers are carried over when you open it.',
          newest.title
        ),
        {
          autoClose: false,
          actions: [
            {
              label: trans.__('Update now'),
              callback: () => {
                void opener
                  .open(course, exercise)
                  .catch(error =>
                    failed(trans.__('The exercise cannot be opened'), error)
                  );
              }
            }
          ]
        }
      );
    }
  };
  footers.currentChanged.connect(look);
  coach.changed.connect(look);
}

async function failed(title: string, error: unknown): Promise<void> {
  await showErrorMessage(
    title,
    error instanceof Error ? error.message : String(error)
  );
}
