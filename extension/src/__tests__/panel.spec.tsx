import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { ICourse, IProgress, IReason } from '../course';
import { ExerciseList } from '../widgets/exercises';
import { reasonWords } from '../widgets/reasons';
import { raising, rangeOf, SkillList } from '../widgets/skills';
import { dueWords, pointsOf } from '../widgets/words';

const trans = nullTranslator.load('nbcoach');
const NOW = Date.parse('2026-11-27T12:00:00Z');

function exercise(id: string, difficulty = 1, due: string | null = null) {
  return {
    id,
    unit: 'u',
    title: `Title of ${id}`,
    summary: '',
    skills: ['loops'],
    difficulty,
    minutes: 5,
    version: 'v',
    points: 2,
    due
  };
}

function course(count: number): ICourse {
  const exercises = Array.from({ length: count }, (_, n) => exercise(`e${n}`));
  return {
    id: 'c',
    title: 'C',
    summary: '',
    units: [{ id: 'u', title: 'U', exercises: exercises.map(e => e.id) }],
    exercises,
    progress: {
      e0: { state: 'graded', points: 2, max_points: 2, solved: true },
      e1: { state: 'started', points: 1, max_points: 2, solved: false }
    }
  };
}

function list(shown: ICourse): string {
  return renderToStaticMarkup(
    <ExerciseList
      course={shown}
      current="e1"
      starting={null}
      onStart={() => undefined}
      trans={trans}
    />
  );
}

describe('dueWords', () => {
  it.each([
    ['2026-11-27T11:59:00Z', 'overdue', true],
    ['2026-11-27T12:20:00Z', 'due in 20 min', true],
    ['2026-11-27T14:30:00Z', 'due in 2 h', true],
    ['2026-11-28T18:00:00Z', 'due in 30 h', false],
    ['2026-12-01T12:00:00+02:00', 'due in 3 days', false],
    ['2026-12-12T11:00:00Z', 'due in 14 days', false],
    ['2040-01-01T12:00:00Z', 'due Jan 1, 2040', false]
  ])('says of %s: %s', (due, text, soon) => {
    expect(dueWords(due, NOW, trans)).toEqual({ text, soon });
  });

  it.each([null, undefined, 'some day'])('says nothing of %s', due => {
    expect(dueWords(due, NOW, trans)).toBeNull();
  });
});

describe('ExerciseList', () => {
  it('says each state in words, and which exercise is open', () => {
    const html = list(course(3));
    expect(html).toContain('Graded');
    expect(html).toContain('Started');
    expect(html).toContain('1 of 3 passed');
    expect(html.split('aria-current="true"')).toHaveLength(2);
  });

  it('says when an exercise is due, until it is handed in', () => {
    const shown = course(2);
    const due = new Date(Date.now() + 2.5 * 3_600_000).toISOString();
    const both = shown.exercises.map(item => ({ ...item, due }));
    expect(
      list({ ...shown, exercises: both }).split('due in 2 h')
    ).toHaveLength(2);
  });

  it('counts what is passed, not what is handed in', () => {
    const shown = course(3);
    const handedIn: IProgress = {
      state: 'submitted',
      points: 1,
      max_points: 2,
      solved: false
    };
    const html = list({
      ...shown,
      progress: { ...shown.progress, e1: handedIn }
    });
    expect(html).toContain('Submitted');
    expect(html).toContain('1 of 3 passed');
  });

  it('offers to search where there are many', () => {
    expect(list(course(29))).not.toContain('type="search"');
    expect(list(course(30))).toContain('type="search"');
  });
});

describe('SkillList', () => {
  const skill = { id: 'loops', title: 'Loops', mastery: 0.6, spread: 0.1 };

  it('shows how sure the estimate is, and what would raise it', () => {
    const html = renderToStaticMarkup(
      <SkillList
        skills={{
          value: [{ ...skill, attempts: 4 }],
          loading: false,
          error: null
        }}
        course={course(3)}
        onStart={() => undefined}
        trans={trans}
      />
    );
    expect(html).toContain('60 % ± 10');
    expect(html).toContain(
      'aria-valuetext="60 %, probably between 50 % and 70 %"'
    );
    expect(html).toContain('Practise: Title of e1');
  });

  it('keeps the bounds between 0 and 100', () => {
    expect(
      rangeOf({ ...skill, mastery: 0.98, spread: 0.2, attempts: 1 })
    ).toEqual({ low: 78, percent: 98, high: 100 });
  });

  it('suggests the easiest exercise that is open', () => {
    const shown = course(4);
    const exercises = [exercise('e0'), exercise('e2', 4), exercise('e3', 2)];
    expect(raising({ ...shown, exercises }, 'loops')?.id).toBe('e3');
    expect(raising(shown, 'files')).toBeNull();
  });
});

describe('reasonWords', () => {
  const say = (reason: Partial<IReason>) =>
    reasonWords({ code: 'x', text: 'In English.', ...reason }, trans);

  it('says a known reason with its parameters', () => {
    const params = { skill: 'Loops', mastery: 0.42, known: ['A', 'B'] };
    expect(say({ code: 'practise', params })).toContain('42 %');
    expect(say({ code: 'builds-on', params })).toContain('A, B');
  });

  it('takes the recommender’s words for a reason that it does not know', () => {
    expect(say({ code: 'new-model', params: {} })).toBe('In English.');
    expect(say({ code: 'practise' })).toBe('In English.');
  });
});

describe('pointsOf', () => {
  it.each([
    [0, 1, '0 of 1 point'],
    [1.5, 2, '1.5 of 2 points'],
    [1 / 3, 0.5, '0.33 of 0.5 points']
  ])('says %d of %d as %s', (points, max, words) => {
    expect(pointsOf(points, max, trans)).toBe(words);
  });
});
