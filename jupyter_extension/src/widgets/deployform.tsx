/**
 * The form that deploys a notebook, drawn from its model.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ProblemNote, Skeleton } from '../components/empty';
import { ChoiceField, Form, named, TextField } from '../components/form';
import { catchupTexts, overlapTexts } from '../components/scheduleeditor';
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
    <Form model={model}>
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
    </Form>
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
    <TextField
      id="jp-nbflow-name"
      name="name"
      label={trans.__('Name')}
      help={help}
      error={error}
      autoFocus
      value={model.input.name}
      onChange={name => model.edit({ name, replace: false })}
    >
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
    </TextField>
  );
}

function TellFailures({ model, trans }: IPart): JSX.Element {
  const help = model.tellsFailures
    ? model.input.tell_by
      ? trans.__('By “%1”.', model.input.tell_by)
      : trans.__('Here in JupyterLab, while it is open.')
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
      {model.tellers.length > 0 && model.tellsFailures && model.input.tell_failures && (
        <select
          name="tell_by"
          aria-label={trans.__('How to tell me')}
          value={model.input.tell_by}
          onChange={event => model.edit({ tell_by: event.target.value })}
        >
          <option value="">{trans.__('Here in JupyterLab')}</option>
          {model.tellers.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

function SourceChoice({ model, trans }: IPart): JSX.Element {
  const live = model.input.source === 'live';
  const help = live
    ? trans.__('Every saved edit counts from the next run on.')
    : trans.__('Later edits count once it is deployed again.');
  return (
    <ChoiceField
      id="jp-nbflow-source"
      name="source"
      label={trans.__('Runs use')}
      help={
        <>
          {help} {trans.__('Modules and data in its folder are always read live.')}
        </>
      }
      error={model.error('source')}
      value={model.input.source}
      options={[
        ['snapshot', trans.__('the notebook as it is now (snapshot)')],
        ['live', trans.__('the notebook as saved when a run starts (live)')]
      ]}
      onChange={source => model.edit({ source: source as IDeployInput['source'] })}
    />
  );
}

function Kernel({ model, trans }: IPart): JSX.Element {
  const kernels = model.info?.kernels ?? [];
  const chosen = model.input.kernel_name;
  const known = kernels.some(({ name }) => name === chosen);
  const options = kernels.map(
    ({ name, display_name }) => [name, display_name] as const
  );
  const first = [chosen, chosen || trans.__('Choose…')] as const;
  return (
    <ChoiceField
      id="jp-nbflow-kernel"
      name="kernel_name"
      label={trans.__('Kernel')}
      error={model.error('kernel_name')}
      value={chosen}
      options={known ? options : [first, ...options]}
      onChange={kernel_name => model.edit({ kernel_name })}
    >
      <ImportCheck model={model} trans={trans} />
    </ChoiceField>
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
    <ChoiceField
      id="jp-nbflow-pool"
      name="work_pool"
      label={trans.__('Work pool')}
      error={error}
      value={chosen}
      options={named(names, chosen)}
      onChange={pool => void model.choosePool(pool)}
    />
  );
}

function CatchupChoice({ model, trans }: IPart): JSX.Element {
  return (
    <ChoiceField
      id="jp-nbflow-catchup"
      name="catchup"
      label={trans.__('After time away, missed runs')}
      error={model.error('catchup')}
      value={model.input.catchup}
      options={Object.entries(catchupTexts(trans))}
      onChange={catchup => model.edit({ catchup: catchup as IDeployInput['catchup'] })}
    />
  );
}

function OverlapChoice({ model, trans }: IPart): JSX.Element {
  return (
    <ChoiceField
      id="jp-nbflow-overlap"
      name="overlap"
      label={trans.__('If the last run has not ended')}
      error={model.error('overlap')}
      value={model.input.overlap}
      options={Object.entries(overlapTexts(trans))}
      onChange={overlap => model.edit({ overlap: overlap as IDeployInput['overlap'] })}
    />
  );
}

interface ITextRow {
  model: DeployFormModel;
  field: 'tags' | 'description';
  label: string;
}

function TextRow({ model, field, label }: ITextRow): JSX.Element {
  return (
    <TextField
      id={`jp-nbflow-${field}`}
      name={field}
      label={label}
      error={model.error(field)}
      value={model.input[field]}
      onChange={value => model.edit({ [field]: value })}
    />
  );
}
