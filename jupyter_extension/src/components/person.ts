/**
 * Who did something, in a word people know.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** What a server calls somebody who gave a token and no name: a random id. */
const RANDOM = /^[0-9a-f]{32}$/;

/** Give who it was; somebody without a name is not spoken of by a random id. */
export function personText(name: string, trans: TranslationBundle): string {
  return RANDOM.test(name) ? trans.__('Anonymous') : name;
}
