import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import React, { useEffect } from 'react';
import type { CoachModel } from '../model';
import type { ICourse, ISubmission } from '../course';
import { inTimeWords, momentOf } from './moments';
import { downloadReceipt } from './receipt';
import { pointsOf } from './words';

interface ISubmissionsProps {
  readonly coach: CoachModel;
  readonly course: ICourse;
  readonly trans: TranslationBundle;
}

/**
 * What the learner has handed in in a course, newest first, with what was said about it.
 */
export function SubmissionList(props: ISubmissionsProps): JSX.Element {
  const { coach, course, trans } = props;
  const { submissions } = coach;
  useEffect(() => {
    void submissions.refresh(course.id);
  }, [submissions, course.id]);
  const titles = new Map(course.exercises.map(({ id, title }) => [id, title]));
  return (
    <UseSignal signal={submissions.changed}>
      {() => {
        const { value, error } = submissions.list;
        const mine = (value ?? []).filter(item => item.course === course.id);
        return (
          <section
            className="nbcoach-Submissions"
            aria-labelledby="nbcoach-submissions"
          >
            <h3 id="nbcoach-submissions" className="nbcoach-Eyebrow">
              {trans.__('Handed in')}
              <span className="nbcoach-Count">{mine.length || ''}</span>
            </h3>
            {error !== null && <p className="nbcoach-Problem">{error}</p>}
            {error === null && value !== null && mine.length === 0 && (
              <p className="nbcoach-Loading">
                {trans.__(
                  'Nothing yet. Submit in a notebook’s toolbar hands it in.'
                )}
              </p>
            )}
            <ul>
              {mine.map(item => (
                <SubmissionItem
                  key={item.submission}
                  submission={item}
                  title={titles.get(item.exercise) ?? item.exercise}
                  trans={trans}
                />
              ))}
            </ul>
          </section>
        );
      }}
    </UseSignal>
  );
}

function SubmissionItem(props: {
  readonly submission: ISubmission;
  readonly title: string;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { submission, title, trans } = props;
  const { at, due, late, points, max_points, comments } = submission;
  return (
    <li
      className="nbcoach-Submission"
      data-exercise={submission.exercise}
      data-submission={submission.submission}
    >
      <p className="nbcoach-Submission-title">{title}</p>
      <p className="nbcoach-Submission-facts">
        <span>{momentOf(at, 'short')}</span>
        <span>{pointsOf(points, max_points, trans)}</span>
        {due !== null && (
          <span data-late={late}>{inTimeWords(due, late, trans)}</span>
        )}
      </p>
      {comments.map(comment => (
        <blockquote key={comment.id} className="nbcoach-Comment">
          <p className="nbcoach-Comment-text">{comment.text}</p>
          <footer>
            {comment.cell === null
              ? trans.__(
                  '%1, %2',
                  comment.author,
                  momentOf(comment.at, 'short')
                )
              : trans.__(
                  '%1 about cell %2, %3',
                  comment.author,
                  comment.cell,
                  momentOf(comment.at, 'short')
                )}
          </footer>
        </blockquote>
      ))}
      <button
        type="button"
        className="nbcoach-Link"
        onClick={() => downloadReceipt(submission)}
        aria-label={trans.__('Download the receipt of %1', title)}
      >
        {trans.__('Receipt')}
      </button>
    </li>
  );
}
