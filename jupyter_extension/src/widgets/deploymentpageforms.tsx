/**
 * The forms on a deployment's page: the defaults of its parameters, and how its runs are executed.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId } from 'react';
import { exactText } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { FieldRow, tied } from '../components/field';
import { plainText } from '../components/loglist';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import type { DeploymentConfigModel, IConfigInput } from '../models/deploymentconfig';
import type {
  DeploymentEditModel,
  DeploymentParametersModel
} from '../models/deploymentedit';
import { asksAnything } from '../models/schemaform';
import type { Deployment } from '../wire';
import type { IDeploymentPart } from './deploymentpage';

interface IParametersPart extends IDeploymentPart {
  form: DeploymentParametersModel;
}

export function ParametersPart({ model, session, form }: IParametersPart): JSX.Element {
  useModel(form);
  const { trans } = session;
  if (!asksAnything(form.form)) {
    return (
      <Empty title={trans.__('It takes no parameters.')}>
        <p>
          {trans.__(
            'Tag a cell of the notebook “parameters”, set names in it, and deploy it again.'
          )}
        </p>
      </Empty>
    );
  }
  return (
    <Form form={form} locked={model.locked} trans={trans}>
      <p className="jp-nbflow-Note">
        {trans.__('What runs are given when nobody says otherwise.')}
      </p>
      <SchemaForm
        form={form.form}
        title={trans.__('Parameters')}
        problems={form.problems}
        onChange={(edited, at) => form.edit(edited, at)}
        trans={trans}
      />
    </Form>
  );
}

interface IForm {
  form: DeploymentEditModel;
  /** Why it cannot be edited; empty: it can. */
  locked: string;
  trans: TranslationBundle;
  children: React.ReactNode;
}

/** What both forms have: why they are closed, what changed elsewhere, saving and putting back. */
function Form({ form, locked, trans, children }: IForm): JSX.Element {
  return (
    <form
      className="jp-nbflow-Part-all jp-nbflow-DeploymentForm"
      onSubmit={event => {
        event.preventDefault();
        void form.save();
      }}
    >
      {locked && (
        <p className="jp-nbflow-Locked" role="status">
          {locked}
        </p>
      )}
      {form.problem && <ProblemNote problem={form.problem} />}
      {form.conflict && <Conflict form={form} trans={trans} />}
      <fieldset className="jp-nbflow-Form" disabled={form.submitting || locked !== ''}>
        {children}
      </fieldset>
      <div className="jp-nbflow-DeploymentForm-actions">
        <button
          type="submit"
          name="save"
          className="jp-nbflow-Button jp-mod-accent"
          disabled={!form.dirty || form.submitting || form.conflict || locked !== ''}
          title={locked || undefined}
        >
          {trans.__('Save')}
        </button>
        <button
          type="button"
          name="reset"
          className="jp-nbflow-Button"
          disabled={!form.dirty || form.submitting}
          onClick={() => form.reset()}
        >
          {trans.__('Undo')}
        </button>
        <span role="status">{form.dirty ? trans.__('Not saved.') : ''}</span>
      </div>
    </form>
  );
}

function Conflict({ form, trans }: Pick<IForm, 'form' | 'trans'>): JSX.Element {
  return (
    <div className="jp-nbflow-Gone" role="alert">
      <span>{trans.__('It was changed elsewhere since you began to edit it.')}</span>
      <button
        type="button"
        className="jp-nbflow-Button"
        name="take-theirs"
        onClick={() => form.reset()}
      >
        {trans.__('Show it as it is now')}
      </button>
      <button
        type="button"
        className="jp-nbflow-Button"
        name="insist"
        onClick={() => form.insist()}
      >
        {trans.__('Keep what I typed')}
      </button>
    </div>
  );
}

interface IConfigurationPart extends IDeploymentPart {
  form: DeploymentConfigModel;
}

export function ConfigurationPart(props: IConfigurationPart): JSX.Element {
  const { model, session, form } = props;
  useModel(form);
  useEffect(() => void form.load(), [form]);
  const { trans } = session;
  const row = model.row;
  if (!form.input || !row) {
    return <Skeleton rows={6} trans={trans} />;
  }
  const part = { form, input: form.input, trans };
  return (
    <Form form={form} locked={model.locked} trans={trans}>
      <fieldset>
        <legend>{trans.__('Where it runs')}</legend>
        <div className="jp-nbflow-Columns">
          <Pool {...part} />
          <Queue {...part} />
        </div>
      </fieldset>
      <fieldset>
        <legend>{trans.__('Limit and retries')}</legend>
        <Limits {...part} />
      </fieldset>
      <fieldset>
        <legend>{trans.__('Source')}</legend>
        <SourceChoice {...part} row={row} />
        <Included row={row} trans={trans} />
      </fieldset>
      {form.jobVariables && asksAnything(form.jobVariables) && (
        <SchemaForm
          form={form.jobVariables}
          title={trans.__('Job variables')}
          problems={form.problems}
          onChange={(edited, at) => form.editJob(edited, at)}
          trans={trans}
        />
      )}
      <Fixed row={row} trans={trans} />
    </Form>
  );
}

