import type { JupyterFrontEnd } from '@jupyterlab/application';
import { showErrorMessage } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { NotebookFooters } from './footers';
import { exercisesIcon } from './icons';
import { messageOf } from './loaded';
import type { CoachModel } from './model';
import type { ExerciseOpener } from './opener';

/**
 * The commands of nbcoach.
 */
export namespace CommandIDs {
  export const checkCell = 'nbcoach:check-cell';
  export const checkAll = 'nbcoach:check-all';
  export const startExercise = 'nbcoach:start-exercise';
  export const next = 'nbcoach:next';
  export const refresh = 'nbcoach:refresh';
  export const showPanel = 'nbcoach:show-panel';
}

type Commands = JupyterFrontEnd['commands'];

const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/**
 * Add the command that checks one answer cell.
 */
export function addCheckCell(
  commands: Commands,
  footers: NotebookFooters,
  trans: TranslationBundle
): void {
  commands.addCommand(CommandIDs.checkCell, {
    label: trans.__('Check This Cell'),
    caption: trans.__('Save the notebook and check the answer'),
    isEnabled: () => footers.current !== null,
    execute: async args => {
      const footer = footers.current;
      const cell =
        typeof args.cell === 'string' ? args.cell : footer?.currentAnswer();
      if (footer && cell) {
        await footer.check(cell);
      }
    },
    describedBy: {
      args: {
        type: 'object',
        properties: {
          cell: {
            type: 'string',
            description:
              'The grade id of the answer cell; the active cell where missing.'
          }
        }
      }
    }
  });
}

/**
 * Add the command that checks all answer cells of the current notebook.
 */
export function addCheckAll(
  commands: Commands,
  footers: NotebookFooters,
  trans: TranslationBundle
): void {
  commands.addCommand(CommandIDs.checkAll, {
    label: trans.__('Check All'),
    caption: trans.__('Save the notebook and check all answers'),
    isEnabled: () => footers.current !== null,
    isVisible: () => footers.current !== null,
    execute: () => footers.current?.checkAll(),
    describedBy: NO_ARGS
  });
  footers.currentChanged.connect(() => {
    commands.notifyCommandChanged(CommandIDs.checkAll);
    commands.notifyCommandChanged(CommandIDs.checkCell);
  });
}

/**
 * Add the command that opens an exercise.
 */
export function addStartExercise(
  commands: Commands,
  opener: ExerciseOpener,
  trans: TranslationBundle
): void {
  commands.addCommand(CommandIDs.startExercise, {
    label: trans.__('Open an Exercise'),
    isEnabled: args => typeof args.exercise === 'string',
    isVisible: args => typeof args.exercise === 'string',
    execute: async args => {
      const { course, exercise } = args;
      if (typeof course === 'string' && typeof exercise === 'string') {
        await opener.open(course, exercise);
      }
    },
    describedBy: {
      args: {
        type: 'object',
        required: ['course', 'exercise'],
        properties: {
          course: { type: 'string', description: 'The id of the course.' },
          exercise: { type: 'string', description: 'The id of the exercise.' }
        }
      }
    }
  });
}

/**
 * Add the command that opens the recommended exercise.
 */
export function addNext(
  commands: Commands,
  coach: CoachModel,
  opener: ExerciseOpener,
  footers: NotebookFooters | null,
  trans: TranslationBundle
): void {
  const recommended = () => coach.next.value?.items[0]?.exercise;
  commands.addCommand(CommandIDs.next, {
    label: args =>
      args.toolbar ? trans.__('Next') : trans.__('Open the Next Exercise'),
    caption: trans.__('Open the exercise that is recommended next'),
    isEnabled: () => recommended() !== undefined,
    isVisible: args => !args.toolbar || !!footers?.current,
    execute: async () => {
      const exercise = recommended();
      if (coach.courseId !== null && exercise !== undefined) {
        try {
          await opener.open(coach.courseId, exercise);
        } catch (error) {
          await showErrorMessage(
            trans.__('The exercise cannot be opened'),
            messageOf(error)
          );
        }
      }
    },
    describedBy: {
      args: {
        type: 'object',
        properties: {
          toolbar: {
            type: 'boolean',
            description: 'Whether it stands in the toolbar of a notebook.'
          }
        }
      }
    }
  });
  const notify = () => commands.notifyCommandChanged(CommandIDs.next);
  coach.changed.connect(notify);
  footers?.currentChanged.connect(notify);
}

/**
 * Add the command that fetches courses, progress and recommendations anew.
 */
export function addRefresh(
  commands: Commands,
  coach: CoachModel,
  trans: TranslationBundle
): void {
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh the Exercises'),
    execute: () => coach.refresh(),
    describedBy: NO_ARGS
  });
}

/**
 * Add the command that shows the panel.
 */
export function addShowPanel(
  app: JupyterFrontEnd,
  panel: string,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show the Exercises'),
    caption: trans.__('Show your exercises and what is next'),
    icon: exercisesIcon,
    execute: () => app.shell.activateById(panel),
    describedBy: NO_ARGS
  });
}
