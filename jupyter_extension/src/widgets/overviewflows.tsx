/**
 * The flows of the overview: each with its last run and how its runs of the time went; of the chosen
 * one, how long each run took.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { CommandIDs } from '../commands';
import { RunScatter } from '../components/charts/runscatter';
import { SparkBars } from '../components/charts/sparkbars';
import { Ago, useNow } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { StateBadge } from '../components/statebadge';
import { useModel } from '../components/usemodel';
import type { FlowsModel } from '../models/flows';
import { sumOf } from '../models/history';
import type { FlowSummary } from '../wire';
import type { IOverviewPart } from './overview';
import { rateText } from './overviewhead';

interface IFlows extends IOverviewPart {
  flows: FlowsModel;
}

export function Flows(props: IFlows): JSX.Element {
  const { flows, session } = props;
  const { trans } = session;
  useModel(flows);
  if (flows.problem) {
    return <ProblemNote problem={flows.problem} />;
  }
  if (flows.rows === null) {
    return <Skeleton rows={8} trans={trans} />;
  }
  if (!flows.rows.length) {
    return (
      <Empty title={trans.__('No flows yet')}>
        {trans.__(
          'Run a notebook or a flow, or deploy one: it is listed here by name.'
        )}
      </Empty>
    );
  }
  return (
    <>
      {flows.selected !== null && <Detail {...props} name={flows.selected} />}
      <table className="jp-nbflow-Flows">
        <thead>
          <tr>
            <th scope="col">{trans.__('Flow')}</th>
            <th scope="col">{trans.__('Deployments')}</th>
            <th scope="col">{trans.__('Runs, all time')}</th>
            <th scope="col">{trans.__('In this time')}</th>
            <th scope="col">{trans.__('Success rate')}</th>
            <th scope="col">{trans.__('Last run')}</th>
          </tr>
        </thead>
        <tbody>
          {flows.rows.map(flow => (
            <Row key={flow.name} flow={flow} {...props} />
          ))}
        </tbody>
      </table>
      {flows.more && (
        <button className="jp-nbflow-Button" onClick={() => void flows.loadMore()}>
          {trans.__('Show more flows')}
        </button>
      )}
    </>
  );
}

function Row({ flow, flows, session }: IFlows & { flow: FlowSummary }): JSX.Element {
  const { trans } = session;
  const { name, runs, deployments, last_run: last } = flow;
  const counted = flows.countedOf(name);
  return (
    <tr data-flow={name}>
      <th scope="row">
        <button
          className="jp-nbflow-LinkButton"
          aria-expanded={flows.selected === name}
          onClick={() => flows.select(flows.selected === name ? null : name)}
        >
          <bdi>{name}</bdi>
        </button>
      </th>
      <td>{deployments.toLocaleString()}</td>
      <td>{`${runs.count.toLocaleString()}${runs.complete ? '' : '+'}`}</td>
      <td>{counted && <SparkBars buckets={counted} trans={trans} />}</td>
      <td>{counted && rateText(sumOf(counted))}</td>
      <td>
        {last ? (
          <>
            <StateBadge state={last.state} trans={trans} />{' '}
            <Ago at={last.state.at} trans={trans} />
          </>
        ) : (
          trans.__('none')
        )}
      </td>
    </tr>
  );
}

function Detail({
  flows,
  name,
  session: { trans },
  commands
}: IFlows & { name: string }): JSX.Element {
  return (
    <section className="jp-nbflow-Block" data-name="flow" aria-label={name}>
      <h3>
        <bdi>{name}</bdi>
        <button className="jp-nbflow-LinkButton" onClick={() => flows.select(null)}>
          {trans.__('Close')}
        </button>
      </h3>
      {flows.runs === null ? (
        <Skeleton rows={6} trans={trans} />
      ) : (
        <Scatter
          flows={flows}
          onOpen={id => void commands.execute(CommandIDs.openRun, { flow_run_id: id })}
          trans={trans}
        />
      )}
    </section>
  );
}

function Scatter({
  flows,
  onOpen,
  trans
}: {
  flows: FlowsModel;
  onOpen: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const now = useNow();
  return <RunScatter runs={flows.runs ?? []} now={now} onOpen={onOpen} trans={trans} />;
}
