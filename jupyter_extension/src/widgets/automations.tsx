/**
 * The Automations section of the sidebar: what each waits for and does, and whether it works.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { AutomationCommands } from '../commands/automations';
import { Ago } from '../components/duration';
import { Empty, First } from '../components/empty';
import { RowSwitch, Segments } from '../components/standing';
import { Way } from '../components/way';
import { Windowed } from '../components/windowed';
import { firedAt, pausedBecause } from '../models/automations';
import { actionText, triggerText, type NameOf } from '../models/automationwords';
import type { ISession } from '../tokens';
import type { Automation } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 68;

export function automationSection(
  session: ISession,
  commands: CommandRegistry
): Section {
  const { automations, trans } = session;
  return new Section({
    label: trans.__('Automations'),
    className: 'jp-nbflow-Automations',
    model: automations,
    commands,
    tools: [AutomationCommands.create],
    trans,
    draw: () => <Automations session={session} commands={commands} />
  });
}

/** Gives deployments' names by their ids; other words as they are. */
export function namesIn({ deployments }: Pick<ISession, 'deployments'>): NameOf {
  return id => deployments.get(id)?.name ?? id;
}

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

function Automations({ session, commands }: IPart): JSX.Element {
  const { automations, trans } = session;
  if (!automations.all.length) {
    return <NoAutomation session={session} commands={commands} />;
  }
  const turn = ({ id, enabled }: Automation): void =>
    void commands.execute(
      enabled ? AutomationCommands.pause : AutomationCommands.resume,
      { automation: id }
    );
  const onKey = (key: string, row: Automation): boolean => {
    if (key === ' ') {
      turn(row);
    } else if (key === 'Delete') {
      void commands.execute(AutomationCommands.remove, { automation: row.id });
    }
    return key === ' ' || key === 'Delete';
  };
  return (
    <>
      <div className="jp-nbflow-Automations-filter">
        <Segments
          label={trans.__('Which automations')}
          value={automations.tellingOnly ? 'telling' : 'all'}
          options={[
            ['all', trans.__('All')],
            ['telling', trans.__('Notifications')]
          ]}
          onChange={value => automations.showTelling(value === 'telling')}
        />
        {automations.tellingOnly && (
          <Way commands={commands} to={AutomationCommands.openNotifications} args={{}}>
            {trans.__('What was told…')}
          </Way>
        )}
      </div>
      {automations.shown.length ? (
        <Windowed
          rows={automations.shown}
          rowHeight={ROW_HEIGHT}
          label={trans.__('Automations')}
          keyOf={row => row.id}
          draw={row => (
            <AutomationRow
              row={row}
              nameOf={namesIn(session)}
              onTurn={turn}
              trans={trans}
            />
          )}
          onOpen={({ id }) =>
            void commands.execute(AutomationCommands.open, { automation: id })
          }
          onKey={onKey}
        />
      ) : (
        <Empty>
          <p>{trans.__('No automation tells anybody of anything.')}</p>
        </Empty>
      )}
    </>
  );
}

function NoAutomation({ session, commands }: IPart): JSX.Element {
  const { trans } = session;
  return (
    <Empty>
      <p>
        {trans.__(
          'There is no automation. An automation does something whenever something happens: it tells you when a run fails, or runs a deployment when another has completed.'
        )}
      </p>
      <First
        command={AutomationCommands.create}
        label={trans.__('New automation')}
        session={session}
        commands={commands}
      />
    </Empty>
  );
}

interface IRow {
  row: Automation;
  nameOf: NameOf;
  onTurn: (row: Automation) => void;
  trans: TranslationBundle;
}

function AutomationRow({ row, nameOf, onTurn, trans }: IRow): JSX.Element {
  const { id, name, enabled, description } = row;
  const waits = triggerText(row.trigger, nameOf, trans);
  const does = [...row.actions, ...row.actions_on_trigger]
    .map(one => actionText(one, nameOf, trans))
    .join('; ');
  const fired = firedAt(row);
  const stopped = pausedBecause(row);
  return (
    <div className="jp-nbflow-Automation" data-automation={id} data-enabled={enabled}>
      <div className="jp-nbflow-Row-line">
        <span className="jp-nbflow-Row-name" dir="auto" title={description || name}>
          {name}
        </span>
        {stopped && (
          <span className="jp-nbflow-Tag jp-mod-warn" title={stopped}>
            {trans.__('loop')}
          </span>
        )}
        {!enabled && !stopped && (
          <span className="jp-nbflow-Tag">{trans.__('paused')}</span>
        )}
        <RowSwitch
          on={enabled}
          title={enabled ? trans.__('Pause (Space)') : trans.__('Resume (Space)')}
          onChange={() => onTurn(row)}
        />
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <span className="jp-nbflow-Row-rest" dir="auto" title={waits}>
          {waits}
        </span>
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <span className="jp-nbflow-Row-rest" dir="auto" title={does}>
          → {does}
        </span>
        <span className="jp-nbflow-Row-end">
          {fired ? <Ago at={fired} trans={trans} /> : trans.__('not yet')}
        </span>
      </div>
    </div>
  );
}
