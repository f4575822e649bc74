import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { isHandedIn } from '../course';
import type { ICourse, IExercise, IProgress } from '../course';
import { dueWords, exerciseWords, pointsOf, worth } from './words';

/** From so many exercises on there is a field to find one. */
const MANY = 30;

interface IListProps {
  readonly course: ICourse;
  /** The exercise of the notebook in front. */
  readonly current: string | null;
  readonly onStart: (exercise: string) => void;
  readonly starting: string | null;
  readonly trans: TranslationBundle;
}

/**
 * The exercises of a course by unit, in the author's order.
 */
export function ExerciseList(props: IListProps): JSX.Element {
  const { course, trans } = props;
  const [wanted, setWanted] = React.useState('');
  const byId = new Map(course.exercises.map(item => [item.id, item]));
  const done = (id: string) => course.progress?.[id]?.solved === true;
  const found = (id: string) => {
    const exercise = byId.get(id);
    const words = wanted.trim().toLowerCase();
    return exercise &&
      `${exercise.title} ${exercise.summary}`.toLowerCase().includes(words)
      ? [exercise]
      : [];
  };
  const units = course.units.map(unit => ({
    ...unit,
    found: unit.exercises.flatMap(found)
  }));
  const passed = course.exercises.filter(item => done(item.id)).length;
  return (
    <section aria-labelledby="nbcoach-exercises">
      <h3 id="nbcoach-exercises" className="nbcoach-Eyebrow">
        {trans.__('All exercises')}
        <span className="nbcoach-Count">
          {trans.__('%1 of %2 passed', passed, course.exercises.length)}
        </span>
      </h3>
      {course.exercises.length === 0 && (
        <p className="nbcoach-Loading">
          {trans.__('This course has no exercises yet.')}
        </p>
      )}
      {course.exercises.length >= MANY && (
        <input
          type="search"
          className="nbcoach-Find"
          placeholder={trans.__('Find an exercise')}
          aria-label={trans.__('Find an exercise')}
          value={wanted}
          onChange={event => setWanted(event.target.value)}
        />
      )}
      {wanted.trim() && units.every(unit => unit.found.length === 0) && (
        <p className="nbcoach-Loading" role="status">
          {trans.__('No exercise has these words.')}
        </p>
      )}
      {units.map(
        unit =>
          unit.found.length > 0 && (
            <details className="nbcoach-Unit" key={unit.id} open>
              <summary>
                <h4 id={`nbcoach-unit-${unit.id}`}>{unit.title}</h4>
                <span className="nbcoach-Count">
                  {trans.__(
                    '%1 of %2',
                    unit.exercises.filter(done).length,
                    unit.exercises.length
                  )}
                </span>
              </summary>
              <ul aria-labelledby={`nbcoach-unit-${unit.id}`}>
                {unit.found.map(exercise => (
                  <ExerciseItem
                    key={exercise.id}
                    exercise={exercise}
                    progress={course.progress?.[exercise.id]}
                    {...dueOf(exercise, trans)}
                    current={props.current === exercise.id}
                    opening={props.starting === exercise.id}
                    onStart={props.onStart}
                    trans={trans}
                  />
                ))}
              </ul>
            </details>
          )
      )}
    </section>
  );
}

function dueOf(
  exercise: IExercise,
  trans: TranslationBundle
): { readonly due: string | null; readonly soon: boolean } {
  const { text = null, soon = false } =
    dueWords(exercise.due, Date.now(), trans) ?? {};
  return { due: text, soon };
}

interface IItemProps {
  readonly exercise: IExercise;
  readonly progress: IProgress | undefined;
  readonly due: string | null;
  readonly soon: boolean;
  readonly current: boolean;
  readonly opening: boolean;
  readonly onStart: (exercise: string) => void;
  readonly trans: TranslationBundle;
}

/** Drawn anew only where something changed: a course can have hundreds. */
const ExerciseItem = React.memo((props: IItemProps): JSX.Element => {
  const { exercise, progress, due, trans } = props;
  const state = progress?.state ?? 'new';
  const { sign, word } = exerciseWords(state, trans);
  const points =
    progress && state !== 'new'
      ? pointsOf(progress.points, progress.max_points, trans)
      : worth(exercise.points, trans);
  return (
    <li>
      <button
        type="button"
        className="nbcoach-Exercise"
        data-exercise={exercise.id}
        data-state={state}
        title={exercise.summary}
        aria-current={props.current}
        onClick={() => props.onStart(exercise.id)}
      >
        <span className="nbcoach-Sign" aria-hidden="true">
          {sign}
        </span>
        <span className="nbcoach-Exercise-title">{exercise.title}</span>
        <span className="nbcoach-Exercise-facts">
          <span className="nbcoach-Exercise-state">
            {props.opening ? trans.__('Opening…') : word}
          </span>
          <span>{points}</span>
          <span>{trans.__('%1 min', exercise.minutes)}</span>
          {due && !isHandedIn(progress) && (
            <span className="nbcoach-Exercise-due" data-soon={props.soon}>
              {due}
            </span>
          )}
        </span>
      </button>
    </li>
  );
});
ExerciseItem.displayName = 'ExerciseItem';
