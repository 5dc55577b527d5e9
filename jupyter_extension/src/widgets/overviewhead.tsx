/**
 * The head of the overview: which time and which runs are looked at, and the numbers of them with
 * their change against the time before.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { EventCommands } from '../commands/events';
import { spanText } from '../components/charts/words';
import { durationText } from '../components/duration';
import { Choices, TimeChoice } from '../components/timechoice';
import { Way } from '../components/way';
import { countOf, sumOf, type Totals } from '../models/history';
import { TABS, type OverviewModel, type Tab } from '../models/overview';
import type { IOverviewPart } from './overview';

interface IHead {
  model: OverviewModel;
  trans: TranslationBundle;
}

export function Filters({ model, session, commands }: IOverviewPart): JSX.Element {
  const { trans } = session;
  const { tab, range, custom, roots } = model.choice;
  const ofThatTime = {
    range,
    from: new Date(custom.from).toISOString(),
    to: new Date(custom.to).toISOString()
  };
  const tabs: Record<Tab, string> = {
    overview: trans.__('Overview'),
    flows: trans.__('Flows')
  };
  return (
    <div className="jp-nbflow-Overview-filters">
      <Choices
        label={trans.__('What to show')}
        all={TABS}
        words={tabs}
        chosen={tab}
        onChoose={chosen => model.choose({ tab: chosen })}
      />
      <TimeChoice
        {...{ range, custom, trans }}
        span={model.span}
        onChoose={choice => model.choose(choice)}
      />
      <Tags model={model} trans={trans} />
      <label className="jp-nbflow-Overview-switch">
        <button
          className="jp-nbflow-Switch"
          role="switch"
          name="hide-subflows"
          aria-checked={roots}
          onClick={() => model.choose({ roots: !roots })}
        >
          <span className="jp-nbflow-Switch-thumb" />
        </button>
        {trans.__('Hide subflows')}
      </label>
      <Way commands={commands} to={EventCommands.open} args={ofThatTime}>
        {trans.__('Events')}
      </Way>
    </div>
  );
}

function Tags({ model, trans }: IHead): JSX.Element {
  const kept = model.choice.tags.join(', ');
  const [text, setText] = useState(kept);
  const choose = (): void => {
    const tags = text
      .split(',')
      .map(tag => tag.trim())
      .filter(Boolean);
    if (tags.join(', ') !== kept) {
      model.choose({ tags });
    }
  };
  return (
    <input
      type="search"
      name="tags"
      placeholder={trans.__('Tags: daily, sales')}
      aria-label={trans.__('Only runs with one of these tags, with commas between')}
      value={text}
      onChange={event => setText(event.target.value)}
      onBlur={choose}
      onKeyDown={event => event.key === 'Enter' && choose()}
    />
  );
}

/** The numbers at a glance. */
export function Numbers({ model, trans }: IHead): JSX.Element {
  const totals = sumOf(model.buckets ?? []);
  const before = model.before.length ? sumOf(model.before) : null;
  const { lateness, running, late } = model;
  const change = (of: (totals: Totals) => number): JSX.Element | null =>
    before && <Change now={of(totals)} before={of(before)} trans={trans} />;
  const average = lateness?.runs ? durationText(lateness.average_seconds) : null;
  return (
    <dl
      className="jp-nbflow-Numbers"
      aria-label={trans.__('Runs due %1', spanText(model.span))}
    >
      <Number name="runs" label={trans.__('Runs')} value={countOf(totals)}>
        {change(countOf)}
      </Number>
      <Number
        name="completed"
        label={trans.__('Completed')}
        value={totals.completed}
        state="COMPLETED"
      >
        {change(of => of.completed)}
      </Number>
      <Number
        name="failed"
        label={trans.__('Failed')}
        value={failedOf(totals)}
        state="FAILED"
      >
        {change(failedOf)}
      </Number>
      <Number name="success" label={trans.__('Success rate')} value={rateText(totals)}>
        {before && trans.__('%1 before', rateText(before))}
      </Number>
      <Number
        name="running"
        label={trans.__('Running now')}
        value={running.countText}
        state="RUNNING"
      >
        {waitsText(
          running.rows.filter(row => row.state.type !== 'RUNNING'),
          trans
        )}
      </Number>
      <Number
        name="late"
        label={trans.__('Late now')}
        value={late.countText}
        state={late.rows.length ? 'PENDING' : undefined}
      >
        {average && trans.__('on average by %1', average)}
      </Number>
    </dl>
  );
}

function waitsText(waiting: readonly unknown[], trans: TranslationBundle): string {
  const many = waiting.length;
  return many ? trans._n('%1 not at work', '%1 not at work', many, many) : '';
}

function failedOf(totals: Totals): number {
  return totals.failed + totals.crashed;
}

/** How many of those that ended by themselves completed. */
export function rateText(totals: Totals): string {
  const ended = totals.completed + failedOf(totals);
  return ended ? `${Math.floor((100 * totals.completed) / ended)} %` : '–';
}

interface INumber {
  name: string;
  label: string;
  value: number | string;
  state?: string;
  children?: React.ReactNode;
}

function Number({ name, label, value, state, children }: INumber): JSX.Element {
  return (
    <div className="jp-nbflow-Number" data-name={name} data-state={state}>
      <dt>{label}</dt>
      <dd className="jp-nbflow-Number-value">
        {typeof value === 'number' ? value.toLocaleString() : value}
      </dd>
      <dd className="jp-nbflow-Number-change">{children}</dd>
    </div>
  );
}

/** How a number stands to the one of the time before. */
function Change({
  now,
  before,
  trans
}: {
  now: number;
  before: number;
  trans: TranslationBundle;
}): JSX.Element {
  const by = now - before;
  const title = trans.__('%1 in the time before', before.toLocaleString());
  if (by === 0) {
    return <span title={title}>{trans.__('as before')}</span>;
  }
  const said = Math.abs(by).toLocaleString();
  return (
    <span title={title}>
      {by > 0 ? trans.__('▲ %1 more', said) : trans.__('▼ %1 fewer', said)}
    </span>
  );
}
