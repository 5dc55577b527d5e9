/**
 * The Runs section of the sidebar: the runs, newest first or by deployment, as many as there are; to
 * look for, to open, and to choose many of.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useCallback, useMemo } from 'react';
import { CommandIDs } from '../commands';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { GroupHead, RunRow } from '../components/runrow';
import { useModel, useModelByFrame } from '../components/usemodel';
import { Windowed, type IChoosing, type ITold } from '../components/windowed';
import { keyOfLine, type Line } from '../models/rungroups';
import type { RunsModel } from '../models/runs';
import type { ISession } from '../tokens';
import { Sighted } from './insight';
import { Offer } from './offer';
import { FilterBar, RunsBar } from './runfilters';

const ROW_HEIGHT = 46;

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

export class RunListWidget extends Sighted {
  constructor(private readonly _part: IPart) {
    super();
    this.addClass('jp-nbflow-RunList');
    this.title.label = _part.session.trans.__('Runs');
    _part.session.runs.shown = false;
  }

  protected override turned(shown: boolean): void {
    this._part.session.runs.shown = shown;
  }

  protected render(): JSX.Element {
    return <RunList {...this._part} shown={this.isVisible} />;
  }
}

function RunList({
  session,
  commands,
  shown
}: IPart & { shown: boolean }): JSX.Element {
  const { allowed, runs, trans } = session;
  useModelByFrame(runs, shown);
  if (!runs.loaded) {
    return <Skeleton rows={5} trans={trans} />;
  }
  if (!runs.visible.length && !runs.filtered) {
    return <Offer session={session} commands={commands} />;
  }
  return (
    <>
      <FilterBar runs={runs} trans={trans} />
      <RunsBar {...{ runs, trans, commands, allowed }} />
      {runs.problem && <ProblemNote problem={runs.problem} />}
      {runs.visible.length ? (
        <Rows session={session} commands={commands} />
      ) : (
        <Empty>{trans.__('No run matches.')}</Empty>
      )}
    </>
  );
}

function Rows({ session, commands }: IPart): JSX.Element {
  const { runs, deployments, trans } = session;
  useModel(deployments);
  useModel(runs.selection);
  const { lines, grouped, selection } = runs;
  const onEnd = useCallback(() => {
    // Older runs of groups that are closed would come without end, and nobody would see them.
    if (!grouped) {
      void runs.loadMore();
    }
  }, [runs, grouped]);
  const onLook = useCallback((last: number) => runs.look(last), [runs]);
  const choosing = useMemo(() => choosingOf(runs), [runs]);
  const draw = (line: Line): JSX.Element => {
    const name = nameOf(line, session);
    return line.kind === 'group' ? (
      <GroupHead {...line} version={line.group.version} name={name} trans={trans} />
    ) : (
      <RunRow
        row={line.row}
        of={grouped ? null : name}
        chosen={selection.has(line.row.id)}
        trans={trans}
      />
    );
  };
  return (
    <Windowed
      rows={lines}
      rowHeight={ROW_HEIGHT}
      label={grouped ? trans.__('Runs by deployment') : trans.__('Runs, newest first')}
      keyOf={keyOfLine}
      draw={draw}
      onOpen={line => open(line, runs, commands)}
      onEnd={onEnd}
      onLook={onLook}
      choosing={choosing}
      tree={grouped}
      tell={grouped ? told : undefined}
      onKey={(key, line, index) => pressed(key, line, index, runs, commands)}
    />
  );
}

function nameOf(line: Line, { deployments }: ISession): string {
  const [id, flow] =
    line.kind === 'group'
      ? [line.group.deploymentId, line.group.flowName]
      : [line.row.deployment_id, line.row.flow_name];
  return deployments.get(id)?.name ?? flow;
}

function told(line: Line): ITold {
  const { at, of } = line;
  return line.kind === 'group'
    ? { level: 1, expanded: line.open, position: at, setSize: of }
    : { level: 2, position: at, setSize: of };
}

function choosingOf(runs: RunsModel): IChoosing<Line> {
  const { selection } = runs;
  const ids = (): string[] => {
    const { lines } = runs;
    return Array.from({ length: lines.length }, (_, i) => lines.at(i)).flatMap(line =>
      line?.kind === 'run' ? [line.row.id] : []
    );
  };
  return {
    has: line => (line.kind === 'run' ? selection.has(line.row.id) : null),
    toggle: line =>
      line.kind === 'run'
        ? selection.toggle(line.row.id, ids)
        : runs.toggleGroup(line.group.key),
    extend: (line, from) => {
      if (from?.kind === 'run') {
        selection.begin(from.row.id);
      }
      if (line.kind === 'run') {
        selection.extend(line.row.id, ids());
      }
    },
    all: () => selection.chooseAll(),
    clear: () => selection.clear()
  };
}

function open(line: Line, runs: RunsModel, commands: CommandRegistry): void {
  if (line.kind === 'group') {
    runs.toggleGroup(line.group.key);
  } else {
    void commands.execute(CommandIDs.openRun, { flow_run_id: line.row.id });
  }
}

/** The keys of a tree, and the one that deletes. Gives where they lead, or whether they are known. */
function pressed(
  key: string,
  line: Line,
  index: number,
  runs: RunsModel,
  commands: CommandRegistry
): boolean | number {
  const isGroup = line.kind === 'group';
  if (key === 'Delete' && !isGroup) {
    const one = runs.selection.has(line.row.id) ? {} : { flow_run_id: line.row.id };
    void commands.execute(CommandIDs.deleteRuns, { chosen: 'all', ...one });
    return true;
  }
  if (!runs.grouped || (key !== 'ArrowRight' && key !== 'ArrowLeft')) {
    return false;
  }
  if (isGroup && line.open !== (key === 'ArrowRight')) {
    runs.toggleGroup(line.group.key);
    return true;
  }
  if (key === 'ArrowRight') {
    return isGroup ? index + 1 : true;
  }
  return isGroup ? true : index - line.at - 1;
}
