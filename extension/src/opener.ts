import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { NotebookFooters } from './footers';
import type { CoachModel } from './model';
import type { IOpened } from './course';

const NOTICE = 'nbcoach:notice';

/**
 * The page of Notebook 7 that this is ("tree", "notebooks"), or empty in JupyterLab.
 */
export function notebookPage(): string {
  return PageConfig.getOption('notebookPage');
}

/**
 * Opens exercises, in a tab of JupyterLab or on this page of Notebook 7.
 */
export class ExerciseOpener {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _coach: CoachModel,
    private readonly _trans: TranslationBundle
  ) {
    void _app.restored.then(() => this._showNotice());
  }

  /** The open notebooks, where this page can have any. */
  footers: NotebookFooters | null = null;

  /**
   * Place an exercise into the learner's files and show it.
   */
  async open(course: string, exercise: string): Promise<void> {
    // What is on the screen must be on the disk before the server carries answers over.
    const shown = this.footers?.at(`${course}/${exercise}/${exercise}.ipynb`);
    if (shown?.context.model.dirty) {
      await shown.context.save();
    }
    const opened = await this._coach.open(course, exercise);
    if (notebookPage()) {
      await this._navigate(opened);
      return;
    }
    if (opened.updated && shown) {
      await shown.context.revert();
    }
    await this._app.commands.execute('docmanager:open', { path: opened.path });
    this._notify(opened);
  }

  /**
   * Go to the notebook on this page: a learner who follows *Up next* needs no pile of tabs.
   */
  private async _navigate(opened: IOpened): Promise<void> {
    const current = this.footers?.current?.panel.context;
    if (current?.model.dirty) {
      await current.save();
    }
    if (opened.updated) {
      window.sessionStorage.setItem(NOTICE, JSON.stringify(opened));
    }
    const path = URLExt.encodeParts(opened.path);
    const { baseUrl } = this._app.serviceManager.serverSettings;
    window.location.assign(URLExt.join(baseUrl, 'notebooks', path));
  }

  private _showNotice(): void {
    const notice = window.sessionStorage.getItem(NOTICE);
    if (notice !== null && notebookPage()) {
      window.sessionStorage.removeItem(NOTICE);
      this._notify(JSON.parse(notice) as IOpened);
    }
  }

  private _notify(opened: IOpened): void {
    if (opened.updated) {
      Notification.info(
        this._trans.__(
          'This exercise has a new version. Your answers were carried over; your former notebook is kept as %1.',
          opened.kept ?? ''
        ),
        { autoClose: 10000 }
      );
    }
  }
}
