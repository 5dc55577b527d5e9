/**
 * A job template as fields, or as JSON text with what is wrong beside it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';
import type { JobTemplateModel } from '../models/jobtemplate';
import { FieldRow, tied } from './field';
import { SchemaForm } from './schemaform';
import { Segments } from './standing';
import { useModel } from './usemodel';

export function TemplateEditor({
  model,
  trans
}: {
  model: JobTemplateModel;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(model);
  return (
    <div className="jp-nbflow-Template jp-nbflow-Form">
      <Segments
        label={trans.__('Job template')}
        value={model.mode}
        options={[
          ['fields', trans.__('Defaults')],
          ['json', trans.__('JSON')]
        ]}
        onChange={mode => model.show(mode)}
      />
      {model.mode === 'fields' ? (
        <>
          <p className="jp-nbflow-Note">
            {trans.__('What a run gets, unless it or its deployment says otherwise.')}
          </p>
          <SchemaForm
            form={model.form}
            title={trans.__('Job variables')}
            problems={model.problems}
            onChange={(form, at) => model.edit(form, at)}
            trans={trans}
          />
        </>
      ) : (
        <Text model={model} trans={trans} />
      )}
    </div>
  );
}

function Text({
  model,
  trans
}: {
  model: JobTemplateModel;
  trans: TranslationBundle;
}): JSX.Element {
  const id = useId();
  const problem = model.problem ?? undefined;
  return (
    <FieldRow
      id={id}
      label={trans.__('Job template as JSON')}
      help={trans.__(
        '“variables” is a JSON Schema of what may be said; “job_configuration” says what is made of it, with {{ name }} for what was said.'
      )}
      error={problem}
    >
      <textarea
        {...tied(id, problem)}
        className="jp-nbflow-Code"
        name="job-template"
        rows={18}
        spellCheck={false}
        value={model.text}
        onChange={({ target }) => model.type(target.value)}
      />
    </FieldRow>
  );
}
