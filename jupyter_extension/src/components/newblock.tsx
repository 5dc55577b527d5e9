/**
 * The fields of a block that is being made, with the choice of its type where there is one.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';
import type { FieldsForm } from '../models/fieldsform';
import type { NewBlockModel } from '../models/newblock';
import { ProblemNote, Skeleton } from './empty';
import { ChoiceField } from './form';
import { SchemaForm } from './schemaform';
import { useModel } from './usemodel';

export interface INewBlockFields {
  model: NewBlockModel;
  trans: TranslationBundle;
}

export function NewBlockFields({ model, trans }: INewBlockFields): JSX.Element {
  useModel(model);
  const id = useId();
  const { types, slug, form, problem } = model;
  return (
    <>
      {types.length !== 1 && (
        <ChoiceField
          id={id}
          name="block-type"
          label={trans.__('Type of block')}
          value={slug}
          options={types.map(type => [type.slug, type.name] as const)}
          onChange={chosen => void model.choose(chosen)}
        />
      )}
      {!types.length && <p>{trans.__('No type of block fits here.')}</p>}
      {problem && <ProblemNote problem={problem} />}
      {form ? (
        <Filled key={slug} form={form} trans={trans} />
      ) : (
        types.length > 0 && !problem && <Skeleton rows={3} trans={trans} />
      )}
    </>
  );
}

function Filled({
  form,
  trans
}: {
  form: FieldsForm;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(form);
  return (
    <fieldset className="jp-nbflow-Form" disabled={form.submitting}>
      {form.problem && <ProblemNote problem={form.problem} />}
      <SchemaForm
        form={form.form}
        title={trans.__('Block')}
        problems={form.problems}
        onChange={(next, at) => form.edit(next, at)}
        trans={trans}
      />
    </fieldset>
  );
}
