import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
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
import { followCopies } from './copies';
import { NotebookFooters } from './footers';
import { addHandIn } from './handin';
import { exercisesIcon } from './icons';
import { SessionKeep } from './keep';
import { LiveConnection } from './live';
import { CoachModel } from './model';
import { showNotices } from './notices';
import { ExerciseOpener, notebookPage } from './opener';
import { Phrasebook } from './phrases';
import { Preferences } from './preferences';
import { followQuestions } from './questions';
import { CoachService, openLive } from './request';
import { showAtStart } from './start';
import { ICoach } from './tokens';
import { Announcer } from './widgets/announcer';
import { ExercisesPanel } from './widgets/panel';
import { NotebookPoints } from './widgets/points';

/**
 * The state that the other plugins share.
 */
const coach: JupyterFrontEndPlugin<ICoach> = {
  id: '@nbcoach/labextension:coach',
  description: 'Keeps the learner’s courses, recommendations and checks.',
  autoStart: true,
  provides: ICoach,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): ICoach => {
    const settings = app.serviceManager.serverSettings;
    const keep = new SessionKeep(window.sessionStorage, settings.baseUrl);
    const live = new LiveConnection(() => openLive(settings), keep);
    const model = new CoachModel(new CoachService(settings), live);
    void speak(model, translator ?? nullTranslator);
    return model;
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
    ILayoutRestorer,
    IToolbarWidgetRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    model: ICoach,
    tracker: INotebookTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    restorer: ILayoutRestorer | null,
    toolbars: IToolbarWidgetRegistry | null
  ): void => {
    const page = notebookPage();
    if (page && page !== 'tree' && page !== 'notebooks') {
      return;
    }
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('nbcoach');
    const preferences = new Preferences();
    const ready = preferences.load(registry);
    const opener = new ExerciseOpener(app, model, trans);
    const panel = new ExercisesPanel(
      model,
      { start: (course, exercise) => opener.open(course, exercise) },
      preferences,
      trans,
      exercisesIcon
    );
    app.shell.add(panel, 'left', { rank: 110, type: 'Exercises' });
    restorer?.add(panel, panel.id);
    addShowPanel(app, panel.id, trans);
    addRefresh(commands, model, trans);
    addStartExercise(commands, opener, trans);
    const listed: string[] = [
      CommandIDs.next,
      CommandIDs.refresh,
      CommandIDs.showPanel
    ];
    let footers: NotebookFooters | null = null;
    if (tracker) {
      const next = () => {
        const item = model.next.value?.items[0];
        return item
          ? {
              title: item.title,
              open: () => void commands.execute(CommandIDs.next)
            }
          : null;
      };
      footers = new NotebookFooters(tracker, model, preferences, next, trans);
      opener.footers = footers;
      toolbars?.addFactory<NotebookPanel>(
        'Notebook',
        'nbcoach-points',
        notebook => new NotebookPoints(notebook, model, trans)
      );
      addCheckCell(commands, footers, trans);
      addCheckAll(commands, footers, trans);
      const bench = { app, coach: model, footers, opener, trans };
      addHandIn(bench, palette);
      showNotices(bench);
      followCopies(tracker);
      followQuestions(tracker, trans);
      listed.unshift(CommandIDs.checkCell, CommandIDs.checkAll);
      Widget.attach(new Announcer(model.checks, trans), document.body);
    }
    addNext(commands, model, opener, footers, trans);
    for (const command of listed) {
      palette?.addItem({ command, category: trans.__('Exercises') });
    }
    void showAtStart(app, model, panel, footers, ready, preferences);
    void model.refresh();
    model.connect(); // also for news, where no exercise is open
  }
};

/**
 * Let the servers' sentences be said in the learner's language; who reads English loads none of it.
 */
async function speak(model: ICoach, translator: ITranslator): Promise<void> {
  if (!translator.languageCode.startsWith('en')) {
    const sentences = await import('./sentences');
    model.speak(new Phrasebook(sentences, translator.load('nbcoach')));
  }
}

export default [coach, plugin];
