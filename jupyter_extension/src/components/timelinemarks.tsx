/**
 * The marks on a row of the timeline, drawn and in words.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { percent, type IBar, type ISpan } from '../models/timeline';
import type { IMark } from '../models/timelinemarks';
import { durationText } from './duration';

export type OpenArtifact = (made: NonNullable<IMark['made']>) => void;

/** Marks nearer to each other than this are one, in percent of what is shown. */
const NEAREST = 0.5;

/** How many marks a row has: `tried again 2 times, 1 artifact`; nothing without any. */
export function marksText({ marks }: IBar, trans: TranslationBundle): string {
  const made = marks.filter(({ kind }) => kind === 'artifact').length;
  const tries = marks.length - made;
  const again = trans._n('tried again once', 'tried again %1 times', tries, tries);
  const recorded = trans._n('%1 artifact', '%1 artifacts', made, made);
  return [tries ? again : '', made ? recorded : ''].filter(Boolean).join(', ');
}

export function MarkGlyphs(props: {
  bar: IBar;
  shown: ISpan;
  trans: TranslationBundle;
  /** Open an artifact; by keyboard that is done where the row picked is described. */
  onArtifact: OpenArtifact;
}): JSX.Element {
  const { bar, shown, trans, onArtifact } = props;
  const placed = new Map<string, [number, IMark]>();
  for (const mark of bar.marks) {
    const left = percent(shown, mark.at);
    placed.set(`${mark.kind} ${Math.round(left / NEAREST)}`, [left, mark]);
  }
  return (
    <>
      {[...placed].map(([key, [left, mark]]) => (
        <span
          key={key}
          className="jp-nbflow-Timeline-mark"
          data-kind={mark.kind}
          style={{ insetInlineStart: `${left}%` }}
          title={markText(mark, bar.start ?? mark.at, trans)}
          onClick={event => {
            if (mark.made) {
              event.stopPropagation();
              onArtifact(mark.made);
            }
          }}
        />
      ))}
    </>
  );
}

function markText(
  { kind, at, name }: IMark,
  start: number,
  trans: TranslationBundle
): string {
  const after = durationText(Math.max(0, at - start) / 1000);
  return kind === 'retry'
    ? trans.__('Tried again after %1', after)
    : trans.__('Artifact “%1” after %2', name, after);
}
