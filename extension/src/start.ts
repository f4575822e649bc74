import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { NotebookFooters } from './footers';
import type { CoachModel } from './model';
import { notebookPage } from './opener';
import type { Preferences } from './preferences';
import type { ExercisesPanel } from './widgets/panel';

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
  panel: ExercisesPanel,
  footers: NotebookFooters | null,
  ready: Promise<void>,
  preferences: Preferences
): Promise<void> {
  await app.restored;
  await ready;
  let wanted = preferences.value.showPanel;
  const show = () => {
    if (wanted) {
      wanted = false;
      app.shell.activateById(panel.id);
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
    panel.current = state?.exercise ?? null;
    if (state) {
      void coach.choose(state.course);
      if (notebookPage() === 'notebooks' && wanted) {
        show();
        footers?.current?.panel.activate(); // the keys are for the notebook
      }
    }
  };
  footers?.currentChanged.connect(follow);
  follow();
}
