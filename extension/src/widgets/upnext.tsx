import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { CoachModel } from '../model';
import type { IRecommendation, Reaction } from '../course';
import { reasonWords } from './reasons';
import { difficultyWord } from './words';

interface IUpNextProps {
  readonly coach: CoachModel;
  readonly course: string;
  /** The exercise of the notebook in front. */
  readonly current: string | null;
  readonly onStart: (exercise: string) => void;
  readonly starting: string | null;
  readonly trans: TranslationBundle;
}

/**
 * The card that says what to do next, and why.
 */
export function UpNext(props: IUpNextProps): JSX.Element {
  const { coach, trans } = props;
  const { value, loading, error } = coach.next;
  const item = value?.items[0];
  return (
    <section
      className="nbcoach-UpNext"
      data-exercise={item?.exercise ?? ''}
      data-loading={loading}
      aria-labelledby="nbcoach-upnext"
      aria-busy={loading}
    >
      <h3 id="nbcoach-upnext" className="nbcoach-Eyebrow">
        {trans.__('Up next')}
      </h3>
      {item ? (
        <Recommendation {...props} item={item} busy={loading} />
      ) : value?.done ? (
        <>
          <p className="nbcoach-UpNext-title">{trans.__('All done')}</p>
          <p className="nbcoach-UpNext-why">
            {trans.__('You have passed every exercise of this course.')}
          </p>
        </>
      ) : error === null ? (
        <p className="nbcoach-Loading">
          {loading
            ? trans.__('Choosing your next exercise…')
            : trans.__('There is nothing to recommend at the moment.')}
        </p>
      ) : null}
      {error !== null && (
        <p className="nbcoach-Problem" role="alert">
          {error}{' '}
          <button
            type="button"
            className="nbcoach-Link"
            onClick={() => void coach.refresh()}
          >
            {trans.__('Try again')}
          </button>
        </p>
      )}
    </section>
  );
}

function Recommendation(
  props: IUpNextProps & {
    readonly item: IRecommendation;
    readonly busy: boolean;
  }
): JSX.Element {
  const { item, busy, trans } = props;
  const progress = props.coach.course.value?.progress?.[item.exercise];
  const react = (kind: Reaction) => () => {
    if (!busy) {
      void props.coach.react(props.course, item.exercise, kind);
    }
  };
  const startWord = () => {
    if (props.current === item.exercise) {
      return trans.__('Back to the notebook');
    }
    return progress?.state === 'started'
      ? trans.__('Continue')
      : trans.__('Start');
  };
  return (
    <>
      <p className="nbcoach-UpNext-title">{item.title}</p>
      <p className="nbcoach-UpNext-why">{reasonWords(item.why, trans)}</p>
      <p className="nbcoach-Facts">
        <span>{trans.__('%1 min', item.minutes)}</span>
        <Difficulty difficulty={item.difficulty} trans={trans} />
        {item.p !== null && (
          <span title={trans.__('Estimated from what you have solved so far')}>
            {trans.__('%1 % chance to solve it', Math.round(item.p * 100))}
          </span>
        )}
      </p>
      <button
        type="button"
        className="nbcoach-Button nbcoach-mod-primary nbcoach-UpNext-start"
        aria-disabled={props.starting !== null}
        onClick={() => props.onStart(item.exercise)}
      >
        {props.starting === item.exercise ? trans.__('Opening…') : startWord()}
      </button>
      <div
        className="nbcoach-UpNext-reactions"
        role="group"
        aria-label={trans.__('Suggest another exercise, because this one is:')}
      >
        <button type="button" data-kind="too-easy" onClick={react('too-easy')}>
          {trans.__('Too easy')}
        </button>
        <button type="button" data-kind="too-hard" onClick={react('too-hard')}>
          {trans.__('Too hard')}
        </button>
        <button type="button" data-kind="not-now" onClick={react('not-now')}>
          {trans.__('Not now')}
        </button>
      </div>
    </>
  );
}

/**
 * A difficulty as dots and in words.
 */
export function Difficulty(props: {
  readonly difficulty: number;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const word = difficultyWord(props.difficulty, props.trans);
  return (
    <span
      className="nbcoach-Difficulty"
      title={props.trans.__('Difficulty: %1 of 5', props.difficulty)}
    >
      <span aria-hidden="true">
        {[1, 2, 3, 4, 5].map(step => (
          <i key={step} data-on={step <= props.difficulty} />
        ))}
      </span>
      {word}
    </span>
  );
}
