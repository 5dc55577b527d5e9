/**
 * What a paused run asks for, on its page: a form, and the button that lets the run go on with it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef } from 'react';
import { useModel } from '../components/usemodel';
import type { FieldsForm } from '../models/fieldsform';
import { Fields } from './fieldsform';

export interface IQuestionForm {
  form: FieldsForm;
  description: string;
  trans: TranslationBundle;
}

export function Question({ form, description, trans }: IQuestionForm): JSX.Element {
  const node = useRef<HTMLFormElement>(null);
  useModel(form);
  const answer = async (): Promise<void> => {
    const page = node.current?.closest('.jp-nbflow-RunView');
    const accepted = await form.submit();
    // Once the run goes on, the form is gone: the focus stays on the page.
    const next = accepted
      ? page?.querySelector<HTMLElement>('[name="more"]')
      : await firstProblem(node.current);
    next?.focus();
  };
  return (
    <form
      ref={node}
      className="jp-nbflow-Question jp-nbflow-RunForm"
      aria-label={trans.__('What it asks for')}
      noValidate={true}
      onSubmit={event => {
        event.preventDefault();
        void answer();
      }}
    >
      {description && <p>{description}</p>}
      <Fields model={form} legend={trans.__('Answer')} trans={trans} />
      <button
        type="submit"
        className="jp-nbflow-Button jp-mod-accent"
        name="answer"
        title={trans.__('Let it go on with this answer')}
        aria-disabled={form.submitting}
      >
        {trans.__('Resume')}
      </button>
    </form>
  );
}

/** Give the first field that is wrong, once it is drawn as such. */
async function firstProblem(form: HTMLElement | null): Promise<HTMLElement | null> {
  await new Promise(requestAnimationFrame);
  return form?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? null;
}
