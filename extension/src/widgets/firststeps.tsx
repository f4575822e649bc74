import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/**
 * How it works, in three steps, for somebody who has not passed an exercise yet.
 */
export function FirstSteps(props: {
  readonly onDismiss: () => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  return (
    <section className="nbcoach-FirstSteps" aria-labelledby="nbcoach-first">
      <h3 id="nbcoach-first" className="nbcoach-Eyebrow">
        {trans.__('How it works')}
      </h3>
      <ol>
        <li>{trans.__('Press Start: the exercise opens as a notebook.')}</li>
        <li>
          {trans.__(
            'Write your answer into the code cell with Check under it.'
          )}
        </li>
        <li>
          {trans.__(
            'Press Check: you see what works already. Try as often as you like.'
          )}
        </li>
      </ol>
      <button type="button" className="nbcoach-Link" onClick={props.onDismiss}>
        {trans.__('Got it')}
      </button>
    </section>
  );
}
