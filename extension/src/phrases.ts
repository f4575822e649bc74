import type { TranslationBundle } from '@jupyterlab/translation';
import type { ICheckResult, IFeedback, Reply } from './frames';

/**
 * The servers' sentences, with places for what changes in them; see `sentences.ts`.
 */
export interface ISentences {
  readonly SENTENCES: readonly string[];
  readonly JUDGED: readonly string[];
  readonly DETAILS: readonly string[];
}

/**
 * Says in the learner's language what the servers say in English.
 *
 * A sentence that is not known stays as it is, and so does all that an author or a learner wrote:
 * what the judge puts below its own first line is known there only, as an author may say the like.
 */
export class Phrasebook {
  constructor(sentences: ISentences, trans: TranslationBundle) {
    this._sentences = new Phrases(sentences.SENTENCES, trans);
    this._judged = new Phrases(sentences.JUDGED, trans);
    this._details = new Phrases(sentences.DETAILS, trans);
  }

  /**
   * Translate a text, line by line.
   */
  say(text: string): string {
    const lines = text.split('\n');
    const first = this._judged.say(lines[0]);
    return lines
      .map((line, at) =>
        at === 0 && first !== null
          ? first
          : (this._sentences.say(line) ??
            (first === null ? null : this._details.say(line)) ??
            line)
      )
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
      case 'receipt':
        return { ...reply, repairs: reply.repairs.map(text => this.say(text)) };
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

  private readonly _sentences: Phrases;
  private readonly _judged: Phrases;
  private readonly _details: Phrases;
}

interface IPhrase {
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly template: string;
}

/**
 * Sentences of one kind.
 */
class Phrases {
  constructor(
    sentences: readonly string[],
    private readonly _trans: TranslationBundle
  ) {
    this._known = new Set(sentences);
    this._phrases = sentences
      .filter(sentence => PLACE.test(sentence))
      .sort((a, b) => weight(b) - weight(a)) // the most telling one first
      .map(phrase);
  }

  /**
   * Translate a line, or return null where it is none of these.
   */
  say(line: string): string | null {
    if (this._known.has(line)) {
      return this._translated(line);
    }
    for (const { pattern, names, template } of this._phrases) {
      const found = pattern.exec(line);
      if (found) {
        const values = new Map(names.map((name, at) => [name, found[at + 1]]));
        const rest = values.get(REST);
        const said = rest === undefined ? '' : this.say(rest);
        if (said !== null) {
          return this._translated(template).replace(PLACES, place =>
            place === REST ? said : (values.get(place) ?? place)
          );
        }
      }
    }
    return null;
  }

  private _translated(sentence: string): string {
    // Sentences of the servers are no literals here; `catalogue.py` collects them.
    // eslint-disable-next-line jupyter/no-dynamic-translation
    return this._trans._p('server', sentence);
  }

  private readonly _known: ReadonlySet<string>;
  private readonly _phrases: readonly IPhrase[];
}

const PLACE = /\{\w+\}/;
const PLACES = /\{\w+\}/g;
const REST = '{rest}';

/** What is made of another sentence comes before all that this may be. */
function weight(sentence: string): number {
  return sentence.includes(REST)
    ? Number.MAX_SAFE_INTEGER
    : sentence.replace(PLACES, '').length;
}

function phrase(template: string): IPhrase {
  const literal = template
    .split(PLACES)
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const some = template.includes(REST) ? '(.+?)' : '(.+)';
  return {
    template,
    names: template.match(PLACES) ?? [],
    pattern: new RegExp(`^${literal.join(some)}$`)
  };
}
