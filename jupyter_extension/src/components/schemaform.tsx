/**
 * A form drawn from a JSON Schema: parameters, job variables, whatever a schema describes; or all of
 * it as JSON text. What the typing means is `models/drafts.ts`'.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { Draft } from '../models/drafts';
import { rootOf, type ISchemaForm, type Problems } from '../models/schemaform';
import { Body, JsonToggle, OwnError, Small } from './schemapart';

export interface ISchemaFormProps {
  form: ISchemaForm;
  title: string;
  problems: Problems;
  /** An edit, and the path of what it was made to. */
  onChange: (form: ISchemaForm, at: string) => void;
  trans: TranslationBundle;
}

export function SchemaForm(props: ISchemaFormProps): JSX.Element {
  const { form, title, problems, onChange, trans } = props;
  const { at, draft } = form;
  const shape = rootOf(form.schema);
  const onDraft = (next: Draft, where: string): void =>
    onChange({ ...form, draft: next }, where);
  const part = {
    shape,
    draft,
    at,
    label: title,
    needed: true,
    problems,
    onDraft,
    trans
  };
  return (
    <fieldset className="jp-nbflow-SchemaForm">
      <legend>{title}</legend>
      <div className="jp-nbflow-Group-tools">
        <JsonToggle {...part} />
      </div>
      {draft.is === 'json' ? (
        <Small
          {...part}
          label={trans.__('%1 as JSON', title)}
          bare={true}
          whole={true}
        />
      ) : (
        <>
          <Body {...part} />
          <OwnError {...part} />
        </>
      )}
    </fieldset>
  );
}
