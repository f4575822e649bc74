import { Token } from '@lumino/coreutils';
import type { CoachModel } from './model';

/**
 * The state that the panel, the footers and the commands share.
 */
export type ICoach = CoachModel;

/**
 * The token of the shared state.
 */
export const ICoach = new Token<ICoach>(
  '@nbcoach/labextension:ICoach',
  'The state of the learner’s courses and checks.'
);
