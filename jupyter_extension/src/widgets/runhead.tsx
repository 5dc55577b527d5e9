/**
 * The head of a run's page: what it is, how it stands, what can be done with it, and its parts.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { CommandIDs } from '../commands';
import { AutomationCommands } from '../commands/automations';
import { EventCommands } from '../commands/events';
import { Ago, Due, Duration } from '../components/duration';
import { ProblemNote, Skeleton } from '../components/empty';
import { Fact } from '../components/fact';
import { personText } from '../components/person';
import { StateBadge } from '../components/statebadge';
import { Tabs } from '../components/tabs';
import { Lost } from '../components/lost';
import { useModel } from '../components/usemodel';
import { Way } from '../components/way';
import type { Said } from '../models/automations';
import { EVERY_FAILURE } from '../models/automationschema';
import { runStates } from '../models/automationwords';
import { questionOf, type Answer } from '../models/question';
import { PARTS, type Part, type RunModel } from '../models/run';
import { isFinal } from '../models/states';
import type { ISession } from '../tokens';
import type { Explanation, FlowRun, Json, Problem } from '../wire';
import type { IArtifactList } from './artifactlist';
import { Question } from './question';
import { RunActions } from './runactions';

export interface IHead {
  model: RunModel;
  session: ISession;
  commands: CommandRegistry;
  opener: IArtifactList['opener'];
  /** What is typed where the run asks for input. */
  answer: Answer;
  /** Show where the run failed. */
  onFailure: () => void;
}

export function Head(props: IHead): JSX.Element {
  const { model, session, commands, opener } = props;
  const { allowed, trans } = session;
  useModel(model);
  useModel(allowed);
  const run = model.run;
  if (!run) {
    return model.problem ? (
      <ProblemNote problem={worded(model.problem, trans)} />
    ) : (
      <Skeleton rows={2} trans={trans} />
    );
  }
  return (
    <>
      <div className="jp-nbflow-RunView-title">
        <h1 title={run.name}>{run.name}</h1>
        <StateBadge state={run.state} trans={trans} />
        {!model.deleted && (
          <RunActions run={run} session={session} commands={commands} />
        )}
      </div>
      <Lost feed={session.feed} trans={trans} />
      <Facts run={run} session={session} commands={commands} opener={opener} />
      <Given run={run} trans={trans} />
      {run.state.message && (
        <p className="jp-nbflow-RunView-message" data-state={run.state.type}>
          {run.state.message}
        </p>
      )}
      <FailedIn {...props} />
      {model.explanation && (
        <Waits explanation={model.explanation} commands={commands} trans={trans} />
      )}
      {!model.deleted && allowed.may('runs') && (
        <Asks run={run} answer={props.answer} trans={trans} />
      )}
      {model.problem && <ProblemNote problem={worded(model.problem, trans)} />}
      <RunTabs model={model} trans={trans} />
    </>
  );
}

/** The form of what a paused run asks for. */
function Asks({
  run,
  answer,
  trans
}: Pick<IHead, 'answer'> & {
  run: FlowRun;
  trans: TranslationBundle;
}): JSX.Element | null {
  const form = answer.formFor(run);
  const description = questionOf(run.state)?.description ?? '';
  return form && <Question key={run.state.id} {...{ form, description, trans }} />;
}

/** Which cell or task failed, and the way there. */
function FailedIn({ model, session: { trans }, onFailure }: IHead): JSX.Element | null {
  const { failure } = model;
  return failure ? (
    <p className="jp-nbflow-RunView-failed">
      {failure.kind === 'cell' ? trans.__('Failed in the cell') : trans.__('Failed in')}{' '}
      <button
        className="jp-nbflow-LinkButton"
        name="show-failure"
        title={failure.state.message}
        onClick={onFailure}
      >
        <bdi>{failure.name}</bdi>
      </button>
    </p>
  ) : null;
}

