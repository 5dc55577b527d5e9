/**
 * The form that deploys a notebook, drawn from its model.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ProblemNote, Skeleton } from '../components/empty';
import { FieldRow, tied } from '../components/field';
import { ScheduleField } from '../components/schedulefield';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import {
  DEFAULT_POOL,
  type DeployFormModel,
  type IDeployInput
} from '../models/deployform';
import { asksAnything, within } from '../models/schemaform';
import type { Checked } from '../wire';

interface IPart {
  model: DeployFormModel;
  trans: TranslationBundle;
}

export class DeployFormWidget extends ReactWidget {
  constructor(
    private readonly _model: DeployFormModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-DeployForm');
  }

  protected render(): JSX.Element {
    return <DeployForm model={this._model} trans={this._trans} />;
  }
}

function DeployForm({ model, trans }: IPart): JSX.Element {
  useModel(model);
  if (!model.info) {
    return model.problem ? (
      <ProblemNote problem={model.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  return (
    <form onSubmit={event => event.preventDefault()}>
      <fieldset className="jp-nbflow-Form" disabled={model.submitting}>
        {model.problem && <ProblemNote problem={model.problem} />}
        <Name model={model} trans={trans} />
        {asksAnything(model.parameters) && (
          <SchemaForm
            form={model.parameters}
            title={trans.__('Parameters')}
            problems={model.problems}
            onChange={(form, at) => model.editParameters(form, at)}
            trans={trans}
          />
        )}
        <ScheduleField
          choice={model.input.schedule}
          keepable={(model.existing?.schedules.length ?? 0) > 0}
          preview={model.preview}
          previewing={model.previewing}
          error={field => model.error(field)}
          onChange={schedule => model.edit({ schedule })}
          trans={trans}
        />
        <TellFailures model={model} trans={trans} />
        <SourceChoice model={model} trans={trans} />
        <Kernel model={model} trans={trans} />
        <More model={model} trans={trans} />
      </fieldset>
    </form>
  );
}

/** What replacing answers: the name is another's, or it was made by another way. */
const TAKEN = ['deployment.name_taken', 'deployment.made_by'];

function Name({ model, trans }: IPart): JSX.Element {
  const error = model.error('name');
  const taken = TAKEN.includes(error?.code ?? '') || model.input.replace;
  const help = model.existing
    ? trans.__('This notebook is deployed under this name: deploying again updates it.')
    : undefined;
  return (
    <FieldRow id="jp-nbflow-name" label={trans.__('Name')} help={help} error={error}>
      <input
        {...tied('jp-nbflow-name', error)}
        name="name"
        autoFocus
        autoComplete="off"
        value={model.input.name}
        onChange={event => model.edit({ name: event.target.value, replace: false })}
      />
      {taken && (
        <label className="jp-nbflow-Check">
          <input
            type="checkbox"
            name="replace"
            checked={model.input.replace}
            onChange={event => model.edit({ replace: event.target.checked })}
          />
          {trans.__('Replace the deployment that has this name')}
        </label>
      )}
    </FieldRow>
  );
}

function TellFailures({ model, trans }: IPart): JSX.Element {
  const help = model.tellsFailures
    ? trans.__('Here in JupyterLab, while it is open.')
    : trans.__('Notifications of failures are turned off in the settings.');
  return (
    <div className="jp-nbflow-Field">
      <label className="jp-nbflow-Check">
        <input
          type="checkbox"
          name="tell_failures"
          aria-describedby="jp-nbflow-tell-help"
          disabled={!model.tellsFailures}
          checked={model.input.tell_failures && model.tellsFailures}
          onChange={event => model.edit({ tell_failures: event.target.checked })}
        />
        {trans.__('Tell me when it fails')}
      </label>
      <div className="jp-nbflow-Field-help" id="jp-nbflow-tell-help">
        {help}
      </div>
    </div>
  );
}

function SourceChoice({ model, trans }: IPart): JSX.Element {
  const live = model.input.source === 'live';
  const help = live
    ? trans.__('Every saved edit counts from the next run on.')
    : trans.__('Later edits count once it is deployed again.');
  const error = model.error('source');
  return (
    <FieldRow
      id="jp-nbflow-source"
      label={trans.__('Runs use')}
      help={
        <>
          {help} {trans.__('Modules and data in its folder are always read live.')}
        </>
      }
      error={error}
    >
      <select
        {...tied('jp-nbflow-source', error)}
        name="source"
        value={model.input.source}
        onChange={event =>
          model.edit({ source: event.target.value as IDeployInput['source'] })
        }
      >
        <option value="snapshot">
          {trans.__('the notebook as it is now (snapshot)')}
        </option>
        <option value="live">
          {trans.__('the notebook as saved when a run starts (live)')}
        </option>
      </select>
    </FieldRow>
  );
}

function Kernel({ model, trans }: IPart): JSX.Element {
  const error = model.error('kernel_name');
  const kernels = model.info?.kernels ?? [];
  const chosen = model.input.kernel_name;
  const known = kernels.some(({ name }) => name === chosen);
  return (
    <FieldRow id="jp-nbflow-kernel" label={trans.__('Kernel')} error={error}>
      <select
        {...tied('jp-nbflow-kernel', error)}
        name="kernel_name"
        value={chosen}
        onChange={event => model.edit({ kernel_name: event.target.value })}
      >
        {!known && <option value={chosen}>{chosen || trans.__('Choose…')}</option>}
        {kernels.map(({ name, display_name }) => (
          <option key={name} value={name}>
            {display_name}
          </option>
        ))}
      </select>
      <ImportCheck model={model} trans={trans} />
    </FieldRow>
  );
}

