/**
 * What stands above the runs of the sidebar: what is looked for, how many match, and what can be done
 * with those that are chosen.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  clearIcon,
  deleteIcon,
  filterIcon,
  refreshIcon,
  stopIcon,
  treeViewIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { CommandIDs } from '../commands';
import { Search } from '../components/search';
import { useModel } from '../components/usemodel';
import { SPANS, type Group } from '../models/runfilter';
import type { Allowed } from '../models/allowed';
import type { RunsModel } from '../models/runs';

interface IBar {
  runs: RunsModel;
  trans: TranslationBundle;
}

interface IRunsBar extends IBar {
  commands: CommandRegistry;
  allowed: Allowed;
}

export function FilterBar({ runs, trans }: IBar): JSX.Element {
  useModel(runs);
  const { group, since, tag, search } = runs.filter;
  const chosen = [group, since, tag].filter(Boolean).length;
  const [open, setOpen] = useState(chosen > 0);
  return (
    <div className="jp-nbflow-FilterBar" role="search">
      <Search
        name="search"
        label={trans.__('Search runs')}
        value={search}
        onChange={text => runs.setFilter({ search: text })}
      />
      <IconToggle
        icon={filterIcon}
        name="filters"
        label={trans.__('Filter by state, time and tag')}
        expanded={open}
        marked={chosen > 0}
        onClick={() => setOpen(!open)}
      />
      <IconToggle
        icon={treeViewIcon}
        name="group"
        label={trans.__('Group by deployment')}
        pressed={runs.grouped}
        onClick={() => runs.group(!runs.grouped)}
      />
      {open && <Filters runs={runs} trans={trans} />}
    </div>
  );
}

function Filters({ runs, trans }: IBar): JSX.Element {
  const { group, since, tag } = runs.filter;
  const [asking, setAsking] = useState(false);
  const custom = asking || Boolean(since && !(since in SPANS));
  return (
    <div className="jp-nbflow-Filters">
      <select
        name="state"
        aria-label={trans.__('State')}
        value={group}
        onChange={event => runs.setFilter({ group: event.target.value as Group | '' })}
      >
        {statesIn(trans).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <select
        name="since"
        aria-label={trans.__('Time')}
        value={custom ? 'since' : since}
        onChange={({ target: { value } }) => {
          setAsking(value === 'since');
          runs.setFilter({ since: value === 'since' ? '' : value });
        }}
      >
        {spansIn(trans).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      {custom && (
        <input
          type="datetime-local"
          name="since-when"
          aria-label={trans.__('Since when')}
          value={since in SPANS ? '' : since}
          onChange={event => runs.setFilter({ since: event.target.value })}
        />
      )}
      <input
        type="text"
        name="tag"
        list="jp-nbflow-tags"
        placeholder={trans.__('Tag')}
        aria-label={trans.__('Tag')}
        value={tag}
        onChange={event => runs.setFilter({ tag: event.target.value })}
      />
      <Tags runs={runs} />
    </div>
  );
}

/** The tags there are, once the filters are opened: runs come by the dozen, tags do not. */
function Tags({ runs }: Pick<IBar, 'runs'>): JSX.Element {
  const [tags] = useState(() => runs.tags.slice(0, 100));
  return (
    <datalist id="jp-nbflow-tags">
      {tags.map(tag => (
        <option key={tag} value={tag} />
      ))}
    </datalist>
  );
}

function statesIn(trans: TranslationBundle): [Group | '', string][] {
  return [
    ['', trans.__('Any state')],
    ['waiting', trans.__('Waiting')],
    ['running', trans.__('Running')],
    ['completed', trans.__('Completed')],
    ['failed', trans.__('Failed')],
    ['cancelled', trans.__('Cancelled')]
  ];
}

function spansIn(trans: TranslationBundle): [string, string][] {
  return [
    ['', trans.__('Any time')],
    ['hour', trans.__('Last hour')],
    ['day', trans.__('Last day')],
    ['week', trans.__('Last week')],
    ['since', trans.__('Since …')]
  ];
}

