import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { IFeedback } from '../frames';
import { FeedbackView } from '../widgets/feedback';
import { costWords } from '../widgets/words';

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
    style: [],
    reference: null,
    ...change
  };
  return renderToStaticMarkup(
    <FeedbackView
      feedback={feedback}
      isOwnCell={cell => cell === 'fact'}
      styleNotes
      onLine={() => undefined}
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
  hints: 2,
  explanation: HOSTILE
} as const;

const PLACE = { cell: 'fact', line: 2, text: 'x', function: '', times: 1 };

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
          text: HOSTILE,
          explanation: HOSTILE,
          trace: [PLACE, { ...PLACE, text: HOSTILE, function: HOSTILE }]
        },
        output: HOSTILE,
        repairs: [HOSTILE],
        style: [
          {
            cell: 'fact',
            rule: HOSTILE,
            line: 1,
            text: HOSTILE,
            what: HOSTILE,
            why: '`' + HOSTILE + '`',
            url: 'javascript:alert(1)'
          }
        ]
      },
      [HOSTILE]
    );
    expect(html).not.toContain('<img');
    expect(html).not.toContain('javascript:');
    expect(html.split('&lt;img').length - 1).toBeGreaterThanOrEqual(14);
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
      text: ' x',
      explanation: 'There is no `oops`.',
      trace: [PLACE]
    };
    expect(show({ error })).toContain('There is no <code>oops</code>.');
    expect(show({ error })).not.toContain('How the code got there');
    expect(show({ error })).toContain('Your code stopped in line 2');
    expect(show({ error: { ...error, cell: 'other' } })).toContain(
      'Another cell stopped in its line 2'
    );
  });

  it('blames no name on the learner that is missing because the code stopped', () => {
    const error = {
      cell: 'fact',
      name: 'SyntaxError',
      message: "expected ':'",
      line: 1,
      text: 'def f()',
      explanation: null,
      trace: []
    };
    const message = "NameError: name 'f' is not defined";
    const checks = [{ ...CHECK, verdict: 'error', message } as const];
    const html = show({ checks, error });
    expect(html).toContain('before this could be tried');
    expect(html).not.toContain('NameError');
    const own = { ...error, name: 'NameError', message: "name 'f' is not" };
    expect(show({ checks, error: own })).toContain('NameError: name');
    expect(show({ checks })).toContain('NameError: name');
  });

  it('shows how the code got to the line that failed', () => {
    const trace = [
      PLACE,
      { ...PLACE, cell: 'helpers', line: 5, function: 'mean', times: 9 }
    ];
    const html = show({
      error: {
        cell: 'fact',
        name: 'RecursionError',
        message: '',
        line: 2,
        text: 'x',
        explanation: null,
        trace
      }
    });
    expect(html).toContain('Line 2');
    expect(html).toContain('Another cell, line 5, in mean(), 9 times');
  });

  it('folds up notes on style of its own cell', () => {
    const note = {
      cell: 'fact',
      rule: 'E711',
      line: 4,
      text: 'if x == None:',
      what: 'None is compared with ==.',
      why: 'Write `is None`.',
      url: 'https://docs.astral.sh/ruff/rules/none-comparison'
    };
    const html = show({ style: [note, { ...note, cell: 'other' }] });
    expect(html).toContain('1 note on style');
    expect(html).toContain('<details class="nbcoach-Details nbcoach-Style">');
    expect(html).toContain('Write <code>is None</code>.');
    expect(html).toContain(`href="${note.url}"`);
    expect(show({})).not.toContain('nbcoach-Style');
    expect(show({ style: [note, note] })).toContain('2 notes on style');
  });
});

describe('costWords', () => {
  const cost = (seconds: number, peak_mb: number) => ({ seconds, peak_mb });

  it.each([
    [cost(0.02, 4.2), null, '0.02 s · 4 MB'],
    [cost(0.001, 0.4), null, 'under 0.01 s · under 1 MB'],
    [
      cost(0.02, 4),
      cost(0.01, 4),
      '0.02 s · 4 MB — the reference takes 0.01 s · 4 MB'
    ],
    [
      cost(0.09, 4),
      cost(0.001, 4),
      '0.09 s · 4 MB — the reference takes under 0.01 s · 4 MB'
    ],
    [
      cost(2, 4),
      cost(0.2, 4),
      '2 s · 4 MB — there is a much faster way: the reference takes 0.2 s · 4 MB'
    ]
  ])('says what %o beside %o took', (own, reference, words) => {
    expect(costWords(own, reference, trans)).toBe(words);
  });
});
