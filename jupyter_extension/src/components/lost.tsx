/**
 * The line on a page that says why what stands there may be old.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { Feed } from '../models/feed';
import { isCutOff, messageFor } from '../models/standing';
import { useModel } from './usemodel';

export function Lost({
  feed,
  trans
}: {
  feed: Feed;
  trans: TranslationBundle;
}): JSX.Element | null {
  useModel(feed);
  const text =
    feed.link === 'lost'
      ? trans.__(
          'The server does not answer. This page goes on by itself when it is there again.'
        )
      : isCutOff(feed) && messageFor(feed, trans)?.message;
  return text ? (
    <p className="jp-nbflow-Lost" role="status">
      {text}
    </p>
  ) : null;
}
