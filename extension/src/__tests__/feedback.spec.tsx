import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { IFeedback } from '../tokens';
import { FeedbackView } from '../widgets/feedback';

const HOSTILE = '<img src=x onerror=alert(1)>';
const trans = nullTranslator.load('nbcoach');

function show(change: Partial<IFeedback>, texts: string[] = []): string {
  const feedback: IFeedback = {
    type: 'feedback',
    request: 'r',
    course: 'c',
    exercise: 'e',
    cell: 'fact',
    verdict: 'failed',
    points: 0,
    max_points: 2,
    checks: [],
    error: null,
    output: '',
    repairs: [],
    seconds: 0.1,
    peak_mb: 1,
    cursor: 1,
    exercise_points: 0,
    exercise_max_points: 2,
    solved: false,
    ...change
  };
  return renderToStaticMarkup(
    <FeedbackView
      feedback={feedback}
      isOwnCell={cell => cell === 'fact'}
      hints={() => ({ texts, pending: false, failure: null })}
      onHint={() => undefined}
      trans={trans}
    />
  );
}

const CHECK = {
  id: 't.1',
  name: HOSTILE,
  verdict: 'failed',
  hidden: false,
  points: 0,
  max_points: 2,
  message: HOSTILE,
  hints: 2
} as const;

describe('FeedbackView', () => {
  it('shows everything as text, never as markup', () => {
    const html = show(
      {
        checks: [CHECK],
        error: {
          cell: 'fact',
          name: HOSTILE,
          message: HOSTILE,
          line: 2,
          text: HOSTILE
        },
        output: HOSTILE,
        repairs: [HOSTILE]
      },
      [HOSTILE]
    );
    expect(html).not.toContain('<img');
    expect(html.split('&lt;img').length - 1).toBeGreaterThanOrEqual(7);
  });

  it('says a verdict in words and by a sign', () => {
    const html = show({ checks: [{ ...CHECK, name: 'small' }] });
    expect(html).toContain('Not yet');
    expect(html).toContain('✗');
    expect(html).toContain('data-verdict="failed"');
  });

  it('offers hints until the ladder ends', () => {
    expect(show({ checks: [CHECK] })).toContain('Show hint');
    expect(show({ checks: [CHECK] }, ['one'])).toContain('2 of 2');
    expect(show({ checks: [CHECK] }, ['one', 'two'])).not.toContain('<button');
    const passed = { ...CHECK, verdict: 'passed' } as const;
    expect(show({ checks: [passed] })).not.toContain('<button');
  });

  it('points to the line of the learner’s own exception', () => {
    const error = {
      cell: 'fact',
      name: 'NameError',
      message: 'oops',
      line: 2,
      text: ' x'
    };
    expect(show({ error })).toContain('Your code stopped in line 2');
    expect(show({ error: { ...error, cell: 'other' } })).toContain(
      'Another cell stopped in its line 2'
    );
  });
});