function Facts({
  run,
  session,
  commands,
  opener
}: Pick<IHead, 'session' | 'commands' | 'opener'> & { run: FlowRun }): JSX.Element {
  const { deployments, trans } = session;
  useModel(deployments);
  const deployment = deployments.get(run.deployment_id);
  const open = run.path ? opener(run.path) : null;
  const running = run.state.type === 'RUNNING';
  return (
    <dl className="jp-nbflow-Facts">
      {deployment && (
        <Fact label={trans.__('Deployment')}>
          <Way
            commands={commands}
            to="nbflow:open-deployment"
            args={{ deployment_id: deployment.id }}
          >
            {deployment.name}
          </Way>
        </Fact>
      )}
      <Fact label={run.kind === 'notebook' ? trans.__('Notebook') : trans.__('Flow')}>
        {open ? (
          <button
            className="jp-nbflow-LinkButton"
            onClick={open}
            title={run.path ?? ''}
          >
            {run.flow_name}
          </button>
        ) : (
          <span title={run.path ?? ''}>{run.flow_name}</span>
        )}
      </Fact>
      {run.started_at ? (
        <Fact label={trans.__('Started')}>
          <Ago at={run.started_at} trans={trans} />
        </Fact>
      ) : (
        run.due_at &&
        !isFinal(run.state) && (
          <Fact label={trans.__('Due')}>
            <Due at={run.due_at} trans={trans} />
          </Fact>
        )
      )}
      {(running || run.running_seconds > 0) && (
        <Fact label={running ? trans.__('Running for') : trans.__('Took')}>
          <Duration
            seconds={run.running_seconds}
            since={running ? run.state.at : null}
          />
        </Fact>
      )}
      {run.attempt > 1 && <Fact label={trans.__('Attempt')}>{run.attempt}</Fact>}
      {run.parent_flow_run_id && (
        <Fact label={trans.__('Called by')}>
          <Way
            commands={commands}
            to={CommandIDs.openRun}
            args={{ flow_run_id: run.parent_flow_run_id }}
          >
            {session.runs.get(run.parent_flow_run_id)?.name ?? trans.__('another run')}
          </Way>
        </Fact>
      )}
      {run.work_pool && (
        <Fact label={trans.__('Work pool')}>
          <Way
            commands={commands}
            to="nbflow:open-work-pool"
            args={{ work_pool: run.work_pool }}
          >
            {run.work_pool}
          </Way>
        </Fact>
      )}
      {run.created_by && (
        <Fact label={trans.__('Made by')}>
          <span title={run.created_by}>{personText(run.created_by, trans)}</span>
        </Fact>
      )}
      {commands.hasCommand(EventCommands.open) && (
        <Fact label={trans.__('Events')}>
          <Way
            commands={commands}
            to={EventCommands.open}
            args={{ related: `nbflow.flow-run.${run.id}`, range: 'month' }}
          >
            {trans.__('what happened')}
          </Way>
        </Fact>
      )}
      {commands.hasCommand(AutomationCommands.create) && (
        <Fact label={trans.__('Automations')}>
          <Way
            commands={commands}
            to={AutomationCommands.create}
            args={{ trigger: likeIt(run) }}
          >
            {trans.__('Automate this…')}
          </Way>
        </Fact>
      )}
    </dl>
  );
}

/** What hears of the next run that ends like this one; of one that has not ended, of failures. */
function likeIt({ state, deployment_id: deployment }: FlowRun): Said {
  const states = isFinal(state) ? { states: [state.name] } : {};
  return runStates({ ...EVERY_FAILURE, ...states, deployment });
}

/** Why a run waits, and what can be done about it. */
function Waits({
  explanation: { message, reasons },
  commands,
  trans
}: Pick<IHead, 'commands'> & {
  explanation: Explanation;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <section className="jp-nbflow-Waits" aria-label={trans.__('Why it waits')}>
      <p>{message}</p>
      {reasons.length > 0 && (
        <ul>
          {reasons.map(reason => (
            <li key={reason.code}>
              {reason.message}
              {reason.position !== null && (
                <>
                  {' '}
                  {trans.__('(place %1 of %2)', reason.position, reason.waiting ?? '?')}
                </>
              )}
              {reason.until && (
                <>
                  {' '}
                  <Due at={reason.until} trans={trans} />
                </>
              )}
              {reason.runs.map((id, i) => (
                <React.Fragment key={id}>
                  {' '}
                  <button
                    className="jp-nbflow-LinkButton"
                    onClick={() =>
                      void commands.execute(CommandIDs.openRun, { flow_run_id: id })
                    }
                  >
                    {trans.__('run %1', i + 1)}
                  </button>
                </React.Fragment>
              ))}
              {reason.hint && (
                <span className="jp-nbflow-Problem-hint"> {reason.hint}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The parameters the run was given. */
function Given({
  run,
  trans
}: {
  run: FlowRun;
  trans: TranslationBundle;
}): JSX.Element | null {
  const given = Object.entries(run.parameters);
  return given.length ? (
    <ul className="jp-nbflow-Given" aria-label={trans.__('Parameters')}>
      {given.map(([name, value]) => (
        <li key={name} title={`${name} = ${literal(value)}`}>
          <code>{name}</code> {literal(value)}
        </li>
      ))}
    </ul>
  ) : null;
}

function literal(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A problem the model names and does not word. */
function worded(problem: Problem, trans: TranslationBundle): Problem {
  if (problem.code !== 'run.deleted' || problem.message) {
    return problem;
  }
  const message = trans.__('This run was deleted.');
  const hint = trans.__('What was known of it stays on this page until it is closed.');
  return { ...problem, message, hint };
}

/** What each part is called. */
export function partLabels(trans: TranslationBundle): Record<Part, string> {
  return {
    notebook: trans.__('Notebook'),
    timeline: trans.__('Timeline'),
    logs: trans.__('Logs'),
    artifacts: trans.__('Artifacts'),
    results: trans.__('Results'),
    details: trans.__('Details')
  };
}

function RunTabs({
  model,
  trans
}: {
  model: RunModel;
  trans: TranslationBundle;
}): JSX.Element {
  const labels = partLabels(trans);
  const parts = PARTS.filter(
    part => part !== 'notebook' || model.run?.kind === 'notebook'
  );
  return (
    <Tabs
      tabs={parts.map(part => [part, labels[part]] as const)}
      current={model.part}
      label={trans.__('Parts of the run')}
      onShow={part => model.show(part)}
    />
  );
}
