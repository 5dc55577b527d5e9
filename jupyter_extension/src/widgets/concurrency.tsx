/**
 * The Concurrency limits section of the sidebar: how much of each limit is in use.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { Empty, First } from '../components/empty';
import { Usage } from '../components/standing';
import { Windowed } from '../components/windowed';
import { LimitCommands } from '../commands/limits';
import { fullness, usedText, waitersOf } from '../models/limits';
import type { ISession } from '../tokens';
import type { ConcurrencyLimit } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 44;

export function limitSection(session: ISession, commands: CommandRegistry): Section {
  const { limits, trans } = session;
  return new Section({
    label: trans.__('Concurrency Limits'),
    className: 'jp-nbflow-Limits',
    model: limits,
    commands,
    tools: [LimitCommands.open, LimitCommands.create],
    trans,
    draw: () => <Limits session={session} commands={commands} />
  });
}

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

function Limits({ session, commands }: IPart): JSX.Element {
  const { limits: model, trans } = session;
  if (!model.all.length) {
    return <NoLimit session={session} commands={commands} />;
  }
  const onKey = (key: string, { name }: ConcurrencyLimit): boolean => {
    if (key === 'Delete') {
      void commands.execute(LimitCommands.remove, { limit: name });
    }
    return key === 'Delete';
  };
  return (
    <Windowed
      rows={model.all}
      rowHeight={ROW_HEIGHT}
      label={trans.__('Concurrency limits')}
      keyOf={row => row.id}
      draw={row => <LimitRow limit={row} trans={trans} />}
      onOpen={({ name }) => void commands.execute(LimitCommands.open, { limit: name })}
      onKey={onKey}
    />
  );
}

export function NoLimit({ session, commands }: IPart): JSX.Element {
  const { trans } = session;
  return (
    <Empty>
      <p>
        {trans.__(
          'There is no limit. A limit says how many may do something at once, such as ask one database.'
        )}
      </p>
      <First
        command={LimitCommands.create}
        label={trans.__('New concurrency limit')}
        session={session}
        commands={commands}
      />
    </Empty>
  );
}

function LimitRow({
  limit,
  trans
}: {
  limit: ConcurrencyLimit;
  trans: TranslationBundle;
}): JSX.Element {
  const waiting = waitersOf(limit).length;
  return (
    <div className="jp-nbflow-Limit" data-limit={limit.name}>
      <div className="jp-nbflow-Row-line">
        <span className="jp-nbflow-Row-name" dir="auto" title={limit.name}>
          {limit.name}
        </span>
        {!limit.active && <span className="jp-nbflow-Tag">{trans.__('off')}</span>}
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <Usage
          used={usedText(limit)}
          limit={limit.limit}
          full={fullness(limit)}
          label={trans.__('Slots in use')}
        />
        <span className="jp-nbflow-Row-end">
          {waiting > 0 && trans.__('%1 waiting', waiting)}
        </span>
      </div>
    </div>
  );
}