function ImportCheck({ model, trans }: IPart): JSX.Element {
  const { checked, checking } = model;
  return (
    <>
      <button
        type="button"
        className="jp-nbflow-LinkButton"
        disabled={checking}
        onClick={() => void model.check()}
      >
        {checking ? trans.__('Checking…') : trans.__('Check its imports')}
      </button>
      <div role="status">
        {checked && <CheckResult checked={checked} trans={trans} />}
      </div>
    </>
  );
}

function CheckResult({
  checked,
  trans
}: {
  checked: Checked;
  trans: TranslationBundle;
}): JSX.Element {
  if (checked.problem) {
    return <>{checked.problem}</>;
  }
  if (!checked.missing.length) {
    return <>{trans.__('Nothing is missing.')}</>;
  }
  return (
    <ul className="jp-nbflow-Missing">
      {checked.missing.map((item, at) => (
        <li key={at}>
          <code>{item.module ?? item.message}</code>{' '}
          {trans.__('in cell %1', item.cell_index + 1)}
          {item.hint && <div>{item.hint}</div>}
        </li>
      ))}
    </ul>
  );
}

const HIDDEN = [
  'catchup',
  'overlap',
  'tags',
  'description',
  'work_pool',
  'job_variables'
];

function More({ model, trans }: IPart): JSX.Element {
  const wrong = [...model.problems.keys()].some(path =>
    HIDDEN.some(field => within(path, field))
  );
  return (
    <details
      className="jp-nbflow-More"
      open={wrong || undefined}
      onToggle={event => event.currentTarget.open && void model.loadPools()}
    >
      <summary>{trans.__('More')}</summary>
      <div className="jp-nbflow-Columns">
        <CatchupChoice model={model} trans={trans} />
        <OverlapChoice model={model} trans={trans} />
      </div>
      <TextRow
        model={model}
        field="tags"
        label={trans.__('Tags, separated by commas')}
      />
      <TextRow model={model} field="description" label={trans.__('Description')} />
      <PoolChoice model={model} trans={trans} />
      {model.jobVariables && asksAnything(model.jobVariables) && (
        <SchemaForm
          form={model.jobVariables}
          title={trans.__('Job variables')}
          problems={model.problems}
          onChange={(form, at) => model.editJobVariables(form, at)}
          trans={trans}
        />
      )}
    </details>
  );
}

function PoolChoice({ model, trans }: IPart): JSX.Element | null {
  const error = model.error('work_pool');
  const names = model.pools.map(({ name }) => name);
  const chosen = model.input.work_pool || DEFAULT_POOL;
  if (!names.length && !error) {
    return null;
  }
  return (
    <FieldRow id="jp-nbflow-pool" label={trans.__('Work pool')} error={error}>
      <select
        {...tied('jp-nbflow-pool', error)}
        name="work_pool"
        value={chosen}
        onChange={event => void model.choosePool(event.target.value)}
      >
        {!names.includes(chosen) && <option value={chosen}>{chosen}</option>}
        {names.map(name => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </FieldRow>
  );
}

function CatchupChoice({ model, trans }: IPart): JSX.Element {
  const error = model.error('catchup');
  return (
    <FieldRow
      id="jp-nbflow-catchup"
      label={trans.__('After time away, missed runs')}
      error={error}
    >
      <select
        {...tied('jp-nbflow-catchup', error)}
        name="catchup"
        value={model.input.catchup}
        onChange={event =>
          model.edit({ catchup: event.target.value as IDeployInput['catchup'] })
        }
      >
        <option value="latest">{trans.__('run once, for the latest')}</option>
        <option value="all">{trans.__('all run')}</option>
        <option value="none">{trans.__('are skipped')}</option>
      </select>
    </FieldRow>
  );
}

function OverlapChoice({ model, trans }: IPart): JSX.Element {
  const error = model.error('overlap');
  return (
    <FieldRow
      id="jp-nbflow-overlap"
      label={trans.__('If the last run has not ended')}
      error={error}
    >
      <select
        {...tied('jp-nbflow-overlap', error)}
        name="overlap"
        value={model.input.overlap}
        onChange={event =>
          model.edit({ overlap: event.target.value as IDeployInput['overlap'] })
        }
      >
        <option value="enqueue">{trans.__('wait for it')}</option>
        <option value="allow">{trans.__('run beside it')}</option>
        <option value="cancel_new">{trans.__('skip the new one')}</option>
        <option value="cancel_previous">{trans.__('cancel it and start')}</option>
      </select>
    </FieldRow>
  );
}

interface ITextRow {
  model: DeployFormModel;
  field: 'tags' | 'description';
  label: string;
}

function TextRow({ model, field, label }: ITextRow): JSX.Element {
  const id = `jp-nbflow-${field}`;
  const error = model.error(field);
  return (
    <FieldRow id={id} label={label} error={error}>
      <input
        {...tied(id, error)}
        name={field}
        autoComplete="off"
        value={model.input[field]}
        onChange={event => model.edit({ [field]: event.target.value })}
      />
    </FieldRow>
  );
}
