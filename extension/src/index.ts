import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import {
  addCheckAll,
  addCheckCell,
  addNext,
  addRefresh,
  addShowPanel,
  addStartExercise,
  CommandIDs
} from './commands';
import { NotebookFooters } from './footers';
import { exercisesIcon } from './icons';
import { LiveConnection } from './live';
import { CoachModel } from './model';
import { ExerciseOpener, notebookPage } from './opener';
import { CoachService, openLive } from './request';
import { showAtStart } from './start';
import { ICoach } from './tokens';
import { Announcer } from './widgets/announcer';
import { ExercisesPanel } from './widgets/panel';

/**
 * The state that the other plugins share.
 */
const coach: JupyterFrontEndPlugin<ICoach> = {
  id: '@nbcoach/labextension:coach',
  description: 'Keeps the learner’s courses, recommendations and checks.',
  autoStart: true,
  provides: ICoach,
  activate: (app: JupyterFrontEnd): ICoach => {
    const settings = app.serviceManager.serverSettings;
    const live = new LiveConnection(() => openLive(settings));
    return new CoachModel(new CoachService(settings), live);
  }
};

/**
 * The side panel, the footers under answer cells, and the commands.
 */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@nbcoach/labextension:plugin',
  description: 'Shows exercises, what is next, and checks under answer cells.',
  autoStart: true,
  requires: [ICoach],
  optional: [
    INotebookTracker,
    ITranslator,
    ICommandPalette,
    ISettingRegistry,
    ILayoutRestorer
  ],
  activate: (
    app: JupyterFrontEnd,
    model: ICoach,
    tracker: INotebookTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const page = notebookPage();
    if (page && page !== 'tree' && page !== 'notebooks') {
      return;
    }
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('nbcoach');
    const opener = new ExerciseOpener(app, model, trans);
    const panel = new ExercisesPanel(
      model,
      { start: (course, exercise) => opener.open(course, exercise) },
      trans,
      exercisesIcon
    );
    app.shell.add(panel, 'left', { rank: 110, type: 'Exercises' });
    restorer?.add(panel, panel.id);
    addShowPanel(app, panel.id, trans);
    addRefresh(commands, model, trans);
    addStartExercise(commands, opener, trans);
    addNext(commands, model, opener, trans);
    const listed: string[] = [
      CommandIDs.next,
      CommandIDs.refresh,
      CommandIDs.showPanel
    ];
    let footers: NotebookFooters | null = null;
    if (tracker) {
      footers = new NotebookFooters(tracker, model, trans);
      opener.footers = footers;
      addCheckCell(commands, footers, trans);
      addCheckAll(commands, footers, trans);
      listed.unshift(CommandIDs.checkCell, CommandIDs.checkAll);
      Widget.attach(new Announcer(model, trans), document.body);
    }
    for (const command of listed) {
      palette?.addItem({ command, category: trans.__('Exercises') });
    }
    void showAtStart(app, model, panel.id, footers, registry);
    void model.refresh();
  }
};

export default [coach, plugin];
