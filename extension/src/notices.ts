import { Notification } from '@jupyterlab/apputils';
import type { INotification } from './frames';
import { sentenceOf, updateWords } from './widgets/news';
import { showReceipt } from './widgets/receipt';
import { exerciseIn, type IWorkbench, openOrTell, titleOf } from './workbench';

/**
 * Tell the learner of receipts, of submissions that were refused or wait, and of news, as they come.
 */
export function showNotices(bench: IWorkbench): void {
  const { coach, trans } = bench;
  coach.submissions.handedIn.connect((_, receipt) => {
    void showReceipt(receipt, titleOf(coach, receipt), trans);
  });
  followSubmission(bench);
  followVersions(bench);
  coach.news.noticed.connect((_, item) => show(item, bench));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') {
      void coach.news.refresh(); // another tab may have read some
      void coach.renew();
    }
  });
}

/**
 * Warn, once each, where what is handed in was refused or waits.
 */
function followSubmission({ coach, footers, trans }: IWorkbench): void {
  const told = new Map<string, string>();
  coach.submissions.changed.connect(() => {
    const named = footers.current?.state;
    if (!named) {
      return;
    }
    const { status, request, failure } = coach.submissions.state(
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
}

/**
 * Say of an open notebook that there is a newer version of it, once for each version.
 */
function followVersions(bench: IWorkbench): void {
  const { coach, footers, trans } = bench;
  const said = new Set<string>();
  const look = () => {
    const named = footers.current?.state;
    const newest = named && exerciseIn(coach, named);
    if (!named || !newest || newest.version === named.version) {
      return;
    }
    const { course, exercise } = named;
    const key = `${course}/${exercise}/${newest.version}`;
    if (!said.has(key)) {
      said.add(key);
      Notification.info(updateWords(newest.title, trans), {
        autoClose: false,
        actions: [
          {
            label: trans.__('Update now'),
            callback: () => void openOrTell(bench, { course, exercise })
          }
        ]
      });
    }
  };
  footers.currentChanged.connect(look);
  coach.changed.connect(look);
}

function show(item: INotification, bench: IWorkbench): void {
  const { coach, footers, trans } = bench;
  const { course, exercise } = item;
  const front = footers.current?.state;
  if (
    item.kind === 'updated' &&
    front?.course === course &&
    front.exercise === exercise
  ) {
    return; // `followVersions` says it of the notebook in front
  }
  Notification.info(sentenceOf(item, trans), {
    autoClose: 15000,
    actions: [
      {
        label:
          item.kind === 'updated' ? trans.__('Update now') : trans.__('Open'),
        callback: () => {
          void coach.news.markRead([item.id]);
          void openOrTell(bench, { course, exercise });
        }
      }
    ]
  });
}
