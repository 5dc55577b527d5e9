/**
 * The dialogs on a deployment: a run with something of its own, a schedule, its words, a duplicate.
 * Each stays open until what it submits is accepted.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ChoiceField, Form, TextField } from '../components/form';
import { ScheduleEditor } from '../components/scheduleeditor';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import { CustomRunModel } from '../models/customrun';
import { DeploymentWordsModel } from '../models/deploymentedit';
import type { DeploymentPageModel } from '../models/deploymentpage';
import { DuplicateModel } from '../models/duplicate';
import { ScheduleEditorModel } from '../models/scheduleeditor';
import { asksAnything, within } from '../models/schemaform';
import type { ISession } from '../tokens';
import type { Deployment, FlowRun, Schedule } from '../wire';
import { FormDialog } from './formdialog';

/** A component as the body of a dialog. */
class Body extends ReactWidget {
  constructor(
    className: string,
    private readonly _element: JSX.Element
  ) {
    super();
    this.addClass(className);
  }

  protected render(): JSX.Element {
    return this._element;
  }
}

/** Ask what one run is to have of its own, and start it; null: it was left. */
export async function customRun(
  deployment: Deployment,
  { api, trans }: ISession
): Promise<FlowRun | null> {
  const model = new CustomRunModel(deployment, api, trans);
  void model.load();
  let started: FlowRun | null = null;
  await new FormDialog({
    title: trans.__('Run “%1”', shortened(deployment.name)),
    body: new Body('jp-nbflow-RunForm', <CustomRun model={model} trans={trans} />),
    submitLabel: trans.__('Run'),
    submitClass: 'jp-nbflow-RunSubmit',
    submit: async () => (started = await model.submit()) !== null,
    trans
  }).launch();
  return started;
}

/** Make a schedule, or edit one; null: it was left. */
export async function editSchedule(
  deployment: Deployment,
  schedule: Schedule | null,
  { api, trans }: ISession
): Promise<Schedule | null> {
  const model = new ScheduleEditorModel({ deployment, schedule, api, trans });
  let saved: Schedule | null = null;
  await new FormDialog({
    title: schedule
      ? trans.__('Schedule of “%1”', shortened(deployment.name))
      : trans.__('New schedule of “%1”', shortened(deployment.name)),
    body: new Body(
      'jp-nbflow-ScheduleForm',
      <ScheduleEditor model={model} trans={trans} />
    ),
    submitLabel: trans.__('Save'),
    submitClass: 'jp-nbflow-ScheduleSubmit',
    submit: async () => (saved = await model.submit()) !== null,
    trans
  }).launch();
  return saved;
}

/** Edit what is said of a deployment. */
export async function editWords(
  page: DeploymentPageModel,
  trans: TranslationBundle
): Promise<void> {
  const model = new DeploymentWordsModel(page, trans);
  await new FormDialog({
    title: trans.__('Edit “%1”', shortened(page.row?.name ?? '')),
    body: new Body('jp-nbflow-RunForm', <Words model={model} trans={trans} />),
    submitLabel: trans.__('Save'),
    submitClass: 'jp-nbflow-WordsSubmit',
    submit: () => model.save(),
    trans
  }).launch();
  model.dispose();
}

/** Deploy it once more under another name; null: it was left. */
export async function duplicate(
  deployment: Deployment,
  { api, trans }: ISession
): Promise<Deployment | null> {
  const model = new DuplicateModel(deployment, api);
  let made: Deployment | null = null;
  await new FormDialog({
    title: trans.__('Duplicate “%1”', shortened(deployment.name)),
    body: new Body('jp-nbflow-RunForm', <Duplicate model={model} trans={trans} />),
    submitLabel: trans.__('Duplicate'),
    submitClass: 'jp-nbflow-DuplicateSubmit',
    submit: async () => (made = await model.submit()) !== null,
    trans
  }).launch();
  return made;
}

const LONGEST_TITLE = 80;

function shortened(name: string): string {
  return name.length > LONGEST_TITLE ? `${name.slice(0, LONGEST_TITLE)}…` : name;
}

