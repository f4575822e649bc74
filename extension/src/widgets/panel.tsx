import type { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon, ReactWidget, refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { messageOf } from '../loaded';
import type { CoachModel } from '../model';
import type { Preferences } from '../preferences';
import { isHandedIn } from '../course';
import { ExerciseList } from './exercises';
import { FirstSteps } from './firststeps';
import { NotificationList } from './notifications';
import { SkillList } from './skills';
import { SubmissionList } from './submissions';
import { UpNext } from './upnext';

/**
 * What the panel does when its buttons are pressed.
 */
export interface IPanelActions {
  readonly start: (course: string, exercise: string) => Promise<void>;
}

/**
 * The side panel: what is next, the exercises of a course, and the learner's skills.
 */
export class ExercisesPanel extends ReactWidget {
  constructor(
    private readonly _coach: CoachModel,
    private readonly _actions: IPanelActions,
    private readonly _preferences: Preferences,
    private readonly _trans: TranslationBundle,
    icon: LabIcon
  ) {
    super();
    this.id = 'nbcoach-panel';
    this.addClass('nbcoach-Panel');
    this.title.icon = icon;
    this.title.caption = _trans.__('Exercises');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Exercises'));
    this.node.tabIndex = -1;
    _coach.changed.connect(this._onChanged, this);
    _preferences.changed.connect(this._onChanged, this);
    this._clock = window.setInterval(() => {
      if (_coach.course.value?.exercises.some(exercise => exercise.due)) {
        this.update();
      }
    }, 60_000);
  }

  /** The exercise of the notebook in front. */
  set current(exercise: string | null) {
    if (exercise !== this._current) {
      this._current = exercise;
      this.update();
    }
  }

  dispose(): void {
    window.clearInterval(this._clock);
    this._coach.changed.disconnect(this._onChanged, this);
    this._preferences.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected onActivateRequest(): void {
    this.node.focus();
  }

  protected render(): JSX.Element {
    const trans = this._trans;
    return (
      <>
        <div className="nbcoach-Panel-header">
          <h2>{trans.__('Exercises')}</h2>
          <button
            type="button"
            className="nbcoach-IconButton nbcoach-Panel-refresh"
            title={trans.__('Refresh')}
            aria-label={trans.__('Refresh')}
            onClick={() => void this._coach.refresh()}
          >
            <refreshIcon.react tag="span" />
          </button>
        </div>
        <div className="nbcoach-Panel-body">{this._body()}</div>
      </>
    );
  }

  private _body(): JSX.Element {
    const { courses, course, courseId } = this._coach;
    const trans = this._trans;
    if (courses.error !== null && courses.value === null) {
      return (
        <Problem
          title={trans.__('Your courses cannot be shown')}
          text={courses.error}
          onRetry={() => void this._coach.refresh()}
          trans={trans}
        />
      );
    }
    if (courses.value === null) {
      return <Loading text={trans.__('Fetching your courses…')} />;
    }
    if (courses.value.length === 0 || courseId === null) {
      return (
        <div className="nbcoach-Empty">
          <p className="nbcoach-Empty-title">{trans.__('No courses yet')}</p>
          <p>
            {trans.__(
              'When an instructor adds you to a course, its exercises appear here.'
            )}
          </p>
        </div>
      );
    }
    return (
      <>
        {this._courseSwitch()}
        <NotificationList
          news={this._coach.news}
          onOpen={(course, exercise) => {
            void this._coach.choose(course).then(() => this._start(exercise));
          }}
          trans={trans}
        />
        <UpNext
          coach={this._coach}
          course={courseId}
          current={this._current}
          onStart={this._start}
          starting={this._starting}
          trans={trans}
        />
        {this._isNewcomer() && (
          <FirstSteps
            onDismiss={() => {
              this._preferences.set('firstSteps', false);
              this.node.focus();
            }}
            trans={trans}
          />
        )}
        {this._failure !== null && (
          <p className="nbcoach-Problem" role="alert">
            {this._failure}
          </p>
        )}
        {course.value ? (
          <ExerciseList
            key={courseId}
            course={course.value}
            current={this._current}
            onStart={this._start}
            starting={this._starting}
            trans={trans}
          />
        ) : course.error !== null ? (
          <Problem
            title={trans.__('The exercises cannot be shown')}
            text={course.error}
            onRetry={() => void this._coach.refresh()}
            trans={trans}
          />
        ) : (
          <Loading text={trans.__('Fetching the exercises…')} />
        )}
        {course.value && (
          <SubmissionList
            coach={this._coach}
            course={course.value}
            trans={trans}
          />
        )}
        <SkillList
          skills={this._coach.skills}
          course={course.value}
          onStart={this._start}
          trans={trans}
        />
      </>
    );
  }

  /**
   * Return whether the learner wants to be told how it works and has not passed anything here.
   */
  private _isNewcomer(): boolean {
    const course = this._coach.course.value;
    return (
      this._preferences.value.firstSteps &&
      course !== null &&
      course.exercises.length > 0 &&
      Object.values(course.progress ?? {}).every(
        progress => !progress.solved && !isHandedIn(progress)
      )
    );
  }

  private _courseSwitch(): JSX.Element {
    const courses = this._coach.courses.value ?? [];
    const chosen = courses.find(course => course.id === this._coach.courseId);
    if (courses.length < 2) {
      return <p className="nbcoach-Course">{chosen?.title}</p>;
    }
    return (
      <label className="nbcoach-CourseSwitch">
        <span>{this._trans.__('Course')}</span>
        <select
          value={this._coach.courseId ?? ''}
          onChange={event => void this._coach.choose(event.target.value)}
        >
          {courses.map(course => (
            <option key={course.id} value={course.id}>
              {course.title}
            </option>
          ))}
        </select>
      </label>
    );
  }

  private readonly _start = (exercise: string): void => {
    const course = this._coach.courseId;
    if (course === null || this._starting !== null) {
      return;
    }
    this._starting = exercise;
    this._failure = null;
    this.update();
    this._actions
      .start(course, exercise)
      .catch((error: unknown) => {
        this._failure = this._trans.__(
          'The exercise cannot be opened: %1',
          messageOf(error)
        );
      })
      .finally(() => {
        this._starting = null;
        this.update();
      });
  };

  private _onChanged(): void {
    this.update();
  }

  private readonly _clock: number;
  private _current: string | null = null;
  private _starting: string | null = null;
  private _failure: string | null = null;
}

function Loading(props: { readonly text: string }): JSX.Element {
  return (
    <p className="nbcoach-Loading" role="status">
      {props.text}
    </p>
  );
}

function Problem(props: {
  readonly title: string;
  readonly text: string;
  readonly onRetry: () => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  return (
    <div className="nbcoach-Empty" role="alert">
      <p className="nbcoach-Empty-title">{props.title}</p>
      <p>{props.text}</p>
      <button type="button" className="nbcoach-Button" onClick={props.onRetry}>
        {props.trans.__('Try again')}
      </button>
    </div>
  );
}
