import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { ILoaded } from '../loaded';
import type { ICourse, IExercise, ISkill } from '../tokens';

interface ISkillsProps {
  readonly skills: ILoaded<readonly ISkill[]>;
  readonly course: ICourse | null;
  readonly onStart: (exercise: string) => void;
  readonly trans: TranslationBundle;
}

/**
 * The learner's skills: a bar each, and the exercise that would raise it.
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
  const percent = Math.round(Math.min(Math.max(skill.mastery, 0), 1) * 100);
  return (
    <li className="nbcoach-Skill" data-skill={skill.id}>
      <span className="nbcoach-Skill-title">{skill.title}</span>
      <span className="nbcoach-Skill-percent" aria-hidden="true">
        {skill.attempts > 0 ? trans.__('%1 %', percent) : trans.__('no tries')}
      </span>
      <div
        className="nbcoach-Meter"
        role="meter"
        aria-label={skill.title}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
      {raise && percent < 95 && (
        <button
          type="button"
          className="nbcoach-Link nbcoach-Skill-raise"
          aria-label={trans.__('Practise %1 with %2', skill.title, raise.title)}
          onClick={() => props.onStart(raise.id)}
        >
          {trans.__('Practise: %1', raise.title)}
        </button>
      )}
    </li>
  );
}

/**
 * Return the easiest exercise of a skill that is not passed yet.
 */
export function raising(course: ICourse, skill: string): IExercise | null {
  return (
    course.exercises
      .filter(
        item =>
          item.skills.includes(skill) &&
          course.progress?.[item.id]?.state !== 'passed'
      )
      .sort((a, b) => a.difficulty - b.difficulty)[0] ?? null
  );
}
