import type { TranslationBundle } from '@jupyterlab/translation';
import type { ICheckResult, IFeedback, Reply } from './tokens';

interface IPhrase {
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly template: string;
}

/**
 * Says in the learner's language what the servers say in English.
 *
 * The servers' sentences are known, with places for what changes in them. A sentence that is not
 * known stays as it is, and so does all that an author or a learner wrote.
 */
export class Phrasebook {
  constructor(
    sentences: readonly string[],
    private readonly _trans: TranslationBundle
  ) {
    this._known = new Set(sentences);
    this._phrases = sentences
      .filter(sentence => PLACE.test(sentence))
      .sort((a, b) => fixed(b) - fixed(a)) // the most telling one first
      .map(phrase);
  }

  /**
   * Translate a text, line by line.
   */
  say(text: string): string {
    return text
      .split('\n')
      .map(line => this._line(line))
      .join('\n');
  }

  /**
   * Translate what the grader's words are in a reply.
   */
  reply(reply: Reply): Reply {
    switch (reply.type) {
      case 'feedback':
        return this._feedback(reply);
      case 'failure':
        return { ...reply, message: this.say(reply.message) };
      default:
        return reply;
    }
  }

  private _feedback(feedback: IFeedback): IFeedback {
    const { error } = feedback;
    return {
      ...feedback,
      checks: feedback.checks.map((check): ICheckResult => {
        const { message, explanation } = check;
        return {
          ...check,
          message: message && this.say(message),
          explanation: explanation && this.say(explanation)
        };
      }),
      error: error && {
        ...error,
        explanation: error.explanation && this.say(error.explanation)
      },
      repairs: feedback.repairs.map(text => this.say(text)),
      style: feedback.style.map(note => ({
        ...note,
        what: this.say(note.what),
        why: this.say(note.why)
      }))
    };
  }

  private _line(line: string): string {
    if (this._known.has(line)) {
      // Sentences of the servers are no literals here; `catalogue.py` collects them.
      // eslint-disable-next-line jupyter/no-dynamic-translation
      return this._trans._p('server', line);
    }
    for (const { pattern, names, template } of this._phrases) {
      const found = pattern.exec(line);
      if (found) {
        const values = new Map(names.map((name, at) => [name, found[at + 1]]));
        // eslint-disable-next-line jupyter/no-dynamic-translation
        const translated = this._trans._p('server', template);
        return translated.replace(PLACES, place => values.get(place) ?? place);
      }
    }
    return line;
  }

  private readonly _known: ReadonlySet<string>;
  private readonly _phrases: readonly IPhrase[];
}

const PLACE = /\{\w+\}/;
const PLACES = /\{\w+\}/g;

function fixed(sentence: string): number {
  return sentence.replace(PLACES, '').length;
}

function phrase(template: string): IPhrase {
  const literal = template
    .split(PLACES)
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return {
    template,
    names: template.match(PLACES) ?? [],
    pattern: new RegExp(`^${literal.join('(.+)')}$`)
  };
}
