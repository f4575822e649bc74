import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { Checks, IJudged } from '../checks';
import { pointsOf, verdictWords } from './words';

/**
 * A polite live region: tells a screen reader how a check came out.
 */
export class Announcer extends Widget {
  constructor(
    private readonly _checks: Checks,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbcoach-Announcer');
    this.node.setAttribute('role', 'status');
    this.node.setAttribute('aria-live', 'polite');
    this._checks.judged.connect(this._onJudged, this);
  }

  /**
   * Say something.
   */
  say(text: string): void {
    this.node.textContent = text;
  }

  dispose(): void {
    this._checks.judged.disconnect(this._onJudged, this);
    super.dispose();
  }

  private _onJudged(_: Checks, { feedback, failure }: IJudged): void {
    if (feedback === null) {
      this.say(failure ?? '');
      return;
    }
    const missing = feedback.checks.filter(c => c.verdict !== 'passed');
    const parts = [
      verdictWords(feedback.verdict, this._trans).word,
      pointsOf(feedback.points, feedback.max_points, this._trans),
      ...missing.map(
        check =>
          `${check.name}: ${verdictWords(check.verdict, this._trans).word}`
      )
    ];
    this.say(parts.join('. '));
  }
}
