/**
 * The item in the status bar: how many runs are being worked on, how many failed today, and what is
 * wrong with the server, if anything is.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { StateShape } from '../components/statebadge';
import { useModel, useModelByFrame } from '../components/usemodel';
import { nbflowIcon } from '../icons';
import { glance } from '../models/standing';
import type { ISession } from '../tokens';

export interface IStatus {
  session: Pick<ISession, 'feed' | 'tally' | 'trans'>;
  onOpen: () => void;
}

export class StatusWidget extends ReactWidget {
  constructor(private readonly _part: IStatus) {
    super();
    this.addClass('jp-nbflow-StatusItem');
  }

  protected render(): JSX.Element {
    return <Status {...this._part} />;
  }
}

export function Status({ session, onOpen }: IStatus): JSX.Element {
  const { feed, tally, trans } = session;
  useModel(feed);
  useModelByFrame(tally, true);
  const { mood, text, brief, details } = glance(feed, trans);
  const counted = counts(session);
  const said = [text, ...counted.map(({ words }) => words)];
  return (
    <button
      type="button"
      className="jp-nbflow-Status"
      data-standing={mood}
      title={[...said, details].filter(Boolean).join('\n')}
      aria-label={trans.__('nbflow: %1. Show runs and deployments.', said.join(', '))}
      onClick={onOpen}
    >
      <nbflowIcon.react tag="span" className="jp-nbflow-Status-icon" />
      {brief ? (
        <>
          <span className="jp-nbflow-Standing-dot" aria-hidden="true" />
          {brief}
        </>
      ) : (
        counted.map(({ type, count }) => <Count key={type} type={type} count={count} />)
      )}
    </button>
  );
}

interface ICount {
  type: 'RUNNING' | 'FAILED';
  count: number;
}

function Count({ type, count }: ICount): JSX.Element {
  return (
    <span className="jp-nbflow-Status-count" data-state={type}>
      <StateShape type={type} />
      {count}
    </span>
  );
}

function counts({
  tally,
  trans
}: {
  tally: ISession['tally'];
  trans: TranslationBundle;
}): (ICount & { words: string })[] {
  const running = tally.running.length;
  const failed = tally.failedToday;
  const all = [
    {
      type: 'RUNNING' as const,
      count: running,
      words: trans._n('%1 run running', '%1 runs running', running, running)
    },
    {
      type: 'FAILED' as const,
      count: failed,
      words: trans._n('%1 run failed today', '%1 runs failed today', failed, failed)
    }
  ];
  return all.filter(({ type, count }) => type === 'RUNNING' || count > 0);
}