/** How many runs match, and how to see all again; or how many are chosen, and what to do with them. */
export function RunsBar({ runs, trans, commands, allowed }: IRunsBar): JSX.Element {
  useModel(runs.selection);
  const { selection } = runs;
  if (selection.all || selection.size) {
    return <ChosenBar {...{ runs, trans, commands, allowed }} />;
  }
  return (
    <div className="jp-nbflow-RunsBar">
      <span
        className="jp-nbflow-RunsBar-count"
        role="status"
        aria-live={runs.filtered ? 'polite' : 'off'}
      >
        {countText(runs, trans)}
      </span>
      {runs.more && runs.grouped && (
        <button
          className="jp-nbflow-LinkButton"
          name="load-older"
          onClick={() => void runs.loadMore()}
        >
          {trans.__('Load older')}
        </button>
      )}
      {runs.filtered && (
        <button
          className="jp-nbflow-LinkButton"
          name="reset-filters"
          onClick={() => runs.resetFilter()}
        >
          {trans.__('Reset filters')}
        </button>
      )}
    </div>
  );
}

function countText(runs: RunsModel, trans: TranslationBundle): string {
  const here = runs.visible.length;
  const { matching, filtered } = runs;
  if (!runs.more) {
    const count = here.toLocaleString();
    return filtered
      ? trans._n('%1 run matches', '%1 runs match', here, count)
      : trans._n('%1 run', '%1 runs', here, count);
  }
  if (!matching) {
    return trans.__('The newest %1 runs', here.toLocaleString());
  }
  const all = matching.count.toLocaleString() + (matching.complete ? '' : '+');
  return filtered
    ? trans.__('%1 of %2 that match', here.toLocaleString(), all)
    : trans.__('The newest %1 of %2 runs', here.toLocaleString(), all);
}

function ChosenBar({ runs, trans, commands, allowed }: IRunsBar): JSX.Element {
  useModel(allowed);
  const { selection } = runs;
  const act = (command: string) => () =>
    void commands.execute(command, { chosen: 'all' });
  return (
    <div
      className="jp-nbflow-RunsBar jp-mod-chosen"
      role="toolbar"
      aria-label={trans.__('Chosen runs')}
    >
      <span className="jp-nbflow-RunsBar-count" role="status">
        {selection.all
          ? trans.__('All that match')
          : trans.__('%1 chosen', selection.size.toLocaleString())}
      </span>
      {!selection.all && (
        <button
          className="jp-nbflow-LinkButton"
          name="choose-all"
          onClick={() => selection.chooseAll()}
        >
          {trans.__('All')}
        </button>
      )}
      <IconToggle
        icon={stopIcon}
        name="cancel-chosen"
        label={trans.__('Cancel the chosen runs…')}
        not={allowed.whyNot(CommandIDs.cancelRuns)}
        onClick={act(CommandIDs.cancelRuns)}
      />
      <IconToggle
        icon={refreshIcon}
        name="retry-chosen"
        label={trans.__('Retry the chosen runs…')}
        not={allowed.whyNot(CommandIDs.retryRuns)}
        onClick={act(CommandIDs.retryRuns)}
      />
      <IconToggle
        icon={deleteIcon}
        name="delete-chosen"
        label={trans.__('Delete the chosen runs…')}
        not={allowed.whyNot(CommandIDs.deleteRuns)}
        onClick={act(CommandIDs.deleteRuns)}
      />
      <IconToggle
        icon={clearIcon}
        name="choose-none"
        label={trans.__('Choose none')}
        onClick={() => selection.clear()}
      />
    </div>
  );
}

interface IIconToggle {
  icon: LabIcon;
  name: string;
  label: string;
  pressed?: boolean;
  expanded?: boolean;
  marked?: boolean;
  /** Why it cannot be done; empty: it can. */
  not?: string;
  onClick: () => void;
}

function IconToggle(props: IIconToggle): JSX.Element {
  const { icon, name, label, pressed, expanded, marked, not } = props;
  const on = Boolean(pressed || marked);
  return (
    <button
      className={`jp-nbflow-IconButton${on ? ' jp-mod-on' : ''}`}
      name={name}
      title={not || label}
      aria-label={label}
      disabled={Boolean(not)}
      aria-pressed={pressed}
      aria-expanded={expanded}
      onClick={props.onClick}
    >
      <icon.react tag="span" />
    </button>
  );
}
