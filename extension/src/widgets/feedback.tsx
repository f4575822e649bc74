import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IHints } from '../exercise';
import type { ICheckResult, IFeedback, ILearnerError, IPlace } from '../frames';
import { LineNumber, Prose, StyleNotes } from './style';
import { pointsOf, verdictWords } from './words';

interface IFeedbackProps {
  readonly feedback: IFeedback;
  /** Whether notes on style are wanted. */
  readonly styleNotes: boolean;
  /** Select a line of the cell. */
  readonly onLine: (line: number) => void;
  /** Whether an exception belongs to the cell that the feedback stands under. */
  readonly isOwnCell: (cell: string) => boolean;
  readonly hints: (check: string) => IHints;
  readonly onHint: (check: string) => void;
  readonly trans: TranslationBundle;
}

/**
 * The judgement of a question. Everything in it is text: a grader's words never become markup.
 */
export function FeedbackView(props: IFeedbackProps): JSX.Element {
  const { feedback, trans } = props;
  return (
    <div className="nbcoach-Feedback">
      {feedback.verdict === 'not-attempted' && (
        <p className="nbcoach-Advice">
          {trans.__(
            'There is no answer yet. Write yours into the cell above, in place of the marked lines, and press Check again.'
          )}
        </p>
      )}
      {feedback.error && (
        <ErrorView
          error={feedback.error}
          isOwnCell={props.isOwnCell}
          onLine={props.onLine}
          trans={trans}
        />
      )}
      <ul className="nbcoach-Checks" aria-label={trans.__('Checks')}>
        {feedback.checks.map(check => (
          <CheckView
            key={check.id}
            check={check}
            error={feedback.error}
            hints={props.hints(check.id)}
            onHint={() => props.onHint(check.id)}
            trans={trans}
          />
        ))}
      </ul>
      {props.styleNotes && (
        <StyleNotes
          notes={feedback.style}
          isOwnCell={props.isOwnCell}
          onLine={props.onLine}
          trans={trans}
        />
      )}
      {feedback.repairs.map((note, index) => (
        <p className="nbcoach-Note" key={index}>
          {note}
        </p>
      ))}
      {feedback.output.trim() && (
        <details className="nbcoach-Details nbcoach-Output">
          <summary>{trans.__('What your code printed')}</summary>
          <pre>{feedback.output}</pre>
        </details>
      )}
    </div>
  );
}

