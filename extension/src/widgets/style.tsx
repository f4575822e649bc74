import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IStyleNote } from '../frames';

/**
 * A paragraph in which `code` stands between backticks. Everything in it is text.
 */
export function Prose(props: { readonly text: string }): JSX.Element {
  return (
    <p className="nbcoach-Prose">
      {props.text
        .split(/`([^`]+)`/)
        .map((part, index) =>
          index % 2 ? <code key={index}>{part}</code> : part
        )}
    </p>
  );
}

/**
 * The number of a line; where it is one of this cell, a button that selects the line.
 */
export function LineNumber(props: {
  readonly line: number;
  readonly onLine: ((line: number) => void) | null;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { line, onLine, trans } = props;
  return onLine ? (
    <button
      type="button"
      className="nbcoach-Line nbcoach-Link"
      title={trans.__('Go to line %1', line)}
      aria-label={trans.__('Go to line %1', line)}
      onClick={() => onLine(line)}
    >
      {line}
    </button>
  ) : (
    <span className="nbcoach-Line" aria-hidden="true">
      {line}
    </span>
  );
}

/**
 * Notes on style, folded up: they are advice, and no part of the verdict.
 */
export function StyleNotes(props: {
  readonly notes: readonly IStyleNote[];
  readonly isOwnCell: (cell: string) => boolean;
  readonly onLine: (line: number) => void;
  readonly trans: TranslationBundle;
}): JSX.Element | null {
  const { trans } = props;
  const notes = props.notes.filter(note => props.isOwnCell(note.cell));
  if (notes.length === 0) {
    return null;
  }
  return (
    <details className="nbcoach-Details nbcoach-Style">
      <summary>
        {trans._n('%1 note on style', '%1 notes on style', notes.length)}
      </summary>
      <ul aria-label={trans.__('Notes on style')}>
        {notes.map((note, index) => (
          <li className="nbcoach-StyleNote" key={index} data-rule={note.rule}>
            <pre>
              <LineNumber
                line={note.line}
                onLine={props.onLine}
                trans={trans}
              />
              <code>{note.text}</code>
            </pre>
            <Prose text={`${note.what} ${note.why}`} />
            {note.url?.startsWith('https://') && (
              <a
                className="nbcoach-Link"
                href={note.url}
                target="_blank"
                rel="noopener noreferrer"
              >
                {trans.__('More about rule %1', note.rule)}
              </a>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
