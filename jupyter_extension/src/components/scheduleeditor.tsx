/**
 * The form of one schedule: when, with a preview in plain words; late and missed runs; its own
 * parameters.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';
import type { IScheduleInput, ScheduleEditorModel } from '../models/scheduleeditor';
import { asksAnything } from '../models/schemaform';
import type { Catchup, Overlap } from '../wire';
import { ChoiceField, Form, TextField } from './form';
import { ScheduleField } from './schedulefield';
import { SchemaForm } from './schemaform';
import { useModel } from './usemodel';

export interface IScheduleForm {
  model: ScheduleEditorModel;
  trans: TranslationBundle;
}

export function ScheduleEditor({ model, trans }: IScheduleForm): JSX.Element {
  useModel(model);
  const more = MORE.some(field => model.input[field] || model.error(field));
  return (
    <Form model={model}>
      <ScheduleField
        choice={model.input.choice}
        keepable={false}
        needed
        preview={model.preview}
        previewing={model.previewing}
        error={field => model.error(field)}
        onChange={choice => model.edit({ choice })}
        trans={trans}
      />
      <div className="jp-nbflow-Columns">
        <OverlapChoice model={model} trans={trans} />
        <CatchupChoice model={model} trans={trans} />
      </div>
      <details className="jp-nbflow-More" open={more || undefined}>
        <summary>{trans.__('Limits, jitter and name')}</summary>
        <Limits model={model} trans={trans} />
      </details>
      {asksAnything(model.parameters) && (
        <SchemaForm
          form={model.parameters}
          title={trans.__('Parameters of its runs')}
          problems={model.problems}
          onChange={(form, at) => model.editParameters(form, at)}
          trans={trans}
        />
      )}
    </Form>
  );
}

const MORE = [
  'starts_at',
  'ends_at',
  'max_runs',
  'jitter_seconds',
  'catchup_max',
  'catchup_window_seconds',
  'slug'
] as const satisfies readonly (keyof IScheduleInput)[];

/** What becomes of a run that is due while an earlier one has not ended. */
export function overlapTexts(trans: TranslationBundle): Record<Overlap, string> {
  return {
    enqueue: trans.__('wait for it'),
    allow: trans.__('run beside it'),
    cancel_new: trans.__('skip the new one'),
    cancel_previous: trans.__('cancel it and start')
  };
}

/** What becomes of instants that were missed. */
export function catchupTexts(trans: TranslationBundle): Record<Catchup, string> {
  return {
    latest: trans.__('run once, for the latest'),
    all: trans.__('all run'),
    none: trans.__('are skipped')
  };
}

function OverlapChoice({ model, trans }: IScheduleForm): JSX.Element {
  return (
    <Choice
      model={model}
      field="overlap"
      label={trans.__('If the last run has not ended')}
      texts={overlapTexts(trans)}
    />
  );
}

function CatchupChoice({ model, trans }: IScheduleForm): JSX.Element {
  return (
    <Choice
      model={model}
      field="catchup"
      label={trans.__('After time away, missed runs')}
      texts={catchupTexts(trans)}
    />
  );
}

interface IChoice {
  model: ScheduleEditorModel;
  field: 'overlap' | 'catchup';
  label: string;
  texts: Record<string, string>;
}

function Choice({ model, field, label, texts }: IChoice): JSX.Element {
  return (
    <ChoiceField
      id={useId()}
      name={`schedule.${field}`}
      label={label}
      error={model.error(field)}
      value={model.input[field]}
      options={Object.entries(texts)}
      onChange={value => model.edit({ [field]: value })}
    />
  );
}

function Limits({ model, trans }: IScheduleForm): JSX.Element {
  const text = (
    field: (typeof MORE)[number],
    label: string,
    help: string,
    type = 'text'
  ): JSX.Element => <LimitField key={field} {...{ model, field, label, help, type }} />;
  return (
    <div className="jp-nbflow-Columns">
      {text(
        'starts_at',
        trans.__('Starts'),
        trans.__('By your clock. Nothing is due before.'),
        'datetime-local'
      )}
      {text(
        'ends_at',
        trans.__('Ends'),
        trans.__('By your clock. Nothing is due from then on.'),
        'datetime-local'
      )}
      {text('max_runs', trans.__('At most, runs'), trans.__('Then it ends.'))}
      {text(
        'jitter_seconds',
        trans.__('Jitter, seconds'),
        trans.__('A run starts up to so much later.')
      )}
      {model.input.catchup !== 'none' &&
        text(
          'catchup_window_seconds',
          trans.__('Make up, hours back'),
          trans.__('What was missed before is skipped.')
        )}
      {model.input.catchup === 'all' &&
        text(
          'catchup_max',
          trans.__('Make up at most'),
          trans.__('Missed runs beyond are skipped.')
        )}
      {text(
        'slug',
        trans.__('Name'),
        trans.__('Small letters, digits and dashes; unique here.')
      )}
    </div>
  );
}

interface ILimitField {
  model: ScheduleEditorModel;
  field: (typeof MORE)[number];
  label: string;
  help: string;
  type: string;
}

function LimitField({ model, field, ...shown }: ILimitField): JSX.Element {
  return (
    <TextField
      {...shown}
      id={useId()}
      name={`schedule.${field}`}
      error={model.error(field)}
      value={model.input[field]}
      onChange={value => model.edit({ [field]: value })}
    />
  );
}