interface IConfig {
  form: DeploymentConfigModel;
  input: IConfigInput;
  trans: TranslationBundle;
}

interface IField extends IConfig {
  field: keyof IConfigInput;
  label: string;
  help?: string;
}

interface ISelect extends IField {
  options: readonly (readonly [string, string])[];
}

function Select(props: ISelect): JSX.Element {
  const { form, input, field, label, help, options } = props;
  const id = useId();
  const error = form.error(field);
  return (
    <FieldRow id={id} label={label} help={help} error={error}>
      <select
        {...tied(id, error)}
        name={`config.${field}`}
        value={String(input[field])}
        onChange={event => form.edit({ [field]: event.target.value })}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </FieldRow>
  );
}

function Text({ form, input, field, label, help }: IField): JSX.Element {
  const id = useId();
  const error = form.error(field);
  return (
    <FieldRow id={id} label={label} help={help} error={error}>
      <input
        {...tied(id, error)}
        name={`config.${field}`}
        inputMode="decimal"
        autoComplete="off"
        value={String(input[field])}
        onChange={event => form.edit({ [field]: event.target.value })}
      />
    </FieldRow>
  );
}

/** Names there are, and the one chosen though it is not among them. */
function named(
  names: readonly string[],
  chosen: string
): (readonly [string, string])[] {
  const all = names.includes(chosen) ? names : [chosen, ...names];
  return all.map(name => [name, name] as const);
}

function Pool(part: IConfig): JSX.Element {
  const names = part.form.pools.map(({ name }) => name);
  const options = named(names, part.input.work_pool);
  const label = part.trans.__('Work pool');
  return <Select {...part} field="work_pool" label={label} options={options} />;
}

function Queue(part: IConfig): JSX.Element {
  const names = part.form.queues.map(({ name }) => name);
  const options = named(names, part.input.work_queue);
  const label = part.trans.__('Work queue');
  return <Select {...part} field="work_queue" label={label} options={options} />;
}

function Limits(part: IConfig): JSX.Element {
  const { trans } = part;
  return (
    <div className="jp-nbflow-Columns">
      <Text
        {...part}
        field="concurrency_limit"
        label={trans.__('Runs at once')}
        help={trans.__('Empty: no limit.')}
      />
      <Select
        {...part}
        field="collision_strategy"
        label={trans.__('A run beyond that')}
        options={[
          ['enqueue', trans.__('waits')],
          ['cancel_new', trans.__('is cancelled')]
        ]}
      />
      <Text {...part} field="retries" label={trans.__('Retries after a failure')} />
      <Text
        {...part}
        field="retry_delay_seconds"
        label={trans.__('Seconds between them')}
      />
      <Text
        {...part}
        field="crash_retries"
        label={trans.__('Retries after a crash')}
        help={trans.__('When its process or machine died.')}
      />
    </div>
  );
}

function SourceChoice({ row, ...part }: IConfig & { row: Deployment }): JSX.Element {
  const { form, input, trans } = part;
  return (
    <>
      <Select
        {...part}
        field="source"
        label={trans.__('Runs use')}
        options={[
          ['snapshot', trans.__('the file as it was deployed (snapshot)')],
          ['live', trans.__('the file as saved when a run starts (live)')]
        ]}
      />
      {row.entrypoint && (
        <label className="jp-nbflow-Check">
          <input
            type="checkbox"
            name="config.enforce_parameter_schema"
            checked={input.enforce_parameter_schema}
            onChange={event =>
              form.edit({ enforce_parameter_schema: event.target.checked })
            }
          />
          {trans.__('Check parameters before a run starts')}
        </label>
      )}
    </>
  );
}

/** Files that belong to the snapshot. Which, is said when it is deployed. */
function Included({
  row,
  trans
}: {
  row: Deployment;
  trans: TranslationBundle;
}): JSX.Element | null {
  if (!row.include.length) {
    return null;
  }
  return (
    <div className="jp-nbflow-Included">
      <span>{trans.__('Included: %1', row.include.join(', '))}</span>
      <ul aria-label={trans.__('Included files')}>
        {Object.keys(row.files).map(path => (
          <li key={path}>{plainText(path)}</li>
        ))}
      </ul>
    </div>
  );
}

/** What only deploying anew can change. */
function Fixed({
  row,
  trans
}: {
  row: Deployment;
  trans: TranslationBundle;
}): JSX.Element {
  const facts: [string, string | null][] = [
    [trans.__('Id'), row.id],
    [trans.__('File'), row.path],
    [trans.__('Entry point'), row.entrypoint],
    [trans.__('Flow in it'), row.function],
    [trans.__('Kernel'), row.kernel_name],
    [trans.__('Host'), row.host],
    [trans.__('Declared in'), row.defined_in],
    [trans.__('Deployed first'), exactText(row.created_at)],
    [trans.__('Changed last'), exactText(row.updated_at)]
  ];
  const known = facts.filter((fact): fact is [string, string] => Boolean(fact[1]));
  return (
    <fieldset>
      <legend>{trans.__('Fixed when it is deployed')}</legend>
      <dl className="jp-nbflow-Values">
        {known.map(([name, text]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{plainText(text)}</dd>
          </React.Fragment>
        ))}
      </dl>
    </fieldset>
  );
}
