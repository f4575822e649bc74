import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { ILoaded } from '../loaded';
import type { ICourse, IExercise, ISkill } from '../course';

interface ISkillsProps {
  readonly skills: ILoaded<readonly ISkill[]>;
  readonly course: ICourse | null;
  readonly onStart: (exercise: string) => void;
  readonly trans: TranslationBundle;
}

/**
 * The learner's skills: a bar each, how sure it is, and the exercise that would raise it.
 */
export function SkillList(props: ISkillsProps): JSX.Element | null {
  const { skills, course, trans } = props;
  if (skills.value === null && skills.error === null) {
    return null;
  }
  return (
    <section aria-labelledby="nbcoach-skills">
      <h3 id="nbcoach-skills" className="nbcoach-Eyebrow">
        {trans.__('Skills')}
      </h3>
      {skills.value === null && (
        <p className="nbcoach-Problem">{skills.error}</p>
      )}
      <ul className="nbcoach-Skills">
        {(skills.value ?? []).map(skill => (
          <SkillItem
            key={skill.id}
            skill={skill}
            raise={course && raising(course, skill.id)}
            onStart={props.onStart}
            trans={trans}
          />
        ))}
      </ul>
    </section>
  );
}

function SkillItem(props: {
  readonly skill: ISkill;
  readonly raise: IExercise | null;
  readonly onStart: (exercise: string) => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { skill, raise, trans } = props;
  const tried = skill.attempts > 0;
  const { low, percent, high } = rangeOf(skill);
  const words = tried
    ? trans.__('%1 %, probably between %2 % and %3 %', percent, low, high)
    : trans.__('not practised yet');
  return (
    <li className="nbcoach-Skill" data-skill={skill.id}>
      <span className="nbcoach-Skill-title">{skill.title}</span>
      <span className="nbcoach-Skill-percent" aria-hidden="true" title={words}>
        {tried
          ? trans.__('%1 % ± %2', percent, Math.round((high - low) / 2))
          : words}
      </span>
      <div
        className="nbcoach-Meter"
        role="meter"
        aria-label={skill.title}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={tried ? percent : 0}
        aria-valuetext={words}
      >
        {tried && (
          <>
            <div className="nbcoach-Meter-value" style={width(percent)} />
            <div
              className="nbcoach-Meter-range"
              style={{ insetInlineStart: `${low}%`, ...width(high - low) }}
            />
          </>
        )}
      </div>
      {raise && !(tried && percent >= 95) && (
        <button
          type="button"
          className="nbcoach-Link nbcoach-Skill-raise"
          aria-label={trans.__(
            'Practise %1 with “%2”',
            skill.title,
            raise.title
          )}
          onClick={() => props.onStart(raise.id)}
        >
          {trans.__('Practise: %1', raise.title)}
        </button>
      )}
    </li>
  );
}

function width(percent: number): { readonly width: string } {
  return { width: `${percent}%` };
}

/**
 * Return a skill's estimate in percent, and the bounds that it lies between in two of three cases.
 */
export function rangeOf({ mastery, spread = 0 }: ISkill): {
  readonly low: number;
  readonly percent: number;
  readonly high: number;
} {
  const percent = (value: number) =>
    Math.round(Math.min(Math.max(value, 0), 1) * 100);
  return {
    low: percent(mastery - spread),
    percent: percent(mastery),
    high: percent(mastery + spread)
  };
}

/**
 * Return the easiest exercise of a skill that is not passed yet.
 */
export function raising(course: ICourse, skill: string): IExercise | null {
  const open = course.exercises.filter(
    item => item.skills.includes(skill) && !course.progress?.[item.id]?.solved
  );
  return open.sort((a, b) => a.difficulty - b.difficulty)[0] ?? null;
}
