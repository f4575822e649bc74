import { describe, expect, it } from 'vitest';
import { type Answer, answerOf, formOf, sourceOf } from '../forms';

const choice = {
  kind: 'choice',
  variable: 'way',
  prompt: 'Which?',
  options: ['a', 'a "b"', 'ä\\n\n']
};
const several = { ...choice, multiple: true };
const order = { ...choice, kind: 'order' };
const number = { kind: 'number', variable: 'n', prompt: 'How much?' };

describe('forms', () => {
  it.each<[object, Answer]>([
    [choice, null],
    [choice, 'a "b"'],
    [several, ['a', 'ä\\n\n']],
    [order, ['ä\\n\n', 'a', 'a "b"']],
    [number, -2.5],
    [number, 0]
  ])('an answer comes back from its source', (definition, answer) => {
    const form = formOf(definition)!;
    expect(answerOf(form, sourceOf(form, answer))).toEqual(answer);
  });

  it.each([
    [choice, 'way = "other"'],
    [choice, 'way = f()'],
    [choice, 'way = "a"\nprint(way)'],
    [choice, 'other = "a"'],
    [several, 'way = ["a", "a"]'],
    [order, 'way = ["a"]'],
    [number, 'n = "7"'],
    [number, 'n = 7 + 1']
  ])('other code is no answer', (definition, source) => {
    expect(answerOf(formOf(definition)!, source)).toBeUndefined();
  });

  it.each([
    null,
    'choice',
    { ...choice, kind: 'essay' },
    { ...choice, variable: 'a b' },
    { ...choice, options: ['a'] },
    { ...choice, prompt: 1 }
  ])('what is no form is not shown', definition => {
    expect(formOf(definition)).toBeNull();
  });
});
