import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { NotebookFooters } from './footers';
import type { CoachModel } from './model';
import { notebookPage } from './opener';

const PLUGIN = '@nbcoach/labextension:plugin';
const SEEN = 'nbcoach:panel-shown';

/**
 * Choose the course of the notebook in front, and show the panel where it is of use.
 *
 * JupyterLab restores its sidebars by itself, so there it is shown once in a browser session;
 * Notebook 7 hides them on every page: the panel comes up beside the file list and beside an exercise.
 */
export async function showAtStart(
  app: JupyterFrontEnd,
  coach: CoachModel,
  panel: string,
  footers: NotebookFooters | null,
  registry: ISettingRegistry | null
): Promise<void> {
  await app.restored;
  let wanted = await isWanted(registry);
  const show = () => {
    if (wanted) {
      wanted = false;
      app.shell.activateById(panel);
    }
  };
  if (notebookPage() === 'tree') {
    show();
  } else if (!notebookPage() && window.sessionStorage.getItem(SEEN) === null) {
    window.sessionStorage.setItem(SEEN, 'yes');
    show();
  }
  const follow = () => {
    const state = footers?.current?.state;
    if (state) {
      void coach.choose(state.course);
      if (notebookPage() === 'notebooks') {
        show();
      }
    }
  };
  footers?.currentChanged.connect(follow);
  follow();
}

async function isWanted(registry: ISettingRegistry | null): Promise<boolean> {
  try {
    const settings = await registry?.load(PLUGIN);
    return settings?.composite.showPanel !== false;
  } catch {
    return true; // a server without our schema: the default
  }
}
