import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { ICourse, IExercise, IProgress } from '../tokens';
import { exerciseWords, pointsOf, worth } from './words';

interface IListProps {
  readonly course: ICourse;
  readonly onStart: (exercise: string) => void;
  readonly starting: string | null;
  readonly trans: TranslationBundle;
}

/**
 * The exercises of a course by unit, in the author's order.
 */
export function ExerciseList(props: IListProps): JSX.Element {
  const { course, trans } = props;
  const byId = new Map(course.exercises.map(item => [item.id, item]));
  const passed = course.exercises.filter(
    item => course.progress?.[item.id]?.state === 'passed'
  ).length;
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
      {course.units.map(unit => (
        <div className="nbcoach-Unit" key={unit.id}>
          <h4 id={`nbcoach-unit-${unit.id}`}>{unit.title}</h4>
          <ul aria-labelledby={`nbcoach-unit-${unit.id}`}>
            {unit.exercises.map(id => {
              const exercise = byId.get(id);
              return exercise ? (
                <ExerciseItem
                  key={id}
                  exercise={exercise}
                  progress={course.progress?.[id]}
                  opening={props.starting === id}
                  onStart={() => props.onStart(id)}
                  trans={trans}
                />
              ) : null;
            })}
          </ul>
        </div>
      ))}
    </section>
  );
}

function ExerciseItem(props: {
  readonly exercise: IExercise;
  readonly progress: IProgress | undefined;
  readonly opening: boolean;
  readonly onStart: () => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { exercise, progress, trans } = props;
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
        onClick={props.onStart}
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
        </span>
      </button>
    </li>
  );
}