interface IOf<Of> {
  model: Of;
  trans: TranslationBundle;
}

const OTHERS = ['name', 'due_at', 'work_queue', 'tags', 'job_variables'];

function CustomRun({ model, trans }: IOf<CustomRunModel>): JSX.Element {
  useModel(model);
  const asks = asksAnything(model.parameters);
  const wrong = [...model.problems.keys()].some(path =>
    OTHERS.some(field => within(path, field))
  );
  return (
    <Form model={model}>
      {asks && (
        <SchemaForm
          form={model.parameters}
          title={trans.__('Parameters')}
          problems={model.problems}
          onChange={(form, at) => model.editParameters(form, at)}
          trans={trans}
        />
      )}
      <div className="jp-nbflow-Columns">
        <RunField
          {...{ model, trans }}
          field="due_at"
          label={trans.__('When')}
          help={trans.__('By your clock. Empty, or past: now.')}
          type="datetime-local"
        />
        <RunField {...{ model, trans }} field="name" label={trans.__('Name')} />
        <RunField
          {...{ model, trans }}
          field="tags"
          label={trans.__('Tags, separated by commas')}
        />
        <QueueField model={model} trans={trans} />
      </div>
      {model.jobVariables && asksAnything(model.jobVariables) && (
        <details className="jp-nbflow-More" open={wrong || undefined}>
          <summary>{trans.__('Job variables')}</summary>
          <SchemaForm
            form={model.jobVariables}
            title={trans.__('Job variables')}
            problems={model.problems}
            onChange={(form, at) => model.editJob(form, at)}
            trans={trans}
          />
        </details>
      )}
    </Form>
  );
}

interface IRunField extends IOf<CustomRunModel> {
  field: 'due_at' | 'name' | 'tags';
  label: string;
  help?: string;
  type?: string;
}

function RunField({ model, field, ...shown }: IRunField): JSX.Element {
  return (
    <TextField
      {...shown}
      id={`jp-nbflow-run-${field}`}
      name={`run.${field}`}
      error={model.error(field)}
      value={model.input[field]}
      onChange={value => model.edit({ [field]: value })}
    />
  );
}

function QueueField({ model, trans }: IOf<CustomRunModel>): JSX.Element {
  return (
    <ChoiceField
      id="jp-nbflow-run-work_queue"
      name="run.work_queue"
      label={trans.__('Work queue')}
      error={model.error('work_queue')}
      value={model.input.work_queue}
      options={[
        ['', trans.__('the deployment’s')],
        ...model.queues.map(({ name }) => [name, name] as const)
      ]}
      onChange={work_queue => model.edit({ work_queue })}
    />
  );
}

function Words({ model, trans }: IOf<DeploymentWordsModel>): JSX.Element {
  useModel(model);
  return (
    <Form model={model}>
      {model.conflict && (
        <div className="jp-nbflow-Gone" role="alert">
          <span>
            {trans.__('It was changed elsewhere since you began to edit it.')}
          </span>
          <button
            type="button"
            className="jp-nbflow-Button"
            onClick={() => model.insist()}
          >
            {trans.__('Keep what I typed')}
          </button>
        </div>
      )}
      <TextField
        id="jp-nbflow-words-description"
        name="words.description"
        label={trans.__('Description')}
        error={model.error('description')}
        lines={5}
        value={model.description}
        onChange={description => model.edit({ description })}
      />
      <TextField
        id="jp-nbflow-words-tags"
        name="words.tags"
        label={trans.__('Tags, separated by commas')}
        error={model.error('tags')}
        value={model.tags}
        onChange={tags => model.edit({ tags })}
      />
    </Form>
  );
}

function Duplicate({ model, trans }: IOf<DuplicateModel>): JSX.Element {
  useModel(model);
  return (
    <Form model={model}>
      <TextField
        id="jp-nbflow-duplicate-name"
        name="duplicate.name"
        label={trans.__('Name')}
        help={trans.__(
          'What is deployed is deployed once more; its schedules come along paused.'
        )}
        error={model.error('name')}
        value={model.name}
        onChange={name => model.rename(name)}
      />
    </Form>
  );
}