function CheckView(props: {
  readonly check: ICheckResult;
  /** What stopped the learner's code before its end. */
  readonly error: ILearnerError | null;
  readonly hints: IHints;
  readonly onHint: () => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { check, trans } = props;
  const { sign, word } = verdictWords(check.verdict, trans);
  const passed = check.verdict === 'passed';
  const isMissing = isUntried(check, props.error);
  return (
    <li className="nbcoach-Check" data-verdict={check.verdict}>
      <span className="nbcoach-Sign" aria-hidden="true">
        {sign}
      </span>
      <div className="nbcoach-Check-body">
        <div className="nbcoach-Check-line">
          <span className="nbcoach-Check-name">{check.name}</span>
          {check.hidden && (
            <span className="nbcoach-Tag">{trans.__('hidden')}</span>
          )}
          <span className="nbcoach-Check-verdict">{word}</span>
          {check.max_points > 0 && (
            <span className="nbcoach-Check-points">
              {pointsOf(check.points, check.max_points, trans)}
            </span>
          )}
        </div>
        {isMissing && (
          <p className="nbcoach-Advice">
            {trans.__('Your code stopped before this could be tried.')}
          </p>
        )}
        {!passed && !isMissing && check.message && (
          <pre className="nbcoach-Check-message">{check.message}</pre>
        )}
        {!passed && !isMissing && check.explanation && (
          <Prose text={check.explanation} />
        )}
        {!passed && check.hints > 0 && (
          <HintLadder {...props} name={check.name} of={check.hints} />
        )}
      </div>
    </li>
  );
}

/**
 * Return whether a check only lacks a name because the code stopped before it: no mistake of its own.
 */
function isUntried(
  { message }: ICheckResult,
  error: ILearnerError | null
): boolean {
  const prefix = 'NameError: ';
  return (
    error !== null &&
    message?.startsWith(prefix) === true &&
    !message.startsWith(prefix + error.message)
  );
}

function HintLadder(props: {
  readonly hints: IHints;
  readonly name: string;
  readonly of: number;
  readonly onHint: () => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { hints, of, trans } = props;
  const shown = hints.texts.length;
  const list = React.useRef<HTMLOListElement>(null);
  const asked = React.useRef(false);
  React.useEffect(() => {
    if (asked.current && shown >= of) {
      list.current?.focus(); // the button that had the focus is gone
    }
  }, [shown, of]);
  let label = trans.__('Show hint');
  if (hints.pending) {
    label = trans.__('Fetching the hint…');
  } else if (shown > 0) {
    label = trans.__('Show another hint (%1 of %2)', shown + 1, of);
  }
  return (
    <div className="nbcoach-Hints">
      <ol aria-live="polite" ref={list} tabIndex={-1}>
        {hints.texts.map((text, index) => (
          <li className="nbcoach-Hint" key={index}>
            {text}
          </li>
        ))}
      </ol>
      {hints.failure && (
        <p className="nbcoach-Problem" role="alert">
          {hints.failure}
        </p>
      )}
      {shown < of && (
        <button
          type="button"
          className="nbcoach-Link nbcoach-Check-hint"
          aria-label={trans.__('%1: %2', props.name, label)}
          aria-disabled={hints.pending}
          onClick={() => {
            asked.current = true;
            props.onHint();
          }}
        >
          {label}
        </button>
      )}
    </div>
  );
}

function ErrorView(props: {
  readonly error: ILearnerError;
  readonly isOwnCell: (cell: string) => boolean;
  readonly onLine: (line: number) => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { error, isOwnCell, trans } = props;
  const own = isOwnCell(error.cell);
  let place = own
    ? trans.__('Your code stopped')
    : trans.__('Another cell stopped');
  if (error.line !== null) {
    place = own
      ? trans.__('Your code stopped in line %1', error.line)
      : trans.__('Another cell stopped in its line %1', error.line);
  }
  return (
    <div className="nbcoach-Error">
      <p className="nbcoach-Error-place">{place}</p>
      {error.text && (
        <pre className="nbcoach-Error-text">
          {error.line !== null && (
            <LineNumber
              line={error.line}
              onLine={own ? props.onLine : null}
              trans={trans}
            />
          )}
          <code>{error.text.trim()}</code>
        </pre>
      )}
      <p className="nbcoach-Error-message">
        <strong>{error.name}</strong>
        {error.message ? `: ${error.message}` : ''}
      </p>
      {error.explanation && <Prose text={error.explanation} />}
      {error.trace.length > 1 && (
        <details className="nbcoach-Details nbcoach-Trace">
          <summary>{trans.__('How the code got there')}</summary>
          <ol>
            {error.trace.map((step, index) => (
              <li key={index}>
                <span className="nbcoach-Trace-place">
                  {placeWords(step, isOwnCell(step.cell), trans)}
                </span>
                <code>{step.text}</code>
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

/**
 * Return "Line 3, in mean(), 12 times".
 */
function placeWords(
  step: IPlace,
  own: boolean,
  trans: TranslationBundle
): string {
  const parts = [
    own
      ? trans.__('Line %1', step.line)
      : trans.__('Another cell, line %1', step.line)
  ];
  if (step.function) {
    parts.push(trans.__('in %1()', step.function));
  }
  if (step.times > 1) {
    parts.push(trans.__('%1 times', step.times));
  }
  return parts.join(', ');
}
