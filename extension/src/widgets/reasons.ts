import type { TranslationBundle } from '@jupyterlab/translation';
import type { IReason } from '../course';

/**
 * Return why an exercise is recommended, in the learner's language; the recommender's own English
 * words for a reason that is not known here.
 */
export function reasonWords(
  { code, params, text }: IReason,
  trans: TranslationBundle
): string {
  const skill = word(params?.skill);
  switch (params ? code : '') {
    case 'next-in-course':
      return trans.__('It comes next in the course.');
    case 'new-skill':
      return trans.__('It practises %1, which is new to you.', skill);
    case 'builds-on':
      return trans.__(
        'It practises %1, which is new to you and builds on what you know: %2.',
        skill,
        list(params?.known)
      );
    case 'started':
      return trans.__('You have started it: finish it to practise %1.', skill);
    case 'retry':
      return trans.__(
        'It practises %1, which you have tried without success so far.',
        skill
      );
    case 'practise':
      return trans.__(
        'It practises %1, which you master to %2 % so far.',
        skill,
        Math.round(Number(params?.mastery) * 100)
      );
    case 'review':
      return trans.__(
        'You have not practised %1 for a while: time to refresh it.',
        skill
      );
    case 'goal':
      return trans.__('It practises %1, which is one of your goals.', skill);
    case 'harder':
      return trans.__(
        'You asked for something harder: it practises %1.',
        skill
      );
    case 'easier':
      return trans.__(
        'You asked for something easier: it practises %1.',
        skill
      );
    case 'followed':
      return trans.__(
        'Most who solved “%1” went on with it.',
        word(params?.after)
      );
    case 'nearest':
      return trans.__(
        'What is left builds on skills you have yet to show; this one only needs: %1.',
        list(params?.missing)
      );
    case 'put-aside':
      return trans.__('You put it aside earlier, so it comes after the rest.');
    default:
      return text;
  }
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(word).join(', ') : '';
}
