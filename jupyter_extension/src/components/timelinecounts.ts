/**
 * How many calls of a row stand where, in words.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { countsOf } from '../models/gathered';
import type { IBar } from '../models/timeline';
import { typeText } from './statebadge';

/** How many calls are in which state: `3 failed, 497 completed`. */
export function countsText(members: readonly IBar[], trans: TranslationBundle): string {
  return countsOf(members)
    .map(([type, count]) => `${count} ${typeText(type, trans)}`)
    .join(', ');
}
