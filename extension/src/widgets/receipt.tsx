import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';
import type { IHandedIn, IReceipt } from '../frames';
import { inTimeWords, momentOf } from './moments';
import { pointsOf, verdictWords } from './words';

/**
 * Show the receipt of a notebook that was handed in, and offer it as a file.
 */
export async function showReceipt(
  receipt: IReceipt,
  title: string,
  trans: TranslationBundle
): Promise<void> {
  const { button } = await showDialog({
    title: trans.__('Handed in: %1', title),
    body: new ReceiptBody(receipt, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Download receipt') }),
      Dialog.okButton({ label: trans.__('Close') })
    ],
    defaultButton: 1
  });
  if (!button.accept && button.label === trans.__('Download receipt')) {
    downloadReceipt(receipt);
  }
}

/**
 * Save a receipt as a JSON file.
 */
export function downloadReceipt(handedIn: IHandedIn): void {
  const { submission, course, exercise, version, at, due, late } = handedIn;
  const { hash, points, max_points, questions } = handedIn;
  const told = { submission, course, exercise, version, at, due, late };
  const text = JSON.stringify(
    { ...told, hash, points, max_points, questions },
    null,
    2
  );
  const url = URL.createObjectURL(
    new Blob([text], { type: 'application/json' })
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = `${exercise}-receipt-${submission.slice(0, 8)}.json`;
  link.click();
  URL.revokeObjectURL(url);
}

class ReceiptBody extends ReactWidget {
  constructor(
    private readonly _receipt: IReceipt,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbcoach-Receipt');
  }

  protected render(): JSX.Element {
    const { at, due, late, submission, hash, points, max_points } =
      this._receipt;
    const trans = this._trans;
    return (
      <>
        <p className="nbcoach-Receipt-points">
          {pointsOf(points, max_points, trans)}
        </p>
        <ul className="nbcoach-Receipt-questions">
          {this._receipt.questions.map(question => {
            const { sign, word } = verdictWords(question.verdict, trans);
            return (
              <li key={question.cell} data-verdict={question.verdict}>
                <span className="nbcoach-Sign" aria-hidden="true">
                  {sign}
                </span>
                {question.cell}: {word}
              </li>
            );
          })}
        </ul>
        {this._receipt.questions.some(q => q.verdict === 'grader-failed') && (
          <p className="nbcoach-Problem">
            {trans.__(
              'Some of it could not be judged yet. Your work is kept all the same.'
            )}
          </p>
        )}
        {this._receipt.repairs.map(repair => (
          <p key={repair} className="nbcoach-Receipt-repair">
            {repair}
          </p>
        ))}
        <dl>
          <dt>{trans.__('Received')}</dt>
          <dd>{momentOf(at)}</dd>
          {due !== null && (
            <>
              <dt>{trans.__('Due')}</dt>
              <dd data-late={late}>{inTimeWords(due, late, trans)}</dd>
            </>
          )}
          <dt>{trans.__('Receipt number')}</dt>
          <dd className="nbcoach-Receipt-code">{submission}</dd>
          <dt>{trans.__('Fingerprint of your answers (SHA-256)')}</dt>
          <dd className="nbcoach-Receipt-code">{hash}</dd>
        </dl>
      </>
    );
  }
}
